"""Small explorers, and what it means that two recordings are the same."""

import numpy as np

from snnlab import Recording
from snnlab.widgets import Explorer, explore

MODELS = ("coba_ei", "coba_hh_ei", "cuba_ei", "lif_ei")
SMALL = {"n_exc": 160, "n_inh": 40, "duration": 50.0}


def small(model: str = "coba_ei", **values) -> Explorer:
    return explore(model, **{**SMALL, **values})


def same(a: Recording, b: Recording) -> bool:
    """Whether two recordings are equal to the last bit."""
    assert list(a.spikes) == list(b.spikes) and list(a.samples) == list(b.samples)
    spikes = all(
        np.array_equal(a.spikes[name].times, b.spikes[name].times)
        and np.array_equal(a.spikes[name].neurons, b.spikes[name].neurons)
        for name in a.spikes
    )
    samples = all(np.array_equal(a[name], b[name]) for name in a.samples)
    return spikes and samples and (a.duration, a.dt, a.seed) == (b.duration, b.dt, b.seed)


def executed(code: str) -> Recording:
    namespace: dict = {}
    exec(code, namespace)
    return namespace["recording"]
