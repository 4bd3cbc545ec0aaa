"""Quantities at the boundary.

The core computes in plain numbers: ms, mV, nS, pA, pF, GOhm (so nS * mV = pA, pF / nS = ms, GOhm * pA = mV) and
Hz; a model in other units declares them. A quantity of the optional package ``brainunit`` is accepted wherever a
parameter is and converted here.
"""

from typing import Any

# how brainunit spells the units that parameters are declared in
_SPELLING = {
    "ms": "msecond",
    "mV": "mvolt",
    "nS": "nsiemens",
    "pA": "pamp",
    "pF": "pfarad",
    "GOhm": "Gohm",
    "Hz": "hertz",
    "s": "second",
    "nA": "namp",
    "rad": "radian",
    "mM": "mmolar",
}


def is_quantity(value: Any) -> bool:
    """Whether ``value`` carries a unit of its own."""
    return hasattr(value, "to_decimal") and hasattr(value, "unit")


def magnitude(value: Any, unit: str, label: str) -> Any:
    """``value`` as a plain number in ``unit``. Raises ValueError, naming ``label``, when the dimension is another."""
    import brainunit  # optional: whoever hands over a quantity has it

    if unit and unit not in _SPELLING:
        raise ValueError(f"{label} is in {unit}; give it as a plain number.")
    target = getattr(brainunit, _SPELLING[unit]) if unit else brainunit.UNITLESS
    if not value.unit.has_same_dim(target):
        raise ValueError(f"{label} is in {unit or 'plain numbers'}, but {value} is in {value.unit}.")
    return value.to_decimal(target)
