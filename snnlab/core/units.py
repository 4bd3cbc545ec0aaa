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
    target = _spelled_out(unit)
    if target is None:
        raise ValueError(f"{label} is in {unit}; give it as a plain number.")
    if not value.unit.has_same_dim(target):
        given = f"the list of {value.size} given" if value.ndim else f"{value}"
        raise ValueError(f"{label} is in {unit or 'plain numbers'}, but {given} is in {value.unit}.")
    return value.to_decimal(target)


def magnitudes(values: Any, unit: str, label: str) -> Any:
    """``values``, with every quantity in a list of whatever depth as ``magnitude`` gives it."""
    if is_quantity(values):
        return magnitude(values, unit, label)
    if isinstance(values, (list, tuple)):
        return [magnitudes(value, unit, label) for value in values]
    return values


def _spelled_out(unit: str) -> Any:
    """The unit that "mV", "1 / ms", "nA per Hz" or "pA sqrt(ms)" spells; None where a word is unknown."""
    import brainunit  # optional: whoever hands over a quantity has it

    total, power = brainunit.UNITLESS, 1.0
    for word in unit.split():
        if word in ("/", "per"):
            power = -1.0
        elif word != "1":
            name = word.removeprefix("sqrt(").removesuffix(")")
            if name not in _SPELLING:
                return None
            total = total * getattr(brainunit, _SPELLING[name]) ** (power * (1.0 if name == word else 0.5))
    return total
