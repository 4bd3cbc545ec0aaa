"""The compiled models after the first milliseconds, when rounding has parted the rasters: rates, irregularity and
synchrony of ten seeds lie in the published bands; and both builds of a module give the same.
"""

import functools

import numpy as np
import pytest
from targets import meets

import snnlab
from snnlab import analysis
from snnlab.live import program
from snnlab.live.session import Session

SEEDS = range(10)
PROTOCOLS = {  # id prefix: section, model, duration, start of the statistics, changes, quantities
    "cuba_int": ("cuba_000", "cuba_ei", 1000.0, 200.0, {}, "rE rI cv_isi"),
    "coba_6p7": ("coba_002", "coba_ei", 1000.0, 200.0, {}, "rE rI cv_isi chi_spk fano_pop silent_frac"),
    "ei004_I15": (
        "ei_004",
        "lif_ei",
        500.0,
        100.0,
        {"RI": 15.0},
        "rE rI cv_isi corr chi_spk fano_pop silent_frac",
    ),
    "bench_300ms": ("cobahh_003", "coba_hh_ei", 300.0, 100.0, {}, "rE rI cv_isi chi_spk silent_frac"),
    "literal_300ms": (
        "cobahh_003",
        "coba_hh_ei",
        300.0,
        100.0,
        {"g_L": 0.001, "V_spike": 0.0},
        "rE rI cv_isi chi_spk silent_frac",
    ),
}


@functools.cache
def session(model):
    return Session(program(model))


@pytest.fixture(scope="module", autouse=True)
def _modules_go_before_wasmtime_does():
    yield
    session.cache_clear()


@functools.cache
def statistics(name):
    """Means over ten networks of the quantities that targets.json names."""
    _, model, duration, start, changes, _ = PROTOCOLS[name]
    rows, window = [], {"start": start, "stop": duration}
    for seed in SEEDS:
        rec = session(model).run(duration, seed=seed, **changes)
        rows.append(
            {
                "rE": analysis.mean_rate(rec.spikes["E"], **window),
                "rI": analysis.mean_rate(rec.spikes["I"], **window),
                "cv_isi": analysis.isi_cv(rec, **window),
                "corr": analysis.pair_correlation(rec, **window),
                "chi_spk": analysis.synchrony(rec, **window),
                "fano_pop": analysis.fano_factor(rec, **window),
                "silent_frac": analysis.silent_fraction(rec, **window),
            }
        )
    return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}


@pytest.mark.parametrize(
    ("name", "quantity"), [(name, q) for name, protocol in PROTOCOLS.items() for q in protocol[-1].split()]
)
def test_compiled_networks_lie_in_the_published_bands(name, quantity):
    meets(PROTOCOLS[name][0], f"{name}.{quantity}", statistics(name)[quantity])


def test_the_compiled_decision_network_decides_as_simulate_does():
    """Of 12 trials at a fifth of the size with strong evidence all choose A, at the rates that ``simulate`` gives."""
    trials = Session(program("wang2002", scale=0.2))
    rates = []
    for seed in range(12):
        run = trials.run(1100.0, seed=seed, coherence=1.0)
        rates.append([analysis.mean_rate(run.spikes[pool], start=900.0) for pool in ("A", "B", "N", "I")])
    assert all(A > 2 * B for A, B, _, _ in rates)
    model = snnlab.models.wang2002(scale=0.2, coherence=1.0)
    theirs = []
    for seed in range(12, 16):
        run = snnlab.simulate(model, duration=1100.0, seed=seed)
        theirs.append([analysis.mean_rate(run.spikes[pool], start=900.0) for pool in ("A", "B", "N", "I")])
    error = np.hypot(np.std(rates, axis=0) / np.sqrt(12), np.std(theirs, axis=0, ddof=1) / np.sqrt(4))
    assert np.all(np.abs(np.mean(rates, axis=0) - np.mean(theirs, axis=0)) < 4 * error + 0.5)


@pytest.mark.parametrize("name", snnlab.models.__all__)
def test_both_builds_of_a_module_give_the_same(name):
    small = (
        {"n_exc": 80, "n_inh": 20} if name.endswith("_ei") else {"scale": 0.1} if name == "wang2002" else {}
    )
    found = program(name, **small)
    fast, plain = (Session(found, simd=simd).run(200.0) for simd in (True, False))
    for pool in fast.spikes:
        assert np.array_equal(fast.spikes[pool].times, plain.spikes[pool].times)
        assert np.array_equal(fast.spikes[pool].neurons, plain.spikes[pool].neurons)
    for sample, values in plain.samples.items():
        # only sums of fractions are taken in another order where there are vectors
        sums = name in ("cann", "wang2002") and np.isfinite(values).any()
        atol = 1e-5 * np.nanmax(np.abs(values)) if sums else 0.0
        assert np.allclose(fast[sample], values, rtol=0.0, atol=atol, equal_nan=True)
