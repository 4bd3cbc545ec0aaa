"""Exponential, adaptive and quadratic neurons against closed forms and published firing patterns."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq

from snnlab import Input, Network, Population, simulate
from snnlab.inputs import Constant
from snnlab.neurons import EIF, AdEx, Izhikevich


def driven(neuron, currents, duration, dt=0.1, record="c.V", **initial):
    currents = np.atleast_1d(np.asarray(currents, float))
    network = Network(
        {"c": Population(neuron, len(currents), initial)},
        inputs=[Input("c", Constant(currents if len(currents) > 1 else currents[0]))],
    )
    return simulate(network, duration=duration, dt=dt, record=record)


def test_eif_fires_above_its_rheobase():
    """``g_L (V_T - E_L - Delta_T)``: where the current's minimum over V is 0."""
    cell = EIF()
    rheobase = cell.g_L * (cell.V_T - cell.E_L - cell.Delta_T)
    assert rheobase == pytest.approx(16.2)
    spikes = driven(cell, rheobase * np.array([0.99, 1.03]), 2000.0).spikes["c"]
    assert spikes.of(0).size == 0 and spikes.of(1).size > 2


@pytest.mark.parametrize("I", [30.0, 60.0, 120.0])
def test_eif_interval_is_the_integral_of_its_inverse_flow(I):
    cell = EIF()

    def inverse(V):
        spike = cell.g_L * cell.Delta_T * np.exp((V - cell.V_T) / cell.Delta_T)
        return cell.C / (cell.g_L * (cell.E_L - V) + spike + I)

    expected = cell.tau_ref + quad(inverse, cell.V_reset, cell.V_peak, limit=200)[0]
    errors = [
        np.diff(driven(cell, I, 300.0, dt).spikes["c"].times).mean() - expected
        for dt in (0.05, 0.025, 0.0125)
    ]
    assert abs(errors[-1]) < 0.15 and np.all(np.abs(errors[1:]) < 0.65 * np.abs(errors[:-1]))


def test_adex_goes_to_its_fixed_point():
    cell, I = AdEx(), 400.0

    def flow(V):
        spike = cell.g_L * cell.Delta_T * np.exp((V - cell.V_T) / cell.Delta_T)
        return cell.g_L * (cell.E_L - V) + spike - cell.a * (V - cell.E_L) + I

    recording = driven(cell, I, 2000.0, record=["c.V", "c.w"])
    V = brentq(flow, -70.0, -52.0)
    assert recording.spikes["c"].count == 0
    assert recording["c.V"][-1, 0] == pytest.approx(V, abs=1e-3)
    assert recording["c.w"][-1, 0] == pytest.approx(cell.a * (V - cell.E_L), abs=1e-2)


def test_adex_loses_its_rest_at_the_published_current():
    """The Andronov-Hopf bifurcation (Touboul & Brette, 2008): slope of the flow of V equal to 1 / tau_w."""
    cell = AdEx()
    ratio = cell.C / cell.g_L / cell.tau_w
    V = cell.V_T + cell.Delta_T * np.log(1 + ratio)
    critical = (cell.g_L + cell.a) * (V - cell.E_L) - cell.g_L * cell.Delta_T * (1 + ratio)
    start = {"V": V - 0.05, "w": cell.a * (V - cell.E_L)}
    spikes = driven(cell, critical * np.array([0.98, 1.01]), 2000.0, 0.02, **start).spikes["c"]
    assert spikes.of(0).size == 0 and spikes.of(1).size > 2


def test_adex_adapts_and_without_adaptation_it_does_not():
    for cell, adapts in ((AdEx(), True), (AdEx(a=0.0, b=0.0), False)):
        intervals = np.diff(driven(cell, 1000.0, 1000.0).spikes["c"].times)
        assert len(intervals) > 5
        assert (intervals[-1] > 1.5 * intervals[0]) == adapts
        assert adapts or np.ptp(intervals) <= 0.1 + 1e-6


def test_izhikevich_rests_at_minus_70():
    """The lower root of 0.04 V^2 + (5 - b) V + 140."""
    recording = driven(Izhikevich(), 0.0, 1000.0, V=-62.0)
    assert recording.spikes["c"].count == 0 and recording["c.V"][-1, 0] == pytest.approx(-70.0, abs=1e-2)


def test_izhikevich_loses_its_rest_where_its_trace_is_zero():
    cell = Izhikevich()
    V = (cell.a - 5) / 0.08
    critical = -(0.04 * V * V + (5 - cell.b) * V + 140)
    assert critical == pytest.approx(3.7975)
    spikes = driven(cell, critical * np.array([0.97, 1.02]), 3000.0, 0.02, V=V - 0.5).spikes["c"]
    assert spikes.of(0).size == 0 and spikes.of(1).size > 2


def test_izhikevich_s_kinds_fire_as_published():
    """Figure 2 of Izhikevich (2003), I = 10: adaptation, bursts, fast without adaptation."""

    def intervals(**kind):
        return np.diff(driven(Izhikevich(**kind), 10.0, 500.0).spikes["c"].times)

    regular, chattering = intervals(), intervals(V_reset=-50.0, d=2.0)
    bursting, fast = intervals(V_reset=-55.0, d=4.0), intervals(a=0.1, d=2.0)
    assert regular[-1] > 1.3 * regular[0]
    assert np.sum(chattering > 15) >= 5 and np.sum(chattering < 5) > 2 * np.sum(chattering > 15)
    assert np.all(bursting[:2] < 8) and np.all(bursting[-5:] > 15)  # a burst, then single spikes
    assert len(fast) > 1.5 * len(regular)
    assert np.ptp(fast[4:]) < 0.1 * fast[-1]  # the first intervals are u on its way from rest


@pytest.mark.parametrize("kind", [EIF, AdEx, Izhikevich])
def test_a_peak_below_the_reset_is_refused(kind):
    with pytest.raises(ValueError, match=f"{kind.__name__}: V_peak = -90.0 mV must be above V_reset"):
        kind(V_peak=-90.0)
