"""Work that is the same in every turn of a loop is done before it.

Single numbers are left to the C compiler, which moves them itself; arrays it cannot move: it has no place to keep them.
"""

from snnlab.live import elementwise
from snnlab.live.graph import Op, Region, Value
from snnlab.live.views import is_view

COSTLY = {
    "div",
    "rem",
    "sqrt",
    "rsqrt",
    "exp",
    "exp2",
    "expm1",
    "log",
    "log1p",
    "tanh",
    "logistic",
    "erf_inv",
    "pow",
} | {
    *("sin", "cos", "tan", "asin", "acos", "atan", "atan2", "sinh", "cosh", "cbrt", "erf", "erfc"),
}


def hoist(body: Region, carry: list[Value]) -> list[Op]:
    """Takes out of a loop's body what it may compute before: costly elementwise arrays, what is made of them alone, and
    what they need.
    """
    changing = set(carry)
    fixed: dict[Value, Op] = {}  # values that are the same in every turn
    moved: set[Op] = set()
    for op in body.ops:
        plain = (op.name in elementwise.NAMES or op.name == "iota" or is_view(op)) and not op.regions
        if not plain or any(v in changing for v in op.inputs):
            changing.update(op.outputs)
            continue
        value = op.outputs[0]
        fixed[value] = op
        made_of_moved = any(v in fixed and fixed[v] in moved for v in op.inputs)
        if value.size > 1 and (op.name in COSTLY or made_of_moved):
            waiting = [op]
            while waiting:
                needed = waiting.pop()
                moved.add(needed)
                waiting += [fixed[v] for v in needed.inputs if v in fixed and fixed[v] not in moved]
    hoisted = [op for op in body.ops if op in moved]
    body.ops[:] = [op for op in body.ops if op not in moved]
    return hoisted
