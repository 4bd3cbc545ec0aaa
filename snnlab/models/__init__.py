"""The documented models: functions of declared keyword parameters that return a network or a two-variable system."""

from snnlab.models.ei_balance import coba_ei, coba_hh_ei, cuba_ei, lif_ei
from snnlab.models.reduced_decision import wong_wang2006

__all__ = ["coba_ei", "coba_hh_ei", "cuba_ei", "lif_ei", "wong_wang2006"]
