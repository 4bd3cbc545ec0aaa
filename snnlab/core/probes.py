"""What a run is asked to record: the names and the cells."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from snnlab.core.network import Network
from snnlab.core.parameters import shown, unknown
from snnlab.core.step import Probe


def named(record: Any) -> dict[str, Any]:
    """What ``record`` asks for: by name, which cells; None for all. Raises ValueError for what is no name."""
    if record is None:
        return {}
    if isinstance(record, str):
        record = (record,)
    if not isinstance(record, Iterable):
        raise ValueError(
            f'simulate: record = {shown(record)} must be a name such as "E.V", a list of names, or a dict of names '
            "and cells."
        )
    chosen = {}
    for name in record:
        if not isinstance(name, str):
            raise ValueError(f'record: {shown(name)} is not a name such as "E.V".')
        chosen[name] = record[name] if isinstance(record, Mapping) else None
    return chosen


def wanted(network: Network, record: Any):
    """The probes that ``record`` asks for, and the cells of each: numbers [m], or a range where it is all of them."""
    probes, selections = [], []
    for label, which in named(record).items():
        name, _, variable = label.partition(".")
        if name not in network.populations:
            raise ValueError(unknown(f'record "{label}": no population', name, network.populations))
        population = network.populations[name]
        fed = _fed(network, name)
        choices = [*population.neuron.State._fields, *fed]
        if variable in network.synapses and variable not in fed:
            raise ValueError(f'record "{label}": nothing feeds synapse "{variable}" on population "{name}".')
        if variable not in choices:
            raise ValueError(
                unknown(f'record "{label}": population "{name}" has no variable', variable, choices)
            )
        probes.append(Probe(name, variable))
        selections.append(range(population.n) if which is None else cells(label, which, population.n))
    return tuple(probes), tuple(selections)


def _fed(network: Network, population: str) -> list[str]:
    """The synapses of the network that something feeds on a population."""
    fed = {projection.synapse for projection in network.projections if projection.post == population}
    fed |= {entry.synapse for entry in network.inputs if population in entry.targets}
    return [name for name in network.synapses if name in fed]


def cells(label: str, which: Any, n: int, kind: str = "cells") -> np.ndarray:
    """A choice among ``n`` cells, as numbers [m]. Raises ValueError for what is none."""
    try:
        chosen = np.atleast_1d(np.asarray(which))
    except Exception:  # whatever a foreign object raises, it is no list of cells
        chosen = np.empty(0)
    if chosen.dtype.kind not in "iu" or chosen.ndim != 1 or np.any((chosen < 0) | (chosen >= n)):
        raise ValueError(f'record "{label}": {kind} {shown(which)} must be whole numbers from 0 to {n - 1}.')
    return chosen
