"""Reading options so that every mistake is told in one line, with the nearest name."""

import argparse
from collections.abc import Sequence
from typing import Any, NoReturn

from snnlab.command import Misuse, nearest


class Options(argparse.ArgumentParser):
    """A parser that raises Misuse, takes no abbreviations, and takes names as Python spells them, too."""

    def __init__(self, command: str, usage: str, description: str, **more: Any):
        form = argparse.RawDescriptionHelpFormatter
        usage = f"snnlab {command} {usage}"
        super().__init__(
            usage=usage, description=description, formatter_class=form, allow_abbrev=False, **more
        )

    def error(self, message: str) -> NoReturn:
        raise Misuse(message.removeprefix("argument "))

    def read(self, arguments: Sequence[str]) -> argparse.Namespace:
        """The options. Raises Misuse for one that there is not, with the nearest that there is."""
        found, left = self.parse_known_args(_joined(arguments))
        if left:
            name = next((each for each in left if each.startswith("-")), left[0]).partition("=")[0]
            if not name.startswith("-"):
                raise Misuse(f'"{name}" is one word too many')
            known = [option for action in self._actions for option in action.option_strings]
            raise Misuse(f"there is no option {name}{nearest(name, known)}; --help lists them")
        return found


def number(text: str) -> float:
    """The number that ``text`` spells."""
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f'"{text}" is not a number') from None


def _joined(arguments: Sequence[str]) -> list[str]:
    """``--g_inh`` as ``--g-inh``, and ``--I -1e3`` as ``--I=-1e3``: argparse would take that number for an option."""
    joined: list[str] = []
    for word in arguments:
        if word.startswith("--"):
            name, equals, value = word.partition("=")
            joined.append(name.replace("_", "-") + equals + value)
        elif joined and joined[-1].startswith("--") and "=" not in joined[-1] and _negative(word):
            joined[-1] += f"={word}"
        else:
            joined.append(word)
    return joined


def _negative(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return word.startswith("-")
