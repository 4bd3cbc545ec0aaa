"""What holds for every test: arrays of different rank never broadcast by accident; figures open no window.

Compiled programs are kept in _build/jax (`make clean` drops them). JAX finds one by the program, the flags and the
version that made it, so a change of ours compiles anew; a second run of the tests takes half the time of the first.

``--targets check`` fails a run in which a published number went without a test; ``--targets table`` runs only the tests
that measure one and prints them all (targets.py).
"""

import os
from pathlib import Path

os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(Path(__file__).parents[1] / "_build" / "jax"))
os.environ.setdefault("SNNLAB_LIVE_CACHE", str(Path(__file__).parents[1] / "_build" / "live"))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")

import jax  # after its settings, which it reads once
import pytest
import targets

jax.config.update("jax_numpy_rank_promotion", "raise")


def pytest_addoption(parser):
    parser.addoption(
        "--targets", choices=("check", "table"), help="hold the published numbers to their tests"
    )


def pytest_collection_modifyitems(config, items):
    if config.getoption("--targets") == "table":
        idle = [item for item in items if not targets.says_meets(item.function.__code__)]
        config.hook.pytest_deselected(items=idle)
        items[:] = [item for item in items if item not in set(idle)]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node, error):
    """A process of pytest-xdist has ended and hands over what its tests measured."""
    targets.gather(getattr(node, "workeroutput", {}).get("targets", {}))


def pytest_sessionfinish(session):
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["targets"] = targets.measured
    elif session.config.getoption("--targets") and targets.complaints() and not session.exitstatus:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter, config):
    mode = config.getoption("--targets")
    if mode == "table":
        terminalreporter.section("published numbers")
        terminalreporter.write_line(targets.table())
    if mode:
        terminalreporter.write_line(targets.counts())
        for complaint in targets.complaints():
            terminalreporter.write_line(complaint, red=True)
