"""COBA-HH: the E/I network of Hodgkin-Huxley cells (benchmark 3 of Brette et al. 2007)."""

from collections.abc import Mapping

from benchmarks.workload import Workload
from snnlab.models import coba_hh_ei

NEITHER = ("p", "V_low", "V_high")  # in the connections and V(0) that the C program is handed


def program_parameters(values: Mapping[str, float]) -> dict[str, float]:
    return {k: v for k, v in values.items() if k not in NEITHER}


WORKLOADS = (
    Workload(
        name="coba_hh_4000",
        title="COBA-HH 4000, 1000 ms",
        model=coba_hh_ei,
        sizes={"n_exc": 3200, "n_inh": 800, "substeps": 1},
        parameters={
            "p": 0.02,
            "g_exc": 6.0,
            "g_inh": 67.0,
            "I": 0.0,
            "g_L": 10.0,
            "g_Na": 20000.0,
            "g_K": 6000.0,
            "E_L": -60.0,
            "E_Na": 50.0,
            "E_K": -90.0,
            "C": 200.0,
            "V_T": -63.0,
            "V_spike": -20.0,
            "tau_exc": 5.0,
            "tau_inh": 10.0,
            "E_exc": 0.0,
            "E_inh": -80.0,
            "V_low": -70.0,
            "V_high": -60.0,
        },
        duration=1000.0,
        program="hh",
        program_parameters=program_parameters,
        peer_parameters=None,
        goal=3.0,
    ),
)
