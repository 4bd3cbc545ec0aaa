"""The E/I networks against the published bands and against Brian2."""

import functools
import json
from pathlib import Path

import numpy as np
import pytest
from targets import meets

from snnlab import Input, analysis, component, describe, replace, simulate, static
from snnlab.distributions import Normal
from snnlab.models import coba_ei, coba_hh_ei, cuba_ei, lif_ei

SEEDS = range(5)
MORE = {("coba_hh_ei", 300.0): range(40)}  # a correlation of 0.003 is not measured by five networks


@functools.cache
def statistics(model, duration, start, changes=()):
    """Means over five networks and more of the quantities that targets.json names; ``changes`` may name dt too."""
    rows, changes = [], dict(changes)
    dt = changes.pop("dt", 0.1)
    for seed in MORE.get((model.__name__, duration), SEEDS) if dt == 0.1 else SEEDS:
        rec = simulate(model(**changes), duration=duration, seed=seed, dt=dt)
        E, I = rec.spikes["E"], rec.spikes["I"]
        window = {"start": start, "stop": duration}
        rows.append(
            {
                "rE": analysis.mean_rate(E, **window),
                "rI": analysis.mean_rate(I, **window),
                "cv_isi": analysis.isi_cv(rec, **window),
                "corr": analysis.pair_correlation(rec, **window),
                "chi_spk": analysis.synchrony(rec, **window),
                "fano_pop": analysis.fano_factor(rec, **window),
                "silent_frac": analysis.silent_fraction(rec, **window),
            }
        )
    return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}


@component
class AtStart:
    """What every cell's synapse holds at t = 0."""

    amount: Normal
    events: bool = static(True)

    def values(self, k, dt, key, n):
        return (k == 0) * self.amount.sample(key, n)


def coba_hh_ei_as_brian2_starts_it():
    """V and conductances at t = 0 as in the COBAHH example of Brian2: no synchronous volley."""
    net = coba_hh_ei()
    V = {"V": Normal(-65.0, 5.0)}
    populations = {name: replace(population, initial=V) for name, population in net.populations.items()}
    starts = [
        Input(("E", "I"), AtStart(Normal(mean, std)), synapse)
        for synapse, mean, std in (("exc", 40.0, 15.0), ("inh", 200.0, 120.0))
    ]
    return replace(net, populations=populations, inputs=(*net.inputs, *starts))


CUBA_LITERAL = (("V_rest", 0), ("V_reset", -5), ("V_th", 20), ("tau_s", 8))
COBA_LITERAL = (("g_inh", 0.7), ("V_mean", 0), ("V_std", 0))
HH_LITERAL = (("g_L", 0.001), ("V_spike", 0))
HH_RUNS = {  # id prefix: model, duration, start of the statistics, changes
    "literal_gL.001_th0": (coba_hh_ei, 100.0, 0.0, HH_LITERAL),
    "bench_seedinit_th0": (coba_hh_ei, 100.0, 0.0, (("V_spike", 0),)),
    "bench_seedinit": (coba_hh_ei, 100.0, 0.0, ()),
    "bench_gatesinf": (coba_hh_ei, 100.0, 0.0, (("steady", True),)),
    "bench_seedinit_dt05": (coba_hh_ei, 100.0, 0.0, (("dt", 0.05),)),
    "bench_seedinit_dt025": (coba_hh_ei, 100.0, 0.0, (("dt", 0.025),)),
    "bench_sub4": (coba_hh_ei, 100.0, 0.0, (("substeps", 4),)),
    "bench_300ms": (coba_hh_ei, 300.0, 100.0, ()),
    "bench_300ms_dt025": (coba_hh_ei, 300.0, 100.0, (("dt", 0.025),)),
    "bench_brian_init": (coba_hh_ei_as_brian2_starts_it, 100.0, 0.0, ()),
    "literal_300ms": (coba_hh_ei, 300.0, 100.0, HH_LITERAL),
}
PROTOCOLS = {  # id prefix: section, model, duration, start of the statistics, changes, quantities
    "cuba_literal": ("cuba_000", cuba_ei, 500.0, 0.0, CUBA_LITERAL, "rE rI"),
    "cuba_int": ("cuba_000", cuba_ei, 1000.0, 200.0, (), "rE rI cv_isi"),
    "cuba_int_noref_strict": ("cuba_000", cuba_ei, 1000.0, 200.0, (("tau_ref", 0),), "rE rI cv_isi"),
    "coba_literal": ("coba_002", coba_ei, 200.0, 0.0, COBA_LITERAL, "rE rI cv_isi"),
    "coba_p7_norm": ("coba_002", coba_ei, 200.0, 0.0, (("g_inh", 0.7),), "rE rI"),
    "coba_6p7": ("coba_002", coba_ei, 1000.0, 200.0, (), "rE rI cv_isi corr chi_spk fano_pop silent_frac"),
    "ei004_literal": (
        "ei_004",
        lif_ei,
        500.0,
        0.1,
        (("RI", 5e-7),),
        "rE rI",
    ),  # after the first step, as published
    **{
        f"ei004_I{RI}": (
            "ei_004",
            lif_ei,
            500.0,
            100.0,
            (("RI", RI),),
            "rE rI cv_isi corr chi_spk fano_pop silent_frac",
        )
        for RI in (12, 15, 20)
    },
    **{name: ("cobahh_003", *run, "rE rI cv_isi corr chi_spk silent_frac") for name, run in HH_RUNS.items()},
}


@pytest.mark.parametrize(
    ("name", "quantity"), [(name, q) for name, protocol in PROTOCOLS.items() for q in protocol[-1].split()]
)
def test_networks_lie_in_the_published_bands(name, quantity):
    section, model, duration, start, changes, _ = PROTOCOLS[name]
    meets(section, f"{name}.{quantity}", statistics(model, duration, start, changes)[quantity])


@pytest.mark.parametrize("model", [coba_ei, coba_hh_ei, cuba_ei, lif_ei])
def test_every_parameter_reaches_the_network(model):
    """A parameter that nothing reads would be a slider that does nothing."""
    import jax

    def fingerprint(**changes):
        net = model(**{**sizes, **changes})
        return [np.asarray(leaf).tobytes() for leaf in jax.tree.leaves(net)], jax.tree.structure(net)

    sizes = {"n_exc": 40, "n_inh": 10}
    for p in describe(model):
        changed = p.default + 1 if p.integer else p.default * 0.97 + 0.0017
        if p.name in sizes:
            changed = sizes[p.name] + 1
        assert fingerprint(**{p.name: changed}) != fingerprint(), p.name


def test_literal_listings_differ_in_kind_from_the_intended_networks():
    assert statistics(cuba_ei, 500.0, 0.0, CUBA_LITERAL)["rE"] == 0
    assert statistics(coba_ei, 200.0, 0.0, COBA_LITERAL)["cv_isi"] < 0.02  # at the refractory ceiling
    assert statistics(coba_ei, 1000.0, 200.0)["cv_isi"] > 1  # irregular
    assert (
        statistics(coba_hh_ei, 100.0, 0.0)["corr"] > 10 * statistics(coba_hh_ei, 300.0, 100.0)["corr"]
    )  # a volley
    assert statistics(cuba_ei, 1000.0, 200.0)["cv_isi"] < 0.05  # regular: nobody should call it irregular


@pytest.mark.parametrize(
    ("fixture", "name", "model", "duration", "start", "changes"),
    [
        ("coba", "coba_6p7", coba_ei, 1000.0, 200.0, ()),
        ("cuba", "cuba_int", cuba_ei, 1000.0, 200.0, ()),
        ("lif", "ei004_I15", lif_ei, 500.0, 100.0, (("RI", 15),)),
    ],
)
def test_brian2_agrees(fixture, name, model, duration, start, changes):
    """Brian2's own runs of these networks (made by fixtures/brian2_networks.py) agree within the spread of seeds."""
    path = Path(__file__).parent / "fixtures" / f"brian2_{fixture}.json"
    brian = json.loads(path.read_text())
    assert brian["network"]["duration"] == duration and brian["network"]["stats_from"] == start
    ours = statistics(model, duration, start, changes)
    for theirs, mine in (
        ("rate_exc", "rE"),
        ("rate_inh", "rI"),
        ("cv_isi", "cv_isi"),
        ("silent_fraction", "silent_frac"),
    ):
        spread = brian["std"][theirs]
        standard_error = spread * np.sqrt(1 / len(SEEDS) + 1 / len(brian["seeds"]))
        assert ours[mine] == pytest.approx(brian["mean"][theirs], abs=4 * standard_error + 1e-9), (
            name,
            theirs,
        )
