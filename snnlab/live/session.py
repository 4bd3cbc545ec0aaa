"""Running a page's program in Python, as the page does: for tests, and to see what a page will show."""

from typing import Any

import numpy as np

from snnlab.core import delivery
from snnlab.core.recording import Recording, Spikes, SpikeTrains
from snnlab.core.simulate import SimulationError
from snnlab.live import compiler
from snnlab.live.programs import Program
from snnlab.live.runtime import Instance


class Session:
    """One loaded program: ``run`` does what the page does at every change of a slider."""

    def __init__(self, program: Program, simd: bool = True):
        self.program = program
        self.instance = Instance(compiler.compile(program.entries, program.buffers, simd=simd))
        self.manifest = program.manifest()
        self._wired: Any = None

    def run(self, duration: float | None = None, chunk: int | None = None, **values: float) -> Recording:
        """A recording with these values; what is not given stands as at first. Raises ValueError where the page would
        not run, SimulationError where a run is stopped.
        """
        module, manifest = self.instance, self.manifest
        values = {**manifest["values"], **values}
        dt, seed = float(values["dt"]), int(values["seed"])
        duration = float(values["duration"] if duration is None else duration)
        n_steps, names = round(duration / dt), [p["name"] for p in manifest["parameters"]]
        module.write("values", np.array([values[name] for name in names], np.float64))
        module.write("dt", np.array([dt]))
        module.write("seed", np.array([seed], np.uint32))
        module.write("last", np.array([n_steps], np.int32))
        module.call("prepare")
        fault = int(module.read("fault")[0])
        if fault >= 0:
            raise ValueError(manifest["faults"][fault]["text"])
        wires = (seed, *(values[p["name"]] for p in manifest["parameters"] if p["wires"]))
        if "wire" in self.program.entries and wires != self._wired:
            module.call("wire")
            if module.read("overflow")[0]:
                raise ValueError(manifest["limits"]["overflow"])
            self._wired = wires
        module.call("start")
        capacity = chunk or manifest["capacity"]
        words: list[Any] = [[] for _ in manifest["groups"]]
        samples: list[Any] = [[] for _ in manifest["samples"]]
        done = 0
        while done < n_steps:
            n = min(capacity, n_steps - done)
            module.write("steps", np.array([n], np.int32))
            module.call("advance")
            if module.read("failed")[0] >= 0:
                raise SimulationError(self._explained(int(module.read("failed")[0]), dt))
            for kept, part in zip(words, module.read("words") if words else (), strict=True):
                kept.append(part[:n].copy())
            for kept, part in zip(samples, module.read("samples"), strict=True):
                kept.append(part[:n].copy())
            done += n
        trains = {}
        for population in manifest["populations"]:
            raster = np.concatenate(words[population["group"]])
            step, cell = delivery.decode(raster)
            mine = (cell >= population["first"]) & (cell < population["last"])
            times, neurons = step[mine] * dt, cell[mine] - np.int32(population["first"])
            trains[population["name"]] = SpikeTrains(times, neurons, population["n"], 0.0, n_steps * dt)
        labels = [sample["label"] for sample in manifest["samples"]]
        kept = {label: np.concatenate(parts) for label, parts in zip(labels, samples, strict=True)}
        return Recording(dt, n_steps * dt, seed, Spikes(trains), kept, True, {})

    def _explained(self, failed: int, dt: float) -> str:
        """The first step after which the state was not sound, and what was wrong: taken again, step by step."""
        module, limits = self.instance, self.manifest["limits"]
        k = max(0, failed - limits["every"])
        module.call("start")
        done = 0
        while done < failed:
            n = min(self.manifest["capacity"], k - done) if done < k else 1
            module.write("steps", np.array([n], np.int32))
            module.call("advance")
            done += n
            if done > k or done == failed:
                module.call("inspect")
                verdict, value = module.read("verdict"), module.read("value")
                if np.any(verdict >= 0):
                    which = int(np.argmax(verdict >= 0))
                    culprit = limits["checks"][which]["text"].format(
                        cell=verdict[which], value=f"{value[which]:g}"
                    )
                    return limits["sentence"].format(culprit=culprit, time=f"{done * dt:g}", dt=f"{dt:g}")
        return limits["sentence"].format(
            culprit="the state left the numbers", time=f"{failed * dt:g}", dt=f"{dt:g}"
        )
