"""The reference simulator against Brian2, spike by spike: whoever equals one equals both."""

import json
from pathlib import Path

import numpy as np
import pytest
import reference

TRAINS = json.loads((Path(__file__).parent / "fixtures" / "brian2_trains.json").read_text())
CELL = ("V_rest", "V_reset", "V_th", "tau", "tau_ref", "soft_reset")


@pytest.mark.parametrize("name", TRAINS["networks"])
def test_every_spike_is_brian2s(name):
    spec = TRAINS["networks"][name]["network"]
    n = len(TRAINS["V0"])
    linked = np.zeros((n, n))
    for pre, targets in enumerate(TRAINS["targets"]):
        linked[pre, targets] = 1.0
    is_exc = np.arange(n)[:, None] < spec["n_exc"]
    weights = [
        (
            linked * spec[f"g_{kind}"] * (is_exc if kind == "exc" else ~is_exc),
            spec[f"tau_{kind}"],
            spec[f"E_{kind}"],
            round(spec[f"delay_{kind}"] / TRAINS["dt"]),
        )
        for kind in ("exc", "inh")
    ]
    params = {k: spec[k] for k in CELL} | {"dt": TRAINS["dt"]}
    steps, neurons = reference.simulate_lif(
        TRAINS["V0"], weights, params, spec["I"], round(spec["duration"] / TRAINS["dt"])
    )
    assert steps.tolist() == TRAINS["networks"][name]["steps"]
    assert neurons.tolist() == TRAINS["networks"][name]["neurons"]
    assert len(steps) > 4 * n  # the comparison means something


def test_a_held_cell_neither_moves_nor_fires():
    # driven to threshold in one step: it fires, is held for 3 steps, then needs one more to get there
    params = {"tau_ref": 0.3, "tau": 1.0}
    steps, _ = reference.simulate_lif([-49.0], [], params, 1000.0, 20)
    assert np.diff(steps).tolist() == [4] * (len(steps) - 1)
    # a soft reset that leaves V above threshold lets it fire again only when it is free
    steps, _ = reference.simulate_lif([-20.0], [], {"tau_ref": 0.3, "soft_reset": True, "tau": 1e9}, 0.0, 20)
    assert steps.tolist() == [0, 3, 6, 9]


def test_unknown_parameters_and_wrong_shapes_are_refused():
    with pytest.raises(KeyError, match="tau_reff"):
        reference.simulate_lif([-60.0], [], {"tau_reff": 1.0}, 0.0, 1)
    with pytest.raises(ValueError, match=r"\(2, 2\)"):
        reference.simulate_lif([-60.0], [(np.zeros((2, 2)), 5.0, None, 0)], {}, 0.0, 1)
