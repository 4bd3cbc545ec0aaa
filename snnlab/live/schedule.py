"""When each value of a region is computed, and which are computed together.

Operations that need loops of their own stay in order. An elementwise array is computed as late as it can be: just
before the first operation that needs it, in one loop with all others of its shape that are computed there, or within
that operation itself when that reads every element once. It is computed earlier only to see an array before an
operation that could update that array in place: nothing costs more than a copy of a large table in every step.
"""

import dataclasses

from snnlab.live import elementwise
from snnlab.live.graph import Op, Region, Value
from snnlab.live.views import FLAT, base, is_view

IN_PLACE = {"dynamic_update_slice": 1, "while": None}  # how many operands may become the outputs; None: all
STRETCHES = 8  # into which a loop may fall
CHEAP = {"convert_element_type", "not", "and", "or"} | {
    "lt",
    "le",
    "gt",
    "ge",
    "eq",
    "ne",
    "add",
    "sub",
    "mul",
}


@dataclasses.dataclass(eq=False)
class Loop:
    """Elementwise arrays of one shape that are computed together."""

    shape: tuple[int, ...]
    values: list[Value]


@dataclasses.dataclass(eq=False)
class Scalar:
    """A single number: a variable in C."""

    op: Op


@dataclasses.dataclass(eq=False)
class Statement:
    """An operation with loops of its own."""

    op: Op


@dataclasses.dataclass(eq=False)
class Schedule:
    """The items of a region in order; ``reads`` says of each item which stored arrays it reads, and whether only
    element by element, in the place that it writes. ``last`` is the last item that reads an array.
    """

    items: list[Loop | Scalar | Statement]
    reads: list[dict[Value, bool]]
    last: dict[Value, int]


def is_map(op: Op | None) -> bool:
    """Whether an element of the result is an expression of the operands' elements."""
    return op is not None and (op.name in elementwise.NAMES or op.name in ("iota", "gather", "random_bits"))


def in_place(op: Op) -> list[Value]:
    """The operands that an operation may turn into its outputs."""
    if op.name.startswith("scatter"):
        return op.inputs[:1]
    if op.name == "cond":
        return [v for region in op.regions for v in region.free()]
    return op.inputs[: IN_PLACE[op.name]] if op.name in IN_PLACE else []


def is_array_map(value: Value) -> bool:
    return is_map(value.op) and value.size != 1


class Planner:
    """Schedules regions; ``inlined`` are the values that are computed wherever they are read."""

    def __init__(self):
        self.inlined: set[Value] = set()
        self.early: set[Value] = set()  # computed before the only operation that reads them

    def schedule(self, region: Region) -> Schedule:
        self._pin(region)
        need = self._needs(region)
        self._inline(region, need)
        groups = self._groups(region, need)
        items: list[Loop | Scalar | Statement] = []
        for position, op in enumerate([*region.ops, None]):
            items += groups.get(position, [])
            if op is None or any(is_array_map(v) or (is_view(op) and v.size != 1) for v in op.outputs):
                continue
            items.append(Scalar(op) if is_map(op) or is_view(op) else Statement(op))
        reads = [self._reads(item) for item in items]
        last = {v: k for k, read in enumerate(reads) for v in read}
        for result in region.results:
            last |= dict.fromkeys(self.sources(result), len(items))
        return Schedule(items, reads, last)

    def sources(self, value: Value, same: bool = True) -> dict[Value, bool]:
        """The stored arrays from which an element of a value is computed; True: only the element in the same place."""
        if value.size == 1 or value.constant is not None:
            return {}
        if is_view(value.op):
            assert value.op is not None
            return self.sources(value.op.inputs[0], False)
        return self.operands(value, same) if value in self.inlined else {value: same}

    def operands(self, value: Value, same: bool = True) -> dict[Value, bool]:
        """The same for what a value's operation reads."""
        assert value.op is not None
        found: dict[Value, bool] = {}
        for v in value.op.inputs:
            aligned = same and value.op.name in elementwise.NAMES and v.shape == value.shape
            for source, alike in self.sources(v, aligned).items():
                found[source] = alike and found.get(source, True)
        return found

    def _reads(self, item: Loop | Scalar | Statement) -> dict[Value, bool]:
        found: dict[Value, bool] = {}
        if isinstance(item, Loop):
            for value in item.values:
                for source, alike in self.operands(value).items():
                    found[source] = alike and found.get(source, True)
            return found
        read = [*item.op.inputs, *(v for region in item.op.regions for v in region.free())]
        for value in read:
            found |= dict.fromkeys(self.sources(value), False)
        return found

    def _needs(self, region: Region) -> dict[Value, int]:
        """For every elementwise array and view the position of the first operation that it must precede."""
        end, need = len(region.ops), {}
        destroyed: dict[Value, int] = {}
        for position, op in enumerate(region.ops):
            destroyed |= dict.fromkeys(map(base, in_place(op)), position)
        need |= dict.fromkeys(region.results, end)
        for position, op in reversed(list(enumerate(region.ops))):
            at = position
            if is_array_map(op.outputs[0]) or (is_view(op) and op.outputs[0].size != 1):
                at = need[op.outputs[0]]
                if is_map(op):
                    hazards = (destroyed.get(base(v), -1) for v in op.inputs if v.size != 1)
                    hazard = min((hazard for hazard in hazards if hazard > position), default=end)
                    if hazard < at:
                        need[op.outputs[0]] = at = hazard
                        self.early.add(op.outputs[0])
            for v in [*op.inputs, *(v for inner in op.regions for v in inner.free())]:
                need[v] = min(need.get(v, end), at)
        return need

    def _pin(self, region: Region) -> None:
        """Copies the views that are read after what they look at may have been updated in place."""
        need, ops = self._needs(region), list(region.ops)
        for position, op in reversed(list(enumerate(ops))):
            if not is_view(op) or op.outputs[0].size == 1:
                continue
            value, looked_at = op.outputs[0], base(op.outputs[0])
            between = ops[position + 1 : need[value]]
            updated = any(looked_at in map(base, in_place(later)) for later in between)
            if updated and value.size < looked_at.size:
                op.outputs[0] = Value(value.shape, value.dtype, op)
                value.op = Op("copy", {}, [op.outputs[0]], [value])
                region.ops.insert(position + 1, value.op)

    def _inline(self, region: Region, need: dict[Value, int]) -> None:
        """Finds the elementwise arrays that need not be stored."""
        readers: dict[Value, list[tuple[Op, bool]]] = {}  # by whom a value is read, and whether only once
        for op in region.ops:
            for k, v in enumerate(op.inputs):
                readers.setdefault(v, []).append((op, _reads_once(op, k)))
            for v in (v for inner in op.regions for v in inner.free()):
                readers.setdefault(v, []).append((op, False))

        def readings(value: Value) -> list[bool]:
            """Of every operation that reads a value, through whatever views, whether it reads each element once."""
            found = []
            for op, once in readers.get(value, []):
                if not is_view(op) or op.outputs[0].size == 1:
                    found.append(once)
                    continue
                again = op.outputs[0].size > value.size
                costly = op.name in FLAT and not self.is_flat_map(value.op) and not _same_axes(op)
                found += [False if again or costly else once for once in readings(op.outputs[0])]
            return found

        results = {base(v) for v in region.results}
        for op in region.ops:
            value = op.outputs[0]
            if is_array_map(value) and value not in results:
                if _is_cheap(op) or (readings(value) == [True] and value not in self.early):
                    self.inlined.add(value)

    def is_flat(self, value: Value) -> bool:
        """Whether an element can be found by its place in memory alone."""
        op = value.op
        if value.size == 1 or len(value.shape) == 1 or op is None or value.constant is not None:
            return True
        if is_view(op):
            return (op.name in FLAT and self.is_flat(op.inputs[0])) or (
                op.name == "broadcast_in_dim" and op.inputs[0].size == 1
            )
        if value not in self.inlined:
            return True
        return self.is_flat_map(op)

    def is_flat_map(self, op: Op) -> bool:
        """The same for the elements that an operation computes from."""
        shape = op.outputs[0].shape
        if len(shape) == 1:
            return True
        return op.name in elementwise.NAMES and all(
            v.size == 1 or (v.shape == shape and self.is_flat(v)) for v in op.inputs
        )

    def cuts(self, loop: Loop) -> list[int]:
        """Where a loop over cells falls into stretches, because the index of the cell is compared with a constant: in
        each stretch the C compiler then knows what comes out, and need not choose cell by cell.
        """
        found, waiting, seen = set(), list(loop.values), set()
        while waiting:
            value = waiting.pop()
            if value in seen or value.op is None or not is_map(value.op):
                continue
            seen.add(value)
            cell, *bound = value.op.inputs or [value]
            if value.op.name in ("lt", "ge") and cell.op is not None and cell.op.name == "iota":
                if bound[0].constant is not None and bound[0].size == 1:
                    found.add(int(bound[0].constant.reshape(-1)[0]))
            if value in self.inlined or value in loop.values:
                waiting += value.op.inputs
        cuts = sorted(cut for cut in found if 0 < cut < loop.shape[0])
        return cuts if len(cuts) < STRETCHES else []

    def _groups(self, region: Region, need: dict[Value, int]) -> dict[int, list[Loop]]:
        groups: dict[int, list[Loop]] = {}
        place: dict[Value, tuple[int, int]] = {}
        for op in region.ops:
            value = op.outputs[0]
            if not is_array_map(value) or value in self.inlined:
                continue
            here = groups.setdefault(need[value], [])
            first = 0
            for source, alike in self.operands(value).items():
                slot, group = place.get(source, (-1, 0))
                if slot == need[value]:
                    first = max(first, group if alike and source.shape == value.shape else group + 1)
            alike = (k for k in range(first, len(here)) if here[k].shape == value.shape)
            k = next(alike, len(here))
            if k == len(here):
                here.append(Loop(value.shape, []))
            here[k].values.append(value)
            place[value] = need[value], k
        return groups


def _reads_once(op: Op, k: int) -> bool:
    """Whether an operation reads every element of its operand ``k`` at most once."""
    if op.name == "gather":
        # a few elements that are picked out are sooner computed alone
        few = op.outputs[0].size * 4 <= op.inputs[0].size
        return few if k == 0 else not op.params["dimension_numbers"].offset_dims
    if op.name.startswith("scatter"):
        return k != 1
    if op.name in elementwise.NAMES:
        return op.inputs[k].shape == op.outputs[0].shape
    return op.name not in ("dot_general", "cond")


def _same_axes(op: Op) -> bool:
    return [n for n in op.inputs[0].shape if n != 1] == [n for n in op.outputs[0].shape if n != 1]


def _is_cheap(op: Op) -> bool:
    """A number a cell that is sooner computed than fetched: a cell's index, and simple functions of it."""
    if op.name == "iota":
        return True

    def plain(v: Value) -> bool:
        v = base(v)
        return v.size == 1 or (v.op is not None and v.op.name == "iota")

    return op.name in CHEAP and all(map(plain, op.inputs))
