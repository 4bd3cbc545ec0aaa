"""Figures: drawn for real on Agg, then asked what is on them."""

import base64
import html.parser
import io
import re
import time

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from snnlab import analysis, plots
from snnlab.core.recording import Recording, Spikes, SpikeTrains

pytestmark = pytest.mark.filterwarnings("error")

DT, DURATION, N_EXC, N_INH = 0.1, 200.0, 30, 10


def population(n, count, seed, t_stop=DURATION):
    rng = np.random.default_rng(seed)
    times = np.sort(rng.integers(0, round(t_stop / DT), count)) * DT
    return SpikeTrains(times, rng.integers(0, n, count), n, 0.0, t_stop)


@pytest.fixture(scope="module")
def recording():
    spikes = Spikes({"E": population(N_EXC, 400, 0), "I": population(N_INH, 150, 1)})
    rng = np.random.default_rng(2)
    samples = {
        "E.V": rng.uniform(-70.0, -50.5, (round(DURATION / DT), N_EXC)).astype(np.float32),
        "E.exc": rng.uniform(0.0, 5.0, (round(DURATION / DT), N_EXC)).astype(np.float32),
    }
    return Recording(dt=DT, duration=DURATION, seed=0, spikes=spikes, samples=samples)


@pytest.fixture(autouse=True)
def nothing_left_behind():
    """No function changes matplotlib's settings, and what pyplot keeps is what a test says it does."""
    before = dict(matplotlib.rcParams)
    yield
    plt.close("all")
    assert dict(matplotlib.rcParams) == before


@pytest.fixture
def ax():
    return Figure(layout="constrained").subplots()


DRAWN = {
    "raster": lambda recording, **ax: plots.raster(recording, **ax),
    "rate": lambda recording, **ax: plots.rate(recording, **ax),
    "trace of V": lambda recording, **ax: plots.trace(recording, "E.V", **ax),
    "trace of g": lambda recording, **ax: plots.trace(recording, "E.exc", unit="nS", **ax),
    "voltage": lambda recording, **ax: plots.voltage(recording, "E", **ax),
    "fi_curve": lambda recording, **ax: plots.fi_curve([0.0, 1.0, 2.0], [0.0, 0.0, 9.0], **ax),
}
every_figure = pytest.mark.parametrize("draw", DRAWN.values(), ids=DRAWN)


def render(figure, form="png"):
    buffer = io.BytesIO()
    figure.savefig(buffer, format=form)
    return buffer.getvalue()


@every_figure
def test_draws_on_the_axes_given(draw, recording, ax):
    empty = render(ax.figure)
    assert draw(recording, ax=ax) is ax
    assert plt.get_fignums() == []
    assert render(ax.figure) != empty


@every_figure
def test_opens_one_figure_without_axes(draw, recording):
    drawn = draw(recording)
    assert plt.get_fignums() == [drawn.figure.number]
    render(drawn.figure)


@every_figure
def test_units_stand_on_the_axes(draw, recording, ax):
    draw(recording, ax=ax)
    for label in (ax.get_xlabel(), ax.get_ylabel()):
        assert label == "neuron" or re.search(r"\((ms|Hz|mV|nS|pA)\)$", label)


@every_figure
def test_two_calls_on_one_figure_keep_apart(draw, recording):
    first, second = Figure().subplots(2)
    draw(recording, ax=first)
    before = len(first.get_children())
    draw(recording, ax=second)
    assert len(first.get_children()) == before


# raster


def points(ax):
    """The lines of marks: without them, only the borders between bands remain."""
    return [line for line in ax.get_lines() if line.get_linestyle() == "None"]


def test_raster_draws_every_spike(recording, ax):
    plots.raster(recording, ax)
    exc, inh = points(ax)
    assert exc.get_xdata().size == recording.spikes["E"].count
    assert inh.get_xdata().size == recording.spikes["I"].count
    assert np.array_equal(exc.get_ydata(), recording.spikes["E"].neurons)
    assert np.array_equal(inh.get_ydata(), recording.spikes["I"].neurons + N_EXC)
    assert (to_hex(exc.get_color()).upper(), to_hex(inh.get_color()).upper()) == ("#0072B2", "#D55E00")
    assert [label.get_text() for label in ax.get_yticklabels()] == ["E\n30", "I\n10"]
    assert ax.get_xlim() == (0.0, DURATION) and ax.get_ylim() == (-0.5, 39.5)


def test_raster_of_a_window(recording, ax):
    plots.raster(recording, ax, start=50.0, stop=80.0)
    shown = [line.get_xdata() for line in points(ax)]
    for times, trains in zip(shown, recording.spikes.values(), strict=True):
        assert np.array_equal(times, trains.window(50.0, 80.0).times)
    assert ax.get_xlim() == (50.0, 80.0)


def test_raster_of_one_population(recording, ax):
    plots.raster(recording, ax, populations=["I"])
    (inh,) = points(ax)
    assert np.array_equal(inh.get_ydata(), recording.spikes["I"].neurons)
    assert to_hex(inh.get_color()).upper() == "#D55E00"
    alone = plots.raster(recording.spikes["I"], Figure().subplots())
    assert np.array_equal(points(alone)[0].get_xydata(), inh.get_xydata())


def test_every_population_has_its_own_colour(ax):
    names = ("A", "E", "B", "N", "I")
    plots.raster({name: population(5, 20, seed) for seed, name in enumerate(names)}, ax)
    colours = dict(zip(names, (to_hex(line.get_color()).upper() for line in points(ax)), strict=True))
    assert len(set(colours.values())) == 5
    assert (colours["E"], colours["I"]) == ("#0072B2", "#D55E00")


def test_raster_of_50000_spikes_is_fast_and_small():
    spikes = {"E": population(3200, 40_000, 0), "I": population(800, 10_000, 1)}
    elapsed = []
    for _ in range(3):
        begin = time.perf_counter()
        figure = Figure()
        plots.raster(spikes, figure.subplots())
        render(figure)
        elapsed.append(time.perf_counter() - begin)
    assert min(elapsed) < 0.5
    vector = render(figure, "svg")
    assert b"<image" in vector and len(vector) < 500_000


# rate


def test_rate_draws_the_windowed_rate(recording, ax):
    plots.rate(recording, ax, window=10.0, start=20.0)
    for line, trains in zip(ax.get_lines(), recording.spikes.values(), strict=True):
        t, rate = analysis.windowed_rate(trains, 10.0, 2.0, start=20.0)
        assert np.array_equal(line.get_xydata(), np.column_stack([t, rate]))
    assert ax.get_ylim()[0] == 0.0 and ax.get_xlim() == (20.0, DURATION)


def test_rates_differ_in_more_than_colour(recording, ax):
    plots.rate(recording, ax)
    assert [line.get_linestyle() for line in ax.get_lines()] == ["-", "--"]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["E", "I"]


# traces and voltages


def test_trace_draws_what_was_recorded(recording, ax):
    plots.trace(recording, "E.exc", (4, 0), ax, start=10.0, stop=20.0)
    shown = slice(100, 200)
    for line, neuron in zip(ax.get_lines(), (4, 0), strict=True):
        assert np.array_equal(line.get_xdata(), recording.t[shown])
        assert np.array_equal(line.get_ydata(), recording["E.exc"][shown, neuron])
    styles = {(line.get_color(), line.get_linestyle()) for line in ax.get_lines()}
    assert len({colour for colour, _ in styles}) == len({line for _, line in styles}) == 2
    assert ax.get_ylabel() == "exc (unit of its weights)"


def test_cells_of_a_population_without_a_colour_of_its_own_differ(ax):
    trains = SpikeTrains(np.empty(0), np.empty(0, int), 3, 0.0, 1.0)
    plots.trace(
        Recording(0.5, 1.0, 0, Spikes({"c": trains}), {"c.V": np.zeros((2, 3))}), "c.V", (0, 1, 2), ax
    )
    assert len({line.get_color() for line in ax.get_lines()}) == 3


def strokes(ax):
    return [segment for collection in ax.collections for segment in collection.get_segments()]


def test_voltage_marks_every_spike_at_the_threshold(recording, ax):
    plots.voltage(recording, "E", (3, 7), ax, V_th=-50.0, start=50.0)
    spikes = recording.spikes["E"].window(50.0, DURATION)
    expected = np.concatenate([spikes.of(3), spikes.of(7)])
    assert expected.size > 10
    assert np.array_equal([foot[0] for foot, _ in strokes(ax)], expected)
    assert all(foot[1] == -50.0 and tip[1] > -50.0 and tip[0] == foot[0] for foot, tip in strokes(ax))
    assert strokes(ax)[0][1][1] < ax.get_ylim()[1]


def test_voltage_without_a_threshold(recording, ax):
    plots.voltage(recording, "E", 3, ax)
    assert {foot[1] for foot, _ in strokes(ax)} == {recording["E.V"][:, 3].max()}


# frequency against current


def test_fi_curve(ax):
    currents, measured = [0.0, 1.0, 2.0], [0.0, 10.0, 21.0]
    plots.fi_curve(currents, measured, lambda current: 10.0 * current, ax, unit="nA")
    line, marks = ax.get_lines()
    assert np.allclose(line.get_ydata(), 10.0 * line.get_xdata()) and line.get_xdata().size > 100
    assert marks.get_xydata().tolist() == list(map(list, zip(currents, measured, strict=True)))
    assert ax.get_xlabel() == "input current (nA)"
    listed = plots.fi_curve(currents, measured, [0.0, 10.0, 20.0], Figure().subplots())
    assert listed.get_lines()[0].get_ydata().tolist() == [0.0, 10.0, 20.0]


def test_fi_curve_refuses_different_lengths(ax):
    with pytest.raises(ValueError, match=r"rates has the shape \(1,\), its currents \(2,\)"):
        plots.fi_curve([0.0, 1.0], [0.0], None, ax)
    with pytest.raises(ValueError, match=r"theory has the shape \(3,\), its currents \(2,\)"):
        plots.fi_curve([0.0, 1.0], [0.0, 1.0], [0.0, 1.0, 2.0], ax)


# names and numbers that do not exist


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda r: plots.raster(r, populations=["e"]), 'no population "e"'),
        (lambda r: plots.raster(dict(r.spikes), populations=["EE"]), 'no population "EE".*Did you mean "E"'),
        (lambda r: plots.rate(r, populations=["I", "II"]), 'no population "II".*Did you mean "I"'),
        (lambda r: plots.trace(r, "E.VV"), 'nothing was recorded under "E.VV".*Did you mean "E.V"'),
        (lambda r: plots.voltage(r, "EE"), 'no population "EE".*Did you mean "E"'),
        (lambda r: plots.voltage(r, "I"), 'nothing was recorded under "I.V"'),
        (lambda r: plots.trace(r, "E.V", 30), "E: there is no neuron 30; it has 30, from 0 to 29"),
        (lambda r: plots.voltage(r, "E", (0, -1)), "E: there is no neuron -1; it has 30, from 0 to 29"),
        (lambda r: plots.trace(r, "E.V", ()), "E: there is no neuron to draw"),
        (lambda r: plots.trace(r, "E.V", start=9.0, stop=3.0), "start = 9 ms must lie before stop = 3 ms"),
        (lambda r: plots.raster(r, stop=201.0), "leaves the simulated 0 to 200 ms"),
        (lambda r: plots.rate(r, window=0.0), "window = 0 ms must be above 0"),
        (lambda r: plots.show(Figure(), alt=" "), "alt is empty"),
    ],
)
def test_refuses(draw, message, recording):
    with pytest.raises(ValueError, match=message):
        draw(recording)


# nothing happened


def test_draws_silence_and_no_time(ax):
    for t_stop in (100.0, 0.0):
        silent = {"E": population(5, 0, 0, t_stop), "I": population(5, 0, 1, t_stop)}
        render(plots.figure(silent))


# whole figures, and how they reach the reader


def test_figure_shares_time_and_says_what_it_shows(recording):
    picture = plots.figure(recording, start=40.0)
    top, bottom = picture.axes
    bottom.set_xlim(60.0, 70.0)
    assert top.get_xlim() == (60.0, 70.0)
    verdict = str(analysis.summary(recording, start=40.0))
    assert top.get_title("left") == verdict and verdict in picture.alt and "40 to 200 ms" in picture.alt


def test_figures_are_not_kept_by_pyplot(recording):
    for _ in range(25):  # pyplot warns at 21
        plots.figure(recording)
    assert plt.get_fignums() == []


class Images(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))


def check_display(data, metadata, alt):
    ((tag, image),) = Images(data["text/html"]).found
    assert tag == "img" and image["alt"] == alt
    png = base64.b64decode(data["image/png"])
    assert image["src"] == "data:image/png;base64," + base64.b64encode(png).decode()
    width, height = (int.from_bytes(png[at : at + 4]) for at in (16, 20))
    shown = metadata["image/png"]
    assert (shown["alt"], shown["width"] * 1.5, shown["height"] * 1.5) == (alt, width, height)
    assert data["text/plain"] == alt


HOSTILE = 'rates "E" & <b>I</b>, \'both\'"><script>alert(1)</script>'


def test_show_sends_the_text_with_the_picture(recording, monkeypatch):
    sent = []
    monkeypatch.setattr("IPython.display.display", lambda data, **rest: sent.append((data, rest)))
    plots.show(plots.raster(recording), alt=HOSTILE)
    assert plt.get_fignums() == []
    plots.show(plots.figure(recording), alt="one sentence")
    for (data, rest), alt in zip(sent, (HOSTILE, "one sentence"), strict=True):
        assert rest.pop("raw") is True
        check_display(data, rest.pop("metadata"), alt)
        assert not rest


def test_a_cell_that_ends_with_a_figure_shows_it(recording):
    formatters = pytest.importorskip("IPython.core.formatters")
    picture = plots.figure(recording)
    data, metadata = formatters.DisplayFormatter().format(picture)
    check_display(data, metadata, picture.alt)


def test_the_book_keeps_the_text(recording, monkeypatch):
    myst_nb = pytest.importorskip("myst_nb.docutils_")
    core = pytest.importorskip("docutils.core")
    nbformat = pytest.importorskip("nbformat")
    sent = []
    monkeypatch.setattr("IPython.display.display", lambda data, metadata, raw: sent.append((data, metadata)))
    plots.show(plots.figure(recording), alt=HOSTILE)
    ((data, metadata),) = sent
    output = nbformat.v4.new_output("display_data", data=data, metadata=metadata)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1", outputs=[output])])
    page = core.publish_string(
        nbformat.writes(notebook),
        parser=myst_nb.Parser(),
        writer_name="html5",
        settings_overrides={"nb_execution_mode": "off", "embed_stylesheet": False, "stylesheet_path": ""},
    )
    images = [found for tag, found in Images(page.decode()).found if tag == "img"]
    assert [image["alt"] for image in images] == [HOSTILE]


def test_a_cell_is_drawn_with_its_own_spikes_however_few_were_recorded():
    from snnlab import models, simulate

    network = models.lif_ei(n_exc=40, n_inh=10)
    few = simulate(network, duration=100.0, record={"E.V": [7, 3]})
    everybody = simulate(network, duration=100.0, record="E.V")
    _, (one, other) = plt.subplots(1, 2)
    plots.voltage(few, "E", 3, one)
    plots.voltage(everybody, "E", 3, other)
    assert np.array_equal(one.get_lines()[0].get_ydata(), other.get_lines()[0].get_ydata())
    assert len(one.collections[0].get_segments()) == len(few.spikes["E"].of(3)) > 0
    with pytest.raises(ValueError, match="E.V of cell 0 was not recorded; there is 7, 3"):
        plots.voltage(few, "E", 0, one)
    assert plots.trace(few, "E.V").get_lines()[0].get_label() == "E 7"
    plt.close("all")
