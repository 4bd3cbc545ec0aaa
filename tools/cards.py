"""Draw the pictures of the front page's cards into chapters/cards, each by the model of its chapter.

    python tools/cards.py

Wordless drawings without a background, in colours that can be told apart on a light page and on a dark one.
"""

from pathlib import Path

import numpy as np

from snnlab import analysis, models, simulate

CARDS = Path(__file__).resolve().parents[1] / "chapters" / "cards"
WIDTH, HEIGHT, MARGIN = 320, 160, 10
BLUE, RED, GREEN, PURPLE, GREY = "#2E86C1", "#D55E00", "#009E73", "#C46A9A", "#8A8A8A"


def scaled(x, y, x_range, y_range):
    """Points of a drawing for data in these ranges."""
    across = MARGIN + (np.asarray(x) - x_range[0]) / (x_range[1] - x_range[0]) * (WIDTH - 2 * MARGIN)
    up = HEIGHT - MARGIN - (np.asarray(y) - y_range[0]) / (y_range[1] - y_range[0]) * (HEIGHT - 2 * MARGIN)
    return across, up


def line(x, y, x_range, y_range, colour, width=2.0, dash="", opacity=1.0) -> str:
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(*scaled(x, y, x_range, y_range), strict=True))
    more = f' stroke-dasharray="{dash}"' * bool(dash) + f' opacity="{opacity}"' * (opacity < 1.0)
    return f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="{width}"{more}/>'


def strokes(x, low, high, x_range, y_range, colour, width=2.0) -> str:
    """Upright strokes at ``x``, from ``low`` to ``high``."""
    across, bottom = scaled(x, np.broadcast_to(low, np.shape(x)), x_range, y_range)
    top = scaled(x, np.broadcast_to(high, np.shape(x)), x_range, y_range)[1]
    path = "".join(f"M{a:.1f} {b:.1f}V{c:.1f}" for a, b, c in zip(across, bottom, top, strict=True))
    return f'<path d="{path}" stroke="{colour}" stroke-width="{width}"/>'


def dot(x, y, x_range, y_range, colour, filled=True) -> str:
    (a,), (b,) = scaled([x], [y], x_range, y_range)
    ink = f'fill="{colour if filled else "none"}" stroke="{colour}" stroke-width="2"'
    return f'<circle cx="{a:.1f}" cy="{b:.1f}" r="5" {ink}/>'


def neuron():
    run = simulate(models.lif_fi(I=1800.0), duration=100.0, record={"cell.V": [0]})
    frame = (0.0, 100.0), (-66.0, -38.0)
    V = run["cell.V"][:, 0]
    yield line([0.0, 100.0], [-50.0, -50.0], *frame, GREY, 1.0, "3 3")
    yield line(run.t[::3], V[::3], *frame, BLUE)
    yield strokes(run.spikes["cell"].times, -50.0, -40.0, *frame, BLUE)


def synapse():
    run = simulate(models.two_neurons(), duration=120.0, record={"post.V": [0]})
    frame = (0.0, 120.0), (-66.5, -38.0)
    V = run["post.V"][:, 0]
    yield line([0.0, 120.0], [-50.0, -50.0], *frame, GREY, 1.0, "3 3")
    yield strokes(run.spikes["pre"].times, -44.0, -40.0, *frame, BLUE)
    yield line(run.t[::3], V[::3], *frame, RED)
    yield strokes(run.spikes["post"].times, -50.0, -45.0, *frame, RED)


def balance():
    run = simulate(models.coba_ei(), duration=450.0)
    frame = (250.0, 450.0), (0.0, 100.0)
    for name, n, low, colour in (("E", 80, 0.0, BLUE), ("I", 20, 80.0, RED)):
        trains = run.spikes[name].window(250.0, 450.0)
        mine = trains.neurons < n
        rows = low + trains.neurons[mine]
        yield strokes(trains.times[mine], rows, rows + 1.4, *frame, colour, 1.6)


def channels():
    run = simulate(models.coba_hh_ei(), duration=250.0, record={"E.V": list(range(40))})
    counts = [np.count_nonzero(run.spikes["E"].window(150.0, 250.0).neurons == cell) for cell in range(40)]
    frame = (160.0, 205.0), (-95.0, 55.0)
    V = run.column("E.V", int(np.argmax(counts)))[1600:2050]
    yield line([160.0, 205.0], [-60.0, -60.0], *frame, GREY, 1.0, "3 3")
    yield line(run.t[1600:2050:2], V[::2], *frame, BLUE)


def decision():
    network = models.wang2002(coherence=0.128, start=500.0, stop=2500.0)
    for seed in range(20):
        run = simulate(network, duration=2500.0, seed=seed)
        if analysis.decision(run, onset=500.0, offset=2500.0).late_choice == "A":
            break
    t, rates = analysis.pool_rates(run)
    frame = (0.0, 2500.0), (-1.0, max(40.0, rates.max()))
    yield line([0.0, 2500.0], [15.0, 15.0], *frame, GREY, 1.0, "3 3")
    yield line(t[::3], rates[::3, 0], *frame, GREEN)
    yield line(t[::3], rates[::3, 1], *frame, PURPLE, 2.0, "6 3")


def plane():
    system = models.wong_wang2006()
    frame = (0.0, 0.8), (0.0, 0.8)
    for branches, colour, dash in zip(
        analysis.nullclines(system).values(), (BLUE, RED), ("", "6 3"), strict=True
    ):
        for branch in branches:
            inside = branch[np.all(branch <= 0.8, axis=1)]
            yield line(inside[::12, 0], inside[::12, 1], *frame, colour, 2.0, dash)
    for start in ((0.05, 0.12), (0.12, 0.05)):
        states = analysis.trajectory(system, start, 2.0).states
        yield line(states[::5, 0], states[::5, 1], *frame, GREY, 1.4)
    for point in analysis.fixed_points(system):
        yield dot(*point.state, *frame, GREY, point.kind.startswith("stable"))


def ring():
    model = models.cann(t_on=0.0, t_off=60.0, t_move=20.0, t_halt=40.0, speed=0.6, position=-1.8)
    run = simulate(model, duration=60.0, record=("u",))
    angles = np.linspace(-np.pi, np.pi, run["u"].shape[1], endpoint=False)
    frame = (-np.pi, np.pi), (-0.5, 1.08 * run["u"].max())
    for k, opacity in zip((200, 215, 230, 245, 260), (0.25, 0.4, 0.55, 0.75, 1.0), strict=True):
        yield line(angles[::4], run["u"][k, ::4], *frame, BLUE, 2.0, opacity=opacity)


PICTURES = {
    "01_neuron": neuron,
    "02_synapse": synapse,
    "03_ei_balance": balance,
    "04_hodgkin_huxley": channels,
    "05_decision": decision,
    "06_reduced_decision": plane,
    "07_continuous_attractor": ring,
}


if __name__ == "__main__":
    CARDS.mkdir(exist_ok=True)
    for name, draw in PICTURES.items():
        head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}">'
        (CARDS / f"{name}.svg").write_text("\n".join([head, *draw(), "</svg>"]) + "\n", encoding="utf-8")
