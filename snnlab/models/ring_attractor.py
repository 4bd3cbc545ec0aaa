"""A continuous attractor: a ring of units that holds an angle (Wu, Hamaguchi & Amari, 2008; Fung, Wong & Wu, 2010)."""

import math
from collections.abc import Callable
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from snnlab.core import integrators, randomness
from snnlab.core.parameters import ABOVE_ZERO, component, model, param, static
from snnlab.core.rates import Moment

INF = float("inf")
MODES = (
    12  # harmonics of the kernel that are enough where it is wide: 25 numbers instead of a Fourier transform
)
NOISE_STEP = 0.1  # ms; noise of this step is scaled so that its effect does not depend on dt


@component
class RingAttractor:
    """The ring that ``cann`` builds. ``simulate`` starts it silent and can record, beside the inputs "u" [T, n]:

    "r" [T, n], the rates; "stimulus" [T, n], the input from outside, with its noise; and "position" [T], the angle at
    which the stimulus stands, in (-pi, pi], or nan where there is none.
    """

    n: int = param(512, doc="units on the ring", bounds=(8, 100_000), slider=(64, 1024), integer=True)
    k: float = param(
        8.1, doc="divisive inhibition; scales with n", bounds=(0.0, INF), slider=(0.01, 200.0), log=True
    )
    a: float = param(
        0.5, unit="rad", doc="width of the connections", bounds=(ABOVE_ZERO, 1.0), slider=(0.2, 1.0)
    )
    A: float = param(10.0, doc="height of the stimulus", bounds=(0.0, INF), slider=(0.0, 20.0))
    J0: float = param(4.0, doc="strength of the connections", bounds=(0.0, INF), slider=(0.0, 8.0))
    tau: float = param(1.0, unit="ms", doc="time constant", bounds=(ABOVE_ZERO, INF), slider=(0.5, 5.0))
    position: float = param(0.0, unit="rad", doc="angle of the stimulus at first", slider=(-math.pi, math.pi))
    jump: float = param(0.0, unit="rad", doc="step of the stimulus at t_move", slider=(-math.pi, math.pi))
    speed: float = param(
        0.0, unit="rad / ms", doc="speed of the stimulus from t_move to t_halt", slider=(-2.0, 2.0)
    )
    t_on: float = param(1.0, unit="ms", doc="when the stimulus comes", bounds=(0.0, INF), slider=(0.0, 60.0))
    t_off: float = param(9.0, unit="ms", doc="when it goes", bounds=(0.0, INF), slider=(0.0, 60.0))
    t_move: float = param(0.0, unit="ms", doc="when it begins to move", bounds=(0.0, INF), slider=(0.0, 60.0))
    t_halt: float = param(60.0, unit="ms", doc="when it halts", bounds=(0.0, INF), slider=(0.0, 60.0))
    noise: float = param(
        0.0,
        doc="noise of every unit's input: deviation in A, in steps of 0.1 ms",
        bounds=(0.0, INF),
        slider=(0.0, 1.0),
    )
    closed: bool = static(
        False, doc="put units at -pi and at pi, which are the same angle, as the listing does"
    )
    hold: bool = static(False, doc="let the stimulus stand still during a step, as the listing does")
    integrator: Callable[..., jax.Array] = static(integrators.rk4, doc="how a step is taken")

    variables: ClassVar[tuple[str, ...]] = ("u",)
    time_unit: ClassVar[str] = "ms"

    def check(self):
        if self.n * self.a < 2.0 * math.pi:
            raise ValueError(
                f"cann: n = {self.n} units are too few for connections of the width a = {self.a:g} rad: they stand "
                f"further apart than that. Use at least {math.ceil(2.0 * math.pi / self.a)} units or a wider a."
            )

    @property
    def angles(self) -> np.ndarray:
        """The angles [n] of the units, rad."""
        return np.linspace(-np.pi, np.pi, self.n, endpoint=self.closed)

    def weights(self) -> np.ndarray:
        """The connections [n, n]: a Gaussian of the distance, continued around the ring."""
        distance = self.angles[:, None] - self.angles
        images = distance[..., None] + 2.0 * np.pi * np.arange(-3, 4)
        a = float(self.a)
        return float(self.J0) / (math.sqrt(2.0 * np.pi) * a) * np.exp(-0.5 * (images / a) ** 2).sum(-1)

    def initial(self, key: jax.Array) -> jax.Array:
        """The state [n] at t = 0: silence."""
        return jnp.zeros(self.n)

    def at(self, position: jax.Array) -> jax.Array:
        """The stimulus [n] at an angle, without noise: ``A exp(-d^2 / (4 a^2))``."""
        distance = _wrapped(jnp.asarray(self.angles, jnp.result_type(float)) - position)
        return self.A * jnp.exp(-0.25 * (distance / self.a) ** 2)

    def path(self, moment: Moment) -> tuple[jax.Array, jax.Array]:
        """Where the stimulus stands (rad, not wrapped), and whether there is one."""
        begin = (moment.k + 0.5) * moment.dt  # half a step later, so that rounding moves no switch
        t = moment.k * moment.dt if self.hold else moment.t
        way = self.speed * jnp.clip(t - self.t_move, 0.0, jnp.maximum(self.t_halt - self.t_move, 0.0))
        jumped = jnp.where(begin > self.t_move, self.jump, 0.0)
        return self.position + jumped + way, (begin > self.t_on) & (begin < self.t_off)

    def draw(self, key: jax.Array, k: jax.Array, dt: jax.Array) -> jax.Array:
        """The noise [n] of a step."""

        def drawn():
            deviation = self.noise * self.A * jnp.sqrt(NOISE_STEP / dt)
            return deviation * randomness.normal(randomness.bits(key, k, self.n))

        return lax.cond(self.noise * self.A > 0.0, drawn, lambda: jnp.zeros(self.n))

    def input(self, moment: Moment) -> tuple[jax.Array, jax.Array]:
        """The input from outside [n], and the angle of the stimulus in (-pi, pi], nan where there is none."""
        position, on = self.path(moment)
        stimulus = jnp.where(on, self.at(position), 0.0) + moment.drawn
        return stimulus, jnp.where(on, _wrapped(position), jnp.nan)

    def rates(self, u: jax.Array) -> jax.Array:
        """The rates [n] of inputs [n]: ``u^2 / (1 + k sum u^2)``."""
        squares = u * u
        return squares / (1.0 + self.k * jnp.sum(squares))

    def recurrent(self, r: jax.Array) -> jax.Array:
        """What rates [n] send round the ring [n]: the sum over j of ``weights[i, j] r_j``.

        By the harmonics of the kernel, ``J0 n / (2 pi) exp(-(a m)^2 / 2)`` of order m: the first few where the others
        are below rounding, all by a Fourier transform where the connections are narrower than that.
        """
        enough = math.sqrt(-2.0 * math.log(jnp.finfo(r.dtype).eps))
        return lax.cond(self.a * (self._modes + 1) > enough, self._by_modes, self._by_transform, r)

    @property
    def _modes(self) -> int:
        return min(MODES, (self.n - self.closed - 1) // 2)

    def _spectrum(self, m: jax.Array) -> jax.Array:
        return self.J0 / (2.0 * math.pi) * jnp.exp(-0.5 * (self.a * m) ** 2)

    def _by_modes(self, r: jax.Array) -> jax.Array:
        m = np.arange(1, self._modes + 1)
        waves = np.outer(m, self.angles)
        basis = jnp.asarray(np.concatenate([np.ones((1, self.n)), np.cos(waves), np.sin(waves)]), r.dtype)
        weights = self._spectrum(jnp.asarray(np.concatenate([[0], m, m]), r.dtype))
        return ((2.0 * weights).at[0].set(weights[0]) * (basis @ r)) @ basis

    def _by_transform(self, r: jax.Array) -> jax.Array:
        n = self.n - self.closed
        if self.closed:  # two units share one angle
            r = r[:-1].at[0].add(r[-1])

        def spectrum(m):  # as the units sample it
            return n * (self._spectrum(m) + self._spectrum(n - m) + self._spectrum(n + m))

        sent = _filtered(r, spectrum)
        return jnp.append(sent, sent[0]) if self.closed else sent

    def derivative(self, u: jax.Array, given: tuple[jax.Array, jax.Array], /) -> jax.Array:
        """The rate of change (1/ms) [n] of the inputs [n] under an input from outside."""
        return (-u + self.recurrent(self.rates(u)) + given[0]) / self.tau

    def observe(self, u: jax.Array, given: tuple[jax.Array, jax.Array]) -> dict[str, jax.Array]:
        """What a run can record beside the state."""
        return {"r": self.rates(u), "stimulus": given[0], "position": given[1]}


def _filtered(x: jax.Array, spectrum: Callable[[jax.Array], jax.Array]) -> jax.Array:
    """``x`` [n] with its Fourier coefficient of every order m multiplied by ``spectrum(m)``, which is even in n.

    Where n is a product of two numbers of like size, by two matrices of these sizes instead of one of n, forth and back
    (Cooley & Tukey, 1965): as fast as a library at the sizes of rings, and nothing but products.
    """
    n = x.size
    p = next(p for p in range(math.isqrt(n), 0, -1) if n % p == 0)
    q = n // p
    if q > 8 * p:
        return jnp.fft.irfft(spectrum(jnp.arange(n // 2 + 1, dtype=x.dtype)) * jnp.fft.rfft(x), n=n)

    def waves(a, b, size):
        turn = 2.0 * np.pi * (np.outer(np.arange(a), np.arange(b)) % size) / size
        return jnp.asarray(np.cos(turn), x.dtype), jnp.asarray(np.sin(turn), x.dtype)

    (c_p, s_p), (c_q, s_q), (c, s) = waves(p, p, p), waves(q, q, q), waves(p, q, n)
    x = x.reshape(p, q)
    re, im = c_p @ x, -s_p @ x
    re, im = re * c + im * s, im * c - re * s
    order = np.arange(p)[:, None] + p * np.arange(q)
    factor = spectrum(jnp.asarray(np.minimum(order, n - order), x.dtype)) / n
    re, im = factor * (re @ c_q + im @ s_q), factor * (im @ c_q - re @ s_q)
    re, im = re @ c_q - im @ s_q, im @ c_q + re @ s_q
    re, im = re * c - im * s, im * c + re * s
    return (c_p @ re - s_p @ im).reshape(n)


def _wrapped(angle: jax.Array) -> jax.Array:
    return angle - 2.0 * math.pi * jnp.round(angle / (2.0 * math.pi))


@model
def cann(**parameters) -> RingAttractor:
    """Continuous attractor on a ring (Wu, Hamaguchi & Amari, 2008; Fung, Wong & Wu, 2010).

    ``tau du_i/dt = -u_i + sum_j J(x_i - x_j) r_j + I_i`` with the rates ``r = u^2 / (1 + k sum_j u_j^2)``, connections
    ``J(d) = J0 / (sqrt(2 pi) a) exp(-d^2 / (2 a^2))`` and a stimulus ``A exp(-d^2 / (4 a^2))`` that comes at t_on at an
    angle, may jump at t_move, moves at a speed until t_halt and goes at t_off. Sums run over all units, so k and J0
    belong to their n: four times as many units with a quarter of both are the same ring.

    What the listing literally runs is ``cann(closed=True, hold=True, tau=2.0)``: half a step of integration for each
    step of its clock.
    """
    return RingAttractor(**parameters)


def population_coding(**changes) -> RingAttractor:
    """The first experiment: a stimulus at 0 from 1 to 9 ms; a run of 17 ms shows what stays. k is 0.1."""
    return cann(**{"k": 0.1, **changes})


def template_matching(**changes) -> RingAttractor:
    """The second experiment: a stimulus at 0.5 rad jumps to 0 after 10 ms, under 10 % noise; 40 ms."""
    return cann(
        **{"t_on": 0.0, "t_off": 40.0, "position": 0.5, "t_move": 10.0, "jump": -0.5, "noise": 0.1, **changes}
    )


def smooth_tracking(**changes) -> RingAttractor:
    """The third experiment: a stimulus rests for 20 ms, moves by 12 rad in 20 ms and rests for 20 ms; 60 ms."""
    return cann(**{"t_on": 0.0, "t_off": 60.0, "t_move": 20.0, "t_halt": 40.0, "speed": 0.6, **changes})
