"""A workload: one network for the C reference, snnlab and the peers; and how C and snnlab are timed."""

import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import snnlab
from benchmarks import c_program

WIRING = ("p",)  # parameters that decide who is connected to whom


@dataclass(frozen=True)
class Workload:
    """One line of the table. `benchmarks/workloads/*.py` each offer some as `WORKLOADS`."""

    name: str  # for --only
    title: str
    model: Callable[..., snnlab.Network]
    sizes: Mapping[str, float]  # parameters that are part of the compiled program and never move
    parameters: Mapping[str, float]  # parameters that move in every run, and their values
    duration: float  # ms
    program: str  # the C reference in c/
    program_parameters: Callable[
        [Mapping[str, float]], Mapping[str, float]
    ]  # the model's parameters in its words
    peer_parameters: (
        Callable[[Mapping[str, float]], Mapping[str, object]] | None
    )  # the same for the scripts in peers/; None: they do not have this model
    goal: float  # times C, at most
    dt: float = 0.1
    quick: bool = True  # part of --quick
    wired: bool = True  # whether the C reference is handed connections and V(0); else it is given a seed

    def moved(self, rng: np.random.Generator) -> dict[str, float]:
        """The parameters, each moved by up to a ten-thousandth of itself (of 1 when it is 0)."""
        return {
            name: value + 1e-4 * (value or 1.0) * rng.uniform(-1, 1)
            for name, value in self.parameters.items()
        }

    def network(self, parameters: Mapping[str, float]) -> snnlab.Network:
        """The model with these parameters."""
        return self.model(**self.sizes, **parameters)

    def simulate(self, parameters: Mapping[str, float], seed: int, duration: float | None = None) -> dict:
        """One run as a user sees it, from the model's call to spikes on the host: seconds, rates in Hz."""
        duration = self.duration if duration is None else duration
        start = time.perf_counter()
        recording = snnlab.simulate(self.network(parameters), duration=duration, dt=self.dt, seed=seed)
        trains = {name: (t.times, t.neurons) for name, t in recording.spikes.items()}
        seconds = time.perf_counter() - start
        rates = {}
        for label, inhibitory in (("E", False), ("I", True)):
            own = [name for name in trains if (name == "I") == inhibitory]
            cells = sum(recording.spikes[name].n for name in own)
            rates[label] = 1e3 * sum(len(trains[name][0]) for name in own) / cells / duration
        return {"seconds": seconds, "rates": rates}

    def run_c(self, program: Path, folder: Path, parameters: Mapping[str, float], seed: int) -> dict:
        """One run of the C reference, on the connections and V(0) that snnlab draws with this seed."""
        words = {"steps": round(self.duration / self.dt), "repeats": 1, "dt": self.dt}
        words |= self.program_parameters(parameters)
        if not self.wired:
            return c_program.run(program, None, {**words, "seed": seed})
        network, file = self.network(parameters), folder / "network"
        n_exc = int(self.sizes["n_exc"])
        V0 = c_program.initial_voltage(network, seed, self.dt)
        c_program.write_network(file, n_exc, *c_program.wiring(network, seed), V0)
        return c_program.run(program, file, words)


def measure(workload: Workload, rounds: int) -> dict:
    """Time C and snnlab in turn, on the same networks, with every parameter moved in every round.

    A round has three runs. *drawn*: snnlab with a new seed and a new p too, so that its time includes drawing
    the connections; *c*, which is handed these connections and this V(0) and is timed without reading them (or only a
    seed, where every cell reaches every cell);
    *moved*: snnlab with all other parameters moved once more and the same connections, as when a slider is
    dragged. All three record every spike.
    """
    rng = np.random.default_rng(1)
    found: dict[str, list] = {"c": [], "moved": [], "drawn": []}
    rates: dict[str, list] = {"c": [], "snnlab": []}
    with tempfile.TemporaryDirectory() as folder:
        program = c_program.build(workload.program, Path(folder))
        first_call = workload.simulate(workload.moved(rng), seed=0)["seconds"]
        for seed in range(1, rounds + 1):
            parameters = workload.moved(rng)
            drawn = workload.simulate(parameters, seed)
            c = workload.run_c(program, Path(folder), parameters, seed)
            kept = {name: parameters[name] for name in WIRING if name in parameters}
            moved = workload.simulate({**workload.moved(rng), **kept}, seed)
            found["c"] += c["seconds"]
            found["drawn"].append(drawn["seconds"])
            found["moved"].append(moved["seconds"])
            rates["c"].append((c["rate_exc"], c["rate_inh"]))
            rates["snnlab"].append((drawn["rates"]["E"], drawn["rates"]["I"]))
    seconds = {name: statistics.median(values) for name, values in found.items()}
    return {
        "name": workload.name,
        "title": workload.title,
        "goal": workload.goal,
        "rounds": rounds,
        "seconds": seconds,
        "samples": found,
        "ratio_moved": seconds["moved"] / seconds["c"],
        "ratio_drawn": seconds["drawn"] / seconds["c"],
        "rates": {name: [float(r) for r in np.mean(values, axis=0)] for name, values in rates.items()},
        "rates_per_round": rates,
        "first_call": first_call,
        "c_peak_bytes": c["peak_bytes"],
    }
