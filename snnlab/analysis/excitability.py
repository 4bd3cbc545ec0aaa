"""How a neuron answers a constant current: its F-I curve, its rheobase, and their closed forms for the LIF neuron.

Any neuron model will do: ``neuron`` is a component such as ``LIF()``, ``AdEx()`` or ``HH(steady=True)``. The current
comes on at t = 0, when the cell is in the state that its model starts in. Only spikes from ``start`` (ms) on are
counted: with 0 the first spike is one of them, with more it is what the cell settles to.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from snnlab.core.inputs import Constant
from snnlab.core.network import Input, Network, Population
from snnlab.core.neurons import LIF
from snnlab.core.recording import SpikeTrains
from snnlab.core.simulate import simulate

CANDIDATES = 32  # currents that a round of the search for the rheobase tries at once


@dataclass(frozen=True, eq=False)
class FICurve:
    """An F-I curve: what cells under ``currents`` [n] (pA) did from ``start`` to ``stop`` (ms)."""

    currents: np.ndarray
    counts: np.ndarray  # [n] spikes
    rates: np.ndarray  # [n] Hz, counted: spikes over time; off by up to one spike
    interval_rates: np.ndarray  # [n] Hz, of the mean interval; 0 without a spike, nan with a single one
    start: float
    stop: float


def fi_curve(
    neuron: Any,
    currents: Sequence[float],
    *,
    duration: float = 1000.0,
    start: float = 0.0,
    dt: float = 0.1,
    initial: Mapping[str, Any] | None = None,
) -> FICurve:
    """The F-I curve of a neuron under constant ``currents`` [n] (pA): one run of as many unconnected cells.

    ``initial`` gives state variables their values at t = 0, as a population does. Raises ValueError when there is no
    current, when one is not finite, and when ``start`` is not within the run.
    """
    trains = _answers(neuron, currents, duration, start, dt, initial)
    counts, first, last = _ends(trains)
    rates = 1000.0 * counts / (duration - start)
    of_intervals = np.where(counts == 1, np.nan, 0.0)
    np.divide(1000.0 * (counts - 1), last - first, out=of_intervals, where=counts > 1)
    return FICurve(np.array(currents, float), counts, rates, of_intervals, start, duration)


def rheobase(
    neuron: Any,
    *,
    low: float = 0.0,
    high: float = 1e5,
    duration: float = 1000.0,
    start: float = 0.0,
    dt: float = 0.1,
    tolerance: float = 1e-4,
    initial: Mapping[str, Any] | None = None,
) -> float:
    """The smallest constant current (pA) above ``low`` that makes a neuron fire: found by nested intervals.

    The answer fires between ``start`` and ``duration``; a current smaller by the share ``tolerance`` does not. Near its
    rheobase a cell fires late, so a longer run finds a smaller current. With ``start`` well above 0 it is the rheobase
    of sustained firing, which in neurons that adapt or resonate is another one. Each round tries many currents in
    one run, the first rounds a decade each, so that a window of currents that fire is hard to miss.

    Raises ValueError when the neuron fires at ``low`` already, and when it does not fire up to ``high``.
    """
    if not low < high or not 0.0 < tolerance < 1.0:
        raise ValueError(
            f"rheobase: low = {low:g} pA must be below high = {high:g} pA, "
            f"and tolerance = {tolerance:g} between 0 and 1."
        )

    def first_to_fire(tried: np.ndarray) -> int | None:
        fires = np.flatnonzero(_ends(_answers(neuron, tried, duration, start, dt, initial))[0])
        return int(fires[0]) if fires.size else None

    decades = [low, *(low + d for d in 10.0 ** np.arange(-1.0, 12.0) if low + d < high), high]
    for below, above in zip(decades, decades[1:], strict=False):
        tried = np.linspace(below, above, CANDIDATES)
        first = first_to_fire(tried)
        if first == 0:
            raise ValueError(f"rheobase: {type(neuron).__name__} fires at low = {low:g} pA already.")
        if first is not None:
            break
    else:
        raise ValueError(f"rheobase: {type(neuron).__name__} does not fire up to high = {high:g} pA.")
    least = 0.1 * (above - low)  # where the rheobase is about 0, a share of it would be no tolerance
    while tried[first] - tried[first - 1] > tolerance * max(abs(tried[first]), least):
        tried = np.linspace(tried[first - 1], tried[first], CANDIDATES)
        first = first_to_fire(tried) or CANDIDATES - 1  # the last one fired before
    return float(tried[first])


def lif_rheobase(neuron: LIF) -> Any:
    """The current (pA) that carries a LIF neuron just to threshold, ``(V_th - V_rest) / R``; above it it fires."""
    return (neuron.V_th - neuron.V_rest) / neuron.R


def lif_rate(neuron: LIF, I: Any) -> np.ndarray:
    """The firing rate (Hz) of a LIF neuron under constant currents ``I`` (pA), of their shape.

    ``1000 / (tau_ref + tau ln((V_inf - V_reset) / (V_inf - V_th)))`` with ``V_inf = V_rest + R I``, and 0 up to the
    rheobase (Lapicque, 1907; Stein, 1967). In continuous time a soft reset gives the same.
    """
    V_inf = neuron.V_rest + neuron.R * np.asarray(I, float)
    fires = V_inf > neuron.V_th
    far = np.where(fires, V_inf, neuron.V_th + 1.0)  # any value at which the logarithm is defined
    climb = neuron.tau * np.log1p((neuron.V_th - neuron.V_reset) / (far - neuron.V_th))
    return np.where(fires, 1000.0 / (neuron.tau_ref + climb), 0.0)


def _answers(neuron, currents, duration, start, dt, initial) -> SpikeTrains:
    currents = np.asarray(currents, float)
    if currents.ndim != 1 or not currents.size:
        raise ValueError(f"currents has the shape {currents.shape}; it must be a list of at least one.")
    if not 0.0 <= start < duration:
        raise ValueError(f"start = {start:g} ms must lie within the run of {duration:g} ms.")
    cells = Population(neuron, currents.size, dict(initial or {}))
    network = Network({"cell": cells}, inputs=(Input("cell", Constant(currents)),))
    return simulate(network, duration=duration, dt=dt).spikes["cell"].window(start, duration)


def _ends(trains: SpikeTrains) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How often each cell spiked [n], and when first and last [n] (nan where it did not)."""
    counts = np.bincount(trains.neurons, minlength=trains.n)
    first, last = np.full((2, trains.n), np.nan)
    last[trains.neurons] = trains.times  # in order of time: the last assignment stays
    first[trains.neurons[::-1]] = trains.times[::-1]
    return counts, first, last
