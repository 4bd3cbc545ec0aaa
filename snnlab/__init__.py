"""snnlab: the classic networks of computational neuroscience, to touch.

A compact JAX simulation core (``neurons``, ``synapses``, ``connectivity``, ``inputs``, ``Network``, ``simulate``),
the documented models (``models``), their analysis (``analysis``), figures (``plots``) and explorers (``explore``).
Units are ms, mV, nS, pA, pF, GOhm and Hz throughout.
"""

import importlib
import sys
from typing import Any

from snnlab import analysis, models
from snnlab.core import (
    channels,
    connectivity,
    distributions,
    inputs,
    integrators,
    neurons,
    parameters,
    synapses,
)
from snnlab.core.network import Input, Network, Population, Projection
from snnlab.core.parameters import component, describe, model, param, replace, static
from snnlab.core.rate_run import RateRun
from snnlab.core.recording import Recording, SpikeTrains
from snnlab.core.simulate import Interrupted, Run, SimulationError, simulate

__version__ = "0.1.0"

# the core's rooms are public by their own names: ``from snnlab.neurons import LIF``
for _room in (channels, connectivity, distributions, inputs, integrators, neurons, parameters, synapses):
    sys.modules[f"snnlab.{_room.__name__.rpartition('.')[2]}"] = _room

__all__ = [
    "Input",
    "Interrupted",
    "Network",
    "Population",
    "Projection",
    "RateRun",
    "Recording",
    "Run",
    "SimulationError",
    "SpikeTrains",
    "analysis",
    "channels",
    "component",
    "connectivity",
    "describe",
    "distributions",
    "explore",
    "inputs",
    "integrators",
    "model",
    "models",
    "neurons",
    "param",
    "parameters",
    "plots",
    "replace",
    "ring_plots",
    "simulate",
    "static",
    "synapses",
    "widgets",
]


def __getattr__(name: str) -> Any:
    # matplotlib and ipywidgets are loaded by those who ask for them
    if name in ("plots", "ring_plots", "widgets"):
        return importlib.import_module(f"snnlab.{name}")
    if name == "explore":
        return importlib.import_module("snnlab.widgets").explore
    raise AttributeError(f"module 'snnlab' has no attribute {name!r}")
