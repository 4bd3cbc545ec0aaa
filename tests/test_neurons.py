"""The leaky integrate-and-fire neuron against its closed forms and the published counts."""

import numpy as np
import pytest
from targets import meets, target

from snnlab import Input, Network, Population, simulate
from snnlab.inputs import Constant, Step
from snnlab.integrators import exponential, frozen, implicit
from snnlab.neurons import EIF, LIF


def driven(cell, RI, duration, n=None, **kwargs):
    """A population of unconnected cells under constant drives RI (mV), starting at rest."""
    drives = np.atleast_1d(np.asarray(RI, float)) / cell.R
    n = n or len(drives)
    net = Network(
        {"cell": Population(cell, n)}, inputs=[Input("cell", Constant(drives if n > 1 else drives[0]))]
    )
    return simulate(net, duration=duration, **kwargs)


def rate(cell, RI):
    """The closed form, Hz: 1000 / (tau_ref + tau ln((V_inf - V_reset) / (V_inf - V_th)))."""
    V_inf = cell.V_rest + RI
    if V_inf <= cell.V_th:
        return 0.0
    return 1000 / (cell.tau_ref + cell.tau * np.log((V_inf - cell.V_reset) / (V_inf - cell.V_th)))


CELL_004 = {"V_rest": -65.0, "V_reset": -65.0, "V_th": -50.0, "tau": 10.0, "R": 0.01}


@pytest.mark.parametrize("RI", [20, 25, 30, 50])
@pytest.mark.parametrize("reset", ["hard", "soft"])
def test_spike_counts_and_times_of_the_listing_with_its_resistance(RI, reset):
    cell = LIF(**CELL_004, soft_reset=reset == "soft")
    spikes = driven(cell, float(RI), 500.0).spikes["cell"]
    meets("lif", f"nspk500_{reset}_RI{RI}", spikes.count)
    # the published indices name the step that ends at the spike, ours the time at which V is over threshold
    first = np.round(spikes.times[:4] / 0.1).astype(int) - 1
    published = [
        int(x) for x in target("lif", f"nspk500_{reset}_RI{RI}")["note"].split("[")[1].rstrip("]").split(",")
    ]
    assert np.all(np.abs(first - published) <= 1)


@pytest.mark.parametrize("RI", [20, 25, 30, 50])
def test_closed_form_rate_and_grid_interval(RI):
    cell = LIF(**CELL_004)
    meets("lif", f"fi_analytic_RI{RI}", rate(cell, RI))
    intervals = np.diff(driven(cell, float(RI), 500.0).spikes["cell"].times)
    # on the grid the interval is the closed one rounded up to a whole step (a hard reset forgets the overshoot)
    expected = np.ceil(1000 / rate(cell, RI) / 0.1 - 1e-6) * 0.1
    assert np.allclose(intervals, expected, atol=1e-6) or np.allclose(np.mean(intervals), expected, atol=0.1)
    meets("lif", f"isi_hard_RI{RI}", np.round(np.median(intervals), 9))


def test_refractory_period_lengthens_the_interval():
    cell = LIF(V_rest=-60.0, V_reset=-60.0, V_th=-50.0, tau=20.0, tau_ref=5.0)
    meets("lif", "fi_analytic_ref_RI20", rate(cell, 20.0))
    intervals = np.diff(driven(cell, 20.0, 500.0).spikes["cell"].times)
    meets("lif", "isi_hard_ref_RI20", np.median(intervals))


@pytest.mark.parametrize("reset", ["hard", "soft"])
def test_the_whole_fi_curve(reset):
    entry = target("lif", "fi_curve_seed004_R10M")
    currents = 1000 * np.array(entry["params"]["I_nA"])
    cell = LIF(**CELL_004, soft_reset=reset == "soft")
    spikes = driven(cell, currents * 0.01, 500.0).spikes["cell"]
    counts = np.bincount(spikes.neurons, minlength=len(currents))
    assert np.all(np.abs(counts - entry[f"counts_500ms_{reset}"]) <= 1)
    assert np.all(counts[currents <= 1447.4] == 0)  # the rheobase is 1500 pA
    meets("lif", "fi_curve_seed004_R10M", [rate(cell, i * 0.01) for i in currents], rel=1e-6)


def test_the_listing_read_literally_is_silent():
    cell = LIF(**{**CELL_004, "R": 1e-9})  # 1 ohm
    meets("lif", "literal_seed_R1ohm_nspk", driven(cell, 2000.0 * 1e-9, 500.0).spikes["cell"].count)


def test_subthreshold_voltage_is_exact_for_a_constant_current():
    cell = LIF(V_rest=-65.0, V_reset=-65.0, V_th=-50.0, tau=10.0)
    rec = driven(cell, 14.0, 50.0, record="cell.V")
    exact = -65 + 14 * (1 - np.exp(-rec.t / 10))
    assert np.abs(rec["cell.V"][:, 0] - exact).max() < 1e-4


def test_soft_reset_keeps_the_overshoot():
    drive, dt = 600.0, 0.5
    first = -60 + drive * -np.expm1(-dt / 20)  # V after one step from rest: 4.8 mV above threshold
    assert first > -50
    for soft, after in ((True, first - 10), (False, -60.0)):
        cell = LIF(V_rest=-60.0, V_reset=-60.0, V_th=-50.0, tau=20.0, soft_reset=soft)
        rec = driven(cell, drive, 1.0, dt=dt, record="cell.V")
        assert rec["cell.V"][1, 0] == pytest.approx(after, abs=1e-3)


def test_a_cell_far_above_threshold_stays_silent_while_refractory():
    cell = LIF(tau_ref=5.0, soft_reset=True)
    net = Network({"c": Population(cell, 1, {"V": 100.0})})
    times = simulate(net, duration=20.0).spikes["c"].times
    assert len(times) > 1 and np.diff(times).min() >= 5.0 - 1e-9


@pytest.mark.parametrize("integrator", [frozen, implicit, exponential])
def test_integrators_agree_without_conductance_as_dt_shrinks(integrator):
    cell = LIF(V_th=1000.0, tau=20.0, integrator=integrator)
    rec = driven(cell, 10.0, 100.0, dt=0.01, record="cell.V")
    assert rec["cell.V"][-1, 0] == pytest.approx(-50 - 10 * np.exp(-99.99 / 20), abs=2e-2)


def test_step_current_acts_exactly_in_its_window():
    cell = LIF(V_th=1000.0, V_rest=0.0, V_reset=0.0, tau=10.0)
    net = Network({"c": Population(cell, 1)}, inputs=[Input("c", Step(10.0, start=10.0, stop=20.0))])
    rec = simulate(net, duration=40.0, record="c.V")
    t = rec.t
    exact = np.where(t < 10, 0, np.where(t < 20, 10 * (1 - np.exp(-(t - 10) / 10)), 0))
    exact = np.where(t >= 20, 10 * (1 - np.exp(-1)) * np.exp(-(t - 20) / 10), exact)
    assert np.abs(rec["c.V"][:, 0] - exact).max() < 1e-4


def test_every_cell_has_its_own_parameters_when_given_arrays():
    taus = np.array([10.0, 20.0, 40.0])
    cell = LIF(tau=taus)
    net = Network({"c": Population(cell, 3)}, inputs=[Input("c", Constant(20.0))])
    spikes = simulate(net, duration=400.0).spikes["c"]
    for i, tau in enumerate(taus):
        expected = np.ceil(tau * np.log(2) / 0.1) * 0.1
        assert np.diff(spikes.of(i)) == pytest.approx(expected, abs=0.1 + 1e-6)


@pytest.mark.parametrize("neuron", [LIF(tau_ref=1.0), LIF(tau_ref=1.0, soft_reset=True), EIF(V_peak=-50.0)])
def test_who_starts_held_does_not_fire_before_its_time(neuron):
    """A state to start from that is above threshold and held for 30 steps: silent for as long."""
    start = {"V": -40.0, "held": [0.0, 1.0, 30.0]}
    first = simulate(
        Network({"c": Population(neuron, 3, start)}, inputs=[Input("c", Constant(600.0))]), duration=20.0
    )
    times = [first.spikes["c"].of(i)[0] for i in range(3)]
    assert times[:2] == [0.0, 0.0] and 2.85 < times[2] < 10.0


def test_who_starts_held_below_threshold_keeps_its_potential():
    net = Network({"c": Population(LIF(V_rest=-70.0), 1, {"V": -52.0, "held": 20.0})})
    V = simulate(net, duration=5.0, record="c.V")["c.V"][:, 0]
    assert np.all(V[:20] == -52.0) and np.all(np.diff(V[20:]) < 0)
