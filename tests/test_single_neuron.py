"""The models of one cell, one synapse and two cells: published counts, the listing as it stands, explorers."""

import jax
import numpy as np
import pytest
from explorers import executed, same
from targets import meets, target

from snnlab import analysis, describe, replace, simulate
from snnlab.models import lif_fi, synapse_train, two_neurons
from snnlab.widgets import explore
from snnlab.widgets.catalogue import LOOKS

MODELS = {"lif_fi": lif_fi, "synapse_train": synapse_train, "two_neurons": two_neurons}


@pytest.mark.parametrize("reset", ["hard", "soft"])
@pytest.mark.parametrize("RI", [20, 25, 30, 50])
def test_the_cell_meets_the_published_counts(RI, reset):
    rec = simulate(lif_fi(I=100.0 * RI, soft_reset=reset == "soft"), duration=500.0)
    meets("lif", f"nspk500_{reset}_RI{RI}", rec.spikes["cell"].count)
    if reset == "hard":
        meets("lif", f"isi_hard_RI{RI}", np.round(np.median(np.diff(rec.spikes["cell"].times)), 9))


def test_the_raster_of_the_curve_is_the_fi_curve():
    entry = target("lif", "fi_curve_seed004_R10M")
    rec = simulate(lif_fi(I_min=500.0, n=20), duration=500.0)
    curve = rec.spikes["curve"]
    assert np.all(np.abs(np.bincount(curve.neurons, minlength=20) - entry["counts_500ms_hard"]) <= 1)
    cell = simulate(lif_fi(I=5000.0, n=2), duration=500.0)
    assert np.array_equal(cell.spikes["cell"].times, curve.of(19))


def test_the_cell_of_the_listing_is_silent():
    rec = simulate(lif_fi(**LOOKS["lif_fi"].presets["the old listing"]), duration=500.0)
    meets("lif", "literal_seed_R1ohm_nspk", rec.spikes["cell"].count + rec.spikes["curve"].count)


@pytest.mark.parametrize("weight", [50, 30])
@pytest.mark.parametrize("reset", ["soft", "hard"])
def test_the_pair_meets_the_published_counts(weight, reset):
    entry = target("two_neuron", f"RI25_w{weight}_{reset}")
    rec = simulate(two_neurons(w=100.0 * weight, soft_reset=reset == "soft"), duration=150.0)
    meets("two_neuron", f"RI25_w{weight}_{reset}", [rec.spikes[name].count for name in ("pre", "post")])
    for name in ("pre", "post"):
        published = entry[f"{name}_idx"]
        steps = np.round(rec.spikes[name].times / 0.1).astype(int)[: len(published)] - 1
        assert np.all(np.abs(steps - published) <= 2)


def test_the_pair_of_the_listing_fires_because_it_starts_at_zero():
    """The listing sees a cell after its step, and pre's spike at t = 0 never: pre starts where its first step ends."""
    net = two_neurons(**LOOKS["two_neurons"].presets["the old listing"])
    seen = replace(net.populations["pre"], initial={"V": -65.0 + 50.0 * np.exp(-0.1 / 10.0)})
    rec = simulate(replace(net, populations={**net.populations, "pre": seen}), duration=150.0)
    pre, post = (np.round(rec.spikes[name].times / 0.1) for name in ("pre", "post"))
    assert post[0] == 0
    meets("two_neuron", "literal_seed", [pre, post[1:] - 1], tol=[0] * 6 + [1, 1])
    from_rest = {**LOOKS["two_neurons"].presets["the old listing"], "V_start": -65.0}
    silent = simulate(two_neurons(**from_rest), duration=150.0)
    assert silent.spikes["pre"].count == silent.spikes["post"].count == 0


def test_a_delay_shifts_what_the_second_cell_does():
    at_once, later = (
        simulate(two_neurons(delay=delay), duration=100.0, record=["post.V"]) for delay in (0.0, 7.0)
    )
    n = round(93.0 / 0.1)
    assert np.allclose(later["post.V"][70 : 70 + n], at_once["post.V"][:n], atol=1e-5)


def test_current_and_conductance_agree_for_a_small_synapse_and_part_for_a_large_one():
    def largest(**changes):
        rec = simulate(synapse_train(V_th=1e5, **changes), duration=100.0, record=["CUBA.V", "COBA.V"])
        return [analysis.deflection(rec, f"{name}.V").amplitude for name in ("CUBA", "COBA")]

    small, large = largest(g=0.01), largest(g=50.0)
    assert small[1] == pytest.approx(small[0], rel=3e-3)
    assert large[0] > 65.0 > large[1]  # a conductance never carries V past its reversal potential
    current, conductance = largest(g=2.0, E_rev=-65.0)
    assert current == conductance == 0.0  # no driving force at rest


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_every_parameter_reaches_the_network(model):
    def fingerprint(**changes):
        net = model(**changes)
        return [np.asarray(leaf).tobytes() for leaf in jax.tree.leaves(net)], jax.tree.structure(net)

    for p in describe(model):
        changed = p.default + 1 if p.integer else p.default * 0.97 + 0.0017
        assert fingerprint(**{p.name: changed}) != fingerprint(), p.name
    if "times" not in model.__signature__.parameters:
        assert fingerprint(soft_reset=True) != fingerprint(soft_reset=False)


@pytest.mark.parametrize("name", MODELS)
def test_every_preset_of_the_explorer_runs_and_is_what_its_code_says(name):
    explorer = explore(name)
    assert 3 <= len(explorer.subject.look.visible) <= 5 and len(explorer.presets) >= 3
    seen = set()
    for preset in explorer.presets:
        explorer.preset(preset)
        recording = explorer.run()
        assert explorer.present_preset() == preset and same(recording, executed(explorer.code()))
        seen.add(b"".join(values.tobytes() for values in recording.samples.values()))
    assert len(seen) == len(explorer.presets)  # no two presets show the same


@pytest.mark.parametrize("name", MODELS)
def test_the_explorer_draws_what_it_records(name):
    explorer = explore(name)
    explorer.run()
    panels = explorer.panel.view.frame["panels"]
    drawn = [series["name"] for panel in panels if panel["kind"] == "traces" for series in panel["series"]]
    assert drawn == list(explorer.subject.look.record)
    rates = [panel for panel in panels if panel["kind"] == "rates"]
    assert len(rates) == (name == "lif_fi")  # a rate is of many cells
    titles = [panel["title"] for panel in panels if panel["kind"] == "traces"]
    synapse = {"lif_fi": [], "synapse_train": ["g"], "two_neurons": ["I_syn"]}
    each = ", one cell each" if name != "lif_fi" else ""
    assert titles == [f"membrane potential (mV){each}", *synapse[name]]
