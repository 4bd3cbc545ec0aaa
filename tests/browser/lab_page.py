"""A real JupyterLab on a copy of the chapters, and its notebooks as a browser sees them."""

import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
from playwright.sync_api import Page, expect

ROOT = Path(__file__).parents[2]
CHAPTERS = ROOT / "chapters"
SCREENSHOTS = ROOT / "_build" / "test" / "screenshots"
START_SECONDS = 60
IDLE = '.jp-Notebook-ExecutionIndicator[data-status="idle"]'
ERRORS = '.jp-OutputArea-output[data-mime-type="application/vnd.jupyter.error"]'


@dataclass(frozen=True)
class JupyterLab:
    """A running server: its address, its token and the folder that it shows."""

    url: str
    token: str
    folder: Path
    runtime: Path  # where the server describes itself

    def write_notebook(self, name: str, *cells: str) -> None:
        """Put a notebook of these code cells into the folder."""
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
        notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbformat.write(notebook, self.folder / name)

    def open_notebook(self, page: Page, name: str) -> None:
        """Open a notebook in a fresh workspace and wait until its kernel is idle."""
        page.goto(f"{self.url}/lab/tree/{name}?reset&token={self.token}")
        expect(page.locator(".jp-Notebook")).to_be_visible(timeout=30_000)
        # The page shows "idle" before it is connected; what is run then is lost without a word.
        deadline = time.monotonic() + START_SECONDS
        while not any(self._is_ready(session) for session in self.api("sessions") if session["path"] == name):
            assert time.monotonic() < deadline, f"no kernel for {name} within {START_SECONDS} s"
            page.wait_for_timeout(100)
        expect(page.locator(IDLE)).to_be_visible(timeout=30_000)

    @staticmethod
    def _is_ready(session: dict) -> bool:
        return session["kernel"]["connections"] > 0 and session["kernel"]["execution_state"] == "idle"

    def api(self, path: str, method: str = "GET", token: bool = True) -> object:
        """What the server answers to a request of its REST interface."""
        headers = {"Authorization": f"token {self.token}"} if token else {}
        request = urllib.request.Request(f"{self.url}/api/{path}", method=method, headers=headers)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.loads(answer.read() or "null")

    def stop_kernels(self) -> None:
        """End every kernel, so that what one test computed does not slow the next."""
        for session in self.api("sessions"):
            self.api(f"sessions/{session['id']}", "DELETE")


def run_all(page: Page, timeout: float = 120) -> None:
    """Run all cells by the menu and wait (s) until the last is done; an error in an output fails the test."""
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    # The indicator is still idle at first and may be between two cells: all prompts must be numbers, too, but for
    # those of folded cells, which show none.
    deadline, quiet = time.monotonic() + timeout, 0
    while quiet < 5:
        assert time.monotonic() < deadline, f"the notebook was still running after {timeout:.0f} s"
        page.wait_for_timeout(100)
        prompts = page.locator(".jp-CodeCell .jp-InputPrompt").all_inner_texts()
        done = all(prompt.strip("[]: \xa0").isdigit() for prompt in prompts if prompt)
        quiet = quiet + 1 if prompts and done and page.locator(IDLE).count() else 0
        assert not (errors := page.locator(ERRORS).all_inner_texts()), "\n".join(errors)


def scroll_to(page: Page, selector: str) -> None:
    """Scroll the notebook until ``selector`` is on the page: JupyterLab keeps only the cells near the window there."""
    panel = page.locator(".jp-WindowedPanel-outer")
    panel.evaluate("panel => { panel.scrollTop = 0; }")
    for _ in range(200):
        if page.locator(selector).count():
            break
        panel.evaluate("panel => { panel.scrollTop += 0.7 * panel.clientHeight; }")
        page.wait_for_timeout(100)
    # not scroll_into_view_if_needed: it gives up when the cells above are typeset and push the element aside
    page.locator(selector).first.evaluate("element => element.scrollIntoView({ block: 'center' })")


@contextlib.contextmanager
def serve(scratch: Path) -> Iterator[JupyterLab]:
    """What `make lab` starts, on a copy of the chapters and with all of Jupyter's folders under `scratch`."""
    folder, runtime = scratch / "chapters", scratch / "runtime"
    shutil.copytree(CHAPTERS, folder, ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    token = secrets.token_hex(16)
    environment = os.environ | {
        "JUPYTER_TOKEN": token,
        "JUPYTER_RUNTIME_DIR": str(runtime),
        **{f"JUPYTER_{kind}_DIR": str(scratch / kind.lower()) for kind in ("CONFIG", "DATA")},
        **{f"JUPYTERLAB_{kind}_DIR": str(scratch / kind.lower()) for kind in ("SETTINGS", "WORKSPACES")},
        "IPYTHONDIR": str(scratch / "ipython"),
    }
    for of_the_tests in ("MPLBACKEND", "JAX_COMPILATION_CACHE_DIR"):  # a student's kernel has neither
        environment.pop(of_the_tests, None)
    options = ["--no-browser", f"--ServerApp.port={port}", "--ServerApp.port_retries=0"]
    command = [sys.executable, "-m", "snnlab", "lab", str(folder), *options]
    with open(scratch / "log", "w+") as log:
        server = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            running = JupyterLab(f"http://127.0.0.1:{port}", token, folder, runtime)
            _await(running, server, Path(log.name))
            yield running
        finally:
            _stop(server)


def _await(running: JupyterLab, server: subprocess.Popen, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            running.api("status")
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise RuntimeError(f"JupyterLab did not start within {START_SECONDS} s:\n{log.read_text()}")


def _stop(server: subprocess.Popen) -> None:
    """End the server with its kernels; whoever does not leave within 10 s is killed."""
    server.terminate()
    try:
        server.wait(10)
    except subprocess.TimeoutExpired:
        os.killpg(server.pid, signal.SIGKILL)  # a kernel ends itself when its server is gone
        server.wait()
