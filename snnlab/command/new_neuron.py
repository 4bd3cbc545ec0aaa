"""``snnlab new-neuron``: a neuron model that works, in one file, with its test in another."""

import importlib.util
import keyword
import re
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

from snnlab.command import Misuse
from snnlab.command.options import Options
from snnlab.core.recording import whole_file

TEMPLATES = resources.files("snnlab.command") / "templates"


def main(arguments: Sequence[str]) -> int:
    """Write both files into the working directory, unless one of them is there."""
    options = Options(
        "new-neuron",
        "NAME",
        "Write NAME.py, a neuron model that works, and test_NAME.py, its test, into this folder.\n"
        "NAME may be written new_neuron or NewNeuron.",
    )
    options.add_argument("name", metavar="NAME", help="what the neuron is called")
    module, name = names(options.read(arguments).name)
    files = {Path(f"{stem}.py"): text for stem, text in written(module, name).items()}
    for path in files:
        if path.exists():
            raise Misuse(f"{path} is there already, and stays as it is; choose another name")
    if importlib.util.find_spec(module) is not None:
        raise Misuse(f'"{module}" would hide the module of that name; choose another')
    for path, text in files.items():
        with whole_file(path) as file:
            file.write(text.encode())
    print(f"wrote {' and '.join(map(str, files))}")
    print(f"test it:  python -m pytest test_{module}.py")
    print(f"move it:  from {module} import {name}; snnlab.explore({name})")
    return 0


def names(given: str) -> tuple[str, str]:
    """What the module and the class are called. Raises Misuse for what cannot be a name."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", given)
    if not re.fullmatch(r"[A-Za-z]\w*", given, re.ASCII) or keyword.iskeyword(module := words.lower()):
        raise Misuse(
            f'"{given}" cannot be the name of a neuron; write something like new_neuron or NewNeuron'
        )
    name = given if given[0].isupper() else "".join(word[:1].upper() + word[1:] for word in given.split("_"))
    return module, name


def written(module: str, name: str) -> dict[str, str]:
    """By file (without .py), the templates with these names."""
    texts = {
        stem: (TEMPLATES / f"{stem}.py").read_text("utf-8") for stem in ("new_neuron", "test_new_neuron")
    }
    renamed = {
        stem.replace("new_neuron", module): text.replace("new_neuron", module).replace("NewNeuron", name)
        for stem, text in texts.items()
    }
    return renamed
