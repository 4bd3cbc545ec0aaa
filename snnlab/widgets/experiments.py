"""Explorers of an experiment: many trials at several coherences, whose points appear as trials finish."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

import snnlab.models
from snnlab import analysis
from snnlab.analysis import Experiment, Psychometric
from snnlab.core.parameters import Parameter, describe
from snnlab.widgets.catalogue import Look
from snnlab.widgets.subject import Subject

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PATIENCE = 0.02  # s that iterating may take: Stop acts as soon as it is over


def _parameter(name: str, default: float, unit: str, doc: str, bounds: Any, log: bool = False) -> Parameter:
    return Parameter(name, default, unit, doc, bounds, bounds, log, isinstance(default, int), True)


DESIGN = (
    _parameter("trials", 10, "", "trials at each coherence", (1, 10_000)),
    _parameter("coherences", 5, "", "how many coherences", (2, 30)),
    _parameter("lowest", 0.032, "", "lowest coherence", (0.001, 1.0), log=True),
    _parameter("highest", 0.512, "", "highest coherence", (0.001, 1.0), log=True),
)


@dataclasses.dataclass(frozen=True)
class ExperimentSubject(Subject):
    """A psychometric experiment with a model that decides. ``protocol`` are the arguments that stay as they are."""

    protocol: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    plays: ClassVar[bool] = False

    def model(self, values: Mapping[str, Any]) -> Callable[..., Any]:
        """The model function: every trial builds a network of its own."""
        return self.build

    def start(self, model: Any, values: Mapping[str, Any]) -> "Trials":
        low, high = values["lowest"], values["highest"]
        if not low < high:
            raise ValueError(f"The highest coherence {high:g} must be above the lowest, {low:g}.")
        return Trials(
            Experiment(model, **self._arguments(values), **self._changed(values), patience=PATIENCE)
        )

    def portrait(self, model: Any) -> "Curve":
        return Curve()

    def code(self, values: Mapping[str, Any]) -> str:
        arguments = {**self._arguments(values), **self._changed(values)}
        listed = "".join(f"    {name}={value!r},\n" for name, value in arguments.items())
        return f"{self.imports}\n\nresult = snnlab.analysis.psychometric(\n    {self.call},\n{listed})\n"

    def _arguments(self, values: Mapping[str, Any]) -> dict[str, Any]:
        run = {name: values[name] for name in ("duration", "dt", "seed")}
        return {"coherences": coherences(values), "trials": values["trials"], **self.protocol, **run}

    def _changed(self, values: Mapping[str, Any]) -> dict[str, Any]:
        design = {p.name for p in DESIGN}
        return {
            p.name: values[p.name]
            for p in self.parameters
            if p.name not in design and self._differs(p, values)
        }


class Trials:
    """An experiment as an explorer runs it: pieces, and what there is so far."""

    def __init__(self, experiment: Experiment):
        self._experiment = experiment

    def __iter__(self):
        return iter(self._experiment)

    def recording(self) -> Psychometric:
        """The trials that were finished."""
        return self._experiment.result()


class Curve:
    """The picture of an experiment."""

    variables = ()

    def sentence(self, result: Psychometric) -> str:
        """How many trials decided, how fast, and where the threshold lies."""
        n, fitted = int(result.done.sum()), fit(result)
        decided = int((result.done & (result.choice >= 0)).sum())
        words = f"{decided} of {n} trial{'s' * (n != 1)} decided"
        if decided:
            words += f", after {np.mean(result.time[result.done & (result.choice >= 0)]):.0f} ms on average"
        return words if fitted is None else f"{words}; {fitted}"

    def figure(self, result: Psychometric) -> "Figure":
        """A matplotlib figure: right choices, and decision times, against coherence."""
        from snnlab import plots

        picture = plots.Picture(figsize=(6.0, 5.5), layout="constrained")
        above, below = picture.subplots(2, 1, sharex=True)
        low, high = result.interval().T
        share, colour = result.accuracy(), next(iter(plots.COLOURS.values()))
        spread = np.abs(np.stack([share - low, high - share]))
        above.errorbar(result.coherences, share, spread, fmt="o", color=colour, capsize=3)
        if (fitted := fit(result)) is not None:
            fine = np.geomspace(result.coherences.min(), result.coherences.max(), 200)
            above.plot(fine, fitted(fine), color=colour)
        above.set(ylabel="right choices", ylim=(0.0, 1.03))
        below.errorbar(
            result.coherences,
            result.decision_time,
            result.decision_time_error,
            fmt="s--",
            color=colour,
            capsize=3,
        )
        ends = (result.coherences.min() / 1.2, result.coherences.max() * 1.2)
        below.set(xlabel="coherence", ylabel="decision time (ms)", xscale="log", xlim=ends)
        for axes in (above, below):
            axes.spines[["top", "right"]].set_visible(False)
        picture.alt = f"Psychometric curve above mean decision times. {self.sentence(result)}."
        return picture


def points(result: Psychometric) -> list[dict[str, Any]]:
    """A point for every coherence, as the view draws it."""
    correct, total = result.counts()
    return [
        {
            "coherence": float(c),
            "correct": int(k),
            "total": int(n),
            "time": float(t) if np.isfinite(t) else None,
        }
        for c, k, n, t in zip(result.coherences, correct, total, result.decision_time, strict=True)
    ]


def fit(result: Psychometric) -> analysis.Weibull | None:
    """The Weibull function of the trials; None where they do not tell one."""
    try:
        return result.fit()
    except ValueError:
        return None


def coherences(values: Mapping[str, Any]) -> list[float]:
    """The coherences of an experiment, in equal ratios."""
    return [
        float(f"{c:.4g}")
        for c in np.geomspace(values["lowest"], values["highest"], int(values["coherences"]))
    ]


def experiments() -> dict[str, Callable[[], Subject]]:
    """The psychometric experiments by name."""
    return {"wang2002_psychometric": _spiking, "wong_wang2006_psychometric": _reduced}


def _subject(name: str, left_out: tuple[str, ...], look: Look, protocol: Mapping[str, Any]) -> Subject:
    model = getattr(snnlab.models, name)
    own = tuple(p for p in describe(model) if p.name not in ("coherence", *left_out))
    call = f"snnlab.models.{name}"
    return ExperimentSubject(
        f"{name}_psychometric", model, (*DESIGN, *own), "import snnlab", call, look, {}, protocol
    )


def _spiking() -> Subject:
    fifth = {"scale": 0.2}
    look = Look(
        visible=("trials", "highest", "w_plus", "mu_0"),
        presets={
            "a fifth of the network": fifth,
            "weak recurrence": {**fifth, "w_plus": 1.5},
            "a faint stimulus": {**fifth, "mu_0": 15.0},
            "the whole network": {},
        },
        start={"duration": 1600.0, **fifth},
    )
    return _subject("wang2002", (), look, {})


def _reduced() -> Subject:
    appendix = {"J_rec": 0.2609, "J_inh": 0.0497, "I_0": 0.3255, "J_A": 5.2e-4, "tau_s": 0.1}
    noisy = {"sigma": 0.02, "s1_0": 0.06, "s2_0": 0.06, **appendix}
    look = Look(
        visible=("trials", "highest", "stimulus", "sigma"),
        presets={
            "slow and careful": noisy,
            "more noise": {**noisy, "sigma": 0.04},
            "a faint stimulus": {**noisy, "stimulus": 15.0},
            "fast and careless": {"sigma": 0.02},
        },
        start={"duration": 2500.0, "dt": 1.0, **noisy},
    )
    protocol = {"pools": ("r1", "r2"), "onset": 500.0, "offset": 2000.0}
    return _subject("wong_wang2006", ("onset",), look, protocol)
