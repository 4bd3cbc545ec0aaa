"""Build the book into _build/html; any warning, and any widget that would need a kernel, fails the build.

The outputs of a notebook are kept between builds, but only for as long as snnlab itself does not change.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import finish
import vendor

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "_build"
WIDGET = 'type="application/vnd.jupyter.widget-view+json"'


def main() -> int:
    vendor.vendor()
    shutil.rmtree(BUILD / "html", ignore_errors=True)  # no page of a chapter that is no more
    forget_outputs_of_another_engine()
    # --all: Sphinx repeats no warning of a page that it does not read again, so a second build would pass.
    arguments = ["build", str(ROOT), "--path-output", str(ROOT), "--all", "-W", "-n", "--keep-going", "-q"]
    environment = os.environ | {"JUPYTER_PREFER_ENV_PATH": "1"}
    command = [str(Path(sys.executable).parent / "jupyter-book"), *arguments]
    code = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, env=environment).returncode
    if code == 0:
        finish.finish(BUILD / "html")
    dead = [
        page.name for page in sorted((BUILD / "html").rglob("*.html")) if WIDGET in page.read_text("utf-8")
    ]
    for name in dead:
        print(
            f"{name} shows a Jupyter widget, which is dead without a kernel: show an explorer",
            file=sys.stderr,
        )
    if code == 0 and not dead:
        print(f"the book is in {(BUILD / 'html').relative_to(ROOT)}")
    return code or bool(dead)


def forget_outputs_of_another_engine() -> None:
    """Drop the kept outputs when the package or its pinned dependencies are not those that computed them."""
    files = [path for path in sorted((ROOT / "snnlab").rglob("*")) if path.suffix in (".py", ".js", ".css")]
    digest = hashlib.sha256()
    for path in [ROOT / "constraints.txt", *files]:
        digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes())
    stamp = BUILD / "engine"
    if not stamp.exists() or stamp.read_text() != digest.hexdigest():
        shutil.rmtree(BUILD / ".jupyter_cache", ignore_errors=True)
        BUILD.mkdir(exist_ok=True)
        stamp.write_text(digest.hexdigest())


if __name__ == "__main__":
    sys.exit(main())
