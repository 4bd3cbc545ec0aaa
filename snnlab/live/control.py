"""Loops and branches."""

from snnlab.live.c import TYPES
from snnlab.live.graph import Op, Region, Value
from snnlab.live.memory import AliasingError, Buffer


def _while(lower, op: Op) -> None:
    """Arrays that are carried stay in one place; single numbers are C variables, all set anew at the end of a turn."""
    test, body = op.regions
    outer = {v for value in test.free() | body.free() for v in lower.planner.sources(value)} - set(op.carry)
    buffers = _start(lower, op, outer)
    names = {}
    for start, value in zip(op.inputs, op.carry, strict=True):
        if value.size == 1:
            names[value] = lower.name("c")
            lower.emit(f"{TYPES[value.dtype]} {names[value]} = {lower.atom(start)};")
    lower.scalars |= names
    with lower.block("for (;;)"):
        lower.region(test, [None], loop=True, born=set())
        lower.emit(f"if (!{lower.atom(test.results[0])}) break;")
        lower.region(body, buffers, loop=True, born={v for v in op.carry if v.size != 1})
        changed = [
            (names[value], lower.let(value.dtype, lower.atom(result)))
            for value, result in zip(op.carry, body.results, strict=True)
            if value.size == 1
        ]
        for name, new in changed:
            lower.emit(f"{name} = {new};")
    for value in outer:
        if lower.stored[value].occupant is not value:
            raise AliasingError(f"a loop overwrites {lower.stored[value].name}, which it reads again")
        lower.stored[value].last = lower.memory.now
    for output, value, buffer in zip(op.outputs, op.carry, buffers, strict=True):
        if buffer is None:
            lower.scalars[output] = names[value]
        else:
            lower.put(output, buffer)


def _start(lower, op: Op, outer: set[Value]) -> list[Buffer | None]:
    """The buffers of what a loop carries, with the values that it starts from; not of what it reads in every turn."""
    buffers: list[Buffer | None] = []
    taken = set(outer)
    for start, value, output in zip(op.inputs, op.carry, op.outputs, strict=True):
        if value.size == 1:
            buffers.append(None)
        elif lower.can_take(start) and start not in taken:
            taken.add(start)
            buffers.append(lower.stored[start])
        else:
            buffers.append(lower.room(output, buffers))
            lower.copy(start, buffers[-1])
    for value, buffer in zip(op.carry, buffers, strict=True):
        if buffer is not None:
            lower.put(value, buffer)
    return buffers


def _cond(lower, op: Op) -> None:
    """The branches put their results into the same places; an array that only they read may become one of them."""
    given: list[Buffer | None] = []
    for i, output in enumerate(op.outputs):
        donors = [v for branch in op.regions if (v := _origin(branch, branch.results[i])) is not None]
        fit = (v for v in donors if v.size == output.size and lower.can_take(v))
        buffers = [lower.stored[v] for v in fit if lower.stored[v] not in given]
        if output.size == 1:
            given.append(None)
        else:
            given.append(buffers[0] if buffers else lower.room(output, given))
    names = {v: lower.name("c") for v in op.outputs if v.size == 1}
    for value, name in names.items():
        lower.emit(f"{TYPES[value.dtype]} {name};")
    which, last = lower.atom(op.inputs[0]), len(op.regions) - 1
    before = [(buffer, buffer.occupant) for buffer in lower.memory.buffers]
    for i, branch in enumerate(op.regions):
        for buffer, occupant in before:
            buffer.occupant = occupant
        head = "" if i == last else f"if ({which} {'<=' if i == 0 else '=='} {i})"
        with lower.block(head if i == 0 else f"else {head}"):
            lower.region(branch, given, loop=False, born=set())
            for output, result in zip(op.outputs, branch.results, strict=True):
                if output.size == 1:
                    lower.emit(f"{names[output]} = {lower.atom(result)};")
    for buffer, occupant in before:
        buffer.occupant = occupant
    lower.scalars |= names
    for output, buffer in zip(op.outputs, given, strict=True):
        if buffer is not None:
            lower.put(output, buffer)


def _origin(region: Region, value: Value) -> Value | None:
    """The value around a region that one of its results is, or that it is made from in place."""
    made = {v for op in region.ops for v in op.outputs}
    while value in made:
        op = value.op
        assert op is not None
        k = op.outputs.index(value)
        if op.name == "while":
            value = op.inputs[k]
        elif op.name == "dynamic_update_slice" or op.name.startswith("scatter"):
            value = op.inputs[0]
        elif op.name == "cond":
            inner = [v for branch in op.regions if (v := _origin(branch, branch.results[k])) is not None]
            if not inner:
                return None
            value = inner[0]
        else:
            return None
    return value


RULES = {"while": _while, "cond": _cond}
