"""The compiler as a whole: entries and buffers, what is refused, and networks that spike step for step as in JAX."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from snnlab import live, models
from snnlab.core import rate_run, step
from snnlab.core.simulate import Run


def like(tree):
    """The shapes and dtypes of a tree of arrays."""
    return jax.tree.map(lambda x: jax.ShapeDtypeStruct(np.shape(x), np.asarray(x).dtype), tree)


def kind(shape, dtype=np.float32):
    return jax.ShapeDtypeStruct(shape, dtype)


def test_entries_share_buffers_and_update_them_in_place():
    def start(seed):
        return {"state": {"x": jnp.arange(7, dtype=jnp.float32) * seed, "n": jnp.int32(0)}}

    def turn(state):
        return {
            "state": {"x": jnp.roll(state["x"], 1), "n": state["n"] + 1},
            "sum": jnp.sum(state["x"] * jnp.arange(7)),
        }

    buffers = {"seed": kind(()), "state": {"x": kind((7,)), "n": kind((), np.int32)}, "sum": kind(())}
    compiled = live.compile({"start": start, "turn": turn}, buffers)
    assert compiled.buffers["state"][1]["shape"] == [7] and compiled.entries == ("start", "turn")
    instance = live.Instance(compiled)
    instance.write("seed", np.float32(2.0))
    instance.call("start")
    x = 2 * np.arange(7, dtype=np.float32)
    for _ in range(3):
        instance.call("turn")
        assert instance.read("sum") == np.sum(x * np.arange(7))
        x = np.roll(x, 1)
        assert (instance.read("state")["x"] == x).all()
    assert instance.read("state")["n"] == 3


def test_a_loop_over_a_table_moves_nothing_but_what_it_writes():
    """A table that a nested loop writes one element at a time, and one that it only reads, are never copied."""
    n = 600_000

    def entry(table, source):
        def outer(loop):
            def inner(loop):
                i, table = loop
                return i + 7, lax.dynamic_update_slice(table, (table[i] + source[i])[None], (i,))

            k, table = loop
            return k + 1, lax.while_loop(lambda loop: loop[0] < n, inner, (k, table))[1]

        return {"table": lax.while_loop(lambda loop: loop[0] < 3, outer, (jnp.int32(0), table))[1]}

    compiled = live.compile({"entry": entry}, {"table": kind((n,)), "source": kind((n,))})
    assert "memcpy" not in compiled.source and "[600000]" not in "".join(
        line for line in compiled.source.splitlines() if line.startswith("static")
    )
    instance = live.Instance(compiled)
    table, source = (np.random.default_rng(k).normal(size=n).astype(np.float32) for k in range(2))
    instance.write("table", table)
    instance.write("source", source)
    instance.call("entry")
    expected = np.where(np.arange(n) % 7 < 3, table + source, table)
    assert (instance.read("table") == expected).all()
    assert (instance.read("source") == source).all()


def test_an_update_is_made_of_what_was_there_before():
    """The part overlaps its own source, shifted by a row; in a loop, where memory is used again and again."""

    def entry(table, start):
        def turn(i, table):
            return lax.dynamic_update_slice(table, table[:2] * 2, (start, 0))

        return {"result": lax.fori_loop(0, 3, turn, table)}

    table = np.arange(20, dtype=np.int32).reshape(4, 5)
    buffers = {"table": kind((4, 5), np.int32), "start": kind((), np.int32), "result": kind((4, 5), np.int32)}
    instance = live.Instance(live.compile({"entry": entry}, buffers))
    for start in range(-1, 4):
        instance.write("table", table)
        instance.write("start", np.int32(start))
        instance.call("entry")
        expected, at = table.copy(), min(max(start + 4 * (start < 0), 0), 2)
        for _ in range(3):
            expected[at : at + 2] = expected[:2].copy() * 2
        assert (instance.read("result") == expected).all()


def test_64_bit_numbers_are_those_of_jax():
    """An entry that reads them is traced with JAX's 64-bit types; what is rounded once is equal to the last bit."""
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(2, 40)) * 10.0 ** rng.integers(-9, 9, (2, 40))
    x[:6] = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1e300]
    k, m = rng.integers(-(2**63), 2**63 - 1, (2, 40))
    m[:4] = [0, -1, 64, 63]

    def exact(x, y, k, m):
        whole = [
            k * m,
            k // jnp.where(m == 0, 1, m),
            lax.div(k, m),
            lax.rem(k, m),
            lax.shift_left(k, m),
            lax.clz(k),
        ]
        real = [x + y, x * y, x / y, jnp.sqrt(jnp.abs(y)), jnp.maximum(x, y), x < y, jnp.floor(y)]
        return (
            whole
            + real
            + [x.astype(jnp.float32), y.astype(jnp.int32), x.astype(jnp.int64), k.astype(jnp.float64)]
        )

    def close(x, y):
        return [
            jnp.exp(y),
            jnp.log(jnp.abs(y)),
            jnp.expm1(y),
            jnp.log1p(jnp.abs(y)),
            jnp.tanh(y),
            jnp.abs(y) ** 0.3,
        ]

    with jax.enable_x64(True):
        data = {"x": x, "y": y, "k": k, "m": m}
        wanted = jax.jit(exact)(**data), jax.jit(close)(x, y)
        buffers = like(data | {"exact": wanted[0], "close": wanted[1]})
    entries = {"f": lambda x, y, k, m: {"exact": exact(x, y, k, m)}, "g": lambda x, y: {"close": close(x, y)}}
    for simd in (True, False):
        instance = live.Instance(live.compile(entries, buffers, simd=simd))
        for name, value in data.items():
            instance.write(name, value)
        for entry in entries:
            instance.call(entry)
        for found, expected in zip(instance.read("exact"), wanted[0], strict=True):
            np.testing.assert_array_equal(found, np.asarray(expected))
        for found, expected in zip(instance.read("close"), wanted[1], strict=True):
            np.testing.assert_allclose(found, np.asarray(expected), rtol=4e-15)


def test_what_cannot_be_compiled_is_named():
    buffers = {"x": kind((4, 4)), "y": kind((4, 4))}
    with pytest.raises(NotImplementedError, match="cholesky"):
        live.compile({"f": lambda x: {"y": jnp.linalg.cholesky(x)}}, buffers)
    with pytest.raises(NotImplementedError, match="bfloat16"):
        live.compile({"f": lambda x: {"y": x.astype(jnp.bfloat16).astype(jnp.float32)}}, buffers)


def test_entries_that_do_not_fit_the_buffers_are_refused():
    buffers = {"x": kind((4,)), "y": kind((4,))}
    with pytest.raises(ValueError, match="reads 'z', but the buffers are x, y"):
        live.compile({"f": lambda z: {"y": z}}, buffers)
    with pytest.raises(ValueError, match="returns 'z'"):
        live.compile({"f": lambda x: {"z": x}}, buffers)
    with pytest.raises(ValueError, match=r"a leaf of y is float32\[2\], but in the buffer float32\[4\]"):
        live.compile({"f": lambda x: {"y": x[:2]}}, buffers)
    with pytest.raises(ValueError, match="name must be one that C allows"):
        live.compile({"f f": lambda x: {"y": x}}, buffers)


NETWORKS = {
    "coba_ei": (lambda: models.coba_ei(n_exc=800, n_inh=200, p=0.1), 0.1),
    "cuba_ei": (lambda: models.cuba_ei(), 0.1),
    "lif_ei": (lambda: models.lif_ei(), 0.1),
    "coba_hh_ei": (lambda: models.coba_hh_ei(n_exc=320, n_inh=80, p=0.2), 0.1),
    "wang2002": (lambda: models.wang2002(scale=0.2), 0.05),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_spike_as_in_jax(name):
    """50 ms: the same spikes in the same steps, and the state to 1e-5; in two pieces as in one."""
    make, dt = NETWORKS[name]
    n = round(50 / dt)
    run = Run(make(), duration=50.0, dt=dt, chunk=n)
    packed, tables, delays, cells = run._arguments
    dt, seed = run._scalars
    names = ("packed", "tables", "delays", "cells", "carry", "n", "last", "dt", "seed")
    given = (packed, tables, delays, cells, run._carry, np.int32(n), np.int32(n), dt, seed)
    data = dict(zip(names, given, strict=True))

    def advance(packed, tables, delays, cells, carry, n, last, dt, seed):
        results = step.advance(
            run._plan, run._probes, run.chunk, packed, tables, delays, cells, carry, n, last, dt, seed
        )
        return dict(zip(("carry", "words", "samples"), results, strict=True))

    carry, words, samples = advance(**data).values()
    buffers = like(data | {"words": words, "samples": samples})
    instance = live.Instance(live.compile({"advance": advance}, buffers))
    for key, value in data.items():
        instance.write(key, value)
    pieces = [(n // 3, []), (n - n // 3, [])]
    for steps, kept in pieces:
        instance.write("n", np.int32(steps))
        instance.call("advance")
        kept += [np.asarray(each)[:steps] for each in instance.read("words")]
    for k, expected in enumerate(words):
        assert (np.concatenate([kept[k] for _, kept in pieces]) == np.asarray(expected)).all()
    for found, expected in zip(jax.tree.leaves(instance.read("carry")), jax.tree.leaves(carry), strict=True):
        expected = np.asarray(expected)
        if expected.dtype.kind == "f":
            scale = np.abs(expected).max(initial=1e-3)
            np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5 * scale)


@pytest.mark.parametrize("model", [models.wong_wang2006(), models.cann(n=128), models.cann(n=128, a=0.1)])
def test_rate_models_run_as_in_jax(model):
    run = rate_run.RateRun(model, duration=50.0, dt=0.1)
    n = run.n_steps
    names = ("leaves", "units", "begin", "end", "x", "dt", "seed")
    given = (run._leaves, run._given, np.int32(0), np.int32(n), run._state, run._dt, run._seed)

    def advance(leaves, units, begin, end, x, dt, seed):
        results = rate_run._advance(
            run._structure, tuple(run._units), n, leaves, units, begin, end, x, dt, seed
        )
        return dict(zip(("k", "x", "samples"), results, strict=True))

    data = dict(zip(names, given, strict=True))
    k, x, samples = advance(**data).values()
    instance = live.Instance(
        live.compile({"advance": advance}, like(data | {"k": k, "x": x, "samples": samples}))
    )
    for key, value in data.items():
        instance.write(key, value)
    instance.call("advance")
    assert instance.read("k") == n
    for found, expected in zip(instance.read("samples"), samples, strict=True):
        np.testing.assert_allclose(found, np.asarray(expected), rtol=1e-5, atol=1e-5)
