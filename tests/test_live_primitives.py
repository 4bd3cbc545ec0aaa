"""Every primitive against JAX: random shapes and values with the nasty ones among them, alone and in a loop.

Whole numbers, bits and comparisons are equal; floats are within so many units in the last place. JAX takes denormal
numbers for zero, WebAssembly does not: both are read as zero.
"""

import functools
import os
import zlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from live_programs import Module

F, I, U, B = np.float32, np.int32, np.uint32, np.bool_
I8, U8, I16, U16 = np.int8, np.uint8, np.int16, np.uint16
SHAPES = [(33,), (7,), (3, 5), (2, 3, 4), (1, 6), (0,), (3, 0)]
NASTY = {
    F: [
        0.0,
        -0.0,
        1,
        -1,
        0.5,
        -0.5,
        1.5,
        2.5,
        np.inf,
        -np.inf,
        np.nan,
        1e-30,
        1e30,
        88.8,
        -104,
        2.0**31,
        -(2.0**31),
        300,
    ]
}


def nasty(dtype):
    if dtype in NASTY:
        return NASTY[dtype]
    if dtype is B:
        return [0, 1]
    limits = np.iinfo(dtype)
    return [0, 1, 2, 3, 7, 8, 15, 16, 31, 32, 33, limits.min, limits.max, limits.max - 1, limits.min + 1]


def draw(rng, dtype, shape, low=-4.0, high=4.0, special=True):
    if dtype is F:
        x = rng.uniform(low, high, shape).astype(F)
    elif dtype is B:
        x = rng.integers(0, 2, shape).astype(B)
    else:
        x = rng.integers(0, 2**64, shape, dtype=np.uint64).astype(dtype)
    if special:
        which = rng.choice(np.array(nasty(dtype)).astype(dtype), shape)
        x = np.where(rng.random(shape) < 0.5, which, x)
    return np.asarray(x, dtype)


def apart(a, b):
    """How many units in the last place two arrays are apart at most; 2^31 where one is NaN or other than equal."""
    a, b = np.asarray(a), np.asarray(b)
    assert (a.shape, a.dtype) == (b.shape, b.dtype)
    if a.dtype != F:
        return 0 if np.array_equal(a, b) else 1 << 31
    a, b = (np.where(np.abs(x) < np.finfo(F).tiny, F(0), x) for x in (a, b))
    rank = [np.where(i < 0, -(i & 0x7FFFFFFF), i) for i in (x.view(I).astype(np.int64) for x in (a, b))]
    distance = np.abs(rank[0] - rank[1])
    nan = np.isnan(a).astype(int) + np.isnan(b)
    return int(np.where(nan == 2, 0, np.where(nan == 1, 1 << 31, distance)).max(initial=0))


CASES = {}


def case(name, function, *dtypes, ulp=0, **drawing):
    assert name not in CASES, name
    CASES[name] = (function, dtypes, ulp, drawing)


def each(names, dtypes, arity=1, **more):
    """One case for each type, of all these functions."""
    functions = [getattr(lax, name) for name in names.split()]
    for dtype in dtypes:

        def together(*args, functions=functions):
            return [function(*args) for function in functions]

        case(f"{names} {dtype.__name__}", together, *(dtype,) * arity, **more)


WHOLE = (I, U, I8, U8, I16, U16)
each("add sub mul div max min rem", (F, *WHOLE), 2)
each("lt le gt ge eq ne", (F, I, U, U8), 2)
each("bitwise_and bitwise_or bitwise_xor", (*WHOLE, B), 2)
each("shift_left shift_right_logical shift_right_arithmetic", WHOLE, 2)
each("bitwise_not", (*WHOLE, B))
each("population_count clz", WHOLE)
each("neg abs sign square", (F, I, I8, I16))
each("sign", (U,))
each("floor ceil is_finite", (F,))
case("pow", lax.pow, F, F, ulp=8)
case("pow of a whole exponent", lambda a, n: lax.pow(a, n % 5), F, I, ulp=8)
case("atan2", lax.atan2, F, F, ulp=4)
case("nextafter", lax.nextafter, F, F, low=1, high=2)
case("clamp", lambda a, b, c: lax.clamp(jnp.minimum(a, c), b, jnp.maximum(a, c)), F, F, F)
case("clamp between numbers", lambda a: lax.clamp(F(-1), a, F(2)), F)
case("clamp of int8", lambda a: lax.clamp(I8(-5), a, I8(9)), I8)
for y in (-3, -1, 0, 1, 2, 3, 4, 7):
    case(f"integer_pow {y}", functools.partial(lax.integer_pow, y=y), F, ulp=3)
case("integer_pow of int32", functools.partial(lax.integer_pow, y=5), I)
for m in (0, 1):
    case(f"round {m}", lambda a, m=m: lax.round(a, lax.RoundingMethod(m)), F)
for s in (F, B, *WHOLE):
    case(f"convert {s.__name__}", lambda a: [a.astype(t) for t in (F, B, *WHOLE)], s)
for s, t in ((F, U), (U, F), (I, F), (F, I), (I, U), (I8, U8)):
    case(f"bitcast {s.__name__} to {t.__name__}", lambda a, t=t: lax.bitcast_convert_type(a, t), s)
for t in (F, I, B, U8):
    case(f"select {t.__name__}", lambda c, a, b: jnp.where(c, a, b), B, t, t)
case("select of three", lambda n, a, b, c: lax.select_n(jnp.clip(n, 0, 2), a, b, c), I, F, F, F)
case("select by one number", lambda c, a, b: lax.select_n(c.any(), a, b), B, F, F)

# reductions
for name, dtypes in {
    **{"sum": (F, I, U), "prod": (I,), "max": (F, I, U8), "min": (F, U, I16), "any": (B,), "all": (B,)},
}.items():
    for t in dtypes:
        for axis in (0, -1):
            full = name in ("max", "min")

            def reduce(a, name=name, axis=axis, full=full):
                more = jnp.ones((2, *a.shape[1:]), a.dtype)  # extremes of nothing are no number
                return getattr(jnp, name)(jnp.concatenate([a, more]) if full else a, axis=axis)

            special = t is not F or name != "sum"
            if not full or axis == 0:
                case(f"{name} {t.__name__} over {axis}", reduce, t, ulp=64 if t is F else 0, special=special)
        if name not in ("max", "min"):
            special = t is not F
            case(
                f"{name} {t.__name__}",
                lambda a, n=name: getattr(jnp, n)(a),
                t,
                ulp=256 if t is F else 0,
                special=special,
            )
case("reduce_and int32", lambda a: lax.reduce_and(a, (0,)), I)
case("reduce_xor uint32", lambda a: lax.reduce_xor(a, (a.ndim - 1,)), U)
case("sum of the middle axis", lambda a: jnp.tile(a[:, None], (1, 3, *(1,) * (a.ndim - 1))).sum(1), I)
for name in ("argmax", "argmin"):
    for t in (F, I, U8):

        def arg(a, name=name):
            padded = jnp.concatenate([a, jnp.zeros((*a.shape[:-1], 2), a.dtype)], -1)
            return getattr(jnp, name)(padded, axis=-1)

        case(f"{name} {t.__name__}", arg, t)
for name in ("cumsum", "cumprod", "cummax", "cummin"):
    for reverse in (False, True):
        function = functools.partial(getattr(lax, name), axis=0, reverse=reverse)
        case(f"{name} float {reverse}", function, F, ulp=64, special=name in ("cummax", "cummin"))
        case(f"{name} int {reverse}", functools.partial(getattr(lax, name), axis=-1 + 1, reverse=reverse), I)
case("cumsum of the last axis", lambda a: lax.cumsum(a, axis=a.ndim - 1), I)
case("sort", lambda a: lax.sort(a, dimension=0), F)
case("sort of numbers along the last axis", lambda a: lax.sort(a, dimension=a.ndim - 1), I)
case("sort of pairs", lambda a, b: lax.sort((a % 4, b), num_keys=1, dimension=0), I, F)
case("sort by two keys", lambda a, b, c: lax.sort((a % 3, b, c), num_keys=2, dimension=0), I, F, I)
case("searchsorted", lambda a, b: jnp.searchsorted(jnp.sort(a.ravel()), b), F, F)
case("argsort", lambda a: jnp.argsort(a, axis=0), F)

# moving elements
case("transpose", lambda a: a.T + 1, I)
case("rev", lambda a: a[::-1] * 2, I)
case("slice", lambda a: a[1:] + a[:-1], I)
case("strided slice", lambda a: a[::2], I)
case("strided slice of both axes", lambda a: a[1::2, ..., ::-1], I)
case("pad", lambda a: lax.pad(a, I(3), [(1, 2, 0)] * a.ndim), I)
case("pad within", lambda a: lax.pad(a, I(3), [(2, -1, 1)] * a.ndim) if a.size else a, I)
case("pad negative", lambda a: lax.pad(a, I(3), [(-1, 1, 1)] * a.ndim) if a.size else a, I)
case("reshape", lambda a: (a * 3).reshape(-1) * 2 + a.ravel(), I)
case("reshape of a transpose", lambda a: (a.T + 1).T.reshape(-1), I)
case("reshape of a lazy transpose", lambda a: a.T.reshape(-1) + 1, I)
case("reshape to pairs", lambda a: jnp.concatenate([a, a ^ 5]).reshape(2, -1) * 3, I)
case("broadcast", lambda a: (a * 7)[..., None] + jnp.arange(3).reshape((1,) * a.ndim + (3,)), I)
case("broadcast of an axis of one", lambda a: jnp.broadcast_to(a[:1], a.shape) + a if len(a) else a, I)
case("concatenate", lambda a, b: jnp.concatenate([a, b * 2, a]), I, I)
case("concatenate along the last axis", lambda a, b: jnp.concatenate([a, b, a[..., :1]], -1), I, I)
case("stack", lambda a, b: jnp.stack([a, b], -1), I, I)
case("stack in front", lambda a, b: jnp.stack([a + 1, b, a]), I, I)
case("iota", lambda a: lax.broadcasted_iota(I, a.shape, a.ndim - 1), I)
case("iota float", lambda a: lax.broadcasted_iota(F, a.shape, 0) * 0.5, I)
case("split", lambda a: jnp.split(jnp.concatenate([a, a]), 2), I)
case("unstack", lambda a: list(a[:3]) if len(a) else a, I)
case("expand_dims and squeeze", lambda a: jnp.squeeze(jnp.expand_dims(a, (0, -1)) + 1), I)
case("tile and repeat", lambda a: jnp.repeat(jnp.tile(a, 2), 3, axis=0), I)


def pairs(a):
    """A matrix of the elements of an array, whatever its shape; not to be emptied."""
    return a.reshape(a.shape[0], -1) if a.size else jnp.ones((3, 2), a.dtype)


def wide(a):
    return jnp.concatenate([pairs(a), pairs(a) + 1])


for t, ulp in ((F, 256), (I, 0)):
    name, drawing = t.__name__, {"special": t is not F, "ulp": ulp}
    case(f"outer {name}", lambda a: jnp.tensordot(a, a, 0), t, **drawing)
    case(f"dot of rows {name}", lambda a, b: jnp.tensordot(a, b.T, 1), t, t, **drawing)
    case(f"dot of columns {name}", lambda a, b: jnp.tensordot(a.T, b, 1), t, t, **drawing)
    case(f"dot of batches {name}", lambda a, b: jnp.einsum("a...,a...->a", a, b), t, t, **drawing)
    case(f"matmul {name}", lambda a, b: pairs(a) @ pairs(b).T, t, t, **drawing)
    case(f"matrix and vector {name}", lambda a, b: pairs(a) @ pairs(b)[0], t, t, **drawing)
    case(f"vector and matrix {name}", lambda a, b: pairs(a)[:, 0] @ pairs(b), t, t, **drawing)
case(
    "dot of mixed",
    lambda a, b: jnp.dot(pairs(a).astype(I8), pairs(b).astype(I8).T, preferred_element_type=I),
    I,
    I,
)


# indices that point outside
def near(i, a):
    """Indices of which a quarter lies before and a quarter behind an array."""
    return i % jnp.maximum(2 * a.shape[0], 1) - a.shape[0] // 2


for dtype in (I, U, I8, U8, I16):
    for mode in ("clip", "fill"):

        def get(a, i, mode=mode):
            return a.at[i].get(mode=mode) if len(a) else a

        case(f"gather {mode} {dtype.__name__}", get, F, dtype)
    for mode in ("clip", "drop"):

        def put(a, i, b, mode=mode):
            return a.at[i.ravel()[:1]].set(b[:1], mode=mode) if a.size else a

        case(f"scatter {mode} {dtype.__name__}", put, F, dtype, F)
for mode in ("clip", "drop"):
    for name in ("add", "mul", "min", "max"):

        def combine(a, i, b, mode=mode, name=name):
            return getattr(a.at[near(i, a).ravel()[: a.shape[0]]], name)(b, mode=mode)

        case(f"scatter {name} {mode}", combine, I, I, I)
    case(
        f"scatter subtract {mode}",
        lambda a, i, b, m=mode: a.at[near(i, a).ravel()[: a.shape[0]]].subtract(b, mode=m),
        *(I, I, I),
    )
case("gather of columns", lambda a, i: pairs(a)[:, near(i.ravel(), a) % 2], I, I)
case("gather of points", lambda a, i: pairs(a)[i.ravel() % 3, i.ravel() % 2], I, I)
case(
    "gather of windows",
    lambda a, i: jax.vmap(lambda k: lax.dynamic_slice(wide(a), (k, k), (2, 1)))(i.ravel()),
    I,
    I,
)
case("take_along_axis", lambda a, i: jnp.take_along_axis(a, jnp.abs(i) % max(a.shape[-1], 1), -1), I, I)
case(
    "gather by a bool",
    lambda a, c: jnp.where(c, a, 0)[jnp.argsort(c, axis=0, stable=True).ravel() % max(len(a), 1)],
    I,
    B,
)
case(
    "scatter of windows",
    lambda a, i, b: pairs(a).at[i.ravel()[:2] % 5 - 1].add(pairs(b)[:2] if a.size else 1),
    *(I, I, I),
)
case("scatter into what is read", lambda a, i: a.at[near(i, a).ravel()[: a.shape[0]]].add(a[::-1]), I, I)
for dtype in (I, U, I8, U8):

    def part(a, i, dtype=dtype):
        start = i.ravel()[0] if i.size else dtype(0)
        return lax.dynamic_slice(a, (start, *(dtype(0),) * (a.ndim - 1)), (min(len(a), 2), *a.shape[1:]))

    # the part is another array's: in a loop XLA on the CPU (jaxlib 0.10.2) reads of its own what it has overwritten
    def update(a, i, b, dtype=dtype):
        start = i.ravel()[0] if i.size else dtype(0)
        return lax.dynamic_update_slice(a, b[:2] * 2, (start, *(dtype(0),) * (a.ndim - 1)))

    case(f"dynamic_slice {dtype.__name__}", part, I, dtype)
    case(f"dynamic_update_slice {dtype.__name__}", update, I, dtype, I)
case(
    "dynamic_update_slice of everything", lambda a: lax.dynamic_update_slice(a, a[::-1], (I(3),) * a.ndim), I
)


# random bits
def keyed(function):
    return lambda s: function(jax.random.key(s.ravel()[0] if s.size else U(7)))


case("random bits", keyed(lambda key: jax.random.bits(key, (5, 3))), U)
case("random bytes", keyed(lambda key: jax.random.bits(key, (5, 3), "uint8")), U)
case("random uniform", keyed(lambda key: jax.random.uniform(jax.random.fold_in(key, 9), (33,))), U)
case("random split", keyed(lambda key: jax.random.key_data(jax.random.split(key, (2, 3)))), U)
case(
    "random choice of a key", keyed(lambda key: jax.random.bernoulli(jax.random.split(key)[1], 0.3, (64,))), U
)
case("random integers", keyed(lambda key: jax.random.randint(key, (7,), 0, 100)), U)
case("random normal", keyed(lambda key: jax.random.normal(key, (200,))), U, ulp=24)
case(
    "random keys, one a row",
    keyed(lambda key: jax.vmap(lambda k: jax.random.bits(k, (4,)))(jax.random.split(key, 3))),
    U,
)
case("random Poisson", keyed(lambda key: jax.random.poisson(key, 3.0, (20,))), U)
case("random permutation", keyed(lambda key: jax.random.permutation(key, 20)), U)

# calls and loops
case(
    "vmap and grad",
    lambda a: jax.vmap(jax.grad(lambda x: jnp.tanh(x).sum() ** 2))(pairs(a)),
    F,
    special=False,
    ulp=512,
    low=-1,
    high=1,
)
case("custom derivatives", lambda a: jax.nn.relu(jax.nn.softplus(a)), F, special=False, ulp=16)
case("checkpoint", lambda a: jax.checkpoint(lambda x: x * 3 + 1)(a), I)
case("scan", lambda a: lax.scan(lambda c, x: (c * 3 + x, c - x), jnp.zeros(a.shape[1:], I), a), I)
case(
    "scan reverse",
    lambda a: lax.scan(lambda c, x: (c * 3 + x, (c, x)), jnp.zeros(a.shape[1:], I), a, reverse=True),
    I,
)
case(
    "scan swap",
    lambda a, b: lax.scan(lambda c, _: ((c[1], c[0] + 1, c[2]), c[0]), (a, b, a), None, length=5),
    I,
    I,
)
case("scan roll", lambda a: lax.scan(lambda c, _: (jnp.roll(c, 1, 0) * 2 - c, c[::-1]), a, None, length=4), I)
case(
    "scan ring",
    lambda a: lax.scan(
        lambda c, t: (
            lax.dynamic_update_index_in_dim(c, c[(t + 1) % len(c)] * 2, t % len(c), 0),
            c[t % len(c)],
        ),
        jnp.concatenate([a, a[:1] + 1]) if len(a) else jnp.ones((2, 2), I),
        jnp.arange(7),
    ),
    I,
)
case("scan of nothing", lambda a: lax.scan(lambda c, _: (c + 1, c), a, None, length=0), I)
case(
    "while",
    lambda a: lax.while_loop(
        lambda c: (c[0] < 9) & (c[1].sum() != 50), lambda c: (c[0] + 1, c[1] * 3 + c[2], c[1]), (0, a, a)
    ),
    I,
)
case(
    "while that never begins",
    lambda a: lax.while_loop(lambda c: c[0] < 0, lambda c: (c[0] + 1, c[1] * 2), (0, a)),
    I,
)
case(
    "switch",
    lambda a, i: lax.switch(
        i.ravel()[0] if i.size else 0, [lambda a: a + 1, lambda a: a[::-1] * 2, lambda a: jnp.ones_like(a)], a
    ),
    *(I, I),
)
case(
    "cond of numbers",
    lambda a: lax.cond(a.sum() > 0, lambda a: (a.sum(), a), lambda a: (a.sum() * 2, -a), a),
    I,
)
case(
    "cond that swaps",
    lambda a, b: lax.cond(a.sum() > b.sum(), lambda a, b: (b, a), lambda a, b: (a, b), a, b),
    I,
    I,
)
case("fori_loop", lambda a: lax.fori_loop(0, 4, lambda t, c: c[::-1] * 3 + t, a), I)
case("update and read the old", lambda a: (lambda y: (y, a * 2 + y[:1]))(a.at[:1].add(1)), I)
case(
    "nested vmap of while",
    lambda a: jax.vmap(lambda x: lax.while_loop(lambda c: c < 40, lambda c: c * 2 + 1, x & 15))(a.ravel()),
    I,
)


def in_a_loop(function):
    """In every turn of a loop, where buffers are used again: what comes out must be the same."""
    return lambda *args: lax.scan(lambda c, _: (c + 1, function(*args)), jnp.int32(0), None, length=2)


GROUPS = 12
EXHAUSTIVE = bool(os.environ.get("SNNLAB_EXHAUSTIVE"))  # every case alone and in a loop


def cases_of(group):
    """The cases of a group: of each a function and its arguments, for two shapes; and where each is in the list."""
    cases, where = [], {}
    for k, (name, (function, dtypes, _, drawing)) in enumerate(CASES.items()):
        if k % GROUPS != group:
            continue
        rng = np.random.default_rng(zlib.crc32(name.encode()))
        where[name] = []
        for shape in (SHAPES[0], SHAPES[int(rng.integers(1, len(SHAPES)))]):
            args = tuple(draw(rng, dtype, shape, **drawing) for dtype in dtypes)
            if "both axes" in name and len(shape) == 1:
                args = tuple(np.stack([a, a]) for a in args)
            where[name] += [len(cases), len(cases) + 1] if EXHAUSTIVE else [len(cases)]
            both = (function, in_a_loop(function))
            cases += [(variant, args) for variant in (both if EXHAUSTIVE else both[len(cases) % 2 :][:1])]
    return cases, where


@pytest.fixture(scope="module")
def groups():
    """Of every group what it compares: the modules of both builds, and what JAX makes of all its cases at once."""

    def build(group, simd):
        return Module(cases_of(group)[0], simd=simd)

    def run(group):
        cases, where = cases_of(group)
        functions = [function for function, _ in cases]
        together = jax.jit(lambda many: [f(*args) for f, args in zip(functions, many, strict=True)])
        return together([args for _, args in cases]), where

    kept = functools.cache(build), functools.cache(run)
    yield kept
    for each in kept:
        each.cache_clear()


@pytest.mark.parametrize("simd", [True, False], ids=["simd", "scalar"])
@pytest.mark.parametrize("name", CASES)
def test_primitive(name, simd, groups):
    module, wanted = groups
    group = list(CASES).index(name) % GROUPS
    expected, where = wanted(group)
    for k in where[name]:
        found = jax.tree.leaves(module(group, simd).results(k))
        for a, b in zip(found, jax.tree.leaves(expected[k]), strict=True):
            assert apart(a, b) <= CASES[name][2], (name, a, np.asarray(b))
