"""The continuous attractor against published numbers, closed forms and an independent integration."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from targets import meets, target

from snnlab import Recording, analysis, integrators, simulate
from snnlab.models import cann
from snnlab.models.ring_attractor import population_coding, smooth_tracking, template_matching

LISTING = {"closed": True, "hold": True}  # its grid, and its stimulus that stands still during a step
CLOCKS = {
    "consistent_h10": {},
    "literal_h05": {"tau": 2.0},
}  # steps of 0.05 on a clock of 0.1 are twice the tau
WATCHED = ("u", "position")


@functools.cache
def coding(clock):
    return simulate(population_coding(**LISTING, **CLOCKS[clock]), duration=17.1)["u"]


@pytest.mark.parametrize("clock", CLOCKS)
def test_population_coding(clock):
    """A stimulus is coded while it is there and remembered when it has gone."""
    peaks = analysis.peak_height(coding(clock))
    protocol = f"exp1_{clock}_k0.1"
    meets("cann", f"{protocol}.peak_1", peaks[20])  # 1 ms after the stimulus came
    meets("cann", f"{protocol}.peak_endstim", peaks[90])
    meets("cann", f"{protocol}.peak_end", peaks[170])
    angles = cann(**LISTING).angles
    meets("cann", f"{protocol}.decode_end", analysis.population_vector(coding(clock)[170], angles))


@pytest.mark.parametrize("clock", CLOCKS)
def test_template_matching(clock):
    """Noise in every unit's input hardly moves the angle that is decoded."""
    model = template_matching(**LISTING, **CLOCKS[clock])
    decoded = [
        analysis.population_vector(simulate(model, duration=40.0, seed=seed)["u"][200:], model.angles)
        for seed in range(20)
    ]
    meets("cann", f"exp2_{clock}_pub.rms", np.sqrt(np.mean(np.square(decoded))))


@pytest.mark.parametrize("clock", CLOCKS)
def test_smooth_tracking(clock):
    """Published lags are from the stimulus that was last applied to the state after the step."""
    model = smooth_tracking(**LISTING, **CLOCKS[clock])
    recording = simulate(model, duration=60.0, record=WATCHED)
    angle = analysis.population_vector(recording["u"], model.angles)
    behind = math.remainder(recording["position"][299] - angle[300], 2 * math.pi)
    meets("cann", f"exp3_{clock}_pub.lag_mid", behind)
    meets("cann", f"exp3_{clock}_pub.z_final", angle[-1])


@pytest.mark.parametrize("speed", [0.1, 0.3, 0.6])
def test_steady_lag(speed):
    """Held over steps and read a step later, the stimulus seems half a step nearer than it is."""
    moving = {"speed": speed, "t_on": 0.0, "t_off": 60.0}
    name = f"lag_k8.1_A10_v{speed}"
    held = simulate(cann(**moving, hold=True), duration=30.1, record=WATCHED)
    angle = analysis.population_vector(held["u"])
    meets("cann", name, math.remainder(held["position"][299] - angle[300], 2 * math.pi))
    smooth = simulate(cann(**moving), duration=30.1, record=WATCHED)
    steady = analysis.following(cann(), speed)
    assert analysis.lag(smooth)[300] == pytest.approx(steady.lag, abs=2e-5)
    assert steady.lag == pytest.approx(target("cann", name)["value"] + 0.05 * speed, abs=1e-3)
    assert steady.height == pytest.approx(target("cann", name)["amp"], rel=1e-3)
    back = analysis.following(cann(), -speed)
    assert back.lag == pytest.approx(-steady.lag, abs=1e-9)


def test_the_largest_speed_that_catches_a_silent_ring():
    """The stimulus moves from the beginning; whoever loses it falls back by a turn."""
    t_end = {"t_on": 0.0, "t_off": 60.0}

    def is_lost(speed):
        recording = simulate(cann(k=0.1, speed=speed, **t_end), duration=60.0, record=WATCHED)
        return np.unwrap(analysis.lag(recording)[1:]).max() > np.pi

    low, high = 0.6, 1.2
    for _ in range(9):
        middle = 0.5 * (low + high)
        low, high = (low, middle) if is_lost(middle) else (middle, high)
    meets("cann", "vmax_k0.1_A10", 0.5 * (low + high))
    assert analysis.largest_speed(cann(k=0.1)) > high  # once it follows, it follows faster


def test_critical_inhibition():
    meets("cann", "kc_linspace512", analysis.critical_k(cann(closed=True)))
    meets("cann", "kc_theory_N512", analysis.critical_k(cann()))
    rho, a, J0 = 300 / (2 * np.pi), 0.4, 3.0
    assert analysis.critical_k(cann(n=300, a=a, J0=J0)) == pytest.approx(
        rho * J0**2 / (8 * np.sqrt(2 * np.pi) * a), rel=1e-6
    )
    assert analysis.critical_k(cann(J0=0.0)) == 0.0


@pytest.mark.parametrize("k", [0.1, 8.1, 50.0])
def test_bump(k):
    """Against the published bump, and against the ring itself: the derivative of it vanishes."""
    ring, entry = cann(k=k, closed=True), target("cann", f"bump_k{k:g}")
    found = analysis.bump(ring)
    meets("cann", f"bump_k{k:g}", found.u.max())
    assert found.height == pytest.approx(entry["gaussian_fit_peak"], rel=1e-6)
    assert found.r.max() == pytest.approx(entry["r_peak"], rel=1e-6)
    assert np.sum(found.u**2) == pytest.approx(entry["sum_u2"], rel=1e-6)
    assert found.threshold == pytest.approx(entry["unstable_peak"], rel=1e-3)
    assert found.width == pytest.approx(entry["width_sd_u"], rel=1e-3)
    with jax.enable_x64(True):
        rest = ring.derivative(jnp.asarray(found.u), (0.0, math.nan))
        low = ring.derivative(jnp.asarray(found.u * found.threshold / found.height), (0.0, math.nan))
    assert np.abs(rest).max() < 1e-9 * found.height and np.abs(low).max() < 1e-9 * found.threshold


def test_every_published_number_of_the_ring_is_tested():
    """By name, in this file: the ids of the section are those that the tests above build."""
    from targets import _sections

    exp = [f"exp1_{c}_k0.1.{q}" for c in CLOCKS for q in ("peak_1", "peak_endstim", "peak_end", "decode_end")]
    exp += [f"exp2_{c}_pub.rms" for c in CLOCKS]
    exp += [f"exp3_{c}_pub.{q}" for c in CLOCKS for q in ("lag_mid", "z_final")]
    exp += [f"lag_k8.1_A10_v{v}" for v in (0.1, 0.3, 0.6)] + [f"bump_k{k}" for k in ("0.1", "8.1", "50")]
    assert set(_sections()["cann"]) == {*exp, "vmax_k0.1_A10", "kc_linspace512", "kc_theory_N512"}


# ---- the ring


@pytest.mark.parametrize(
    ("n", "a", "closed"),
    [
        (512, 0.5, False),
        (512, 0.5, True),
        (512, 0.2, False),
        (77, 0.2, True),
        (13, 0.5, False),
        (64, 1.0, True),
    ],
)
@pytest.mark.parametrize("x64", [False, True])
def test_the_sum_over_the_ring_equals_the_matrix(n, a, closed, x64):
    """Few harmonics, all of them, or the matrix: the same sum to rounding, also on the grid with a double point."""
    ring, r = cann(n=n, a=a, closed=closed), np.random.default_rng(1).random(n)
    with jax.enable_x64(x64):
        sent = np.asarray(jax.jit(lambda ring, r: ring.recurrent(r))(ring, jnp.asarray(r, float)))
    exact = ring.weights() @ r
    assert np.abs(sent - exact).max() < (1e-13 if x64 else 1e-6) * exact.max()


def test_weights_are_the_documented_gaussian():
    ring = cann(n=100)
    distance = np.abs((ring.angles[:, None] - ring.angles + np.pi) % (2 * np.pi) - np.pi)
    nearest = 4.0 / (np.sqrt(2 * np.pi) * 0.5) * np.exp(-(distance**2) / (2 * 0.5**2))
    assert np.abs(ring.weights() - nearest).max() < 1e-8
    assert np.allclose(ring.at(0.3), 10.0 * np.exp(-((ring.angles - 0.3) ** 2) / (4 * 0.25)), atol=1e-2)
    assert np.allclose(np.diff(cann().angles), 2 * np.pi / 512) and cann().angles[0] == -np.pi
    assert cann(closed=True).angles[-1] == np.pi


def test_a_run_agrees_with_an_independent_integration():
    """Dense, float64, scipy's adaptive solver of order 8."""
    from scipy.integrate import solve_ivp

    ring = smooth_tracking(n=64, k=0.8, A=3.0, t_move=2.0, t_halt=8.0, speed=0.5, position=0.7)
    J, x = ring.weights(), ring.angles

    def flow(t, u):
        away = (x - 0.7 - 0.5 * np.clip(t - 2.0, 0.0, 6.0) + np.pi) % (2 * np.pi) - np.pi
        return -u + J @ (u * u / (1 + 0.8 * u @ u)) + 3.0 * np.exp(-(away**2) / (4 * 0.25))

    times = np.arange(100) * 0.1
    # away from the corners at which the stimulus sets out, which an adaptive solver must be told of
    solved, u = [], np.zeros(64)
    for start, stop in ((0.0, 2.0), (2.0, 8.0), (8.0, 10.0)):
        inside = times[(times >= start - 1e-9) & (times < stop - 1e-9)]
        part = solve_ivp(flow, (start, stop), u, "DOP853", rtol=1e-10, atol=1e-12, dense_output=True)
        solved, u = [*solved, part.sol(inside).T], part.y[:, -1]
    with jax.enable_x64(True):
        ours = simulate(ring, duration=10.0, dt=0.025)["u"][::4]
    assert np.abs(ours - np.concatenate(solved)).max() < 1e-5


def test_rk4_converges_at_fourth_order_and_euler_at_first():
    def final(dt, step):
        # weak inhibition: at a strong one the first rates rise within a tenth of a step
        ring = smooth_tracking(n=64, k=0.05, J0=1.0, t_move=0.0, speed=0.5, integrator=step)
        with jax.enable_x64(True):
            u = simulate(ring, duration=4.0 + dt, dt=dt, record="u")["u"][-1]
        return u[np.abs(ring.angles - 1.0) < 1.0]  # not where the stimulus, opposite to itself, has its edge

    exact = final(0.003125, integrators.rk4)
    for step, order in ((integrators.rk4, 4), (integrators.euler, 1)):
        errors = [np.abs(final(dt, step) - exact).max() for dt in (0.2, 0.025)]
        assert math.log(errors[0] / errors[1], 8) == pytest.approx(order, abs=0.35)


def test_the_size_of_the_ring_does_not_matter_when_k_and_J0_go_with_it():
    small = simulate(smooth_tracking(n=128), duration=40.0)["u"]
    large = simulate(smooth_tracking(n=512, k=8.1 / 4, J0=1.0), duration=40.0)["u"]
    assert np.abs(small - large[:, ::4]).max() < 1e-3


def test_what_a_run_records_beside_the_state():
    ring = template_matching(t_off=30.0)
    recording = simulate(ring, duration=40.0, record=("u", "r", "stimulus", "position"), seed=2)
    u, t = recording["u"], recording.t
    assert np.allclose(recording["r"], u**2 / (1 + 8.1 * (u**2).sum(1, keepdims=True)), rtol=1e-4, atol=1e-9)
    assert np.allclose(recording["position"][:100], 0.5) and np.allclose(recording["position"][100:300], 0.0)
    assert np.all(np.isnan(recording["position"][300:]))
    noise = recording["stimulus"][t >= 30.0]
    assert noise.std() == pytest.approx(1.0, rel=0.02) and abs(noise.mean()) < 0.02
    finer = simulate(ring, duration=10.0, dt=0.025, record="stimulus")["stimulus"] - np.asarray(ring.at(0.5))
    assert finer.std() == pytest.approx(
        2.0, rel=0.02
    )  # four steps for one: twice the deviation, the same effect
    moving = simulate(smooth_tracking(speed=1.0), duration=60.0, record="position")
    assert np.allclose(np.cos(moving["position"]), np.cos(np.clip(moving.t - 20.0, 0.0, 20.0)), atol=1e-4)


def test_a_bump_stays_where_it_was_put():
    """The attractor is continuous: whatever the angle, the bump keeps it, and noise makes it wander."""
    for angle in (-2.0, 0.1234, 3.0):
        u = simulate(population_coding(position=angle), duration=100.0)["u"][-1]
        assert math.remainder(analysis.population_vector(u) - angle, 2 * math.pi) == pytest.approx(
            0.0, abs=1e-3
        )
        assert u.max() == pytest.approx(analysis.bump(population_coding()).height, rel=2e-3)
    noisy = simulate(population_coding(noise=0.5), duration=200.0, seed=1)["u"]
    wander = np.abs(analysis.population_vector(noisy[[300, 1999]]))
    assert 1e-3 < wander.max() < 1.0


def test_above_the_critical_inhibition_nothing_stays():
    ends = [simulate(cann(k=k, A=1.0), duration=60.0)["u"][-1].max() for k in (125.0, 135.0)]
    assert ends[0] > 0.5 * analysis.bump(cann(k=125.0)).height and ends[1] < 1e-3


# ---- decoding


def test_decoding_finds_the_angle_of_a_bump():
    x = cann().angles
    for angle in (-3.1, -1.0, 0.0, 0.777, 3.1415):
        bumps = np.exp(-0.25 * ((((x - angle + np.pi) % (2 * np.pi)) - np.pi) / 0.5) ** 2)
        for decode in (analysis.population_vector, analysis.centre_of_mass):
            assert math.remainder(float(decode(bumps)) - angle, 2 * math.pi) == pytest.approx(0.0, abs=1e-4)
        assert analysis.peak_height(bumps) == pytest.approx(1.0, rel=1e-6)
    assert analysis.population_vector(np.stack([bumps, -bumps, 0 * bumps])).shape == (3,)
    assert np.isnan(analysis.population_vector(-bumps)) and np.isnan(analysis.centre_of_mass(np.zeros(8)))
    with pytest.raises(ValueError, match=r"activity of shape \(3, 8\) does not belong to 9 angles"):
        analysis.population_vector(np.ones((3, 8)), np.arange(9.0))


def test_summary_says_what_is_to_be_seen():
    def words(model, duration):
        return str(analysis.ring_summary(simulate(model, duration=duration, record=WATCHED)))

    assert words(population_coding(position=1.0), 30.0) == (
        "bump of height 22.6 at +1.00 rad, no stimulus, decoding error 0.0000 rad"
    )
    tracked = words(smooth_tracking(speed=-0.3), 40.0)
    assert "lag up to 0.299 rad" in tracked and "stimulus at +0.31 rad" in tracked
    assert words(cann(t_off=2.0), 60.0) != words(cann(A=0.0), 60.0) == "no activity is left"
    assert "lag" not in words(template_matching(), 40.0)
    with pytest.raises(ValueError, match="nothing has been simulated"):
        empty = {"u": np.empty((0, 8)), "position": np.empty(0)}
        analysis.ring_summary(Recording(0.1, 0.0, 0, {}, empty))


# ---- how fast


def test_a_weak_stimulus_is_followed_up_to_the_speed_of_first_order_theory():
    """v = (A / u_0 tau) d exp(-d^2 / 6 a^2), by the left eigenvector of a shift; it is largest at d = sqrt(3) a."""
    for a, tau in ((0.5, 1.0), (0.4, 3.0)):
        u_0 = analysis.bump(cann(k=0.5, a=a)).height
        A = 1e-3 * u_0
        ring = cann(k=0.5, a=a, tau=tau, A=A)
        fastest = math.sqrt(3 / math.e) * a * A / (u_0 * tau)
        assert analysis.largest_speed(ring) == pytest.approx(fastest, rel=0.01)
        behind = analysis.following(ring, 0.5 * fastest).lag
        assert A / u_0 * behind * math.exp(-(behind**2) / (6 * a**2)) / tau == pytest.approx(
            0.5 * fastest, rel=0.01
        )


@pytest.mark.parametrize(
    ("model", "factor"), [({"k": 0.1, "A": 2.0}, 0.02), ({"k": 0.1}, 0.04), ({"A": 0.1}, 0.04)]
)
def test_simulation_keeps_up_below_the_largest_speed_and_not_above(model, factor):
    """In the frame of the stimulus, stepped in time from the steady state a little below: it stays, or leaves."""
    ring = cann(**model)
    limit = analysis.largest_speed(ring)

    def unrest(speed):
        path = analysis.ring._Path(ring)
        assert path.reach((1 - 2 * factor) * limit)
        u, angles = path.u, []
        for _ in range(8000):
            u = integrators.rk4(lambda u, _: path._flow(u, speed), u, 0.0, 0.05)
            angles.append(analysis.population_vector(u))
        return np.ptp(np.unwrap(angles[5000:]))

    assert unrest((1 - factor) * limit) < 0.1 < unrest((1 + factor) * limit)


def test_a_leaky_filter_is_dragged_at_any_speed():
    """At the listing's k and A the stimulus alone makes the bump; it is never lost, only late and weak."""
    assert analysis.largest_speed(cann()) == math.inf
    states = [analysis.following(cann(), speed) for speed in (0.0, 1.0, 5.0)]
    assert states[0].lag == pytest.approx(0.0, abs=1e-9)
    assert 0.5 < states[1].lag < states[2].lag < math.pi / 2
    assert states[0].height > states[1].height > states[2].height


# ---- what is refused


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({"n": 12}, r"n = 12 units are too few for connections of the width a = 0.5 rad.*at least 13 units"),
        ({"a": 0.01}, "n = 512 units are too few for connections of the width a = 0.01"),
        ({"n": 7}, "n = 7 is not allowed; it must be at least 8"),
        ({"n": 64.5}, "whole number"),
        ({"a": 1.5}, "a = 1.5 rad is not allowed; it must be above 0 and at most 1 rad"),
        ({"a": 0.0}, "a = 0 rad is not allowed"),
        ({"k": -1.0}, "k = -1 is not allowed"),
        ({"tau": 0.0}, "tau = 0 ms is not allowed"),
        ({"noise": -0.1}, "noise = -0.1 is not allowed"),
        ({"velocity": 1.0}, 'no parameter "velocity"'),
        ({"possition": 1.0}, 'no parameter "possition". Did you mean "position"'),
    ],
)
def test_wrong_parameters_are_refused(parameters, reason):
    with pytest.raises(ValueError, match=f"cann.*{reason}|{reason}"):
        cann(**parameters)


def test_theory_says_in_words_where_there_is_none():
    with pytest.raises(ValueError, match="There is no bump: k = 200 is not below the critical k = 130.035"):
        analysis.bump(cann(k=200.0))
    with pytest.raises(ValueError, match="There is no bump: k = 8.1 is not below the critical k = 0 "):
        analysis.bump(cann(J0=0.0))
    with pytest.raises(ValueError, match="without inhibition, k = 0, activity grows without bound"):
        analysis.bump(cann(k=0.0))
    with pytest.raises(ValueError, match=r"speed = 1.2 rad/ms is too fast: .* faster than 1.061 rad/ms"):
        analysis.following(cann(k=0.1), 1.2)
    with pytest.raises(ValueError, match="nothing to follow"):
        analysis.largest_speed(cann(A=0.0))
    with pytest.raises(ValueError, match="grows without bound"):
        analysis.largest_speed(cann(k=0.0))
    with pytest.raises(ValueError, match="speed must be a finite number"):
        analysis.following(cann(), math.nan)
    for function in (analysis.bump, analysis.critical_k, analysis.largest_speed):
        for wrong in (cann, 3.0, "cann"):
            with pytest.raises(ValueError, match="is no ring; expected a model such as models.cann()"):
                function(wrong)


def test_angles_are_read_from_all_units_or_not_at_all():
    some = simulate(cann(), duration=1.0, record={"u": [0, 5, 9], "position": None})
    for function in (analysis.lag, analysis.ring_summary):
        with pytest.raises(ValueError, match="u was recorded of some units only"):
            function(some)
    with pytest.raises(ValueError, match="activity must be a number"):
        analysis.population_vector(some)
    alone = simulate(population_coding(), duration=12.0)
    assert np.all(np.isnan(analysis.lag(alone))) and "no stimulus" in str(analysis.ring_summary(alone))
