"""What the figures were measured on."""

import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path

BUSY = 0.5  # load average above which timings are not to be trusted


def state() -> dict:
    """Processors, load, versions and the settings that change speed."""
    return {
        "processor": processor(),
        "cpus": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "versions": {name: metadata.version(name) for name in ("jax", "jaxlib", "numpy")},
        "gcc": first_line(["gcc", "-dumpfullversion"]),
        "commit": first_line(["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"]),
        "settings": {
            name: os.environ[name] for name in ("NPROC", "XLA_FLAGS", "JAX_ENABLE_X64") if name in os.environ
        },
    }


def header(found: dict) -> str:
    """`state()` in lines for people, with a warning when something else is running."""
    versions = ", ".join(f"{name} {v}" for name, v in found["versions"].items())
    versions = f"snnlab {found['commit']}, {versions}, gcc {found['gcc']}"
    settings = (
        ", ".join(f"{name}={v}" for name, v in found["settings"].items()) or "NPROC and XLA_FLAGS not set"
    )
    lines = [
        f"machine   {found['processor']}, {found['cpus']} CPUs, load {found['load']:.2f}",
        f"software  Python {found['python']}, {versions}",
        f"settings  {settings}",
    ]
    if found["load"] > BUSY:
        lines.append(
            f"WARNING   the load is above {BUSY}: something else is running, and times will be too long"
        )
    return "\n".join(lines)


def processor() -> str:
    """The processor's name where the system tells it."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def first_line(command: list[str]) -> str:
    """What a command prints first, or "-"."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "-"
    return (done.stdout.splitlines() or ["-"])[0]
