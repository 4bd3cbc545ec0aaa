"""Measures of what a simulation did: numpy and scipy on recordings, nothing drawn."""

from snnlab.analysis.spikes import (
    Summary,
    binned_counts,
    fano_factor,
    isi_cv,
    isi_cv_per_neuron,
    mean_rate,
    pair_correlation,
    rates,
    regime,
    silent_fraction,
    summary,
    synchrony,
    windowed_rate,
)

__all__ = [
    "Summary",
    "binned_counts",
    "fano_factor",
    "isi_cv",
    "isi_cv_per_neuron",
    "mean_rate",
    "pair_correlation",
    "rates",
    "regime",
    "silent_fraction",
    "summary",
    "synchrony",
    "windowed_rate",
]
