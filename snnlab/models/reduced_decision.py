"""Two competing pools reduced to their NMDA gating variables (Wong & Wang, 2006)."""

from typing import ClassVar

import jax
import jax.numpy as jnp

from snnlab.core.parameters import ABOVE_ZERO, component, model, param
from snnlab.core.rates import threshold_linear

INF = float("inf")
_POSITIVE = (ABOVE_ZERO, INF)


@component
class ReducedDecision:
    """The two-variable system that ``wong_wang2006`` builds. Its time is in seconds.

    ``simulate`` starts it at (s1_0, s2_0) and can record the rates of the pools (Hz) as "r1" and "r2".
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

    variables: ClassVar[tuple[str, ...]] = ("s1", "s2")
    window: ClassVar[tuple[tuple[float, float], ...]] = ((0.0, 1.0), (0.0, 1.0))
    time_unit: ClassVar[str] = "s"

    def initial(self, key: jax.Array) -> jax.Array:
        """The state [2] at the start of a run."""
        return jnp.stack([self.s1_0, self.s2_0])

    def rates(self, state: jax.Array) -> jax.Array:
        """Firing rates (Hz) [..., 2] of the two pools in a state [..., 2]."""
        s1, s2 = state[..., 0], state[..., 1]
        drive = self.J_A * self.stimulus
        I_1 = self.J_rec * s1 - self.J_inh * s2 + self.I_0 + drive * (1 + self.coherence)
        I_2 = self.J_rec * s2 - self.J_inh * s1 + self.I_0 + drive * (1 - self.coherence)
        return threshold_linear(jnp.stack([I_1, I_2], -1), self.a, self.b, self.d)

    def derivative(self, state: jax.Array, /) -> jax.Array:
        """Rates of change (1/s) [..., 2] of the gating variables [..., 2]."""
        return -state / self.tau_s + (1 - state) * self.gamma * self.rates(state)

    def observe(self, state: jax.Array) -> dict[str, jax.Array]:
        """What a run can record beside the state."""
        r1, r2 = self.rates(state)
        return {"r1": r1, "r2": r2}


@model
def wong_wang2006(**parameters) -> ReducedDecision:
    """Two-variable model of a perceptual decision (Wong & Wang, 2006). Its time is in **seconds**, not ms.

    ``ds_i/dt = -s_i / tau_s + (1 - s_i) gamma phi(I_i)`` with ``I_1 = J_rec s_1 - J_inh s_2 + I_0 + J_A stimulus (1 +
    coherence)``, ``I_2`` its mirror image, and ``phi`` as in ``core.rates.threshold_linear``. The state is (s1, s2).
    ``simulate`` runs it for a duration in ms as it does any model.
    """
    return ReducedDecision(**parameters)
