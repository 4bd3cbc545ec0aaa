"""How much memory there is: what does not fit is refused before it is taken, and what is kept has a bound."""

import collections
import functools
import math
import os
import threading
from collections.abc import Callable
from typing import Any

SMALL = 2**26  # bytes: so much is there without asking


def free() -> float:
    """Bytes that can still be had; infinite where the system does not say."""
    try:
        with open("/proc/meminfo") as file:
            for line in file:
                if line.startswith("MemAvailable:"):
                    return 1024 * float(line.split()[1])
        return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES"))
    except (OSError, ValueError, AttributeError):
        return math.inf


def require(owner: str, *needs: tuple[str, float, str]):
    """Refuses what would not fit. A need is (what it is for, bytes, what to do instead).

    Raises ValueError with the first that is too large, or with the largest when it is all of them together.
    """
    total = sum(size for _, size, _ in needs)
    if total <= SMALL:
        return
    there = free()
    if total > 0.9 * there:
        alone = [need for need in needs if need[1] > 0.9 * there]
        what, size, advice = alone[0] if alone else max(needs, key=lambda need: need[1])
        if not alone:
            what, size = f"{what} and all the rest", total
        raise ValueError(
            f"{owner}: {what} would take {size / 1e9:.1f} GB, but {there / 1e9:.1f} GB are free; {advice}."
        )


def kept(limit: int, size: Callable[[Any, Any], int]) -> Callable[[Callable[[Any], Any]], "Kept"]:
    """Decorates a function of one hashable argument: its last results are kept, ``limit`` bytes of them at most.

    ``size(key, result)`` says how many bytes a result takes, its key included.
    """
    return lambda make: Kept(make, limit, size)


class Kept:
    """A function whose results are kept within a number of bytes; what has not been asked for longest goes first.

    A result larger than the limit is not kept. Safe to call from several threads; an exception keeps nothing.
    """

    def __init__(self, make: Callable[[Any], Any], limit: int, size: Callable[[Any, Any], int]):
        functools.update_wrapper(self, make)
        self.make, self.limit, self.size = make, limit, size
        self.bytes = 0
        self._lock = threading.Lock()
        self._results: collections.OrderedDict[Any, tuple[Any, int]] = collections.OrderedDict()

    def __call__(self, key: Any) -> Any:
        with self._lock:
            if key in self._results:
                self._results.move_to_end(key)
                return self._results[key][0]
        result = self.make(key)  # not under the lock: it may take seconds
        size = self.size(key, result)
        with self._lock:
            if size <= self.limit and key not in self._results:
                self._results[key] = result, size
                self.bytes += size
            while self.bytes > self.limit:
                _, (_, size) = self._results.popitem(last=False)
                self.bytes -= size
        return result

    def __len__(self) -> int:
        return len(self._results)

    def clear(self):
        """Forget everything."""
        with self._lock:
            self._results.clear()
            self.bytes = 0
