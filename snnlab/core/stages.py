"""Stages of a step: work that is laid into a computation of its own.

XLA's CPU runtime executes a computation of at most eight kernels one after the other, at 10 to 20 ns a kernel. Any
longer one it schedules as a graph that might run in parallel, at 50 to 100 ns a kernel: more than a kernel over a
thousand cells needs to compute. No option changes that, but a branch of a conditional is a computation of its own.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax
from jax.extend import core


class Stages:
    """Runs work in branches that are taken whenever ``always`` is true: a traced value, so that XLA cannot know it.

    None runs it on the spot, for compilers that are served better by one long step. What changes from step to step is
    to be an operand of the work: all that follows from other values alone is computed before the stage, from where XLA
    moves it out of the loop over steps.
    """

    def __init__(self, always: Array | None):
        self._always = always

    def apart(self, work: Callable[..., Any], *operands: Any) -> Any:
        """``work(*operands)``, which makes something new."""
        if self._always is None:
            return work(*operands)
        work = _prepared(work, *operands)
        return lax.cond(self._always, work, lambda *operands: _nothing(work, *operands), *operands)

    def update(self, work: Callable[..., tuple[Any, Any]], state: Any, *operands: Any) -> tuple[Any, Any]:
        """``work(state, *operands)``: the next state, in the place of the present one, and something new."""
        if self._always is None:
            return work(state, *operands)
        work = _prepared(work, state, *operands)
        return lax.cond(
            self._always,
            work,
            lambda state, *operands: (state, _nothing(work, state, *operands)[1]),
            state,
            *operands,
        )


def _nothing(work: Callable[..., Any], *operands: Any) -> Any:
    return jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), jax.eval_shape(work, *operands))


def _prepared(work: Callable[..., Any], *operands: Any) -> Callable[..., Any]:
    """The same work on these operands, with all of it done that does not depend on them."""
    closed, shapes = jax.make_jaxpr(work, return_shape=True)(*operands)
    jaxpr = closed.jaxpr
    known, early, late = set(jaxpr.constvars), [], []
    for equation in jaxpr.eqns:
        given = [x for x in equation.invars if not isinstance(x, core.Literal)]
        if given and known.issuperset(
            given
        ):  # what is made from nothing, such as indices, is made again for nothing
            early.append(equation)
            known.update(equation.outvars)
        else:
            late.append(equation)
    used = [x for equation in late for x in equation.invars] + list(jaxpr.outvars)
    made = {x for equation in early for x in equation.outvars}
    kept = list(dict.fromkeys(x for x in used if not isinstance(x, core.Literal) and x in made))
    nameless = jaxpr.debug_info._replace(arg_names=(), result_paths=None)
    first = jaxpr.replace(invars=[], outvars=kept, eqns=early, debug_info=nameless)
    values = core.jaxpr_as_fun(core.ClosedJaxpr(first, closed.consts))()
    second = jaxpr.replace(constvars=[*jaxpr.constvars, *kept], eqns=late)
    run = core.jaxpr_as_fun(core.ClosedJaxpr(second, [*closed.consts, *values]))
    structure = jax.tree.structure(shapes)
    return lambda *operands: jax.tree.unflatten(structure, run(*jax.tree.leaves(operands)))
