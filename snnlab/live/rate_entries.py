"""A model without spikes as the entries of a module."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from snnlab.core import rate_run
from snnlab.core.free import Free
from snnlab.core.rates import MILLISECONDS, taken_apart
from snnlab.live.network_entries import REAL, Leaves, buffers_of_any, checked, float32, int32
from snnlab.live.opening import Opening
from snnlab.widgets.phase_planes import portrait
from snnlab.widgets.rings import ring_portrait

FLOW, BLOCK = 4096, 32  # points at which the flow of a plane is asked for at most, and of these at a time


class RateEntries:
    """The buffers and entries of a rate model whose parameters are open."""

    wires: frozenset[str] = frozenset()
    limited: frozenset[str] = frozenset()

    def __init__(self, opening: Opening, dts: tuple[float, float, float], record: Any, capacity: int | None):
        self.opening, self.model = opening, opening.model
        self.name = rate_run._checked(self.model)
        if any(not isinstance(leaf, (Free, float, int, np.ndarray)) for leaf in opening.leaves):
            raise ValueError(f"{opening.subject.name}: {self.name} must be a @component to be put on a page.")
        self.leaves = Leaves(opening, self.model)
        self.structure, _ = taken_apart(self.model)
        self.faults = list(opening.faults)
        self.dt = dts[1]
        # a run finds out what can be recorded, and refuses what cannot
        plain = opening.at(opening.point)
        self.run = rate_run.RateRun(plain, duration=self.dt, dt=self.dt, record=record)
        self.units = self.run._units
        every = rate_run._shapes(self.structure, self.leaves.shapes, np.dtype(REAL))
        self.shapes = {n: every[n] if units is None else units.shape for n, units in self.units.items()}
        per_step = sum(int(np.prod(shape)) for shape in self.shapes.values())
        self.capacity = capacity or max(50, min(250, 2**18 // max(1, per_step)))
        self.plane, self.ring = portrait(plain), ring_portrait(plain)
        self.kind = "plane" if self.plane else "ring" if self.ring else "rates"
        self.n = self.run._state.size

    @property
    def buffers(self) -> dict[str, Any]:
        buffers = {
            **buffers_of_any(len(self.opening.names), self.leaves.size, len(self.checks)),
            "carry": {"k": int32(), "x": float32((self.n,))},
            "samples": tuple(float32((self.capacity, *shape)) for shape in self.shapes.values()),
        }
        if self.plane:
            buffers |= {"points": float32((FLOW, 2)), "count": int32(), "flow": float32((FLOW, 2))}
        return buffers

    @property
    def entries(self) -> dict[str, Any]:
        entries = {
            "prepare": self.prepare,
            "start": self.start,
            "advance": self.advance,
            "inspect": self.inspect,
        }
        return {**entries, "flow": self.flow} if self.plane else entries

    def prepare(self, values, dt):
        """From the sliders, in double precision, what the other entries read; and which condition is broken."""
        point = {name: values[i] for i, name in enumerate(self.opening.names)}
        step = (dt / MILLISECONDS[self.model.time_unit]).astype(REAL)
        return {"leaves": self.leaves.compute(point), "step": step, "fault": checked(self.faults, point)}

    def start(self, leaves, seed):
        """The state at t = 0."""
        x = rate_run._initial(self.structure, self.leaves.parts(leaves), seed[0])
        return {"carry": {"k": jnp.zeros(1, jnp.int32), "x": x}, "failed": jnp.full(1, -1, jnp.int32)}

    def advance(self, leaves, step, seed, carry, steps):
        """So many steps more, at most ``capacity``."""
        begin = carry["k"][0]
        units = tuple(None if which is None else jnp.asarray(which) for which in self.units.values())
        k, x, samples = rate_run._advance(
            self.structure,
            tuple(self.units),
            self.capacity,
            self.leaves.parts(leaves),
            units,
            begin,
            begin + steps[0],
            carry["x"],
            step[0],
            seed[0],
        )
        failed = jnp.where(rate_run._sound(x), -1, k).astype(jnp.int32).reshape(1)
        return {"carry": {"k": k.reshape(1), "x": x}, "samples": samples, "failed": failed}

    def inspect(self, carry):
        """Of every variable the unit that is furthest off, where one has left the model (-1: none), and its value."""
        parts = carry["x"].reshape(len(self.model.variables), -1)
        size = jnp.where(jnp.isnan(parts), jnp.inf, jnp.abs(parts))
        worst = jnp.argmax(size, axis=1)
        wrong = ~jnp.all(jnp.abs(parts) < rate_run.ABSURD, axis=1)
        value = parts[jnp.arange(parts.shape[0]), worst]
        return {"verdict": jnp.where(wrong, worst, -1).astype(jnp.int32), "value": value}

    def flow(self, leaves, points, count):
        """The rates of change of the plane at the first ``count`` points."""
        model = jax.tree.unflatten(self.structure, self.leaves.parts(leaves))
        derivative = getattr(model, "system", model).derivative

        def block(loop):
            first, flow = loop
            some = derivative(lax.dynamic_slice(points, (first, 0), (BLOCK, 2)))
            return first + BLOCK, lax.dynamic_update_slice(flow, some, (first, 0))

        loop = (jnp.int32(0), jnp.zeros((FLOW, 2), REAL))
        return {"flow": lax.while_loop(lambda loop: loop[0] < jnp.minimum(count[0], FLOW), block, loop)[1]}

    @property
    def checks(self) -> list[str]:
        """What each number of ``verdict`` is about; {cell} and {value} are to be filled in."""
        which = " of unit {cell}" if self.n > len(self.model.variables) else ""
        return [f"{variable}{which} is {{value}}" for variable in self.model.variables]

    def manifest(self) -> dict[str, Any]:
        faults = [{"text": f.text, "parameters": f.names, "branch": f.branch} for f in self.faults]
        found: dict[str, Any] = {
            "populations": [],
            "groups": [],
            "samples": [
                {
                    "label": name,
                    "cells": None
                    if not shape
                    else list(range(shape[0]))
                    if units is None
                    else units.tolist(),
                }
                for (name, units), shape in zip(self.units.items(), self.shapes.values(), strict=True)
            ],
            "faults": faults,
            "limits": {
                "checks": [{"text": text} for text in self.checks],
                "every": 1,
                "sentence": f"{self.name}: {{culprit}} at t = {{time}} ms: the run was stopped. Its input is too "
                "strong or its time constants too short for dt = {dt} ms; use a smaller dt.",
            },
        }
        if self.plane:
            system = self.plane.system
            found["plane"] = {
                "variables": list(system.variables),
                "units": dict(self.plane.units),
                "low": [low for low, _ in system.window],
                "high": [high for _, high in system.window],
                "noisy": self.plane.noisy,
            }
        if self.ring:
            found["ring"] = {"angles": self.ring.angles.tolist()}
        return found
