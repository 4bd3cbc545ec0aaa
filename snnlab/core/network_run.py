"""Running a network: in chunks, so that a run can show progress, be stopped, and fail with a time stamp."""

import collections
import copy
from collections.abc import Iterable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from snnlab.core import delivery, memory, planner, probes, randomness
from snnlab.core import step as stepping
from snnlab.core.carry import initial
from snnlab.core.connectivity import AllToAll
from snnlab.core.network import Network, Packed
from snnlab.core.parameters import shown
from snnlab.core.recording import Recording, Spikes, SpikeTrains
from snnlab.core.run import MAX_STEPS, Kept, Pieces, SimulationError, chunk_steps, whole_steps

ANCHORS = 4  # states that are kept: from one of them the last check and what came before it can be repeated
TAIL = 300  # steps that a run may end with in one piece
PROGRAMS = 32  # compiled programs that are kept: some 10 MB each
WIRING_PEAK = 64  # bytes that a connection takes while tables are made


class Run(Pieces):
    """A run of a network in pieces: iterate to advance chunk by chunk, ask for ``recording()`` at any time.

    Building one checks everything and plans the network; ``simulate`` is a loop over it. With a ``window`` (ms)
    instead of a duration it has no end, and the recording is of the last ``window`` ms.
    """

    def __init__(
        self,
        model: Network,
        *,
        duration: float | None = None,
        dt: float = 0.1,
        seed: int = 0,
        record: str | Iterable[str] | Mapping[str, Any] | None = None,
        chunk: int | None = None,
        window: float | None = None,
    ):
        if not isinstance(model, Network):
            raise ValueError(f"simulate: {shown(model)} is not a model; expected a Network.")
        super().__init__(duration, dt, seed, window)
        self.network = model
        _check_step(model, self.dt)
        self._plan, delays = planner.build(model, self.dt)
        self._probes, wanted = probes.wanted(model, record)
        self._labels = tuple(f"{probe.population}.{probe.variable}" for probe in self._probes)
        self.chunk = chunk_steps(chunk, self._step_bytes(wanted))
        self._tail = TAIL if chunk is None else self.chunk
        rows = self._rows() if self.endless else self.n_steps
        self._refuse_if_too_large(wanted, rows)
        cells = tuple(np.asarray(which, np.int32) for which in wanted)
        real = np.dtype(jnp.result_type(float))
        packed = Packed.of(_without_wiring(model))
        self._recipes = planner.recipes(model, self._plan, self.seed)
        self._arguments = (packed, planner.made(self._recipes), *jax.device_put((delays, cells)))
        self._scalars = jax.device_put((np.asarray(self.dt, real), np.uint32(self.seed)))
        _keep_program((self._plan, self._probes, self.chunk, packed.layout))
        self._carry = initial(self._plan, packed, self._scalars[1])
        self._dispatched = self._since = 0
        self._anchors = collections.deque(maxlen=ANCHORS)
        self._pending: collections.deque[tuple[Any, ...]] = collections.deque()
        self._chunks: list[tuple[int, dict[str, tuple[np.ndarray, np.ndarray]]]] = []
        self._cells = dict(zip(self._labels, cells, strict=True))
        shapes = [(len(which),) for which in cells]
        self._samples = Kept(shapes, real, rows, self._past if self.endless else None)

    @property
    def taken(self) -> int:
        return self._dispatched

    def _take(self, n: int) -> None:
        start = self._dispatched
        if start + n == self.n_steps and n > self._tail:
            # nothing is computed while the last piece is decoded: the shorter it is, the better
            n = -(-n // 2)
        if -start % stepping.CHECK < n or start == self._since:
            self._anchors.append((start, self._carry))
        self._carry, *results = self._steps(self._carry, n)
        self._pending.append((self._carry.failed, start, n, results))
        self._dispatched = start + n
        if len(self._pending) > 1:
            self._collect()  # the host decodes one chunk while the device computes the next

    def recording(self) -> Recording:
        while self._pending:
            self._collect()
        return self._recording(self.done)

    @property
    def done(self) -> int:
        """How many steps have been collected."""
        return self._chunks[-1][0] if self._chunks else 0

    def _rows(self) -> int:
        """How many samples a run without an end has room for: what it may have to repeat and the window, twice."""
        self._past = self.window + (ANCHORS + 1) * max(self.chunk, stepping.CHECK)
        return 2 * self._past + self.chunk

    def look_back(self, window: float) -> None:
        self.recording()
        self.window = whole_steps(window, self.dt)
        self._samples = self._samples.resized(self._rows(), self._past, self.done)

    def adopt(self, model: Network) -> bool:
        if not isinstance(model, Network):
            return False
        _check_step(model, self.dt)
        plan, delays = planner.build(model, self.dt)
        recipes = planner.recipes(model, plan, self.seed)
        if recipes != self._recipes or not planner.alike((self.network, self._plan), (model, plan)):
            return False
        packed, before = Packed.of(_without_wiring(model)), self._arguments
        if (plan, packed.layout) != (self._plan, before[0].layout):
            other = jax.eval_shape(initial, plan, packed, self._scalars[1])
            if _kinds(other) != _kinds(self._carry):
                return False
        self.recording()  # which collects what was computed with the parameters so far
        # entry variables wait in the buffer with a factor that depends on their time constant
        self._carry = stepping.settled(self._plan, before[0], self._carry, self._scalars[0])
        self.network, self._plan, self._recipes = model, plan, recipes
        self._arguments = (packed, planner.made(recipes), jax.device_put(delays), before[3])
        _keep_program((self._plan, self._probes, self.chunk, packed.layout))
        self._since = self._dispatched
        self._anchors.clear()
        return True

    def _steps(self, carry, n):
        packed, tables, delays, cells = self._arguments
        dt, seed = self._scalars
        return stepping.advance(
            self._plan,
            self._probes,
            self.chunk,
            packed,
            tables,
            delays,
            cells,
            carry,
            np.int32(n),
            np.int32(self.n_steps),
            dt,
            seed,
        )

    def _collect(self):
        """Takes in the oldest chunk that is pending; when it is interrupted, the chunk is still pending."""
        failed, start, n, (words, samples) = self._pending[0]
        if failed >= 0:
            self._explain_blow_up(int(failed))
        self._keep(start, n, words, samples)
        self._pending.popleft()

    def _keep(self, start, n, words, samples):
        spikes = {}
        for group, packed in zip(self._plan.groups, words, strict=True):
            step, cell = delivery.decode(np.asarray(packed)[:n])
            times = (step + start) * self.dt
            for name, first, last in zip(group.populations, group.offsets, group.offsets[1:], strict=False):
                mine = (cell >= first) & (cell < last) if len(group.populations) > 1 else slice(None)
                spikes[name] = times[mine], cell[mine] - np.int32(first)
        self._samples.put(start, n, samples)
        if start == self.done:  # else an interrupt came after the chunk was kept and before it was struck off
            self._chunks.append((start + n, spikes))
        while self.endless and self._chunks[0][0] <= start - self._past:
            del self._chunks[0]

    def _recording(self, done) -> Recording:
        first = max(0, done - self.window)
        begin, stop = first * self.dt, done * self.dt
        trains, pieces = {}, [spikes for end, spikes in self._chunks if end > first]
        for name, population in self.network.populations.items():
            times = np.concatenate([np.empty(0), *(spikes[name][0] for spikes in pieces)])
            neurons = np.concatenate([np.empty(0, np.int32), *(spikes[name][1] for spikes in pieces)])
            late = np.searchsorted(times, begin - self.dt / 2)
            trains[name] = SpikeTrains(times[late:], neurons[late:], population.n, begin, stop)
        samples = dict(zip(self._labels, self._samples.get(first, done), strict=True))
        complete, length = done == self.n_steps, (done - first) * self.dt
        return Recording(self.dt, length, self.seed, Spikes(trains), samples, complete, self._cells, begin)

    def _explain_blow_up(self, failed):
        """Finds the first step after which the state is not sound, and raises."""
        start, carry = next(
            each for each in reversed(self._anchors) if each[0] <= max(self._since, failed - stepping.CHECK)
        )
        self._chunks = [chunk for chunk in self._chunks if chunk[0] <= start]
        while True:
            n = min(self.chunk, failed - start)
            after, words, samples = self._steps(carry, n)
            if not self._soundness(after)[0]:
                break
            self._keep(start, n, words, samples)
            start, carry = start + n, after
        good, bad = 0, n
        while bad - good > 1:
            middle = (good + bad) // 2
            if self._soundness(self._steps(carry, middle)[0])[0]:
                good = middle
            else:
                bad = middle
        _, words, samples = self._steps(carry, good)
        self._keep(start, good, words, samples)
        after = self._steps(carry, bad)[0]
        self._dispatched = self.done
        self._pending.clear()
        error = SimulationError(
            f"{self._culprit(after)} at t = {(start + bad) * self.dt:g} ms: the run was stopped. "
            f"The drive is too strong for dt = {self.dt:g} ms; use weaker weights, a smaller dt or an integrator that "
            "takes the conductance along (implicit, exponential)."
        )
        error.recording = self._recording(self.done)
        self._failure = error
        raise error

    def _soundness(self, carry):
        packed, tables, delays, _ = self._arguments
        return stepping.soundness(self._plan, packed, tables, delays, carry, self._scalars[0])

    def _culprit(self, carry) -> str:
        def place(group, cell):
            i = np.searchsorted(group.offsets, cell, side="right") - 1
            return f'population "{group.populations[i]}"', cell - group.offsets[i]

        for group, cells in zip(self._plan.groups, carry.cells, strict=True):
            for variable, values in zip(cells.state._fields, map(np.asarray, cells.state), strict=True):
                wrong = np.flatnonzero(~(np.abs(values) < stepping.ABSURD))
                if values.dtype.kind == "f" and len(wrong):
                    population, cell = place(group, wrong[0])
                    return f"{population}: {variable} of cell {cell} is {values[wrong[0]]:g}"
        for group, cells in zip(self._plan.groups, self._soundness(carry)[1], strict=True):
            wrong = np.flatnonzero(cells)
            if len(wrong):
                population, cell = place(group, wrong[0])
                return (
                    f"{population}: a step throws V of cell {cell} past its equilibrium and further from it"
                )
        return "a synapse's state is not finite"

    def _step_bytes(self, wanted) -> int:
        """What a step leaves behind in a chunk: samples and the raster."""
        return 8 * sum(map(len, wanted)) + sum(4 * delivery.n_words(group.n) for group in self._plan.groups)

    def _refuse_if_too_large(self, wanted, rows):
        real = np.dtype(jnp.result_type(float)).itemsize
        plan, cells = self._plan, sum(population.n for population in self.network.populations.values())
        variables = plan.size + sum(group.n * len(self._neuron(group).State._fields) for group in plan.groups)
        variables += sum(2 * plan.groups[row.group].n for row in plan.rows if row.dense)
        ring = plan.ring * sum(4 * delivery.n_words(group.n) for group in plan.groups)
        length = f"for {self.duration:g} ms at dt = {self.dt:g} ms"
        samples = rows * real * sum(map(len, wanted))
        copies = ANCHORS + 2  # of what is carried from chunk to chunk
        memory.require(
            "simulate",
            (f"recording {', '.join(self._labels)} {length}", samples, "record fewer cells or a shorter run"),
            (f"the state of {cells} cells", copies * real * variables, "use fewer cells"),
            (
                f"remembering spikes for delays of {plan.ring} steps",
                copies * ring,
                "use shorter delays or fewer cells",
            ),
            (
                "making the wiring",
                _wiring_bytes(self.network, self._plan),
                "use fewer cells or a smaller connection probability",
            ),
            (
                f"a chunk of {self.chunk} steps",
                2 * self.chunk * self._step_bytes(wanted),
                "use smaller chunks",
            ),
        )

    def _neuron(self, group) -> Any:
        return self.network.populations[group.populations[0]].neuron


def _wiring_bytes(network: Network, plan: planner.Plan) -> float:
    """What wiring takes while it is made: the tables that stay, and every connection on the way there."""
    connections = 0.0
    for projection in network.projections:
        if not isinstance(projection.connectivity, AllToAll):
            n_pre, n_post = network.populations[projection.pre].n, network.populations[projection.post].n
            connections += n_pre * projection.connectivity.degree(n_pre, n_post)[0]
    return planner.table_bytes(network, plan) + WIRING_PEAK * connections


_programs: set[Any] = set()


def _keep_program(program: Any):
    """Forgets all compiled programs when there are too many: JAX itself would keep every size that ever was run."""
    _programs.add(program)
    if len(_programs) > PROGRAMS:
        compiled: tuple[Any, ...] = (stepping.advance, initial, stepping.soundness)
        for function in compiled:
            function.clear_cache()
        _programs.clear()
        _programs.add(program)


def _check_step(network: Network, dt: float):
    """Raises ValueError for what cannot be taken in steps of ``dt``."""
    for i, projection in enumerate(network.projections):
        if projection.delay > MAX_STEPS // 2 * dt:
            raise ValueError(
                f'projection {i} ("{projection.pre}" -> "{projection.post}"): delay = {projection.delay:g} ms is too '
                f"long for dt = {dt:g} ms; it can be {MAX_STEPS // 2} steps."
            )
    means: dict[Any, float] = {}  # Poisson sources of one weight are drawn once, so that their rates add up
    for i, entry in enumerate(network.inputs):
        for name in entry.targets if hasattr(entry.source, "highest") else ():
            drawn = name, entry.synapse, float(entry.weight)
            means[drawn] = mean = means.get(drawn, 0.0) + entry.source.highest * dt * 1e-3
            if mean > randomness.MAX_MEAN:
                raise ValueError(
                    f'input {i} (to "{name}"): {1e3 * mean / dt:g} Hz are {mean:g} Poisson spikes a step of '
                    f"dt = {dt:g} ms; at most {randomness.MAX_MEAN:g} can be drawn. Use a smaller dt."
                )


def _without_wiring(network: Network) -> Network:
    """The network as the compiled step sees it: connectivity is in the tables."""
    bare = []
    for projection in network.projections:
        projection = copy.copy(projection)
        object.__setattr__(projection, "connectivity", None)
        bare.append(projection)
    network = copy.copy(network)
    object.__setattr__(network, "projections", tuple(bare))
    return network


def _kinds(carry: Any) -> Any:
    """Structure, shapes and types of a state."""
    leaves, structure = jax.tree.flatten(carry)
    return structure, [(leaf.shape, leaf.dtype) for leaf in leaves]
