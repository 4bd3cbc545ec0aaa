"""JAX's random bits: the threefry generator of Salmon et al. (2011), counter by counter, to the last bit."""

from snnlab.live.c import TYPES, Index, ravel
from snnlab.live.c import bits as width
from snnlab.live.graph import Op


def bits(lower, op: Op, index: Index) -> str:
    """The element of random_bits: one word of the generator at the element's place."""
    (key,), out = op.inputs, op.outputs[0]
    keys = len(key.shape) - 1
    first, second = (lower.element(key, (*index[:keys], word)) for word in "01")
    place = ravel(index[keys:], out.shape[keys:])
    name = "threefry_64" if width(out.dtype) == 64 else "threefry_32"
    return f"(({TYPES[out.dtype]}){name}({first},{second},{place}))"


def _words(lower, op: Op, of) -> None:
    """Pairs of words, by the index of the pair."""
    out = op.outputs[0]
    buffer = lower.store(out)
    with lower.loops(out.shape[:-1]) as index:
        key = [lower.element(op.inputs[0], (*index[: len(op.inputs[0].shape) - 1], word)) for word in "01"]
        place = ravel((*index, "0"), out.shape)
        lower.emit(f"threefry({key[0]},{key[1]},{of(index)},&{buffer.name}[{place}]);")


def _fold_in(lower, op: Op) -> None:
    _words(lower, op, lambda index: lower.element(op.inputs[1], index))


def _split(lower, op: Op) -> None:
    keys, shape = len(op.inputs[0].shape) - 1, op.outputs[0].shape[:-1]
    _words(lower, op, lambda index: ravel(index[keys:], shape[keys:]))


def _seed(lower, op: Op) -> None:
    out, (seed,) = op.outputs[0], op.inputs
    buffer = lower.store(out)
    with lower.loops(seed.shape) as index:
        number = lower.element(seed, index)
        high = f"(uint32_t)((uint64_t){number}>>32)" if width(seed.dtype) == 64 else "0"
        for word, text in zip("01", (high, f"(uint32_t){number}"), strict=True):
            lower.emit(f"{buffer.name}[{ravel((*index, word), out.shape)}] = {text};")


RULES = {"random_fold_in": _fold_in, "random_split": _split, "random_seed": _seed}
