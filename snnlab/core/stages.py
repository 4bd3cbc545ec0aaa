"""Stages of a step: work that is laid into a computation of its own.

XLA's CPU runtime executes a computation of at most eight kernels one after the other, at 10 to 20 ns a kernel. Any
longer one it schedules as a graph that might run in parallel, at 50 to 100 ns a kernel: more than a kernel over a
thousand cells needs to compute. No option changes that, but a branch of a conditional is a computation of its own.

What a stage makes must be new: XLA copies the state of a loop that goes through two of them. And nothing is moved out
of one: what does not change from step to step is made before.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax


class Stages:
    """Runs work in branches that are taken whenever ``always`` is true: a traced value, so that XLA cannot know it.

    None runs it on the spot, for compilers that are served better by one long step.
    """

    def __init__(self, always: Array | None):
        self._always = always

    def apart(self, work: Callable[..., Any], *operands: Any) -> Any:
        """``work(*operands)``, in a stage."""
        if self._always is None:
            return work(*operands)

        def never(*operands):
            return jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), jax.eval_shape(work, *operands))

        return lax.cond(self._always, work, never, *operands)
