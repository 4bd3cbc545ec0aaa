"""Networks of excitatory and inhibitory cells with random wiring (van Vreeswijk & Sompolinsky, 1996; Brunel, 2000).

Four published versions: current-based with instant-rise synapses (``cuba_ei``), conductance-based (``coba_ei``;
Vogels & Abbott, 2005; Brette et al., 2007), the same with Hodgkin-Huxley cells (``coba_hh_ei``) and a small
current-based one with strong inhibition (``lif_ei``).
"""

import math

from snnlab.core.channels import K, Leak, Na
from snnlab.core.connectivity import FixedProbability
from snnlab.core.distributions import Normal, Uniform
from snnlab.core.inputs import Constant
from snnlab.core.network import Input, Network, Population, Projection
from snnlab.core.neurons import HH, LIF
from snnlab.core.parameters import ABOVE_ZERO, model, param
from snnlab.core.synapses import Conductance, Current, Exponential, Synapse

INF = float("inf")
_CELLS = {"bounds": (1, 1_000_000), "integer": True}


@model
def coba_ei(
    *,
    n_exc: int = param(3200, doc="excitatory cells", slider=(400, 8000), **_CELLS),
    n_inh: int = param(800, doc="inhibitory cells", slider=(100, 2000), **_CELLS),
    p: float = param(0.02, doc="connection probability", bounds=(0.0, 1.0), slider=(0.0, 0.1)),
    g_exc: float = param(
        0.6, unit="nS", doc="excitatory weight (leak = 1 nS)", bounds=(0.0, INF), slider=(0.0, 2.0)
    ),
    g_inh: float = param(
        6.7, unit="nS", doc="inhibitory weight (leak = 1 nS)", bounds=(0.0, INF), slider=(0.0, 20.0)
    ),
    I: float = param(20.0, unit="pA", doc="constant drive (20 pA on 1 GOhm: 20 mV)", slider=(0.0, 40.0)),
    V_rest: float = param(-60.0, unit="mV", doc="resting and reset potential", slider=(-80.0, -52.0)),
    V_th: float = param(-50.0, unit="mV", doc="threshold", slider=(-58.0, -40.0)),
    tau: float = param(
        20.0, unit="ms", doc="membrane time constant", bounds=(ABOVE_ZERO, INF), slider=(5.0, 50.0)
    ),
    tau_ref: float = param(5.0, unit="ms", doc="refractory period", bounds=(0.0, INF), slider=(0.0, 10.0)),
    tau_exc: float = param(
        5.0, unit="ms", doc="excitatory decay", bounds=(ABOVE_ZERO, INF), slider=(1.0, 20.0)
    ),
    tau_inh: float = param(
        10.0, unit="ms", doc="inhibitory decay", bounds=(ABOVE_ZERO, INF), slider=(1.0, 30.0)
    ),
    E_exc: float = param(0.0, unit="mV", doc="excitatory reversal potential", slider=(-40.0, 20.0)),
    E_inh: float = param(-80.0, unit="mV", doc="inhibitory reversal potential", slider=(-100.0, -60.0)),
    V_mean: float = param(-55.0, unit="mV", doc="initial potential, mean", slider=(-80.0, -40.0)),
    V_std: float = param(
        5.0, unit="mV", doc="initial potential, spread", bounds=(0.0, INF), slider=(0.0, 10.0)
    ),
) -> Network:
    """Conductance-based E/I network (Vogels & Abbott, 2005; benchmark 1 of Brette et al., 2007).

    ``tau dV/dt = V_rest - V + R (I + g_E (E_exc - V) + g_I (E_inh - V))`` with R = 1 GOhm, so that conductances are
    relative to the leak. The listing this goes back to has ``g_inh=0.7, V_mean=0, V_std=0``: every cell fires at
    once and stays at the refractory ceiling.
    """
    cell = LIF(V_rest=V_rest, V_reset=V_rest, V_th=V_th, tau=tau, tau_ref=tau_ref, R=1.0)
    V = {"V": Normal(V_mean, V_std)}
    wiring = FixedProbability(p)
    return Network(
        populations={"E": Population(cell, n_exc, V), "I": Population(cell, n_inh, V)},
        synapses={
            "exc": Synapse(Exponential(tau_exc), Conductance(E_exc)),
            "inh": Synapse(Exponential(tau_inh), Conductance(E_inh)),
        },
        projections=(
            Projection("E", "E", "exc", wiring, g_exc),
            Projection("E", "I", "exc", wiring, g_exc),
            Projection("I", "E", "inh", wiring, g_inh),
            Projection("I", "I", "inh", wiring, g_inh),
        ),
        inputs=(Input(("E", "I"), Constant(I)),),
    )


@model
def coba_hh_ei(
    *,
    n_exc: int = param(3200, doc="excitatory cells", slider=(400, 8000), **_CELLS),
    n_inh: int = param(800, doc="inhibitory cells", slider=(100, 2000), **_CELLS),
    p: float = param(0.02, doc="connection probability", bounds=(0.0, 1.0), slider=(0.0, 0.1)),
    g_exc: float = param(6.0, unit="nS", doc="excitatory weight", bounds=(0.0, INF), slider=(0.0, 20.0)),
    g_inh: float = param(67.0, unit="nS", doc="inhibitory weight", bounds=(0.0, INF), slider=(0.0, 200.0)),
    I: float = param(0.0, unit="pA", doc="constant drive", slider=(-200.0, 1000.0)),
    g_L: float = param(10.0, unit="nS", doc="leak conductance", bounds=(0.0, INF), slider=(0.0, 50.0)),
    g_Na: float = param(
        20000.0, unit="nS", doc="peak sodium conductance", bounds=(0.0, INF), slider=(0.0, 50000.0)
    ),
    g_K: float = param(
        6000.0, unit="nS", doc="peak potassium conductance", bounds=(0.0, INF), slider=(0.0, 20000.0)
    ),
    E_L: float = param(-60.0, unit="mV", doc="leak reversal potential", slider=(-80.0, -50.0)),
    E_Na: float = param(50.0, unit="mV", doc="sodium reversal potential", slider=(20.0, 80.0)),
    E_K: float = param(-90.0, unit="mV", doc="potassium reversal potential", slider=(-100.0, -70.0)),
    C: float = param(
        200.0, unit="pF", doc="membrane capacitance", bounds=(ABOVE_ZERO, INF), slider=(50.0, 500.0)
    ),
    V_T: float = param(-63.0, unit="mV", doc="shift of the channels' rates", slider=(-70.0, -50.0)),
    V_spike: float = param(
        -20.0, unit="mV", doc="level whose upward crossing is a spike", slider=(-40.0, 20.0)
    ),
    tau_exc: float = param(
        5.0, unit="ms", doc="excitatory decay", bounds=(ABOVE_ZERO, INF), slider=(1.0, 20.0)
    ),
    tau_inh: float = param(
        10.0, unit="ms", doc="inhibitory decay", bounds=(ABOVE_ZERO, INF), slider=(1.0, 30.0)
    ),
    E_exc: float = param(0.0, unit="mV", doc="excitatory reversal potential", slider=(-40.0, 20.0)),
    E_inh: float = param(-80.0, unit="mV", doc="inhibitory reversal potential", slider=(-100.0, -60.0)),
    V_low: float = param(-70.0, unit="mV", doc="initial potential, lowest", slider=(-90.0, -61.0)),
    V_high: float = param(-60.0, unit="mV", doc="initial potential, highest", slider=(-65.0, -40.0)),
    steady: bool = False,
    substeps: int = param(
        1, doc="steps of the membrane in a step", bounds=(1, 100), slider=(1, 8), integer=True
    ),
) -> Network:
    """Conductance-based E/I network of Hodgkin-Huxley cells (benchmark 3 of Brette et al., 2007).

    The cells have the channels of Traub & Miles (1991): leak, ``Na`` and ``K``. Their gates start at 0, which makes the
    first volley synchronous, or with ``steady=True`` at their steady state. At ``E_L=-60`` a cell without input has no
    stable rest: it fires every 72 ms. The listing this goes back to has ``g_L=0.001, V_spike=0``: a leak of 1 pS.
    ``substeps`` divides a step for the membranes alone.
    """
    channels = (Leak(g_L, E_L), Na(g_Na, E_Na, V_T), K(g_K, E_K, V_T))
    cell = HH(channels, C=C, V_spike=V_spike, V_start=E_L, steady=steady, substeps=substeps)
    V = {"V": Uniform(V_low, V_high)}
    wiring = FixedProbability(p)
    return Network(
        populations={"E": Population(cell, n_exc, V), "I": Population(cell, n_inh, V)},
        synapses={
            "exc": Synapse(Exponential(tau_exc), Conductance(E_exc)),
            "inh": Synapse(Exponential(tau_inh), Conductance(E_inh)),
        },
        projections=(
            Projection("E", "E", "exc", wiring, g_exc),
            Projection("E", "I", "exc", wiring, g_exc),
            Projection("I", "E", "inh", wiring, g_inh),
            Projection("I", "I", "inh", wiring, g_inh),
        ),
        inputs=(Input(("E", "I"), Constant(I)),),
    )


@model
def cuba_ei(
    *,
    n_exc: int = param(500, doc="excitatory cells", slider=(100, 4000), **_CELLS),
    n_inh: int = param(500, doc="inhibitory cells", slider=(100, 4000), **_CELLS),
    p: float = param(
        0.1, doc="connection probability", bounds=(ABOVE_ZERO, 1.0), slider=(0.01, 0.5), scalar=True
    ),
    I: float = param(3.0, unit="pA", doc="constant drive (3 pA on 1 GOhm: 3 mV)", slider=(0.0, 10.0)),
    J_exc: float = param(1.0, unit="pA", doc="excitatory weight times sqrt(p n_exc)", slider=(0.0, 5.0)),
    J_inh: float = param(-1.0, unit="pA", doc="inhibitory weight times sqrt(p n_inh)", slider=(-5.0, 0.0)),
    V_rest: float = param(-52.0, unit="mV", doc="resting potential", slider=(-60.0, -50.0)),
    V_reset: float = param(-60.0, unit="mV", doc="potential after a spike", slider=(-70.0, -51.0)),
    V_th: float = param(-50.0, unit="mV", doc="threshold", slider=(-51.0, -40.0)),
    tau: float = param(
        10.0, unit="ms", doc="membrane time constant", bounds=(ABOVE_ZERO, INF), slider=(5.0, 50.0)
    ),
    tau_ref: float = param(1.0, unit="ms", doc="refractory period", bounds=(0.0, INF), slider=(0.0, 10.0)),
    tau_s: float = param(2.0, unit="ms", doc="synaptic decay", bounds=(ABOVE_ZERO, INF), slider=(1.0, 20.0)),
    V_low: float = param(-52.0, unit="mV", doc="initial potential, lowest", slider=(-70.0, -50.0)),
    V_high: float = param(-50.0, unit="mV", doc="initial potential, highest", slider=(-52.0, -40.0)),
) -> Network:
    """Current-based E/I network with as many inhibitory as excitatory cells (after Brunel, 2000).

    Weights are ``J / sqrt(p n)``. With the default drive the mean alone carries the cells over threshold: they fire
    regularly. The listing this goes back to passes none of its values to the cells, so that what it runs is
    ``V_rest=0, V_reset=-5, V_th=20, tau_s=8, V_low=-52, V_high=-50``: silent.
    """
    cell = LIF(V_rest=V_rest, V_reset=V_reset, V_th=V_th, tau=tau, tau_ref=tau_ref, R=1.0)
    V = {"V": Uniform(V_low, V_high)}
    wiring, w_exc, w_inh = FixedProbability(p), J_exc / math.sqrt(p * n_exc), J_inh / math.sqrt(p * n_inh)
    return Network(
        populations={"E": Population(cell, n_exc, V), "I": Population(cell, n_inh, V)},
        synapses={"syn": Synapse(Exponential(tau_s), Current())},
        projections=(
            Projection("E", "E", "syn", wiring, w_exc),
            Projection("E", "I", "syn", wiring, w_exc),
            Projection("I", "E", "syn", wiring, w_inh),
            Projection("I", "I", "syn", wiring, w_inh),
        ),
        inputs=(Input(("E", "I"), Constant(I)),),
    )


@model
def lif_ei(
    *,
    n_exc: int = param(400, doc="excitatory cells", slider=(100, 4000), **_CELLS),
    n_inh: int = param(100, doc="inhibitory cells", slider=(25, 1000), **_CELLS),
    p: float = param(
        0.1, doc="connection probability", bounds=(ABOVE_ZERO, 1.0), slider=(0.01, 0.5), scalar=True
    ),
    RI: float = param(20.0, unit="mV", doc="drive: resistance times current", slider=(0.0, 40.0)),
    J_exc: float = param(0.5, unit="pA", doc="excitatory weight times sqrt(p n_exc)", slider=(0.0, 5.0)),
    J_inh: float = param(-4.0, unit="pA", doc="inhibitory weight times sqrt(p n_inh)", slider=(-20.0, 0.0)),
    V_rest: float = param(-60.0, unit="mV", doc="resting potential; also the reset", slider=(-80.0, -52.0)),
    V_th: float = param(-50.0, unit="mV", doc="threshold", slider=(-58.0, -40.0)),
    tau: float = param(
        20.0, unit="ms", doc="membrane time constant", bounds=(ABOVE_ZERO, INF), slider=(5.0, 50.0)
    ),
    tau_ref: float = param(0.0, unit="ms", doc="refractory period", bounds=(0.0, INF), slider=(0.0, 10.0)),
    tau_exc: float = param(
        5.0, unit="ms", doc="excitatory decay", bounds=(ABOVE_ZERO, INF), slider=(1.0, 20.0)
    ),
    tau_inh: float = param(
        10.0, unit="ms", doc="inhibitory decay", bounds=(ABOVE_ZERO, INF), slider=(1.0, 30.0)
    ),
    V_mean: float = param(-55.0, unit="mV", doc="initial potential, mean", slider=(-80.0, -40.0)),
    V_std: float = param(
        5.0, unit="mV", doc="initial potential, spread", bounds=(0.0, INF), slider=(0.0, 10.0)
    ),
) -> Network:
    """A small current-based E/I network whose inhibition is eight times stronger (after Brunel, 2000).

    Resets are soft: ``V_th - V_reset`` is subtracted. The listing this goes back to drives the cells with a resistance
    of 1 ohm, that is with ``RI=5e-7`` mV: silent.
    """
    cell = LIF(V_rest=V_rest, V_reset=V_rest, V_th=V_th, tau=tau, tau_ref=tau_ref, R=1.0, soft_reset=True)
    V = {"V": Normal(V_mean, V_std)}
    wiring, w_exc, w_inh = FixedProbability(p), J_exc / math.sqrt(p * n_exc), J_inh / math.sqrt(p * n_inh)
    return Network(
        populations={"E": Population(cell, n_exc, V), "I": Population(cell, n_inh, V)},
        synapses={
            "exc": Synapse(Exponential(tau_exc), Current()),
            "inh": Synapse(Exponential(tau_inh), Current()),
        },
        projections=(
            Projection("E", "E", "exc", wiring, w_exc),
            Projection("E", "I", "exc", wiring, w_exc),
            Projection("I", "E", "inh", wiring, w_inh),
            Projection("I", "I", "inh", wiring, w_inh),
        ),
        inputs=(Input(("E", "I"), Constant(RI)),),
    )
