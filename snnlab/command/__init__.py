"""The command line: ``snnlab lab``, ``snnlab list``, ``snnlab run`` and ``snnlab new-neuron``.

Exit codes: 0 when it was done, 1 when a run failed, 2 for what was written wrongly, 130 after Ctrl-C.
"""

import difflib
import importlib
import os
import sys
from collections.abc import Callable, Iterable, Sequence

import snnlab

COMMANDS = {  # name: the module here that does it, and what it does
    "lab": ("lab", "open JupyterLab, for this machine only and behind its token"),
    "list": ("listing", "print the models, or a model's parameters with their units and ranges"),
    "run": ("run", "run a model; keep its recording and draw its figure"),
    "new-neuron": ("new_neuron", "write a neuron model that works, with its test, to start from"),
}


class Misuse(ValueError):
    """What was written on the command line cannot be done; the message is one line."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that ``arguments`` (without: those of the process) name; returns the exit code."""
    name, *rest = (sys.argv[1:] if arguments is None else list(arguments)) or ["--help"]
    if name in ("-h", "--help"):
        print(overview())
        return 0
    if name == "--version":
        print(f"snnlab {snnlab.__version__}")
        return 0
    try:
        if name not in COMMANDS:
            raise Misuse(
                f'there is no command "{name}"{nearest(name, COMMANDS)}; there is {", ".join(COMMANDS)}'
            )
        act: Callable[[list[str]], int] = importlib.import_module(f"{__name__}.{COMMANDS[name][0]}").main
        return act(rest)
    except ValueError as error:  # Misuse, or what a model refuses
        print(
            f"snnlab{f' {name}' if name in COMMANDS else ''}: {' '.join(str(error).split())}", file=sys.stderr
        )
        return 2
    except OSError as error:
        if isinstance(error, BrokenPipeError):  # whoever read it, `head` say, has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        print(f"snnlab {name}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"snnlab {name}: stopped", file=sys.stderr)
        return 130


def overview() -> str:
    """What ``snnlab --help`` prints."""
    width = max(map(len, COMMANDS))
    lines = [f"  snnlab {name:{width}}   {words}" for name, (_, words) in COMMANDS.items()]
    return "\n".join([snnlab.__doc__.partition("\n")[0], "", *lines, "", "`snnlab COMMAND --help` says how."])


def nearest(name: str, choices: Iterable[str]) -> str:
    """A question for the choice that is meant; nothing when none is near."""
    near = difflib.get_close_matches(name, choices, n=1, cutoff=0.5)
    return f" (did you mean {near[0]}?)" if near else ""
