"""The decision network of Wang (2002): every cell to every cell, slow NMDA, Poisson noise; at two sizes."""

from collections.abc import Mapping

from benchmarks.workload import Workload
from snnlab.models import wang2002

PARAMETERS = {
    "coherence": 0.256,
    "mu_0": 40.0,
    "sigma": 10.0,
    "interval": 50.0,
    "start": 100.0,
    "stop": 1100.0,
    "background": 2400.0,
    "w_plus": 1.7,
    "g_ext_E": 2.1,
    "g_ext_I": 1.62,
    "g_AMPA_E": 0.05,
    "g_AMPA_I": 0.04,
    "g_NMDA_E": 0.165,
    "g_NMDA_I": 0.13,
    "g_GABA_E": 1.3,
    "g_GABA_I": 1.0,
    "Mg": 1.0,
    "tau_NMDA": 100.0,
}
RECURRENT = ("g_AMPA_E", "g_AMPA_I", "g_NMDA_E", "g_NMDA_I", "g_GABA_E", "g_GABA_I")
CELLS = {
    "V_rest": -70.0,
    "V_reset": -55.0,
    "V_th": -50.0,
    "C_E": 500.0,
    "C_I": 200.0,
    "g_L_E": 25.0,
    "g_L_I": 20.0,
    "tau_ref_E": 2.0,
    "tau_ref_I": 1.0,
    "E_exc": 0.0,
    "E_inh": -70.0,
    "tau_AMPA": 2.0,
    "tau_rise": 2.0,
    "tau_GABA": 5.0,
    "alpha": 0.5,
}


def program_parameters(sizes: Mapping[str, float], values: Mapping[str, float]) -> dict[str, float]:
    scale, f = sizes["scale"], sizes["f"]
    n_E, n_pool = round(1600 * scale), round(f * round(1600 * scale))
    cells = {"n_A": n_pool, "n_B": n_pool, "n_N": n_E - 2 * n_pool, "n_I": round(400 * scale)}
    w_minus = 1 - f * (values["w_plus"] - 1) / (1 - f)
    recurrent = {name: values[name] / scale for name in RECURRENT}
    kept = {name: value for name, value in values.items() if name != "background"}
    return {
        **CELLS,
        **cells,
        "delay": sizes["delay"],
        **kept,
        **recurrent,
        "w_minus": w_minus,
        "rate": values["background"],
    }


def workload(name: str, title: str, scale: float, goal: float) -> Workload:
    sizes = {"scale": scale, "f": 0.15, "delay": 0.5}  # a delay is a whole number of steps
    return Workload(
        name=name,
        title=title,
        model=wang2002,
        sizes=sizes,
        parameters=PARAMETERS,
        duration=1600.0,
        dt=0.05,
        program="wang",
        program_parameters=lambda values: program_parameters(sizes, values),
        peer_parameters=None,
        goal=goal,
        wired=False,
    )


WORKLOADS = (
    workload("wang_320", "Wang 320 + 80, 1600 ms", 0.2, goal=4.5),
    workload("wang_1600", "Wang 1600 + 400, 1600 ms", 1.0, goal=2.5),
)
