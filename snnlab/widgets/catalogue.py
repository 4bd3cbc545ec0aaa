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
    record: Mapping[str, list[int]] | tuple[str, ...] = ()


_ONE_EACH = {"E.V": [0], "I.V": [0]}
_MOVING = {"t_on": 0.0, "t_off": 60.0, "t_move": 20.0}  # a stimulus that rests for 20 of 60 ms
_TRACKED = {**_MOVING, "t_halt": 40.0, "speed": 0.6}

LOOKS: dict[str, Look] = {
    "cann": Look(
        visible=("k", "A", "speed", "noise", "position"),
        presets={
            "smooth tracking": _TRACKED,
            "a memory that stays": {"k": 0.1},
            "a memory that wanders": {"k": 0.1, "noise": 0.5},
            "a jump under noise": {**_MOVING, "t_move": 10.0, "position": 0.5, "jump": -0.5, "noise": 0.1},
            "torn off": {**_MOVING, "k": 0.1, "A": 2.0, "speed": 0.15},
            "no attractor": {"k": 140.0, "A": 1.0},
            "the old listing": {**_TRACKED, "tau": 2.0},
        },
        start={"duration": 60.0, **_TRACKED},
        record=("u", "position"),
    ),
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
    "lif_fi": Look(
        visible=("I", "I_max", "tau", "tau_ref", "V_reset"),
        presets={
            "regular firing": {},
            "below rheobase": {"I": 1400.0},
            "just above rheobase": {"I": 1501.0, "I_min": 1400.0, "I_max": 1600.0},
            "refractoriness caps the rate": {"I": 5000.0, "I_max": 20000.0, "tau_ref": 5.0},
            "the old listing": {"R": 1e-9},
        },
        start={"duration": 200.0},
        record={"cell.V": [0]},
    ),
    "synapse_train": Look(
        visible=("g", "tau_rise", "tau_decay", "E_rev", "interval"),
        presets={
            "EPSPs add up": {},
            "an alpha function": {"tau_rise": 5.0},
            "too far apart to add up": {"interval": 100.0},
            "driving force": {"g": 20.0, "V_th": 0.0, "interval": 5.0},
            "inhibition": {"E_rev": -80.0},
            "shunting": {"E_rev": -65.0, "I": 100.0, "g": 10.0},
        },
        start={"duration": 150.0},
        record={"CUBA.V": [0], "COBA.V": [0], "COBA.g": [0]},
    ),
    "two_neurons": Look(
        visible=("I_pre", "w", "tau_s", "tau_post", "delay"),
        presets={
            "EPSPs sum to a spike": {},
            "a weaker synapse": {"w": 3000.0},
            "one EPSP is not enough": {"I_pre": 1505.0},
            "inhibition": {"w": -800.0, "I_post": 2500.0},
            "a long delay": {"delay": 15.0},
            "the old listing": {"R": 1e-9, "w": 5e10, "V_start": 0.0},
        },
        start={"duration": 150.0},
        record={"pre.V": [0], "post.V": [0], "post.I_syn": [0]},
    ),
    "wong_wang2006": Look(
        visible=("stimulus", "coherence", "s1_0", "s2_0", "sigma"),
        presets={
            "no input": {"stimulus": 0.0},
            "coherence 0 %": {"s2_0": 0.099},
            "coherence 51.2 %": {"coherence": 0.512},
            "coherence 100 %": {"coherence": 1.0},
            "in doubt for ever": {},
            "too strong a stimulus": {"stimulus": 80.0},
            "noisy decisions": {
                **{"coherence": 0.064, "sigma": 0.02, "trials": 20, "s1_0": 0.06, "s2_0": 0.06},
                **{"J_rec": 0.2609, "J_inh": 0.0497, "I_0": 0.3255, "J_A": 5.2e-4, "tau_s": 0.1},
            },
        },
        start={"duration": 1000.0, "dt": 1.0, "s2_0": 0.099},
        record=("s1", "s2", "r1", "r2"),
    ),
    "wang2002": Look(
        visible=("coherence", "mu_0", "w_plus", "g_NMDA_E", "sigma"),
        presets={
            "a clear decision": {"coherence": 0.512},
            "no evidence": {"coherence": 0.0},
            "no competition": {"w_plus": 1.0},
            "spontaneous activity": {"mu_0": 0.0, "sigma": 0.0},
            "a strong memory": {"coherence": 0.512, "w_plus": 1.8, "stop": 600.0},
            "a fifth of the network, as in the old listing": {"scale": 0.2},
        },
        start={"duration": 1600.0},
        record={"A.NMDA": [0], "B.NMDA": [0]},
    ),
}
