"""An E/I network in the brainpy stack (brainpy.state, brainstate, brainevent); run by the Python that has it.

    python brainpy_ei.py '{"n_exc": 3200, "n_inh": 800, "p": 0.02, "duration": 1000, "runs": 3, ...}'

Prints one JSON object: version, seconds of each run (to the list of spikes on the host), seconds of the first
call (tracing and compiling included) and rates in Hz. Its fixed-probability wiring gives every presynaptic
cell the same number of targets, drawn with repetition.
"""

import json
import sys
import time

import brainpy
import brainstate
import brainunit as u
import numpy as np

spec = json.loads(sys.argv[1])
n_exc, n = spec["n_exc"], spec["n_exc"] + spec["n_inh"]
conductances = "E_exc" in spec
brainstate.environ.set(dt=spec["dt"] * u.ms)
brainstate.random.seed(spec["seed"])
steps = round(spec["duration"] / spec["dt"])


def filled(values):
    """An initializer that hands out these values."""
    return lambda *_, **__: values


class EI(brainstate.nn.Module):
    def __init__(self):
        super().__init__()
        kind, first, second = spec["V0"]
        V0 = getattr(np.random.default_rng(spec["seed"]), kind)(first, second, n).astype(np.float32)
        self.cells = brainpy.state.LIFRef(
            n,
            R=1.0 * u.ohm,
            tau=spec["tau"] * u.ms,
            tau_ref=spec["tau_ref"] * u.ms,
            V_th=spec["V_th"] * u.mV,
            V_reset=spec["V_reset"] * u.mV,
            V_rest=spec["V_rest"] * u.mV,
            V_initializer=filled(V0 * u.mV),
            spk_reset="hard",
        )
        self.exc = self.project(n_exc, "exc")
        self.inh = self.project(n - n_exc, "inh")

    def project(self, n_pre, kind):
        # with R = 1 ohm a conductance in siemens is relative to the leak, and 1 mS under 1 V drives by 1 mV
        unit = u.siemens if conductances else u.mS
        out = (
            brainpy.state.COBA.desc(E=spec["E_" + kind] * u.mV)
            if conductances
            else brainpy.state.CUBA.desc(scale=u.volt)
        )
        g0 = filled(np.zeros(n, np.float32) * unit)
        return brainpy.state.AlignPostProj(
            comm=brainstate.nn.EventFixedProb(n_pre, n, spec["p"], spec["g_" + kind] * unit),
            syn=brainpy.state.Expon.desc(n, tau=spec["tau_" + kind] * u.ms, g_initializer=g0),
            out=out,
            post=self.cells,
        )

    def update(self, step):
        with brainstate.environ.context(i=step, t=step * brainstate.environ.get_dt()):
            spikes = self.cells.get_spike() != 0.0
            self.exc(spikes[:n_exc])
            self.inh(spikes[n_exc:])
            self.cells(spec["I"] * u.mA)
            return self.cells.get_spike() != 0.0


network = EI()


@brainstate.transform.jit
def simulate():
    brainstate.nn.init_all_states(network)
    return brainstate.transform.for_loop(network.update, np.arange(steps))


seconds = []
for _ in range(spec["runs"] + 1):
    start = time.perf_counter()
    when, neurons = np.nonzero(np.asarray(simulate()))
    seconds.append(time.perf_counter() - start)
T = spec["duration"] / 1000
print(
    json.dumps(
        {
            "version": brainpy.__version__,
            "seconds": seconds[1:],
            "first_call": seconds[0],
            "rate_exc": int((neurons < n_exc).sum()) / n_exc / T,
            "rate_inh": int((neurons >= n_exc).sum()) / (n - n_exc) / T,
        }
    )
)
