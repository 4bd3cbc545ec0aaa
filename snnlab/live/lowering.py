"""From the graph to C: the items of a region's schedule one after the other.

An array is updated in place, or a result put where its reader wants it, only when what lies there is dead: nobody reads
it after the present item, in this region or in those around it. Every load asserts that its buffer still holds the
value that is meant (``AliasingError``), so that a wrong decision is no wrong number but no program.
"""

import contextlib
import dataclasses
import math
from collections.abc import Iterator, Sequence

from snnlab.live import complex_numbers, control, elementwise, indexed, rearranged, reductions, threefry
from snnlab.live.c import TYPES, Index, literal, ravel, unravel
from snnlab.live.graph import Op, Region, Value
from snnlab.live.memory import AliasingError, Buffer, Memory
from snnlab.live.schedule import Loop, Planner, Scalar, Schedule, Statement, in_place
from snnlab.live.views import FLAT, VIEWS, is_view

STATEMENTS = (
    control.RULES
    | complex_numbers.RULES
    | indexed.RULES
    | reductions.RULES
    | rearranged.RULES
    | threefry.RULES
)
NOW, LATER, NEVER = "now", "later", "never"


@dataclasses.dataclass(eq=False)
class Frame:
    """A region while it is written: where in its schedule we are, and which values were born in it."""

    schedule: Schedule
    loop: bool
    born: set[Value]
    at: int = 0


class Lowering:
    """Writes the C of a module's functions."""

    def __init__(self):
        self.memory = Memory()
        self.planner = Planner()
        self.lines: list[str] = []
        self.scalars: dict[Value, str] = {}  # the names of single numbers
        self.stored: dict[Value, Buffer] = {}
        self.wanted: dict[Value, Buffer] = {}  # where a value had best be put
        self.frames: list[Frame] = []
        self.known: list[dict[tuple[Value, Index | str], str]] = [{}]  # elements that have names, by block
        self.loads: list[tuple[Buffer, str]] = []
        self.count = 0

    # -- text

    def emit(self, line: str) -> None:
        self.lines.append("  " * (len(self.known) - 1) + line)

    def name(self, letter: str) -> str:
        self.count += 1
        return f"{letter}{self.count}"

    def let(self, dtype: str, expression: str) -> str:
        """A constant with the value of an expression."""
        name = self.name("t")
        self.emit(f"const {TYPES[dtype]} {name} = {expression};")
        return name

    @contextlib.contextmanager
    def block(self, head: str) -> Iterator[None]:
        self.emit(f"{head} {{")
        self.known.append({})
        yield
        self.known.pop()
        self.emit("}")

    @contextlib.contextmanager
    def loops(self, shape: Sequence[int]) -> Iterator[Index]:
        """Nested loops over the indices of a shape."""
        with contextlib.ExitStack() as stack:
            index = []
            for n in shape:
                index.append("0" if n == 1 else self.name("i"))
                if n != 1:
                    i = index[-1]
                    stack.enter_context(self.block(f"for (int {i} = 0; {i} < {n}; {i}++)"))
            yield tuple(index)

    # -- reading

    def atom(self, value: Value) -> str:
        """A single number, whatever its shape."""
        return self.element(value, ("0",) * len(value.shape))

    def element(self, value: Value, index: Index) -> str:
        """The name of an element of a value; what has no name yet is computed into this block."""
        if value.size == 1 and value in self.scalars:
            return self.scalars[value]
        return self._named(value, index, lambda: self._element(value, index))

    def flat(self, value: Value, place: str) -> str:
        """The same by an element's place in memory."""
        op = value.op
        if value.size == 1:
            return self.atom(value)
        if len(value.shape) == 1:
            return self.element(value, (place,))
        if value.constant is not None or value in self.stored:
            return self._named(value, place, lambda: self.load(value, place))
        assert op is not None
        if is_view(op) and op.name in FLAT:
            return self.flat(op.inputs[0], place)
        if op.name in elementwise.NAMES and self.planner.is_flat_map(op):
            return self._named(value, place, lambda: self.computed(op, place))
        return self.element(value, unravel(place, value.shape))

    def computed(self, op: Op, index: Index | str) -> str:
        """The expression of an element of an elementwise operation's result, by its index or its place."""
        if op.name in elementwise.NAMES:
            if isinstance(index, str):
                return elementwise.expression(op, [self.flat(v, index) for v in op.inputs])
            shapes = [v.shape or (1,) * len(index) for v in op.inputs]
            places = [
                tuple("0" if n == 1 else i for i, n in zip(index, shape, strict=True)) for shape in shapes
            ]
            operands = [
                self.element(v, place if v.shape else ()) for v, place in zip(op.inputs, places, strict=True)
            ]
            return elementwise.expression(op, operands)
        index = unravel(index, op.outputs[0].shape) if isinstance(index, str) else index
        if op.name == "gather":
            return indexed.gathered(self, op, index)
        if op.name == "random_bits":
            return threefry.bits(self, op, index)
        return elementwise.cast(index[op.params["dimension"]], "int32", op.outputs[0].dtype)  # iota

    def load(self, value: Value, place: str) -> str:
        if value.constant is not None:
            first = value.constant.reshape(-1)[:1]
            if (
                first.size and value.constant.tobytes() == first.tobytes() * value.size
            ):  # zeros of one sign, too
                return literal(first[0], value.dtype)
            return f"{self.memory.constant(value.constant, value.dtype)}[{place}]"
        buffer = self.stored[value]
        if buffer.occupant is not value:
            raise AliasingError(f"{buffer.name} no longer holds the array {value.dtype}{list(value.shape)}")
        buffer.last = self.memory.now
        self.loads.append((buffer, place))
        return f"{buffer.name}[{place}]"

    def _named(self, value: Value, index: Index | str, expression) -> str:
        for block in reversed(self.known):
            if (value, index) in block:
                return block[value, index]
        text = expression()
        name = text if text.isidentifier() else self.let(value.dtype, text)
        self.known[-1][value, index] = name
        return name

    def _element(self, value: Value, index: Index) -> str:
        op = value.op
        if value.constant is not None or value in self.stored:
            if value.constant is not None and value.size == 1:
                return literal(value.constant.reshape(-1)[0], value.dtype)
            return self.load(value, ravel(index, value.shape))
        assert op is not None, "a value that is neither stored nor computed"
        if is_view(op):
            source = op.inputs[0]
            if op.name in FLAT and len(source.shape) > 1:
                moved = [n for n in source.shape if n != 1] != [n for n in value.shape if n != 1]
                if moved and self.planner.is_flat(source):
                    return self.flat(source, ravel(index, value.shape))
            return self.element(source, VIEWS[op.name](op, index, self.atom))
        return self.computed(op, index)

    # -- writing

    def fate(self, value: Value) -> str:
        """Whether a stored value is read after the present item, by it, or no more."""
        read_now = self.frames[-1].schedule.last.get(value, -1) == self.frames[-1].at
        for frame in reversed(self.frames):
            if frame.schedule.last.get(value, -1) > frame.at:
                return LATER
            if value in frame.born:
                return NOW if read_now else NEVER
            if frame.loop:
                return LATER  # in the next turn
        return LATER

    def is_free(self, buffer: Buffer) -> bool:
        """Whether what the buffer holds is not read any more, not even by the present item."""
        return buffer.occupant is None or self.fate(buffer.occupant) == NEVER

    def can_take(self, value: Value) -> bool:
        """Whether the present item may overwrite a value: it lies in memory and nobody else will read it."""
        return value in self.stored and value.size != 1 and self.fate(value) == NOW

    def room(self, value: Value, others: Sequence[Buffer | None] = ()) -> Buffer:
        """A buffer for a value that the present item makes: where it is wanted if that is free, else a new one."""
        wanted = self.wanted.get(value)
        if wanted is not None and wanted not in others and self.is_free(wanted):
            return wanted
        return self.memory.new(value.dtype, value.size)

    def store(self, value: Value) -> Buffer:
        return self.put(value, self.room(value))

    def put(self, value: Value, buffer: Buffer) -> Buffer:
        """Says that from now on a buffer holds a value."""
        buffer.occupant, buffer.last = value, self.memory.now
        self.stored[value] = buffer
        self.frames[-1].born.add(value)
        return buffer

    def copy(self, value: Value, buffer: Buffer) -> None:
        """Writes all elements of a value into a buffer."""
        buffer.last = self.memory.now
        if self.planner.is_flat(value):
            with self.loops((value.size,)) as (place,):
                self.emit(f"{buffer.name}[{place}] = {self.flat(value, place)};")
            return
        with self.loops(value.shape) as index:
            element = self.element(value, index)
            self.emit(f"{buffer.name}[{ravel(index, value.shape)}] = {element};")

    def taken_over(self, value: Value, output: Value) -> Buffer:
        """The buffer of an output that starts as a copy of an operand: the operand's own if nobody else reads it."""
        if self.can_take(value):
            return self.put(output, self.stored[value])
        buffer = self.room(output)
        self.copy(value, buffer)
        return self.put(output, buffer)

    def apart(self, value: Value, whole: Value) -> Value:
        """A value, copied if it is computed from what an operation is about to overwrite."""
        if whole not in self.planner.sources(value):
            return value
        copied = Value(value.shape, value.dtype)
        buffer = self.memory.new(value.dtype, value.size)
        self.copy(value, buffer)
        self.put(copied, buffer)
        return copied

    # -- regions

    def region(self, region: Region, wants: Sequence[Buffer | None], loop: bool, born: set[Value]) -> None:
        """Writes a region, and its results that are arrays into the buffers that are wanted."""
        schedule = self.planner.schedule(region)
        frame = Frame(schedule, loop, set(born))
        self.frames.append(frame)
        self._want(region, schedule, wants)
        for frame.at, item in enumerate(schedule.items):  # noqa: B020 -- the frame says where we are
            self.memory.now += 1
            if isinstance(item, Loop):
                self._loop(item, schedule, frame.at)
            elif isinstance(item, Scalar):
                value = item.op.outputs[0]
                self.scalars[value] = self.atom(value)
            else:
                self._statement(item.op)
        frame.at = len(schedule.items)
        self.memory.now += 1
        self._settle(region.results, wants)
        self.memory.now += 1
        self.frames.pop()

    def _want(self, region: Region, schedule: Schedule, wants: Sequence[Buffer | None]) -> None:
        for value, buffer in zip(region.results, wants, strict=True):
            if buffer is not None and value.op is not None and value not in self.stored:
                self.wanted.setdefault(value, buffer)
        for item in reversed(schedule.items):
            if not isinstance(item, Statement) or item.op.name == "cond":
                continue
            for operand, output in zip(in_place(item.op), item.op.outputs, strict=False):
                if output in self.wanted and operand.op is not None and operand not in self.stored:
                    if operand.size == output.size and not is_view(operand.op):
                        self.wanted.setdefault(operand, self.wanted[output])

    def _loop(self, loop: Loop, schedule: Schedule, at: int) -> None:
        kept = [v for v in loop.values if schedule.last.get(v, -1) > at]
        flat = all(self.planner.is_flat_map(v.op) for v in loop.values if v.op)
        buffers: dict[Value, Buffer] = {}
        reads = schedule.reads[at]
        for value in kept:
            wanted = self.wanted.get(value)
            if wanted is not None and wanted not in buffers.values():
                occupant = wanted.occupant
                alike = occupant is not None and reads.get(occupant, False) and occupant.shape == loop.shape
                if self.is_free(wanted) or (alike and self.fate(occupant) == NOW):
                    buffers[value] = wanted
                    continue
            buffers[value] = self.memory.new(value.dtype, value.size)
        if len(loop.shape) == 1:
            ends = [*self.planner.cuts(loop), loop.shape[0]]
            for first, end in zip([0, *ends], ends, strict=False):
                i = self.name("i")
                with self.block(f"for (int {i} = {first}; {i} < {end}; {i}++)"):
                    self._turn(loop, (i,), i, buffers)
        elif flat:
            with self.loops((math.prod(loop.shape),)) as (place,):
                self._turn(loop, place, place, buffers)
        else:
            with self.loops(loop.shape) as index:
                self._turn(loop, index, ravel(index, loop.shape), buffers)
        for value in kept:
            self.put(value, buffers[value])

    def _turn(self, loop: Loop, index: Index | str, place: str, buffers: dict[Value, Buffer]) -> None:
        """One turn of a loop: everything is computed before anything is stored."""
        self.loads = []
        for value in loop.values:
            self._named(value, index, lambda value=value: self.computed(value.op, index))
        for value, buffer in buffers.items():
            self._only_loaded_from(buffer, place)
            self.emit(f"{buffer.name}[{place}] = {self.known[-1][value, index]};")

    def _only_loaded_from(self, buffer: Buffer, place: str) -> None:
        if any(other is buffer and where != place for other, where in self.loads):
            raise AliasingError(f"{buffer.name} is overwritten in a loop that reads it in other places")

    def _statement(self, op: Op) -> None:
        if op.name not in STATEMENTS:
            raise NotImplementedError(f"primitive {op.name}")
        STATEMENTS[op.name](self, op)
        for value in op.outputs:
            if value.size == 1 and value not in self.scalars:
                self.scalars[value] = self.let(value.dtype, f"{self.stored[value].name}[0]")

    def _settle(self, results: Sequence[Value], wants: Sequence[Buffer | None]) -> None:
        """Moves results to where they are wanted, all at once: what lies in a wanted place is first copied aside."""
        moves = [
            (value, want)
            for value, want in zip(results, wants, strict=True)
            if want is not None and self.stored.get(value) is not want
        ]
        targets = [want for _, want in moves]
        aside = []
        for value, want in moves:
            sources = [self.stored[v] for v in self.planner.sources(value)]
            if any(source in targets for source in sources):
                buffer = self.memory.new(value.dtype, value.size)
                self.copy(value, buffer)
                aside.append((buffer, want))
        waiting = {id(want) for _, want in aside}
        for value, want in moves:
            if id(want) not in waiting:
                self.copy(value, want)
        for buffer, want in aside:
            buffer.last = want.last = self.memory.now
            self.emit(f"memcpy({want.name}, {buffer.name}, {want.size} * sizeof *{want.name});")
