"""Two competing pools reduced to their NMDA gating variables (Wong & Wang, 2006)."""

import math
from typing import ClassVar

import jax
import jax.core
import jax.numpy as jnp

from snnlab.core import randomness
from snnlab.core.parameters import ABOVE_ZERO, component, model, param
from snnlab.core.rates import Moment, threshold_linear

INF = float("inf")
_POSITIVE = (ABOVE_ZERO, INF)


@component
class ReducedDecision:
    """The two-variable system that ``wong_wang2006`` builds. Its time is in seconds.

    ``simulate`` starts it at (s1_0, s2_0), without the stimulus until ``onset``, and can record the rates of the pools
    (Hz) as "r1" and "r2". The phase plane is that with the stimulus.
    """

    stimulus: float = param(
        30.0, unit="Hz", doc="rate of the stimulus at coherence 0", bounds=(0.0, INF), slider=(0.0, 80.0)
    )
    coherence: float = param(0.0, doc="coherence, towards pool 1 where positive", bounds=(-1.0, 1.0))
    J_rec: float = param(
        0.3725, unit="nA", doc="coupling of a pool to itself", bounds=(0.0, INF), slider=(0.2, 0.5)
    )
    J_inh: float = param(
        0.1137, unit="nA", doc="inhibition by the other pool", bounds=(0.0, INF), slider=(0.0, 0.2)
    )
    I_0: float = param(0.3297, unit="nA", doc="background current", slider=(0.25, 0.4))
    J_A: float = param(
        0.00117, unit="nA per Hz", doc="current by the stimulus", bounds=(0.0, INF), slider=(0.0, 0.002)
    )
    a: float = param(270.0, unit="Hz per nA", doc="gain of the rate", bounds=_POSITIVE, slider=(150.0, 400.0))
    b: float = param(108.0, unit="Hz", doc="threshold of the rate", slider=(60.0, 160.0))
    d: float = param(
        0.154, unit="s", doc="noise that bends the threshold", bounds=_POSITIVE, slider=(0.05, 0.5)
    )
    tau_s: float = param(0.06, unit="s", doc="decay of NMDA gating", bounds=_POSITIVE, slider=(0.02, 0.2))
    gamma: float = param(0.641, doc="gating opened by a spike", bounds=(0.0, INF), slider=(0.2, 1.5))
    s1_0: float = param(0.1, doc="s1 at the start of a run", bounds=(0.0, 1.0))
    s2_0: float = param(0.1, doc="s2 at the start of a run", bounds=(0.0, 1.0))
    onset: float = param(
        0.0, unit="s", doc="start of the stimulus in a run", bounds=(0.0, INF), slider=(0.0, 1.0)
    )
    sigma: float = param(
        0.0, unit="nA", doc="noise of the background current", bounds=(0.0, INF), slider=(0.0, 0.05)
    )
    tau_noise: float = param(
        0.002, unit="s", doc="correlation time of the noise", bounds=_POSITIVE, slider=(0.001, 0.01)
    )
    trials: int = param(1, doc="runs with noise of their own", bounds=(1, 100_000), integer=True)

    variables: ClassVar[tuple[str, ...]] = ("s1", "s2")
    window: ClassVar[tuple[tuple[float, float], ...]] = ((0.0, 1.0), (0.0, 1.0))
    time_unit: ClassVar[str] = "s"
    units: ClassVar[dict[str, str]] = {"r1": "Hz", "r2": "Hz"}

    def initial(self, key: jax.Array) -> jax.Array:
        """The state [2] at the start of a run."""
        return jnp.stack([self.s1_0, self.s2_0])

    def input(self, moment: Moment) -> jax.Array:
        """Whether the stimulus is there, 0 or 1."""
        return jnp.where(moment.k >= jnp.round(self.onset / moment.dt), 1.0, 0.0)

    def rates(
        self, state: jax.Array, present: jax.Array | float = 1.0, noise: jax.Array | float = 0.0
    ) -> jax.Array:
        """Firing rates (Hz) [..., 2] of the two pools in a state [..., 2].

        ``present`` is the share of the stimulus that is there, ``noise`` a further current (nA) [..., 2].
        """
        s1, s2 = state[..., 0], state[..., 1]
        drive = present * self.J_A * self.stimulus
        I_1 = self.J_rec * s1 - self.J_inh * s2 + self.I_0 + drive * (1 + self.coherence)
        I_2 = self.J_rec * s2 - self.J_inh * s1 + self.I_0 + drive * (1 - self.coherence)
        return threshold_linear(jnp.stack([I_1, I_2], -1) + noise, self.a, self.b, self.d)

    def derivative(
        self, state: jax.Array, present: jax.Array | float = 1.0, noise: jax.Array | float = 0.0, /
    ) -> jax.Array:
        """Rates of change (1/s) [..., 2] of the gating variables [..., 2]."""
        return -state / self.tau_s + (1 - state) * self.gamma * self.rates(state, present, noise)

    def observe(self, state: jax.Array, present: jax.Array) -> dict[str, jax.Array]:
        """What a run can record beside the state."""
        r1, r2 = self.rates(state, present)
        return {"r1": r1, "r2": r2}


@component
class NoisyDecision:
    """The ``system`` with a noisy background current of each pool, in as many trials at once as its ``trials``.

    The noise is an Ornstein-Uhlenbeck process, ``tau_noise dI/dt = -I + sqrt(tau_noise) sigma xi(t)``, of which every
    step sees the exact variance ``sigma^2 / 2``, whatever dt is (Wong & Wang, 2006). Four variables have no phase
    plane; that of ``system`` is the plane without noise.
    """

    system: ReducedDecision

    variables: ClassVar[tuple[str, ...]] = ("s1", "s2", "noise1", "noise2")
    time_unit: ClassVar[str] = "s"

    def initial(self, key: jax.Array) -> jax.Array:
        """The state [4 trials]: all trials at one start, the noise as it is after a long time."""
        n, system = self.system.trials, self.system
        start = jnp.repeat(jnp.stack([system.s1_0, system.s2_0]), n)
        noise = randomness.normal(randomness.bits(key, jnp.uint32(0), 2 * n))
        return jnp.concatenate([start, system.sigma / math.sqrt(2.0) * noise])

    def draw(self, key: jax.Array, k: jax.Array, dt: jax.Array) -> jax.Array:
        """What drives the noise currents (nA) [2 trials] during a step."""
        kept = jnp.exp(-dt / self.system.tau_noise)
        amplitude = self.system.sigma / math.sqrt(2.0) * jnp.sqrt((1 + kept) / (1 - kept))
        return amplitude * randomness.normal(randomness.bits(key, k, 2 * self.system.trials))

    def input(self, moment: Moment) -> tuple[jax.Array, jax.Array]:
        """Whether the stimulus is there, and what drives the noise currents (nA) [2 trials] during a step."""
        return self.system.input(moment), moment.drawn

    def derivative(self, state: jax.Array, given: tuple[jax.Array, jax.Array], /) -> jax.Array:
        """Rates of change [4 trials] of the state."""
        (s, noise), (present, driven) = self._parts(state), given
        ds = self.system.derivative(s, present, noise)
        return jnp.concatenate([jnp.ravel(ds.T), (driven - jnp.ravel(noise.T)) / self.system.tau_noise])

    def observe(self, state: jax.Array, given: tuple[jax.Array, jax.Array]) -> dict[str, jax.Array]:
        """What a run can record beside the state."""
        s, noise = self._parts(state)
        r1, r2 = self.system.rates(s, given[0], noise).T
        return {"r1": r1, "r2": r2} if self.system.trials > 1 else {"r1": r1[0], "r2": r2[0]}

    def _parts(self, state: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Gating and noise, [trials, 2] each."""
        gating, noise = state.reshape(2, 2, -1)
        return gating.T, noise.T


@model
def wong_wang2006(**parameters) -> ReducedDecision | NoisyDecision:
    """Two-variable model of a perceptual decision (Wong & Wang, 2006). Its time is in **seconds**, not ms.

    ``ds_i/dt = -s_i / tau_s + (1 - s_i) gamma phi(I_i)`` with ``I_1 = J_rec s_1 - J_inh s_2 + I_0 + J_A stimulus (1 +
    coherence)``, ``I_2`` its mirror image, and ``phi`` as in ``core.rates.threshold_linear``. The state is (s1, s2).
    ``simulate`` runs it for a duration in ms as it does any model.

    With noise (``sigma``), or with several ``trials``, it is a ``NoisyDecision``, whose ``system`` has the phase plane.
    """
    system = ReducedDecision(**parameters)
    noisy = not isinstance(system.sigma, jax.core.Tracer) and system.sigma > 0.0
    return NoisyDecision(system) if noisy or system.trials > 1 else system
