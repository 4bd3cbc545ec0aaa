"""Find a Chromium to test with, and install one where there is none.

python tools/browser.py              print the path of the browser that the tests will use
python tools/browser.py --install    the same, but install a browser first if none is found
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
APPLICATIONS = (  # where macOS keeps what is on no PATH
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
DOWNLOAD_SECONDS = 120  # playwright retries a refused connection for very long


def find() -> str | None:
    """The browser named by SNNLAB_BROWSER, else the system's, else playwright's own, else None."""
    if named := os.environ.get("SNNLAB_BROWSER"):
        if shutil.which(named) is None:
            raise SystemExit(f"SNNLAB_BROWSER names {named!r}, which is no program; unset it or give a path")
        return shutil.which(named)
    for name in (*NAMES, *APPLICATIONS):
        if path := shutil.which(name):
            return path
    return _playwright_own()


def install() -> str:
    """`find`, and where nothing is found: playwright's own download, then Debian's package (root only)."""
    attempts = [([sys.executable, "-m", "playwright", "install", "chromium"], DOWNLOAD_SECONDS, {})]
    if shutil.which("apt-get") and os.geteuid() == 0:
        quiet = {"DEBIAN_FRONTEND": "noninteractive"}
        packages = ["chromium", "fonts-liberation"]
        attempts += [
            (["apt-get", "update", "-qq"], None, quiet),
            (["apt-get", "install", "-qq", "-y", "--no-install-recommends", *packages], None, quiet),
        ]
    for command, seconds, extra in attempts:
        if path := find():
            return path
        print("no browser yet:", " ".join(command), file=sys.stderr, flush=True)
        _try(command, seconds, os.environ | extra)
    if path := find():
        return path
    raise SystemExit("no Chromium or Chrome found, and none could be installed; SNNLAB_BROWSER may name one")


def _try(command: list[str], seconds: float | None, environment: dict[str, str]) -> None:
    """Run a command in silence; where it fails, say what it said last."""
    try:
        subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=seconds,
            env=environment,
            check=True,
        )
    except subprocess.TimeoutExpired:
        print(f"gave up after {seconds} s", file=sys.stderr)
    except subprocess.CalledProcessError as error:
        print("that failed:", *error.stdout.splitlines()[-5:], sep="\n    ", file=sys.stderr)


def _playwright_own() -> str | None:
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return None
    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() else None


if __name__ == "__main__":
    path = install() if "--install" in sys.argv[1:] else find()
    if path is None:
        raise SystemExit("no Chromium or Chrome found; --install fetches one")
    print(path)
