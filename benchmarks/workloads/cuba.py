"""CUBA: currents, as many inhibitory as excitatory cells."""

import math
from collections.abc import Mapping

from benchmarks.workload import Workload
from snnlab.models import cuba_ei

SIZES = {"n_exc": 500, "n_inh": 500}
CELL = ("V_rest", "V_reset", "V_th", "tau", "tau_ref", "I")


def weights(values: Mapping[str, float]) -> tuple[float, float]:
    """What one spike adds, mV: J / sqrt(p n)."""
    return (
        values["J_exc"] / math.sqrt(values["p"] * SIZES["n_exc"]),
        values["J_inh"] / math.sqrt(values["p"] * SIZES["n_inh"]),
    )


def program_parameters(values: Mapping[str, float]) -> dict[str, float]:
    w_exc, w_inh = weights(values)
    return {**{k: values[k] for k in CELL}, "tau_syn": values["tau_s"], "w_exc": w_exc, "w_inh": w_inh}


def peer_parameters(values: Mapping[str, float]) -> dict[str, object]:
    g_exc, g_inh = weights(values)
    synapses = {"tau_exc": values["tau_s"], "tau_inh": values["tau_s"], "g_exc": g_exc, "g_inh": g_inh}
    V0 = ["uniform", values["V_low"], values["V_high"]]
    return {**{k: values[k] for k in CELL}, **synapses, "p": values["p"], "V0": V0}


WORKLOADS = (
    Workload(
        name="cuba_1000",
        title="CUBA 1000, 500 ms",
        model=cuba_ei,
        sizes=SIZES,
        parameters={
            "p": 0.1,
            "I": 3.0,
            "J_exc": 1.0,
            "J_inh": -1.0,
            "V_rest": -52.0,
            "V_reset": -60.0,
            "V_th": -50.0,
            "tau": 10.0,
            "tau_ref": 1.0,
            "tau_s": 2.0,
            "V_low": -52.0,
            "V_high": -50.0,
        },
        duration=500.0,
        program="cuba",
        program_parameters=program_parameters,
        peer_parameters=peer_parameters,
        goal=4.0,
    ),
)
