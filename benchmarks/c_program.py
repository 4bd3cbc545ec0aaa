"""The C references: building them, handing them a network, running them."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

import numpy as np

import snnlab
from snnlab.core.planner import wiring_key

SOURCES = Path(__file__).parent / "c"
MAGIC = 0x4E4E5331


def build(name: str, folder: Path) -> Path:
    """Compile `c/<name>.c` with gcc into `folder`. Raises RuntimeError with gcc's words.

    The arithmetic is IEEE's, as XLA's is; -fopenmp-simd only lets a sum that says so be added in any order.
    """
    program = folder / name
    flags = ["-O3", "-march=native", "-fopenmp-simd"]
    command = ["gcc", *flags, str(SOURCES / f"{name}.c"), "-o", str(program), "-lm"]
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except FileNotFoundError:
        raise RuntimeError("the C references need gcc, and there is none here") from None
    if done.returncode:
        raise RuntimeError(f"gcc could not build {name}.c:\n{done.stderr}")
    return program


def run(
    program: Path, network: Path | None, parameters: Mapping[str, float], spikes: Path | None = None
) -> dict:
    """Run a reference, with its network file; returns the JSON it prints. Raises RuntimeError with its words."""
    words = [f"{name}={value}" for name, value in parameters.items()]
    words += [f"spikes={spikes}"] if spikes else []
    done = subprocess.run(
        [str(program), *([str(network)] if network else []), *words], capture_output=True, text=True
    )
    if done.returncode:
        raise RuntimeError(done.stderr.strip())
    return json.loads(done.stdout)


def write_network(path: Path, n_exc: int, first: np.ndarray, targets: np.ndarray, V0: np.ndarray) -> None:
    """Write a network as the references read it; cell i's targets are targets[first[i] : first[i + 1]]."""
    with path.open("wb") as file:
        np.array([MAGIC, len(V0), n_exc, len(targets)], "<i4").tofile(file)
        np.asarray(first, "<i4").tofile(file)
        np.asarray(targets, "<i4").tofile(file)
        np.asarray(V0, "<f4").tofile(file)


def wiring(network: snnlab.Network, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The connections that a run of `network` with this seed draws: (first [n + 1], targets), ascending.

    Populations lie end to end in the network's order. Raises ValueError for what the references do not model.
    """
    sizes = {name: population.n for name, population in network.populations.items()}
    offset = dict(zip(sizes, np.cumsum([0, *sizes.values()]), strict=False))
    n = sum(sizes.values())
    pairs = []
    for i, projection in enumerate(network.projections):
        table = projection.connectivity.table(
            wiring_key(network, i, seed), sizes[projection.pre], sizes[projection.post]
        )
        if table.weights is not None or projection.delay:
            raise ValueError(f"projection {i}: the C references know one weight a population and no delay")
        targets = np.asarray(table.targets)
        pre, slot = np.nonzero(targets < sizes[projection.post])
        pairs.append((pre + offset[projection.pre]) * n + targets[pre, slot] + offset[projection.post])
    pre, post = np.divmod(np.sort(np.concatenate(pairs)), n)
    return np.concatenate([[0], np.cumsum(np.bincount(pre, minlength=n))]), post


def initial_voltage(network: snnlab.Network, seed: int, dt: float) -> np.ndarray:
    """V(0) [n] of a run, as far as it matters: a cell that is above threshold is given as exactly at it.

    Recordings show V after resets; whether a cell was above threshold shows in its spike at t = 0.
    """
    names = list(network.populations)
    recording = snnlab.simulate(
        network, duration=dt, dt=dt, seed=seed, record=[f"{name}.V" for name in names]
    )
    voltages = []
    for name in names:
        V = recording[f"{name}.V"][0].copy()
        if hasattr(network.populations[name].neuron, "V_th"):  # else nothing is reset
            V[recording.spikes[name].neurons] = network.populations[name].neuron.V_th
        voltages.append(V)
    return np.concatenate(voltages)
