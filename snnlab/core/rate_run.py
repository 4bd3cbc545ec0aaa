"""Running a model without spikes: the same interface as a network's ``Run``, by ``simulate`` or piece by piece."""

import functools
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NoReturn

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from snnlab.core import integrators, memory, probes, randomness
from snnlab.core.parameters import shown, unknown
from snnlab.core.rates import MILLISECONDS, Moment, put_together, taken_apart
from snnlab.core.recording import Recording, Spikes
from snnlab.core.run import Kept, Pieces, SimulationError, chunk_steps, whole_steps

ABSURD = 1e9  # a variable beyond this has left the model


class RateRun(Pieces):
    """A run of a rate model in pieces: iterate to advance chunk by chunk, ask for ``recording()`` at any time.

    ``record`` names variables and what the model can ``observe``; without it all variables are recorded. What has one
    unit gives [T], anything else [T, units]; a dict ``{"u": [0, 5]}`` picks units. Building a run checks everything.
    With a ``window`` (ms) instead of a duration it has no end, and the recording is of the last ``window`` ms.
    """

    def __init__(
        self,
        model: Any,
        *,
        duration: float | None = None,
        dt: float = 0.1,
        seed: int = 0,
        record: str | Iterable[str] | Mapping[str, Any] | None = None,
        chunk: int | None = None,
        window: float | None = None,
    ):
        self.name = _checked(model)
        super().__init__(duration, dt, seed, window)
        self.done = 0  # steps that have been taken
        self.variables = tuple(model.variables)
        real = np.dtype(jnp.result_type(float))
        self._structure, leaves = taken_apart(model)
        step = np.asarray(self.dt / MILLISECONDS[model.time_unit], real)
        self._leaves, self._dt, self._seed = jax.device_put(
            (tuple(np.asarray(leaf, real) for leaf in leaves), step, np.uint32(self.seed))
        )
        shapes = _shapes(self._structure, tuple(leaf.shape for leaf in self._leaves), real)
        self._units = self._chosen(self.variables if record is None else record, shapes)
        shapes = {name: shapes[name] if units is None else units.shape for name, units in self._units.items()}
        bytes_a_step = sum(map(math.prod, shapes.values())) * real.itemsize
        self.chunk = chunk_steps(chunk, bytes_a_step)
        rows = 2 * self.window + self.chunk if self.endless else self.n_steps
        what = f"recording {', '.join(self._units)} for {self.duration:g} ms at dt = {self.dt:g} ms"
        memory.require("simulate", (what, bytes_a_step * rows, "record fewer units or a shorter run"))
        if chunk is not None:
            self.chunk = min(self.chunk, self.n_steps)
        self._given = jax.device_put(tuple(self._units.values()))
        self._samples = Kept(list(shapes.values()), real, rows, self.window if self.endless else None)
        self._state = _initial(self._structure, self._leaves, self._seed)

    @property
    def taken(self) -> int:
        return self.done

    def _take(self, n: int) -> None:
        k, state, samples = _advance(
            self._structure,
            tuple(self._units),
            self.chunk,
            self._leaves,
            self._given,
            np.int32(self.done),
            np.int32(self.done + n),
            self._state,
            self._dt,
            self._seed,
        )
        self._samples.put(self.done, int(k) - self.done, samples)
        self._state, self.done = state, int(k)
        if not _sound(np.asarray(state)):
            self._stop_with_an_error(np.asarray(state))

    def recording(self) -> Recording:
        return self._recording(self.done == self.n_steps and self._failure is None)

    def look_back(self, window: float) -> None:
        self.window = whole_steps(window, self.dt)
        self._samples = self._samples.resized(2 * self.window + self.chunk, self.window, self.done)

    def adopt(self, model: Any) -> bool:
        structure, leaves = taken_apart(model)
        leaves = jax.device_put(tuple(np.asarray(leaf, self._dt.dtype) for leaf in leaves))
        if structure != self._structure or [x.shape for x in leaves] != [x.shape for x in self._leaves]:
            return False
        self._leaves = leaves
        return True

    def _recording(self, complete: bool) -> Recording:
        first = max(0, self.done - self.window)
        samples = dict(zip(self._units, self._samples.get(first, self.done), strict=True))
        picked = {name: units for name, units in self._units.items() if units is not None}
        length, start = (self.done - first) * self.dt, first * self.dt
        return Recording(self.dt, length, self.seed, Spikes({}), samples, complete, picked, start)

    def _stop_with_an_error(self, state: np.ndarray) -> NoReturn:
        wrong = int(np.argmax(np.nan_to_num(np.abs(state), nan=np.inf)))
        variable, unit = divmod(wrong, len(state) // len(self.variables))
        which = f" of unit {unit}" if len(state) > len(self.variables) else ""
        error = SimulationError(
            f"{self.name}: {self.variables[variable]}{which} is {state[wrong]:g} at t = {self.done * self.dt:g} ms: "
            f"the run was stopped. Its input is too strong or its time constants too short for dt = {self.dt:g} ms; "
            "use a smaller dt."
        )
        error.recording = self._recording(complete=False)
        self._failure = error
        raise error

    def _chosen(self, record: Any, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, np.ndarray | None]:
        """By name, the units [m] that ``record`` asks for; None for all."""
        chosen = {}
        for name, which in probes.named(record).items():
            if name not in shapes:
                raise ValueError(unknown(f"record: {self.name} has nothing like", name, shapes))
            n = shapes[name][0] if shapes[name] else 1
            chosen[name] = None if which is None else probes.cells(name, which, n, "units").astype(np.int32)
        return chosen


def _checked(model: Any) -> str:
    """What a rate model is called in messages. Raises ValueError when it is none."""
    expected = "expected a Network, or a rate model with variables, time_unit, initial and derivative"
    missing = [
        name for name in ("variables", "time_unit", "initial", "derivative") if not hasattr(model, name)
    ]
    if isinstance(model, type) or missing:
        lack = "it is a class" if isinstance(model, type) else f"it has no {missing[0]}"
        raise ValueError(f"simulate: {shown(model)} is not a model; {expected}, but {lack}.")
    name = type(model).__name__
    if model.time_unit not in MILLISECONDS:
        raise ValueError(unknown(f"{name}: there is no time_unit", model.time_unit, MILLISECONDS))
    return name


class _Stepped:
    """A model at the steps of one run: its flow in a step, and what can be recorded at a step's beginning."""

    def __init__(self, model: Any, dt: Array, seed: Array):
        self.model, self.dt, self.key = model, dt, randomness.subkey(seed, "input")
        self.take = getattr(model, "integrator", integrators.rk4)

    def at(self, k: Array) -> Callable[[Any, Array, Array], Any]:
        """Calls a function of the state, in step k, with the state and the input at a time."""
        if not hasattr(self.model, "input"):
            return lambda function, x, t: function(x)
        drawn = self.model.draw(self.key, k, self.dt) if hasattr(self.model, "draw") else None
        return lambda function, x, t: function(x, self.model.input(Moment(t, k, self.dt, drawn)))

    def time(self, k: Array) -> Array:
        return k.astype(self.dt.dtype) * self.dt

    def flow(self, k: Array) -> integrators.Flow:
        call = self.at(k)
        return lambda x, t: call(self.model.derivative, x, t)

    def values(self, x: Array, k: Array) -> dict[str, Array]:
        parts = x.reshape(len(self.model.variables), -1)
        own = {
            name: part[0] if len(part) == 1 else part
            for name, part in zip(self.model.variables, parts, strict=True)
        }
        more = self.at(k)(self.model.observe, x, self.time(k)) if hasattr(self.model, "observe") else {}
        return own | {name: jnp.asarray(value) for name, value in more.items()}

    def step(self, x: Array, k: Array) -> Array:
        return self.take(self.flow(k), x, self.time(k), self.dt)


def _sound(x: Any) -> Any:
    return (abs(x) < ABSURD).all()


@functools.lru_cache(maxsize=256)
def _shapes(
    structure: Any, leaves: tuple[tuple[int, ...], ...], real: np.dtype
) -> dict[str, tuple[int, ...]]:
    """Of everything that can be recorded, variables first, its shape at one time: () or (units,).

    Raises ValueError for a state or a derivative of another shape than the model's variables need.
    """
    names: list[str] = []

    def look(leaves, seed, dt):
        model = put_together(structure, leaves)
        x, name, variables = _initial(structure, leaves, seed), type(model).__name__, tuple(model.variables)
        if not variables or not x.size or x.size % len(variables):
            raise ValueError(
                f"{name}: the state {x.shape} must hold its variables ({', '.join(variables)}) one after the other, "
                "as many units of each."
            )
        stepped = _Stepped(model, dt, seed)
        flow = stepped.flow(jnp.int32(0))(x, dt)
        if flow.shape != x.shape:
            raise ValueError(
                f"{name}: the derivative must have the shape of the state: {x.shape}, not {flow.shape}."
            )
        values = stepped.values(x, jnp.int32(0))
        names.extend(values)  # a dict would come back sorted
        return tuple(values.values())

    given = tuple(jax.ShapeDtypeStruct(shape, real) for shape in leaves)
    scalars = jax.ShapeDtypeStruct((), np.uint32), jax.ShapeDtypeStruct((), real)
    values = jax.eval_shape(look, given, *scalars)
    return {name: value.shape for name, value in zip(names, values, strict=True)}


@functools.partial(jax.jit, static_argnames="structure")
def _initial(structure: Any, leaves: tuple[Array, ...], seed: Array) -> Array:
    model = put_together(structure, leaves)
    return jnp.ravel(jnp.asarray(model.initial(randomness.subkey(seed, "initial")), jnp.result_type(float)))


@functools.partial(jax.jit, static_argnames=("structure", "names", "capacity"))
def _advance(structure, names, capacity, leaves, units, begin, end, x, dt, seed):
    """Steps from number ``begin`` to ``end`` (at most ``capacity``), or until the state is not sound.

    Returns the number of the next step, the state before it, and the samples [capacity, ...] of ``names``, of the
    ``units`` that are listed or of all.
    """
    model = _Stepped(put_together(structure, leaves), dt, seed)

    def sampled(x, k):
        values = model.values(x, k)
        return tuple(
            values[name] if which is None else jnp.atleast_1d(values[name])[which]
            for name, which in zip(names, units, strict=True)
        )

    def one(loop):
        k, x, samples = loop
        samples = tuple(
            lax.dynamic_update_index_in_dim(kept, row.astype(kept.dtype), k - begin, 0)
            for kept, row in zip(samples, sampled(x, k), strict=True)
        )
        return k + 1, model.step(x, k), samples

    rows = jax.eval_shape(sampled, x, begin)
    samples = tuple(jnp.zeros((capacity, *row.shape), x.dtype) for row in rows)
    return lax.while_loop(lambda loop: (loop[0] < end) & _sound(loop[1]), one, (begin, x, samples))
