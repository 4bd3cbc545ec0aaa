"""COBA: conductances, 80 % excitatory cells (Brette et al. 2007), at two sizes with as many inputs a cell."""

from collections.abc import Mapping

from benchmarks.workload import Workload
from snnlab.models import coba_ei

PARAMETERS = {
    "p": 0.02,
    "g_exc": 0.6,
    "g_inh": 6.7,
    "I": 20.0,
    "V_rest": -60.0,
    "V_th": -50.0,
    "tau": 20.0,
    "tau_ref": 5.0,
    "tau_exc": 5.0,
    "tau_inh": 10.0,
    "E_exc": 0.0,
    "E_inh": -80.0,
    "V_mean": -55.0,
    "V_std": 5.0,
}
NEITHER = ("p", "V_mean", "V_std")  # in the connections and V(0) that the C program is handed


def program_parameters(values: Mapping[str, float]) -> dict[str, float]:
    return {k: v for k, v in values.items() if k not in NEITHER} | {"V_reset": values["V_rest"]}


def peer_parameters(values: Mapping[str, float]) -> dict[str, object]:
    return {
        **program_parameters(values),
        "p": values["p"],
        "V0": ["normal", values["V_mean"], values["V_std"]],
    }


def workload(name: str, title: str, n: int, p: float, goal: float, quick: bool) -> Workload:
    return Workload(
        name=name,
        title=title,
        model=coba_ei,
        sizes={"n_exc": n * 4 // 5, "n_inh": n // 5},
        parameters={**PARAMETERS, "p": p},
        duration=1000.0,
        program="coba",
        program_parameters=program_parameters,
        peer_parameters=peer_parameters,
        goal=goal,
        quick=quick,
    )


WORKLOADS = (
    workload("coba_4000", "COBA 4000, 1000 ms", 4000, 0.02, goal=3.0, quick=True),
    workload("coba_40000", "COBA 40,000, 1000 ms", 40_000, 0.002, goal=2.5, quick=False),
)
