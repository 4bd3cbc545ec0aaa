"""From C to WebAssembly, by the C compiler of the package ``ziglang``.

Where the environment names a folder, ``SNNLAB_LIVE_CACHE``, modules are kept there and made once for each source.
"""

import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

FLAGS = (
    ("-target", "wasm32-wasi", "-mexec-model=reactor", "-O2", "-g0", "-Wno-everything")
    + ("-fwrapv", "-fno-strict-aliasing", "-fno-sanitize=all", "-fno-stack-protector", "-ffp-contract=off")
    + ("-Wl,-s", "-Wl,-z,stack-size=65536")
)
INCLUDE = Path(__file__).parent  # where runtime.h is
SIMD = ("-msimd128", "-mbulk-memory", "-mnontrapping-fptoint")  # what a browser with vector lanes has, too


def wasm(source: str, exports: Iterable[str], *, simd: bool = True) -> bytes:
    """The module of a C source. Raises RuntimeError with the compiler's message, ImportError without ziglang."""
    import ziglang

    flags = [*FLAGS, *(SIMD if simd else ()), *(f"-Wl,--export={name}" for name in exports)]
    folder = os.environ.get("SNNLAB_LIVE_CACHE")
    if folder is None:
        return _compiled(source, flags)
    parts = [source, (INCLUDE / "runtime.h").read_text(), *flags, str(ziglang.__file__)]
    kept = Path(folder, f"{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()}.wasm")
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        module = _compiled(source, flags)
        with tempfile.NamedTemporaryFile(dir=kept.parent, delete=False) as file:
            file.write(module)
        os.replace(file.name, kept)  # at once, so that no other process reads half of it
    return kept.read_bytes()


def _compiled(source: str, flags: list[str]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path, module = Path(folder, "model.c"), Path(folder, "model.wasm")
        path.write_text(source)
        command = [
            sys.executable,
            "-m",
            "ziglang",
            "cc",
            *flags,
            f"-I{INCLUDE}",
            str(path),
            "-o",
            str(module),
        ]
        done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        if done.returncode:
            raise RuntimeError(f"the C compiler failed:\n{done.stderr[-3000:]}")
        return module.read_bytes()


def addresses(module: bytes) -> dict[str, int]:
    """Where exported arrays lie in the memory of a module: the constants that it exports by their names."""
    sections = dict(_sections(module))
    values, names = [], {}
    data, at = sections.get(6, b""), 0
    count, at = _number(data, at)
    for _ in range(count):
        at += 2  # type and mutability
        assert data[at] == 0x41, "a global that is no 32-bit constant"
        value, at = _number(data, at + 1, signed=True)
        values.append(value)
        at += 1  # end of the expression
    data, at = sections[7], 0
    count, at = _number(data, at)
    for _ in range(count):
        length, at = _number(data, at)
        name = data[at : at + length].decode()
        kind, (index, at) = data[at + length], _number(data, at + length + 1)
        if kind == 3:
            names[name] = values[index]
    return names


def _sections(module: bytes):
    at = 8
    while at < len(module):
        kind = module[at]
        size, at = _number(module, at + 1)
        yield kind, module[at : at + size]
        at += size


def _number(data: bytes, at: int, signed: bool = False) -> tuple[int, int]:
    """A number in LEB128, and where what follows it begins."""
    value = shift = 0
    while True:
        byte = data[at] if at < len(data) else 0
        value |= (byte & 0x7F) << shift
        shift += 7
        at += 1
        if byte < 0x80:
            break
    if signed and byte & 0x40:
        value -= 1 << shift
    return value, at
