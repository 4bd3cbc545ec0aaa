"""A cortical network that decides between two stimuli by slow reverberation (Wang, 2002)."""

from snnlab.core.connectivity import AllToAll
from snnlab.core.inputs import Bernoulli, Poisson, RedrawnPoisson
from snnlab.core.network import Input, Network, Population, Projection
from snnlab.core.neurons import LIF
from snnlab.core.parameters import ABOVE_ZERO, model, param, unknown
from snnlab.core.synapses import NMDA, Conductance, Exponential, MgBlock, Synapse

INF = float("inf")
_NS = {"unit": "nS", "bounds": (0.0, INF), "scalar": True}
_HZ = {"unit": "Hz", "bounds": (0.0, 1e5), "scalar": True}
_MS = {"unit": "ms", "bounds": (0.0, INF), "scalar": True}


@model
def wang2002(
    *,
    coherence: float = param(
        0.256, doc="coherence, towards A where positive", bounds=(-1.0, 1.0), scalar=True
    ),
    scale: float = param(
        1.0, doc="size: 2000 cells times this", bounds=(ABOVE_ZERO, 50.0), slider=(0.1, 2.0), scalar=True
    ),
    mu_0: float = param(40.0, doc="rate of the stimulus at coherence 0", slider=(0.0, 100.0), **_HZ),
    sigma: float = param(10.0, doc="spread of the stimulus' rate", slider=(0.0, 50.0), **_HZ),
    interval: float = param(
        50.0,
        unit="ms",
        doc="time between its changes",
        bounds=(ABOVE_ZERO, INF),
        slider=(10.0, 200.0),
        scalar=True,
    ),
    start: float = param(100.0, doc="onset of the stimulus", slider=(0.0, 1000.0), **_MS),
    stop: float = param(1100.0, doc="end of the stimulus", slider=(0.0, 3000.0), **_MS),
    background: float = param(2400.0, doc="background rate a cell", slider=(2000.0, 3000.0), **_HZ),
    w_plus: float = param(1.7, doc="weight within a pool", bounds=(0.0, INF), slider=(1.0, 2.5), scalar=True),
    f: float = param(
        0.15, doc="share of E cells in a pool", bounds=(ABOVE_ZERO, 0.5), slider=(0.05, 0.4), scalar=True
    ),
    g_ext_E: float = param(2.1, doc="external AMPA onto E", slider=(1.0, 4.0), **_NS),
    g_ext_I: float = param(1.62, doc="external AMPA onto I", slider=(1.0, 4.0), **_NS),
    g_AMPA_E: float = param(0.05, doc="recurrent AMPA onto E", slider=(0.0, 0.2), **_NS),
    g_AMPA_I: float = param(0.04, doc="recurrent AMPA onto I", slider=(0.0, 0.2), **_NS),
    g_NMDA_E: float = param(0.165, doc="recurrent NMDA onto E", slider=(0.0, 0.3), **_NS),
    g_NMDA_I: float = param(0.13, doc="recurrent NMDA onto I", slider=(0.0, 0.3), **_NS),
    g_GABA_E: float = param(1.3, doc="GABA onto E", slider=(0.0, 3.0), **_NS),
    g_GABA_I: float = param(1.0, doc="GABA onto I", slider=(0.0, 3.0), **_NS),
    Mg: float = param(1.0, unit="mM", doc="magnesium", bounds=(0.0, INF), slider=(0.0, 3.0), scalar=True),
    tau_NMDA: float = param(
        100.0, unit="ms", doc="decay of NMDA", bounds=(ABOVE_ZERO, INF), slider=(20.0, 200.0), scalar=True
    ),
    delay: float = param(0.5, doc="delay of recurrent synapses", slider=(0.0, 2.0), **_MS),
    noise: str = "poisson",
) -> Network:
    """Two pools of excitatory cells, A and B, compete through shared inhibition I; N prefers neither (Wang, 2002).

    Recurrent conductances are those of 2000 cells, divided by ``scale``. The stimulus drives A with ``mu_0 (1 +
    coherence)`` and B with ``mu_0 (1 - coherence)`` Hz a cell, drawn anew every ``interval`` with spread ``sigma``. The
    listing this goes back to has ``scale=0.2`` and runs for 1600 ms at dt 0.05; the paper's protocol is ``start=500,
    stop=2500`` for 2500 ms. ``noise="bernoulli"`` is the listing's: at most one external spike a step and source, which
    has less variance than Poisson spikes and decides faster.
    """
    sources = {"poisson": lambda source: source, "bernoulli": Bernoulli}
    if noise not in sources:
        raise ValueError(unknown("wang2002: there is no noise", str(noise)[:60], sources))
    n_E, n_I = round(1600 * scale), round(400 * scale)
    n_pool = round(f * n_E)
    n = {"A": n_pool, "B": n_pool, "N": n_E - 2 * n_pool, "I": n_I}
    if min(n.values()) < 1:
        raise ValueError(f"wang2002: scale = {scale:g} and f = {f:g} leave a pool empty: {n}.")

    pyramidal = LIF(V_rest=-70.0, V_reset=-55.0, V_th=-50.0, tau=20.0, tau_ref=2.0, R=1 / 25)  # 0.5 nF, 25 nS
    interneuron = LIF(
        V_rest=-70.0, V_reset=-55.0, V_th=-50.0, tau=10.0, tau_ref=1.0, R=1 / 20
    )  # 0.2 nF, 20 nS
    w_minus = 1 - f * (w_plus - 1) / (1 - f)  # keeps the mean weight onto A and B at 1
    if w_minus < 0:
        raise ValueError(
            f"wang2002: w_plus = {w_plus:g} is not allowed with f = {f:g}; it must be at most {1 / f:g}, "
            "or the weights between pools would be negative."
        )
    w = {  # from the pool of the line to that of the column
        "A": {"A": w_plus, "B": w_minus, "N": 1.0},
        "B": {"A": w_minus, "B": w_plus, "N": 1.0},
        "N": {"A": w_minus, "B": w_minus, "N": 1.0},
    }

    def to_all(pre, post, synapse, g):
        return Projection(pre, post, synapse, AllToAll(), g / scale, delay)

    projections = [to_all("I", post, "GABA", g_GABA_I if post == "I" else g_GABA_E) for post in n]
    for pre, line in w.items():
        for synapse, g_E, g_I in (("AMPA", g_AMPA_E, g_AMPA_I), ("NMDA", g_NMDA_E, g_NMDA_I)):
            projections += [to_all(pre, post, synapse, weight * g_E) for post, weight in line.items()]
            projections.append(to_all(pre, "I", synapse, g_I))

    def external(post, source, g):
        return Input(post, sources[noise](source), "AMPA", g)

    stimulus = {"A": mu_0 * (1 + coherence), "B": mu_0 * (1 - coherence)}
    return Network(
        populations={name: Population(interneuron if name == "I" else pyramidal, n[name]) for name in n},
        synapses={
            "AMPA": Synapse(Exponential(2.0), Conductance(0.0)),
            "NMDA": Synapse(NMDA(2.0, tau_NMDA, 0.5), MgBlock(0.0, Mg)),
            "GABA": Synapse(Exponential(5.0), Conductance(-70.0)),
        },
        projections=projections,
        inputs=[
            external(("A", "B", "N"), Poisson(background), g_ext_E),
            external("I", Poisson(background), g_ext_I),
            *(
                external(pool, RedrawnPoisson(rate, sigma, interval, start, stop), g_ext_E)
                for pool, rate in stimulus.items()
            ),
        ],
    )
