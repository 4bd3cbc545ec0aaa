"""The documented models: functions of declared keyword parameters that return a ``Network``."""

from snnlab.models.ei_balance import coba_ei, coba_hh_ei, cuba_ei, lif_ei

__all__ = ["coba_ei", "coba_hh_ei", "cuba_ei", "lif_ei"]
