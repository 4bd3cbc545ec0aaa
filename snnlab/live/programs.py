"""A model as a program of a page: its sizes and structure fixed, the numbers behind its sliders open.

``program(model)`` traces what ``simulate`` runs; ``compile`` turns it into a WebAssembly module and a manifest, which
says everything else that a page needs to know: parameters, presets, populations, what is recorded, what can go wrong.
"""

import dataclasses
import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any

from snnlab.core.network import Network
from snnlab.core.parameters import Parameter, unknown
from snnlab.live import compiler
from snnlab.live.network_entries import NetworkEntries
from snnlab.live.opening import Opening, span
from snnlab.live.rate_entries import RateEntries
from snnlab.widgets.settings import RUN_PARAMETERS, Settings
from snnlab.widgets.subject import Subject, subject

LONG_ENOUGH = (
    0.1  # ms: the longest step of a network with Poisson sources, where it does not begin with a longer one
)
VARIANTS = 4  # ways in which Python builds a model, at most


def program(model: Any, *, record: Any = None, capacity: int | None = None, **values: Any) -> "Program":
    """The program of a documented model, by name, of a model function or of a component, for a page.

    ``values`` are its first settings, of ``duration``, ``dt`` and ``seed`` too; whole numbers, and whatever else
    decides the structure, keep them. ``record`` is what ``simulate`` takes, by default what the model's explorer shows;
    ``capacity`` is how many steps are taken at a time, at most.

    Raises ValueError for an unknown name, a wrong value, and what a page cannot run.
    """
    subject_ = subject(model)
    if not subject_.plays:
        raise ValueError(f"{subject_.name} is an experiment of many runs; a page shows one run of a model.")
    known = {p.name for p in (*subject_.parameters, *RUN_PARAMETERS)}
    more = {name: value for name, value in values.items() if name not in known}
    if more:
        allowed = inspect.signature(subject_.build).parameters
        for name in more:
            if name not in allowed:
                raise ValueError(unknown(f"{subject_.name} has no parameter", name, allowed))
    given = {name: value for name, value in values.items() if name in known}
    settings = Settings(subject_.name, subject_.parameters, {**subject_.look.start, **given})
    if record is not None:
        subject_ = dataclasses.replace(subject_, look=dataclasses.replace(subject_.look, record=record))
    return Program(subject_, settings, more, capacity)


class Program:
    """The buffers and entries of a page's module, and its manifest."""

    def __init__(self, subject: Subject, settings: Settings, more: Mapping[str, Any], capacity: int | None):
        self.subject, self.settings, self.more, self.capacity = subject, settings, dict(more), capacity
        self._build(self._open(dict(settings)))

    def _open(self, values: dict[str, Any]) -> Opening:
        presets = self.subject.look.presets.values()
        ranges = {
            p.name: span(p, values[p.name], *(changes[p.name] for changes in presets if p.name in changes))
            for p in self.subject.parameters
            if not p.integer and p.name in self.settings
        }
        return Opening(self.subject, values, self.more, ranges)

    def _build(self, opening: Opening) -> None:
        self.opening = opening
        dt = float(self.settings["dt"])
        low, high = next(p for p in RUN_PARAMETERS if p.name == "dt").slider
        sources = [entry.source for entry in getattr(opening.model, "inputs", ())]
        if any(hasattr(source, "check_step") for source in sources):  # which refuses long steps
            high = dt
        elif any(hasattr(source, "intensity") for source in sources):
            high = LONG_ENOUGH  # a random count of a longer step needs more terms in every step
        self.dts = min(low, dt), dt, max(high, dt)
        kind = NetworkEntries if isinstance(opening.model, Network) else RateEntries
        self.parts = kind(opening, self.dts, self.subject.look.record or None, self.capacity)

    @property
    def buffers(self) -> dict[str, Any]:
        """The named buffers of the module: pytrees of ``jax.ShapeDtypeStruct``."""
        return self.parts.buffers

    @property
    def entries(self) -> dict[str, Callable[..., dict[str, Any]]]:
        """The functions that read and write them."""
        return self.parts.entries

    def variants(self) -> "list[Program]":
        """Programs for what Python builds in another way, the most common first; this one is none of them."""
        programs: list[Program] = []
        waiting = list(self.opening.other)
        while waiting and len(programs) < VARIANTS - 1:
            point = waiting.pop(0)
            if any(p.opening.broken(point) is None for p in programs):
                continue
            other = object.__new__(Program)
            other.__dict__.update(self.__dict__)
            other._build(self._open({**dict(self.settings), **point}))
            programs.append(other)
        return programs

    def compile(self) -> tuple[bytes, dict[str, Any]]:
        """The module of this program, with vector instructions, and its manifest."""
        package = self._package()
        return package["simd"], package["manifest"]

    def package(self) -> dict[str, Any]:
        """All that a page needs: ``manifest``, ``simd`` and ``scalar`` (modules), and ``variants``, more such packages.

        Where a module's ``prepare`` says that Python builds the model in another way, a variant may be right.
        """
        return {**self._package(), "variants": [variant._package() for variant in self.variants()]}

    def _package(self) -> dict[str, Any]:
        builds = {
            name: compiler.compile(self.entries, self.buffers, simd=simd)
            for name, simd in (("simd", True), ("scalar", False))
        }
        manifest = {**self.manifest(), "buffers": builds["simd"].buffers}
        return {"manifest": manifest, **{name: build.wasm for name, build in builds.items()}}

    def manifest(self) -> dict[str, Any]:
        """What a page has to know of the program, as JSON can carry it (without the buffers' places)."""
        look, opening, parts = self.subject.look, self.opening, self.parts
        known = {p.name: p for p in self.subject.parameters}
        duration = next(p for p in RUN_PARAMETERS if p.name == "duration")
        values = {name: self.settings[name] for name in self.settings}
        untouched = Settings(self.subject.name, self.subject.parameters, look.start)
        low, high = self.dts[0], self.dts[2]
        step = Parameter("dt", values["dt"], "ms", "time step", (low, high), (low, high), True, False, True)
        return {
            "model": self.subject.name,
            "title": self.subject.name,
            "kind": parts.kind,
            "parameters": [self._described(known[name]) for name in opening.names],
            "fixed": {name: value for name, value in {**opening.fixed, **self.more}.items() if _plain(value)},
            "fixed_parameters": [
                {**self._described(p), "fixed": True}
                for p in self.subject.parameters
                if p.name in opening.fixed and p.name in self.settings
            ],
            "order": [p.name for p in self.subject.parameters if p.name in self.settings],
            "visible": list(look.visible),
            "presets": {name: dict(changes) for name, changes in look.presets.items()},
            "values": values,
            "start": dict(untouched),  # of an explorer that nobody has touched: what links are relative to
            "seed": values["seed"],
            "dt": values["dt"],
            "dt_parameter": self._described(step),
            "duration": self._described(dataclasses.replace(duration, default=values["duration"])),
            "capacity": parts.capacity,
            "code": {
                "imports": self.subject.imports,
                "call": self.subject.call,
                "record": repr(look.record) if look.record else "",
            },
            **parts.manifest(),
        }

    def _described(self, parameter: Parameter) -> dict[str, Any]:
        name, ranges = parameter.name, self.opening.ranges
        low, high = parameter.bounds
        if name in self.parts.limited:
            low, high = ranges[name]
        slider = (
            parameter.slider if all(map(math.isfinite, parameter.slider)) else ranges.get(name, (0.0, 1.0))
        )
        return {
            "name": name,
            "unit": parameter.unit,
            "doc": parameter.doc,
            "default": parameter.default,
            "low": low if math.isfinite(low) else None,
            "high": high if math.isfinite(high) else None,
            "slider": list(slider),
            "log": parameter.log,
            "integer": parameter.integer,
            "wires": name in self.parts.wires,
        }


def _plain(value: Any) -> bool:
    return value is None or isinstance(value, (bool, int, float, str))
