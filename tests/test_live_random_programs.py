"""Random programs agree with JAX to the bit, and faults that are put into the compiler do not pass unseen.

Errors that are silent on whole models come from sharing memory and from updates in place. SNNLAB_EXHAUSTIVE says how
many random programs are tried.
"""

import os

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import wasmtime
from jax import lax
from live_programs import Module, arguments, random_program

from snnlab.live import build, c, control, elementwise, graph, indexed, trace, views
from snnlab.live.lowering import LATER, NEVER, NOW, Lowering
from snnlab.live.memory import Memory
from snnlab.live.schedule import Planner

PROGRAMS = int(os.environ.get("SNNLAB_EXHAUSTIVE") or 16)
AT_ONCE = 8


def programs(first, last, depth=2):
    for seed in range(first, last):
        rng = np.random.default_rng(seed)
        yield random_program(rng, depth), arguments(rng)


def wrong(module, wanted):
    """The functions of a module whose results differ from what is wanted."""
    found = []
    for k, expected in enumerate(wanted):
        pairs = zip(jax.tree.leaves(module.results(k)), jax.tree.leaves(expected), strict=True)
        if not all(np.array_equal(a, np.asarray(b), equal_nan=a.dtype.kind == "f") for a, b in pairs):
            found.append(k)
    return found


def by_jax(cases):
    return jax.jit(lambda many: [f(*args) for (f, _), args in zip(cases, many, strict=True)])(
        [a for _, a in cases]
    )


@pytest.mark.parametrize("first", range(0, PROGRAMS, AT_ONCE))
def test_random_programs_agree_to_the_bit(first):
    cases = list(programs(first, first + AT_ONCE))
    wanted = by_jax(cases)
    for simd in (True, False):
        assert not wrong(Module(cases, simd=simd), wanted), f"seeds from {first}, simd={simd}"


I, F = np.int32, np.float32


def directed():
    """Small functions by name, each of which one kind of fault would disturb."""
    a, b = np.arange(-3, 4, dtype=I), np.array([5, 0, -7, 2, 9, -1, 3], I)
    t, n = np.arange(12, dtype=I).reshape(3, 4), I(5)
    x = np.array([-0.0, np.nan, np.inf, -2.5, 1e-3, 3e9, 88.7], F)

    def swap(a, b, t, n):
        return lax.scan(
            lambda v, _: ((v[1], v[0] + 1, v[3], v[2] * 2), None), (a, b, n, n + 1), None, length=3
        )[0]

    def old_and_new(a, b, t, n):
        c = a * b
        return c.at[1].add(9), c * 2, lax.dynamic_update_slice(c, c[::-1][:3], (n,)), c[::-1]

    def overlap(a, b, t, n):
        c = a * b  # nobody else reads it
        return lax.dynamic_update_slice(c, c[::-1][1:6], (I(1),))

    def read_again(a, b, t, n):
        c = a * b

        def turn(i, v):
            return v.at[i].set(c[v[i] & 3]) + c

        return lax.fori_loop(0, 5, turn, c)

    def exchange(a, b, t, n):
        return lax.fori_loop(0, 3, lambda i, v: (v[1], v[0]), (a * b, a + b))

    def fresh(a, b, t, n):
        c = a * b
        return lax.fori_loop(0, 3, lambda i, v: v + c.at[i].add(v[0]), a)

    def crowded(a, b, t, n):
        u, v = lax.cumsum(a * 3), lax.cumsum(b * 5)
        w = lax.cumsum(u * v)
        return lax.cumsum(u - w) + v

    def changing(a, b, t, n):
        def turn(v):
            k, u, w = v
            return k + 1, lax.rem(u, I(5)) + w, lax.div(u, b + 1) - w

        return lax.while_loop(lambda v: v[0] < 4, turn, (I(0), a * 9, b))

    def branches(a, b, t, n):
        def taken(k):
            return lax.switch(k, [lambda: (a, b), lambda: (b, a.at[2].set(1)), lambda: (a + 1, a)])

        return [taken(n - k) for k in (4, 5, 3)]

    def indices(a, b, t, n):
        at = t.reshape(-1)[jnp.abs(b)]
        return (
            at,
            a.at[b].add(7, mode="drop"),
            a.at[b - 2].get(mode="fill", fill_value=-5),
            a.at[b * 3].get(mode="clip"),
        )

    def slices(a, b, t, n):
        parts = lax.dynamic_slice(a, (n + 1,), (3,)), lax.dynamic_update_slice(t, t[:2] * 5, (n, -n))
        return *parts, t.T[1:] + 1, (t.T + n).reshape(6, 2), a[None, :3] + t[:, :1]

    def arithmetic(a, b, t, n):
        u = a.astype(np.uint32)
        rest = [
            lax.div(b, a),
            lax.rem(b, a),
            lax.shift_right_logical(a, I(2)),
            lax.shift_right_arithmetic(u, u),
        ]
        return [*rest, lax.lt(a, a), lax.max(u, u - 1), lax.shift_left(a, b * 9), lax.clz(b), -a, jnp.sign(a)]

    def sums(a, b, t, n):
        running = lax.cumsum(a, reverse=True), lax.cummax(-jnp.abs(b))
        return [*running, t.sum(0), t.sum(1), (-t - 1).max(1), jnp.argmax(b), jnp.sort(b), t @ t.T, t.T @ t]

    def lanes(a, b, t, n):
        return jax.vmap(lambda k: lax.while_loop(lambda k: k < 40, lambda k: k * 2 + 9, k))(a)

    def unused(a, b, t, n):
        def turn(v):
            return v[0] + 1, v[1] + v[2], v[2] * 3, v[3]

        return lax.while_loop(lambda v: (v[0] < 3) & (v[3] < 9), turn, (I(0), a, b, n))[1]

    def floats(x):
        key = jax.random.key(3)
        whole = [x.astype(np.int32), x.astype(np.uint8), jnp.maximum(x, 0.0), jnp.minimum(x, x[3])]
        return [*whole, jnp.round(x), jnp.exp(x) == jnp.inf, jax.random.bits(jax.random.split(key)[1], (5,))]

    functions = [swap, old_and_new, overlap, exchange, fresh, crowded, read_again, changing, branches]
    functions += [indices, slices, arithmetic, sums, lanes, unused]
    return {f.__name__: (f, (a, b, t, n)) for f in functions} | {"floats": (floats, (x,))}


@pytest.fixture(scope="module")
def corpus():
    cases = directed()
    return cases, dict(zip(cases, by_jax(list(cases.values())), strict=True))


def test_the_functions_that_catch_faults_pass_without_them(corpus):
    cases, wanted = corpus
    assert not wrong(Module(cases.values()), wanted.values())


def always(result):
    return lambda *args, **more: result


def fate_without_loops(self, value):
    for frame in reversed(self.frames):
        if frame.schedule.last.get(value, -1) > frame.at:
            return LATER
        if value in frame.born:
            break
    return NOW if self.frames[-1].schedule.last.get(value, -1) == self.frames[-1].at else NEVER


def moved_one_by_one(self, results, wants):
    for value, want in zip(results, wants, strict=True):
        if want is not None and self.stored.get(value) is not want:
            self.copy(value, want)
            want.occupant = value


def forgetful(declarations):
    def forgetting(self):
        for buffer in self.buffers:
            buffer.last = buffer.first
        return declarations(self)

    return forgetting


def unguarded(load):
    def loaded(self, value, place):
        if value.constant is None:
            self.stored[value].occupant = value
        return load(self, value, place)

    return loaded


def late(starts):
    def begun(whole, part, indices, atom):
        larger = graph.Value(tuple(n + 1 for n in whole.shape), whole.dtype)
        return starts(larger, part, indices, atom)

    return begun


def hoisting_too_much(hoist):
    return lambda body, carry: hoist(body, carry[:1])


def taking_what_is_read(start):
    return lambda lower, op, outer: start(lower, op, set())


EXPRESSIONS = elementwise.EXPRESSIONS
MUTATIONS = {  # what is replaced by what, and the function above that is then compiled
    "takes over what is read later": (Lowering, "can_take", lambda self, v: v in self.stored, "old_and_new"),
    "thinks all memory is free": (Lowering, "is_free", always(True), "swap"),
    "forgets that loops turn": (Lowering, "fate", fate_without_loops, "fresh"),
    "moves results one by one": (Lowering, "_settle", moved_one_by_one, "exchange"),
    "updates what it still reads": (Lowering, "apart", lambda self, value, whole: value, "overlap"),
    "takes what a loop reads": (control, "_start", taking_what_is_read(control._start), "read_again"),
    "shares all memory": (Memory, "declarations", forgetful(Memory.declarations), "crowded"),
    "takes every map for flat": (Planner, "is_flat_map", always(True), "slices"),
    "cuts a loop in a wrong place": (Planner, "cuts", lambda self, loop: [loop.shape[0] + 9], "old_and_new"),
    "hoists what changes": (trace, "hoist", hoisting_too_much(trace.hoist), "changing"),
    "lets an update begin too late": (indexed, "starts", late(indexed.starts), "slices"),
    "lets a slice begin too late": (views, "starts", late(views.starts), "slices"),
    "scatters one past the end": (indexed, "within", lambda i, n, t: c.within(i, n + 1, t), "indices"),
    "drops the last index": (indexed, "within", lambda i, n, t: c.within(i, n - 1, t), "indices"),
    "clamps to one less": (indexed, "clamped", lambda i, n, t: c.clamped(i, n - 1, t), "indices"),
    "takes indices for unsigned": (indexed, "clamped", lambda i, n, t: c.clamped(i, n, "uint32"), "indices"),
    "transposes nothing": (views.VIEWS, "transpose", lambda op, i, atom: i, "slices"),
    "reverses nothing": (views.VIEWS, "rev", lambda op, i, atom: i, "old_and_new"),
    "divides by zero to zero": (
        EXPRESSIONS,
        "div",
        lambda t, a, b: f"({b}==0?0:{a}/({b}==0?1:{b}))",
        "arithmetic",
    ),
    "takes the divisor's sign": (
        EXPRESSIONS,
        "rem",
        lambda t, a, b: f"({b}==0?{a}:({a}%{b}+{b})%{b})",
        "arithmetic",
    ),
    "shifts signs in": (EXPRESSIONS, "shift_right_logical", lambda t, a, b: f"({a}>>{b})", "arithmetic"),
    "shifts modulo the width": (EXPRESSIONS, "shift_left", lambda t, a, b: f"({a}<<({b}&31))", "arithmetic"),
    "compares with equality": (EXPRESSIONS, "lt", lambda t, a, b: f"({a}<={b})", "arithmetic"),
    "compares as signed": (
        EXPRESSIONS,
        "max",
        lambda t, a, b: f"((int32_t){a}>(int32_t){b}?{a}:{b})",
        "arithmetic",
    ),
    "begins a maximum at zero": (
        elementwise,
        "neutral",
        lambda name, t: "1" if name == "mul" else "0",
        "sums",
    ),
    "lets lanes run on": (trace._Tracer, "where", lambda self, on, new, old: new, "lanes"),
    "drops what a loop needs": (graph, "_needed", lambda region, results: set(results), "unused"),
}
OF_MEMORY = [name for name, (place, *_) in MUTATIONS.items() if place in (Lowering, control)]
HEADER = {
    "rotates by twelve": ("ROUNDS(13, 15, 26, 6) x += k1", "ROUNDS(12, 15, 26, 6) x += k1"),
    "loses NaN": ("return __builtin_wasm_max_f32(a, b);", "return a > b ? a : b;"),
    "takes the wrong end": ("x <= (FLOAT)(LOW) ? LOW :", "x <= (FLOAT)(LOW) ? HIGH :"),
    "scales by one power": ("int half = n >> 1;", "int half = n;"),
}


def caught(corpus, name):
    """Whether a module with a fault is refused while it is made, traps, or gives other results."""
    cases, wanted = corpus
    try:
        module = Module([cases[name]])
    except (AssertionError, KeyError):  # AliasingError is one, too
        return True
    try:
        return bool(wrong(module, [wanted[name]]))
    except (wasmtime.Trap, AssertionError):
        return True


def introduce(monkeypatch, name):
    place, what, wrongly, function = MUTATIONS[name]
    (monkeypatch.setitem if isinstance(place, dict) else monkeypatch.setattr)(place, what, wrongly)
    return function


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_fault_in_the_compiler_is_caught(name, corpus, monkeypatch):
    assert caught(corpus, introduce(monkeypatch, name))


@pytest.mark.parametrize("name", OF_MEMORY)
def test_faults_of_memory_are_seen_in_the_results_too(name, corpus, monkeypatch):
    """Without the guards that refuse to read an array from memory that holds another."""
    monkeypatch.setattr(Lowering, "load", unguarded(Lowering.load))
    monkeypatch.setattr(Lowering, "_only_loaded_from", always(None))
    assert caught(corpus, introduce(monkeypatch, name))


@pytest.mark.parametrize("name", HEADER)
def test_a_fault_in_the_runtime_is_caught(name, corpus, monkeypatch, tmp_path):
    right, wrongly = HEADER[name]
    text = (build.INCLUDE / "runtime.h").read_text()
    assert right in text
    (tmp_path / "runtime.h").write_text(text.replace(right, wrongly, 1))
    monkeypatch.setattr(build, "INCLUDE", tmp_path)
    assert caught(corpus, "floats")
