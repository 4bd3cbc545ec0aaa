"""Closed forms of conductances and EPSPs against the published values, quadrature and simulation."""

import numpy as np
import pytest
from scipy.integrate import quad
from targets import meets, target

from snnlab import simulate
from snnlab.analysis import conductance_course, deflection, epsp, epsp_peak
from snnlab.models import synapse_train, two_neurons
from snnlab.synapses import Alpha, DualExponential, Exponential

TIMES = [10.0, 15.0, 20.0, 30.0]


@pytest.mark.parametrize("t", ["9.9", "10", "12", "15", "20", "25", "30", "40", "49.9"])
def test_the_course_of_a_train_is_the_published_one(t):
    meets("expsyn", f"g_t{t}", float(conductance_course(Exponential(5.0), TIMES, float(t))))


@pytest.mark.parametrize(
    ("kinetics", "constants"),
    [
        (Exponential(5.0), {"tau_rise": 0.0}),
        (Alpha(5.0), {"tau_rise": 5.0}),
        (DualExponential(1.5, 5.0), {"tau_rise": 1.5}),
        (DualExponential(9.0, 5.0), {"tau_rise": 9.0}),
    ],
    ids=["exponential", "alpha", "dual", "rise slower than decay"],
)
def test_a_simulated_synapse_follows_the_closed_form(kinetics, constants):
    rec = simulate(
        synapse_train(times=[10.0, 15.0, 15.0, 30.0], g=2.0, **constants),
        duration=80.0,
        record="COBA.g",
    )
    exact = conductance_course(kinetics, [10.0, 15.0, 15.0, 30.0], rec.t, 2.0)
    assert np.abs(rec["COBA.g"][:, 0] - exact).max() < 1e-5


@pytest.mark.parametrize("kinetics", [Exponential(3.0), Alpha(3.0), DualExponential(0.7, 4.0)])
def test_the_weight_is_the_peak_of_one_spike_and_spikes_add_up(kinetics):
    t = np.linspace(0.0, 40.0, 40_001)
    one = conductance_course(kinetics, [1.0], t, 2.5)
    assert one.max() == pytest.approx(2.5, rel=1e-6) and np.all(one[t < 1.0 - 1e-6] == 0.0)
    both = conductance_course(kinetics, [1.0, 6.0], t, 2.5)
    assert np.allclose(both, one + conductance_course(kinetics, [6.0], t, 2.5))
    assert conductance_course(kinetics, [], t).tolist() == [0.0] * t.size


@pytest.mark.parametrize("tau_s", [0.5, 5.0, 19.999999, 20.0, 20.000001, 60.0])
def test_the_epsp_is_the_convolution_of_current_and_membrane(tau_s):
    for t in (0.3, 8.0, 45.0):
        integral = quad(lambda s, t=t: 50.0 * np.exp(-s / tau_s) * np.exp(-(t - s) / 20.0) / 20.0, 0.0, t)[0]
        assert epsp(t, w=5000.0, R=0.01, tau_m=20.0, tau_s=tau_s) == pytest.approx(integral, rel=1e-9)
    assert epsp([-1.0, 0.0], w=50.0, tau_m=20.0, tau_s=tau_s).tolist() == [0.0, 0.0]


def test_the_peak_is_the_published_one_and_no_sample_is_higher():
    entry, peak = target("two_neuron", "single_epsp_peak_w50"), epsp_peak(w=50.0, tau_m=20.0, tau_s=5.0)
    assert peak.amplitude == pytest.approx(entry["value"], rel=1e-9)
    assert peak.time == pytest.approx(entry["t_peak_ms"], rel=1e-9)
    t = np.linspace(0.0, 100.0, 100_001)
    for tau_s in (0.5, 5.0, 20.0, 60.0):
        amplitude, time = epsp_peak(w=50.0, tau_m=20.0, tau_s=tau_s)
        course = epsp(t, w=50.0, tau_m=20.0, tau_s=tau_s)
        assert course.max() == pytest.approx(amplitude, rel=1e-6) and course.max() <= amplitude * (1 + 1e-12)
        assert t[course.argmax()] == pytest.approx(time, abs=1e-3)
    down = epsp_peak(w=-50.0, tau_m=20.0, tau_s=5.0)
    assert down == (-peak.amplitude, peak.time)


@pytest.mark.parametrize("dt", [0.1, 0.02])
def test_a_simulated_epsp_is_that_of_a_current_held_over_each_step(dt):
    """V_k = w (1 - a) (a^k - b^k) / (a - b), a = e^{-dt/tau_m}, b = e^{-dt/tau_s}: high by dt / (2 tau_s)."""
    net = two_neurons(I_pre=1505.0)
    rec = simulate(net, duration=120.0, dt=dt, record=["post.V"])
    first = rec.spikes["pre"].times[0]
    measured = deflection(rec, "post.V", start=first, stop=first + 40.0)
    a, b, k = np.exp(-dt / 20.0), np.exp(-dt / 5.0), np.arange(round(40.0 / dt))
    held = 50.0 * (1 - a) * (a**k - b**k) / (a - b)
    assert measured.amplitude == pytest.approx(held.max(), rel=1e-4)
    exact = epsp_peak(w=5000.0, R=0.01, tau_m=20.0, tau_s=5.0)
    assert measured.amplitude / exact.amplitude - 1 == pytest.approx(dt / 10.0, rel=0.1)  # dt / (2 tau_s)
    assert measured.time == pytest.approx(exact.time, abs=1.5 * dt)
    meets("two_neuron", "single_epsp_peak_w50", measured.amplitude)


def test_a_deflection_has_a_sign_and_a_window():
    rec = simulate(two_neurons(I_pre=1505.0, w=-5000.0), duration=120.0, record=["post.V"])
    first = rec.spikes["pre"].times[0]
    assert deflection(rec, "post.V", start=first, stop=first + 40.0).amplitude < -7.5
    assert deflection(rec, "post.V", stop=first) == (0.0, 0.0)
    with pytest.raises(ValueError, match="no sample of post.V from 50 ms to 50 ms"):
        deflection(rec, "post.V", start=50.0, stop=50.0)
    with pytest.raises(ValueError, match="nothing was recorded under"):
        deflection(rec, "pre.V")


def test_what_has_no_closed_form_is_refused():
    with pytest.raises(ValueError, match="Exponential, Alpha and DualExponential"):
        conductance_course("exponential", [1.0], 2.0)
    with pytest.raises(ValueError, match="tau_s = 0 ms must be above 0"):
        epsp(1.0, w=1.0, tau_m=20.0, tau_s=0.0)
    with pytest.raises(ValueError, match="tau_m = nan ms"):
        epsp_peak(w=1.0, tau_m=np.nan, tau_s=5.0)
