"""Functions compiled and compared with JAX; random programs of whole numbers that aim at memory and schedules."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from snnlab import live


def like(tree):
    """The shapes and dtypes of a tree of arrays."""
    return jax.tree.map(lambda x: jax.ShapeDtypeStruct(np.shape(x), np.asarray(x).dtype), tree)


class Module:
    """Many functions, each with its arguments, in one module: a call of the C compiler costs more than a function."""

    def __init__(self, cases, simd=True):
        self.cases = list(cases)
        entries, buffers = {}, {}
        for k, (function, args) in enumerate(self.cases):
            entries[f"e{k}"] = _entry(function, k, len(args))
            buffers |= {f"a{k}_{i}": like(arg) for i, arg in enumerate(args)}
            buffers[f"r{k}"] = jax.eval_shape(function, *args)
        self.compiled = live.compile(entries, buffers, simd=simd)
        self.instance = live.Instance(self.compiled)

    def results(self, k, args=None):
        """What function ``k`` gives: called twice, so that a state that stays behind shows."""
        args = self.cases[k][1] if args is None else args
        for i, arg in enumerate(args):
            self.instance.write(f"a{k}_{i}", arg)
        self.instance.call(f"e{k}")
        self.instance.call(f"e{k}")
        for i, arg in enumerate(args):  # what is only read stays as it was
            same = map(_same, jax.tree.leaves(self.instance.read(f"a{k}_{i}")), jax.tree.leaves(arg))
            assert all(same), "an argument was overwritten"
        return self.instance.read(f"r{k}")


def _same(a, b):
    return np.array_equal(np.asarray(a), np.asarray(b), equal_nan=np.asarray(a).dtype.kind == "f")


def _entry(function, k, n):
    names = [f"a{k}_{i}" for i in range(n)]

    def entry(**buffers):
        return {f"r{k}": function(*(buffers[name] for name in names))}

    parameters = [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY) for name in names]
    entry.__signature__ = inspect.Signature(parameters)
    return entry


N, ROWS = 6, 4
I = np.int32


def random_program(rng, depth=2):
    """A function of a pool of values (vectors [6], tables [4, 6] and numbers, int32): a fixed random program."""
    length = int(rng.integers(3, 8))
    plan = []
    for _ in range(length):
        kinds = len(_PLAIN) + (len(_NESTED) if depth else 0)
        choice = int(rng.integers(kinds))
        numbers = [int(x) for x in rng.integers(0, 1 << 20, 5)]
        nested = choice >= len(_PLAIN)
        bodies = [random_program(rng, depth - 1) for _ in range(2)] if nested else None
        plan.append((choice, numbers, bodies))
    picks = [int(x) for x in rng.integers(0, 1 << 20, 6)]

    def program(vectors, tables, numbers):
        pool = _Pool(vectors, tables, numbers)
        for choice, salt, bodies in plan:
            if choice < len(_PLAIN):
                _PLAIN[choice](pool, *salt)
            else:
                _NESTED[choice - len(_PLAIN)](pool, bodies, *salt)
        late = _Pool(pool.vectors[-4:], pool.tables[-3:], pool.numbers[-3:])  # mostly what was made last
        return (
            [late.vector(picks[0]), late.vector(picks[1]), pool.vector(picks[2])],
            [late.table(picks[3])],
            [late.number(picks[4]), pool.number(picks[5])],
        )

    return program


class _Pool:
    def __init__(self, vectors, tables, numbers):
        self.vectors, self.tables, self.numbers = list(vectors), list(tables), list(numbers)

    def vector(self, i):
        return self.vectors[-1 - i % len(self.vectors)]

    def table(self, i):
        return self.tables[-1 - i % len(self.tables)]

    def number(self, i):
        return self.numbers[-1 - i % len(self.numbers)]


def _arithmetic(pool, i, j, k, m, s):
    a, b = pool.vector(i), pool.vector(j)
    choices = [
        a + b * 3,
        a - b,
        a ^ b,
        jnp.where(a > b, a, b[m % N]),
        lax.div(a, b),
        lax.rem(a, I(1 + k % 3)),
    ]
    pool.vectors.append(choices[s % 6])


def _split(a, b, k):
    cell = jnp.arange(N)
    return jnp.where(cell < k % (N + 2), a, jnp.where(cell >= k // N % N, b, a * b))


def _moved(pool, i, j, k, m, s):
    a, b = pool.vector(i), pool.vector(j)
    pool.vectors.append(
        [a[::-1] ^ b, jnp.roll(a, k % N), jnp.concatenate([a[2:], b[:2]]), a + a[0], _split(a, b, k)][s % 5]
    )


def _updated(pool, i, j, k, m, s):
    a, b = pool.vector(i), pool.vector(j)
    pool.vectors.append(lax.dynamic_update_slice(a, b[:2] + a[1:3] * (s % 2), (b[m % N] & 7,)))


def _one_element(pool, i, j, k, m, s):
    a, at = pool.vector(i), pool.number(j) & 7
    pool.vectors.append(lax.dynamic_update_index_in_dim(a, a[(at + k) % N] + pool.number(m), at, 0))


def _scattered(pool, i, j, k, m, s):
    a, b = pool.vector(i), pool.vector(j)
    at = a.at[(b & 7) - (s // 4) % 2]
    values = a[m % N] + b
    mode = "clip" if s % 3 == 0 else "drop"
    pool.vectors.append(at.add(values, mode=mode) if s % 2 else at.max(values, mode=mode))


def _gathered(pool, i, j, k, m, s):
    a, b, t = pool.vector(i), pool.vector(j), pool.table(k)
    pool.vectors.append(a.at[b & 7].get(mode="fill", fill_value=-7) + t[pool.number(m) & 3])


def _summed(pool, i, j, k, m, s):
    a, t = pool.vector(i), pool.table(j)
    pool.vectors.append([jnp.cumsum(a), t.sum(0), a - a.max(), t.sum(1)[a & 3]][s % 4])
    pool.numbers.append([a.sum(), a[k % N], t.min(), jnp.argmax(a).astype(jnp.int32)][m % 4])


def _row_written(pool, i, j, k, m, s):
    t, a = pool.table(i), pool.vector(j)
    at = pool.number(k) & 7
    new = a + (t[at % ROWS] if s % 2 else 0)
    pool.tables.append(lax.dynamic_update_index_in_dim(t, new, at, 0))


def _table_changed(pool, i, j, k, m, s):
    t, u, a = pool.table(i), pool.table(j), pool.vector(k)
    choices = [t + a[None], t[::-1] ^ u, t.at[a & 3, a & 7].add(a, mode="drop"), u.reshape(N, ROWS).T + t]
    pool.tables.append(choices[s % 4])


def _numbers(pool, i, j, k, m, s):
    a, b = pool.number(i), pool.number(j)
    pool.numbers.append([a * 5 + b, a ^ (b >> 3), jnp.where(a < b, a, b), lax.population_count(a) - b][s % 4])


_PLAIN = [
    _arithmetic, _moved, _updated, _one_element, _scattered, _gathered, _summed, _row_written, _table_changed, _numbers,
]  # fmt: skip


def _scan(pool, bodies, i, j, k, m, s):
    start = (pool.vector(i), pool.vector(i + j * (s % 2)), pool.table(k), pool.number(m))
    outside = pool.vector(j), pool.table(m)

    def step(carry, x):
        a, b, t, n = carry
        vectors, tables, numbers = bodies[0]([outside[0], a, b, x], [outside[1], t], [n])
        order = (vectors[0], vectors[1]) if s % 3 else (b, vectors[0])  # a swap, too
        return (*order, tables[0], numbers[0]), (vectors[2] + x, numbers[1])

    xs = pool.table(s)[:3]
    (a, b, t, n), (rows, ys) = lax.scan(step, start, xs, reverse=bool(s & 8))
    pool.vectors += [a, b, rows[k % 3]]
    pool.tables += [t]
    pool.numbers += [n, ys[j % 3]]


def _while(pool, bodies, i, j, k, m, s):
    limit = m % 4
    start = (jnp.int32(0), pool.vector(i), pool.vector(j), pool.table(k))
    n = pool.number(m)

    def step(carry):
        count, a, b, t = carry
        vectors, tables, numbers = bodies[0]([a, b], [t], [n, count])
        return count + 1, vectors[0], (b if s % 2 else vectors[1]), tables[0]

    def test(carry):
        return (carry[0] < limit) & (carry[1].sum() != 12345)

    count, a, b, t = lax.while_loop(test, step, start)
    pool.vectors += [b, a]
    pool.tables.append(t)
    pool.numbers.append(count)


def _cond(pool, bodies, i, j, k, m, s):
    a, b, t, n = pool.vector(i), pool.vector(j), pool.table(k), pool.number(m)

    def branch(body):
        def taken(a, b, t, n):
            vectors, tables, numbers = body([a, b], [t], [n])
            return vectors[0], vectors[1], tables[0], numbers[0]

        return taken

    def kept(a, b, t, n):
        return a, b if s % 2 else a, t, n

    c, d, u, q = lax.switch(n & 3, [branch(bodies[0]), kept, branch(bodies[1])], a, b, t, n)
    pool.vectors += [c, d]
    pool.tables.append(u)
    pool.numbers.append(q)


def _lanes(pool, bodies, i, j, k, m, s):
    """A loop a row, each as long as its own condition holds."""
    t = pool.table(i)

    def lane(a, n):
        def step(carry):
            count, a, n = carry
            vectors, _, numbers = bodies[0]([a], [t], [n])
            return count + 1, vectors[0], numbers[0]

        return lax.while_loop(lambda c: (c[0] < 3) & (c[1][k % N] % 5 != 0), step, (jnp.int32(0), a, n))

    counts, rows, _ = jax.vmap(lane)(pool.table(j), jnp.arange(ROWS) + pool.number(m))
    pool.tables.append(rows)
    pool.numbers.append(counts.sum())


_NESTED = [_scan, _while, _cond, _lanes]


def arguments(rng):
    """Whole numbers for a random program: vectors, tables, numbers."""

    def draw(*shape):
        return rng.integers(-9, 10, shape).astype(np.int32)

    return [draw(N), draw(N), draw(N)], [draw(ROWS, N), draw(ROWS, N)], [draw(), draw()]
