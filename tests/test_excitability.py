"""F-I curves and rheobases against closed forms, for every neuron model."""

import numpy as np
import pytest
from targets import meets, target

from snnlab.analysis import fi_curve, lif_rate, lif_rheobase, rheobase
from snnlab.channels import squid
from snnlab.neurons import EIF, HH, LIF, AdEx, Izhikevich

LISTED = {"V_rest": -65.0, "V_reset": -65.0, "V_th": -50.0, "tau": 10.0, "R": 0.01}
NEURONS = [LIF(**LISTED, tau_ref=2.0), EIF(), AdEx(), Izhikevich(), HH(steady=True)]


def named(neuron):
    return type(neuron).__name__


@pytest.mark.parametrize("RI", [20, 25, 30, 50])
def test_the_closed_form_is_the_published_one(RI):
    meets("lif", f"fi_analytic_RI{RI}", float(lif_rate(LIF(**LISTED), 100.0 * RI)))


def test_the_closed_form_with_refractoriness_is_the_published_one():
    cell = LIF(V_rest=-60.0, V_reset=-60.0, V_th=-50.0, tau=20.0, tau_ref=5.0)
    meets("lif", "fi_analytic_ref_RI20", float(lif_rate(cell, 20.0)))


def test_the_closed_form_of_a_whole_curve():
    entry = target("lif", "fi_curve_seed004_R10M")
    currents = 1000.0 * np.array(entry["params"]["I_nA"])
    assert np.allclose(lif_rate(LIF(**LISTED), currents), entry["value"], rtol=1e-9)


@pytest.mark.parametrize("reset", ["hard", "soft"])
def test_one_run_counts_the_whole_curve(reset):
    entry = target("lif", "fi_curve_seed004_R10M")
    currents = 1000.0 * np.array(entry["params"]["I_nA"])
    curve = fi_curve(LIF(**LISTED, soft_reset=reset == "soft"), currents, duration=500.0)
    assert np.all(np.abs(curve.counts - entry[f"counts_500ms_{reset}"]) <= 1)
    assert np.array_equal(curve.currents, currents)


@pytest.mark.parametrize("V_reset", [-75.0, -65.0, -55.0])
@pytest.mark.parametrize("tau_ref", [0.0, 3.0])
def test_simulated_rates_converge_to_the_closed_form(V_reset, tau_ref):
    """A hard reset rounds each interval up to a whole step: the rate of the intervals is low by up to dt a period."""
    cell = LIF(**{**LISTED, "V_reset": V_reset}, tau_ref=tau_ref)
    currents = np.linspace(1600.0, 6000.0, 12)
    exact = 1000.0 / lif_rate(cell, currents)
    for dt in (0.1, 0.02):
        intervals = 1000.0 / fi_curve(cell, currents, duration=400.0, dt=dt).interval_rates
        assert np.all(intervals > exact - 1e-2 * dt) and np.all(intervals < exact + 1.01 * dt)


def test_the_rate_is_zero_up_to_the_rheobase_and_rises_above_it():
    cell = LIF(**LISTED, tau_ref=2.0)
    edge = lif_rheobase(cell)
    assert edge == pytest.approx(1500.0)
    rates = lif_rate(cell, np.array([[-1e6, 0.0, edge], [edge * (1 + 1e-9), 2 * edge, 1e12]]))
    assert rates.shape == (2, 3) and np.all(rates[0] == 0.0)
    assert np.all(np.diff(rates[1]) > 0.0) and rates[1, -1] == pytest.approx(500.0)  # 1000 / tau_ref
    # just above it, the rate is one over a logarithm
    x = 1e-6
    assert lif_rate(cell, edge * (1 + x)) == pytest.approx(1000.0 / (2.0 + 10.0 * np.log(1 / x)), rel=1e-6)


def test_far_above_the_rheobase_the_curve_is_a_line():
    """Without refractoriness: f = (R I - (V_th - V_rest) / 2) / (tau (V_th - V_reset)) for V_reset = V_rest."""
    cell = LIF(**LISTED)
    I = np.array([1e5, 1e6])
    assert lif_rate(cell, I) == pytest.approx(1000.0 * (0.01 * I - 7.5) / (10.0 * 15.0), rel=1e-3)


def test_rates_from_counts_and_from_intervals():
    curve = fi_curve(LIF(**LISTED), [0.0, 1501.0, 5000.0], duration=100.0)
    assert curve.counts.tolist() == [0, 1, 27] and (curve.start, curve.stop) == (0.0, 100.0)
    assert curve.rates.tolist() == [0.0, 10.0, 270.0]
    assert curve.interval_rates[0] == 0.0 and np.isnan(curve.interval_rates[1])
    assert curve.interval_rates[2] == pytest.approx(1000.0 / 3.6)
    late = fi_curve(LIF(**LISTED), [5000.0], duration=100.0, start=50.0)
    assert late.rates[0] == 1000.0 * late.counts[0] / 50.0 and late.counts[0] == 14


@pytest.mark.parametrize("neuron", NEURONS, ids=named)
def test_the_rheobase_of_any_neuron_separates_silence_from_firing(neuron):
    edge = rheobase(neuron, duration=500.0)
    curve = fi_curve(neuron, edge * np.array([0.9, 1 - 2e-4, 1.0, 1.01]), duration=500.0)
    assert curve.counts[0] == curve.counts[1] == 0 and curve.counts[2] >= 1 and curve.counts[3] >= 1


def test_the_rheobase_agrees_with_closed_forms():
    cell = LIF(**LISTED)
    assert rheobase(cell, duration=500.0) == pytest.approx(lif_rheobase(cell), rel=2e-4)
    eif = EIF()
    saddle_node = eif.g_L * (eif.V_T - eif.E_L - eif.Delta_T)  # where the two fixed points meet
    found = [rheobase(eif, duration=duration) for duration in (200.0, 2000.0)]
    # the time through the ghost of the two is pi sqrt(2 C^2 Delta_T / (g_L (I - I_c))) at most
    assert saddle_node < found[1] < found[0]
    slack = np.pi**2 * 2 * eif.Delta_T * eif.C**2 / (eif.g_L * 2000.0**2)
    assert found[1] == pytest.approx(saddle_node + slack, abs=0.5 * slack + 2e-3)


def test_a_resonator_answers_once_before_it_fires_for_good():
    """Squid axon: one spike from about 2.2 uA/cm^2, repetitive firing from about 6.3 (Rinzel & Miller, 1980)."""
    axon = HH(squid(), steady=True)  # 20,000 um^2: 1 uA/cm^2 is 200 pA
    once = rheobase(axon, duration=300.0) / 200.0
    sustained = rheobase(axon, duration=300.0, start=200.0) / 200.0
    assert 2.0 < once < 2.6 and 5.9 < sustained < 6.7


def test_a_search_may_begin_below_zero():
    pacemaker = LIF(V_rest=-45.0, V_reset=-65.0, V_th=-50.0, R=0.01)  # fires without a current
    reset = {"V": -65.0}
    assert rheobase(pacemaker, low=-5000.0, initial=reset) == pytest.approx(lif_rheobase(pacemaker), rel=1e-3)
    with pytest.raises(ValueError, match="LIF fires at low = 0 pA already"):
        rheobase(pacemaker, initial=reset)
    at_threshold = LIF(V_rest=-50.0, V_reset=-65.0, V_th=-50.0, R=0.01)
    assert rheobase(at_threshold, low=-5000.0, initial=reset) == pytest.approx(0.0, abs=0.5)


def test_what_cannot_be_answered_is_refused():
    cell = LIF(**LISTED)
    with pytest.raises(ValueError, match="LIF does not fire up to high = 1400 pA"):
        rheobase(cell, high=1400.0, duration=100.0)
    with pytest.raises(ValueError, match="low = 5 pA must be below high = 1 pA"):
        rheobase(cell, low=5.0, high=1.0)
    with pytest.raises(ValueError, match=r"currents has the shape \(0,\)"):
        fi_curve(cell, [])
    with pytest.raises(ValueError, match="currents has the shape"):
        fi_curve(cell, 2000.0)
    with pytest.raises(ValueError, match="start = 200 ms must lie within the run of 100 ms"):
        fi_curve(cell, [1.0], duration=100.0, start=200.0)
    with pytest.raises(ValueError, match="finite"):
        fi_curve(cell, [np.nan])
