"""What the explorers of the documented models show first, and their presets, named after what one sees."""

import dataclasses
from collections.abc import Mapping


@dataclasses.dataclass(frozen=True)
class Look:
    """How a model is first shown: the controls above "More", the presets, what is recorded, the first values.

    A preset is what differs from the model's defaults.
    """

    visible: tuple[str, ...] = ()
    presets: Mapping[str, Mapping[str, float]] = dataclasses.field(default_factory=dict)
    start: Mapping[str, float] = dataclasses.field(default_factory=dict)
    record: Mapping[str, list[int]] = dataclasses.field(default_factory=dict)


_ONE_EACH = {"E.V": [0], "I.V": [0]}

LOOKS: dict[str, Look] = {
    "coba_ei": Look(
        visible=("g_exc", "g_inh", "I", "p"),
        presets={
            "asynchronous irregular": {},
            "inhibition off": {"g_inh": 0.0},
            "strong inhibition": {"g_inh": 20.0},
            "drive off": {"I": 0.0},
            "the old listing": {"g_inh": 0.7, "V_mean": 0.0, "V_std": 0.0},
        },
        record=_ONE_EACH,
    ),
    "coba_hh_ei": Look(
        visible=("g_exc", "g_inh", "g_L", "E_L"),
        presets={
            "a volley, then asynchronous": {},
            "inhibition off": {"g_inh": 0.0},
            "strong inhibition": {"g_inh": 200.0},
            "a stable rest: silence": {"E_L": -65.0},
            "the old listing": {"g_L": 0.001, "V_spike": 0.0},
        },
        start={"duration": 200.0},
        record=_ONE_EACH,
    ),
    "cuba_ei": Look(
        visible=("I", "J_exc", "J_inh", "p"),
        presets={
            "mean-driven and regular": {},
            "inhibition off": {"J_inh": 0.0},
            "strong inhibition": {"J_inh": -5.0},
            "the old listing": {"V_rest": 0.0, "V_reset": -5.0, "V_th": 20.0, "tau_s": 8.0},
        },
        record=_ONE_EACH,
    ),
    "lif_ei": Look(
        visible=("RI", "J_exc", "J_inh", "p"),
        presets={
            "strong drive, regular": {},
            "weak drive": {"RI": 12.0},
            "inhibition off": {"J_inh": 0.0},
            "strong inhibition": {"J_inh": -20.0},
            "the old listing": {"RI": 5e-7},
        },
        record=_ONE_EACH,
    ),
}
