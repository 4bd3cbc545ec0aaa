"""Start JupyterLab on the chapters: for this machine only (127.0.0.1), behind its token, on this Python.

    python tools/lab.py [any option of `jupyter lab`, --no-browser for one]

It prints the address, token included, and runs until it is interrupted.
"""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CHAPTERS = ROOT / "chapters"

# What the server and its kernels find in their environment unless the caller sets it otherwise.
KERNEL_ENVIRONMENT = {
    "JUPYTER_PREFER_ENV_PATH": "1",  # no kernel of the same name elsewhere shadows this Python's
    "NPROC": "1",  # XLA on one thread: splitting a step's small loops over two costs 5 % at 4000 cells, 40 % at 40,000
}


def command(folder: Path, *options: str) -> list[str]:
    """The command line that serves `folder` and opens its first numbered notebook; later `options` win."""
    notebooks = sorted(path.name for path in folder.glob("[0-9]*.ipynb"))
    page = f"/lab/tree/{notebooks[0]}" if notebooks else "/lab"
    superuser = hasattr(os, "geteuid") and os.geteuid() == 0
    return [
        *(sys.executable, "-m", "jupyterlab"),
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.root_dir={folder}",
        f"--LabApp.default_url={page}",
        # No news and no update check: the only hosts that Lab would ask on its own.
        f"--LabApp.app_settings_dir={ROOT / 'tools' / 'lab_settings'}",
        "--log-level=WARN",  # the address is printed at every level, and is not lost among 40 other lines
        *(["--allow-root"] if superuser else []),
        *options,
    ]


def environment() -> dict[str, str]:
    """The environment of the server and its kernels: the caller's own, over KERNEL_ENVIRONMENT."""
    return KERNEL_ENVIRONMENT | os.environ


if __name__ == "__main__":
    arguments = command(CHAPTERS, *sys.argv[1:])
    os.execve(arguments[0], arguments, environment())
