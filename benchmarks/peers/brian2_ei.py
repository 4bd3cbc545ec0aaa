"""An E/I network in Brian2, C++ standalone mode, one thread; run by the Python that has Brian2.

    python brian2_ei.py '{"n_exc": 3200, "n_inh": 800, "p": 0.02, "duration": 1000, "runs": 3, ...}'

Prints one JSON object: version, seconds of each run (the time loop alone, as Brian2 itself reports it: no
process start, no drawing of connections), seconds of the first call (C++ compilation included), rates in Hz.
Its default order of a step and compiler flags, which include -ffast-math. With conductances the method is
`euler`: it freezes them over a step, as this project does, and is four times as fast as Brian2's
`exponential_euler`, which takes an exp a cell and step. With currents the method is `exact`.
"""

import json
import sys
import tempfile
import time

import brian2 as b2
import numpy as np
from brian2 import ms, mV

spec = json.loads(sys.argv[1])
n_exc, n = spec["n_exc"], spec["n_exc"] + spec["n_inh"]
conductances = "E_exc" in spec
start = time.perf_counter()
b2.set_device("cpp_standalone", build_on_run=False)
b2.defaultclock.dt = spec["dt"] * ms
b2.seed(spec["seed"])

names = ("V_rest", "V_reset", "V_th", "I") + (("E_exc", "E_inh") if conductances else ())
constants = {name: spec[name] * mV for name in names}
constants |= {name: spec[name] * ms for name in ("tau", "tau_exc", "tau_inh")}
drive = "g_exc * (E_exc - v) + g_inh * (E_inh - v)" if conductances else "g_exc + g_inh"
unit = "1" if conductances else "volt"
cells = b2.NeuronGroup(
    n,
    f"""dv/dt = (V_rest - v + I + {drive}) / tau : volt (unless refractory)
        dg_exc/dt = -g_exc / tau_exc : {unit}
        dg_inh/dt = -g_inh / tau_inh : {unit}""",
    threshold="v >= V_th",
    reset="v = V_reset",
    refractory=spec["tau_ref"] * ms,
    method="euler" if conductances else "exact",
    namespace=constants,
)
kind, first, second = spec["V0"]
cells.v = getattr(np.random.default_rng(spec["seed"]), kind)(first, second, n) * mV
synapses = []
for name, group in (("g_exc", cells[:n_exc]), ("g_inh", cells[n_exc:])):
    weight = spec[name] * (1 if conductances else mV)
    synapses.append(b2.Synapses(group, cells, on_pre=f"{name}_post += weight", namespace={"weight": weight}))
    synapses[-1].connect(p=spec["p"])
spikes = b2.SpikeMonitor(cells)
b2.Network(cells, synapses, spikes).run(spec["duration"] * ms, namespace={})

with tempfile.TemporaryDirectory() as folder:
    b2.device.build(directory=folder, compile=True, run=True, with_output=False)
    first_call = time.perf_counter() - start
    seconds = []
    for _ in range(spec["runs"]):
        b2.device.run(folder, with_output=False, run_args=[])
        seconds.append(b2.device._last_run_time)
    neurons = np.asarray(spikes.i)
T = spec["duration"] / 1000
print(
    json.dumps(
        {
            "version": b2.__version__,
            "seconds": seconds,
            "first_call": first_call,
            "rate_exc": int((neurons < n_exc).sum()) / n_exc / T,
            "rate_inh": int((neurons >= n_exc).sum()) / (n - n_exc) / T,
        }
    )
)
