"""``snnlab lab``: JupyterLab on a folder, for this machine only (127.0.0.1), behind its token, on this Python.

It prints the address, token included, and runs until it is interrupted.
"""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from snnlab.command import Misuse

# What the server and its kernels find in their environment unless the caller sets it otherwise.
KERNEL_ENVIRONMENT = {
    "JUPYTER_PREFER_ENV_PATH": "1",  # no kernel of the same name elsewhere shadows this Python's
    "NPROC": "1",  # XLA on one thread: splitting a step's small loops over two costs 5 % at 4000 cells, 40 % at 40,000
}
HELP = """\
usage: snnlab lab [FOLDER] [OPTION ...]

Open JupyterLab on FOLDER (without: on ./chapters where there are chapters, else here) and in it the first numbered
notebook. OPTION is any of `jupyter lab`: --no-browser serves it and prints the address."""


def main(arguments: Sequence[str]) -> int:
    """Serve a folder until it is interrupted."""
    options = list(arguments)
    if {"-h", "--help"} & set(options):
        print(HELP)
        return 0
    if importlib.util.find_spec("jupyterlab") is None:
        raise Misuse('JupyterLab is not installed; the extra "lab" of snnlab brings it')
    folder = Path(options.pop(0)) if options and not options[0].startswith("-") else _chapters()
    if not folder.is_dir():
        raise Misuse(f"there is no folder {folder}")
    words = command(folder.resolve(), *options)
    if os.name == "posix":  # the server takes this process's place: signals are its own
        sys.stdout.flush()
        os.execve(words[0], words, environment())
    return subprocess.run(words, env=environment()).returncode


def command(folder: Path, *options: str) -> list[str]:
    """The command line that serves ``folder`` and opens its first numbered notebook; later ``options`` win."""
    notebooks = sorted(path.name for path in folder.glob("[0-9]*.ipynb"))
    page = f"/lab/tree/{notebooks[0]}" if notebooks else "/lab"
    superuser = hasattr(os, "geteuid") and os.geteuid() == 0
    return [
        *(sys.executable, "-m", "jupyterlab"),
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.root_dir={folder}",
        f"--LabApp.default_url={page}",
        # No news and no update check: the only hosts that Lab would ask on its own.
        f"--LabApp.app_settings_dir={Path(__file__).parent / 'lab_settings'}",
        "--log-level=WARN",  # the address is printed at every level, and is not lost among 40 other lines
        *(["--allow-root"] if superuser else []),
        *options,
    ]


def environment() -> dict[str, str]:
    """The environment of the server and its kernels: the caller's own, over KERNEL_ENVIRONMENT."""
    return KERNEL_ENVIRONMENT | os.environ


def _chapters() -> Path:
    chapters = Path("chapters")
    return chapters if any(chapters.glob("[0-9]*.ipynb")) else Path()
