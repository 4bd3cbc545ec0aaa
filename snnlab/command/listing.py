"""``snnlab list``: the models, and their parameters with units and ranges."""

import inspect
from collections.abc import Sequence

from snnlab import models
from snnlab.command import Misuse, nearest
from snnlab.command.options import Options
from snnlab.core.parameters import describe
from snnlab.models.published import Table, allowed


def main(arguments: Sequence[str]) -> int:
    """Print the models, or the parameters of those that are named."""
    options = Options(
        "list", "[--all] [MODEL ...]", "Print the models, or the parameters of those that are named."
    )
    options.add_argument("models", metavar="MODEL", nargs="*", help="a model's name")
    options.add_argument("--all", action="store_true", help="the parameters of every model")
    given = options.read(arguments)
    names = models.__all__ if given.all else [known(name) for name in given.models]
    if names:
        print("\n\n".join(map(parameters, names)))
    else:
        print(Table("models", ("model", "parameters", "what it is"), map(_row, models.__all__)))
        print("\n`snnlab list MODEL` prints its parameters, `snnlab run MODEL` runs it.")
    return 0


def known(name: str) -> str:
    """The name of a model. Raises Misuse when there is none of this name."""
    if name not in models.__all__:
        choices = ", ".join(models.__all__)
        raise Misuse(f'there is no model "{name}"{nearest(name, models.__all__)}; there is {choices}')
    return name


def summary(name: str) -> str:
    """The first sentence of a model's documentation."""
    return (inspect.getdoc(getattr(models, name)) or "").partition("\n")[0].replace("**", "")


def parameters(name: str) -> str:
    """A model's parameters as a table: symbol, default, unit, allowed range, the range worth exploring, meaning."""
    model = getattr(models, name)
    rows = [
        (p.name, f"{p.default:g}", p.unit, allowed(p), "{:g} to {:g}".format(*p.slider), p.doc)
        for p in describe(model)
    ]
    rows += [(each, "off", "", "on or off", "", "") for each in switches(name)]
    header = ("parameter", "default", "unit", "allowed", "slider", "meaning")
    return f"{name}: {summary(name)}\n\n{Table(name, header, rows)}"


def switches(name: str) -> list[str]:
    """A model's parameters that are on or off."""
    signature = inspect.signature(getattr(models, name))
    return [each.name for each in signature.parameters.values() if each.default is False]


def _row(name: str) -> tuple[str, str, str]:
    return name, str(len(describe(getattr(models, name)))), summary(name)
