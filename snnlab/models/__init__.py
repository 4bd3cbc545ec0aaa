"""The documented models: functions of declared keyword parameters that return a network or a rate model."""

from snnlab.models.ei_balance import coba_ei, coba_hh_ei, cuba_ei, lif_ei
from snnlab.models.reduced_decision import wong_wang2006
from snnlab.models.ring_attractor import cann
from snnlab.models.single_neuron import lif_fi, synapse_train, two_neurons
from snnlab.models.spiking_decision import wang2002

__all__ = [
    "cann",
    "coba_ei",
    "coba_hh_ei",
    "cuba_ei",
    "lif_ei",
    "lif_fi",
    "synapse_train",
    "two_neurons",
    "wang2002",
    "wong_wang2006",
]
