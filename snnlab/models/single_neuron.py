"""One cell, one synapse, two cells: what a network is made of, each alone.

The values are those of the listing these models go back to, with a membrane resistance of 0.01 GOhm (10 MOhm) where
it leaves the resistance out and so has 1 ohm: 1 nA (1000 pA) is then a drive of 10 mV.
"""

from collections.abc import Sequence

import numpy as np

from snnlab.core.connectivity import OneToOne
from snnlab.core.inputs import Constant, SpikeTimes
from snnlab.core.network import Input, Network, Population, Projection
from snnlab.core.neurons import LIF
from snnlab.core.parameters import ABOVE_ZERO, model, param
from snnlab.core.synapses import Conductance, Current, DualExponential, Exponential, Synapse

INF = float("inf")
_TIME = {"unit": "ms", "bounds": (ABOVE_ZERO, INF)}
_RESISTANCE = {"unit": "GOhm", "bounds": (ABOVE_ZERO, INF), "log": True}


@model
def lif_fi(
    *,
    I: float = param(2000.0, unit="pA", doc="current into the single cell", slider=(0.0, 6000.0)),
    I_min: float = param(
        0.0, unit="pA", doc="current into the first cell of the curve", slider=(0.0, 6000.0)
    ),
    I_max: float = param(
        5000.0, unit="pA", doc="current into the last cell of the curve", slider=(0.0, 20000.0)
    ),
    n: int = param(51, doc="cells of the curve", bounds=(2, 100_000), slider=(11, 201), integer=True),
    V_rest: float = param(-65.0, unit="mV", doc="resting potential", slider=(-80.0, -52.0)),
    V_reset: float = param(-65.0, unit="mV", doc="potential after a spike", slider=(-80.0, -51.0)),
    V_th: float = param(-50.0, unit="mV", doc="threshold", slider=(-60.0, -40.0)),
    tau: float = param(10.0, doc="membrane time constant", slider=(2.0, 50.0), **_TIME),
    tau_ref: float = param(0.0, unit="ms", doc="refractory period", bounds=(0.0, INF), slider=(0.0, 10.0)),
    R: float = param(0.01, doc="membrane resistance", slider=(0.001, 0.1), **_RESISTANCE),
    soft_reset: bool = False,
) -> Network:
    """A leaky integrate-and-fire cell under a constant current, and beside it its F-I curve (Lapicque, 1907).

    "cell" is one cell under ``I``; "curve" are ``n`` cells like it, unconnected, whose currents run evenly from
    ``I_min`` to ``I_max``: a raster of them is the F-I curve. With ``soft_reset``, ``V_th - V_reset`` is subtracted at
    a spike. The listing this goes back to has ``R=1e-9``, a resistance of 1 ohm: silent.
    """
    neuron = LIF(
        V_rest=V_rest, V_reset=V_reset, V_th=V_th, tau=tau, tau_ref=tau_ref, R=R, soft_reset=soft_reset
    )
    return Network(
        populations={"cell": Population(neuron, 1), "curve": Population(neuron, n)},
        inputs=(Input("cell", Constant(I)), Input("curve", Constant(np.linspace(I_min, I_max, n)))),
    )


@model
def synapse_train(
    *,
    g: float = param(
        2.0, unit="nS", doc="peak conductance of a spike", bounds=(0.0, INF), slider=(0.0, 20.0)
    ),
    tau_decay: float = param(5.0, doc="decay time constant", slider=(1.0, 100.0), **_TIME),
    tau_rise: float = param(
        0.0, unit="ms", doc="rise time constant; 0: at once", bounds=(0.0, INF), slider=(0.0, 10.0)
    ),
    E_rev: float = param(0.0, unit="mV", doc="reversal potential", slider=(-90.0, 20.0)),
    interval: float = param(10.0, doc="time from spike to spike", slider=(1.0, 100.0), **_TIME),
    n_spikes: int = param(5, doc="spikes of the train", bounds=(1, 10_000), slider=(1, 20), integer=True),
    start: float = param(10.0, unit="ms", doc="first spike", bounds=(0.0, INF), slider=(0.0, 100.0)),
    I: float = param(0.0, unit="pA", doc="constant current", slider=(-100.0, 300.0)),
    V_rest: float = param(-65.0, unit="mV", doc="resting potential; also the reset", slider=(-80.0, -52.0)),
    V_th: float = param(-50.0, unit="mV", doc="threshold", slider=(-60.0, 0.0)),
    tau: float = param(20.0, doc="membrane time constant", slider=(5.0, 50.0), **_TIME),
    R: float = param(0.1, doc="membrane resistance", slider=(0.01, 1.0), **_RESISTANCE),
    times: Sequence[float] | None = None,
) -> Network:
    """One synapse under a train of spikes, as a current and as a conductance, each on a cell of its own.

    Both have the same course in time: a rise of ``tau_rise`` (0: at once; ``tau_decay``: the alpha function of Rall,
    1967) and a decay of ``tau_decay``. The conductance "g" gives the cell "COBA" the current ``g (E_rev - V)``; the
    current "I_syn" gives the cell "CUBA" what that is at rest, ``g (E_rev - V_rest)``, whatever its V.
    ``times`` (ms) are the spikes of an irregular train instead of ``n_spikes`` every ``interval``.
    """
    kinetics = DualExponential(tau_rise, tau_decay) if tau_rise else Exponential(tau_decay)
    train = SpikeTimes(start + interval * np.arange(n_spikes) if times is None else times)
    neuron = LIF(V_rest=V_rest, V_reset=V_rest, V_th=V_th, tau=tau, R=R)
    return Network(
        populations={"CUBA": Population(neuron, 1), "COBA": Population(neuron, 1)},
        synapses={"I_syn": Synapse(kinetics, Current()), "g": Synapse(kinetics, Conductance(E_rev))},
        inputs=(
            Input("CUBA", train, "I_syn", g * (E_rev - V_rest)),
            Input("COBA", train, "g", g),
            Input(("CUBA", "COBA"), Constant(I)),
        ),
    )


@model
def two_neurons(
    *,
    I_pre: float = param(2500.0, unit="pA", doc="current into the first cell", slider=(0.0, 6000.0)),
    w: float = param(5000.0, unit="pA", doc="weight of the synapse", slider=(-10000.0, 10000.0)),
    tau_s: float = param(5.0, doc="synaptic decay", slider=(1.0, 50.0), **_TIME),
    delay: float = param(0.0, unit="ms", doc="transmission delay", bounds=(0.0, 1000.0), slider=(0.0, 20.0)),
    I_post: float = param(0.0, unit="pA", doc="current into the second cell", slider=(-2000.0, 4000.0)),
    tau_pre: float = param(10.0, doc="membrane time constant of the first cell", slider=(5.0, 50.0), **_TIME),
    tau_post: float = param(
        20.0, doc="membrane time constant of the second cell", slider=(5.0, 50.0), **_TIME
    ),
    tau_ref: float = param(0.0, unit="ms", doc="refractory period", bounds=(0.0, INF), slider=(0.0, 10.0)),
    R: float = param(0.01, doc="membrane resistance", slider=(0.001, 0.1), **_RESISTANCE),
    V_rest: float = param(-65.0, unit="mV", doc="resting potential; also the reset", slider=(-80.0, -52.0)),
    V_th: float = param(-50.0, unit="mV", doc="threshold", slider=(-60.0, -40.0)),
    V_start: float = param(-65.0, unit="mV", doc="initial potential", slider=(-80.0, 0.0)),
    soft_reset: bool = True,
) -> Network:
    """Two leaky integrate-and-fire cells: "pre" is driven and excites "post" by a current-based exponential synapse.

    A spike of pre adds ``w`` to the synaptic current of post, ``delay`` later; with delay 0 within the same step. One
    spike lifts post by 7.87 mV, less than the 15 mV to threshold. Resets are soft, as in the listing this goes back
    to; that has ``R=1e-9, w=5e10, V_start=0`` (1 ohm; its weight acts as 50 mV all the same).
    """
    levels = {"V_rest": V_rest, "V_reset": V_rest, "V_th": V_th, "tau_ref": tau_ref, "R": R}
    cells = {
        name: Population(LIF(**levels, tau=tau, soft_reset=soft_reset), 1, {"V": V_start})
        for name, tau in (("pre", tau_pre), ("post", tau_post))
    }
    return Network(
        populations=cells,
        synapses={"I_syn": Synapse(Exponential(tau_s), Current())},
        projections=(Projection("pre", "post", "I_syn", OneToOne(), w, delay),),
        inputs=(Input("pre", Constant(I_pre)), Input("post", Constant(I_post))),
    )
