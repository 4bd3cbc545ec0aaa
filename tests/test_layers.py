"""The floors of the house: who may import whom, and what importing snnlab must not load."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "snnlab"
FLOORS = ["core", "models", "analysis", "plots", "ring_plots", "widgets", "live", "command", "__main__"]
MAY_IMPORT = {
    "core": {"core"},
    "models": {"core", "models"},
    "analysis": {"core", "analysis"},
    "plots": {"core", "analysis", "plots"},
    "ring_plots": {"core", "analysis", "plots", "ring_plots"},
    "widgets": {"core", "models", "analysis", "plots", "ring_plots", "widgets"},
    "live": {"core", "models", "analysis", "plots", "ring_plots", "widgets", "live"},
    "command": {"core", "models", "analysis", "plots", "ring_plots", "widgets", "live", "command"},
    "__main__": {"command"},
}
DEFAULTS = {("trials.py", "snnlab.models")}  # a default that is looked up when the caller names no model
OUTSIDE = {  # third-party packages by floor; the standard library is free
    "core": {"jax", "numpy", "brainunit"},
    "models": {"jax", "numpy"},
    "analysis": {"jax", "numpy", "scipy"},
    "plots": {"numpy", "matplotlib", "IPython"},
    "ring_plots": {"numpy", "matplotlib"},
    "widgets": {"numpy", "matplotlib", "ipywidgets", "anywidget", "traitlets", "IPython", "jax"},
    "live": {"jax", "numpy", "ziglang", "wasmtime"},
    "command": {"numpy", "matplotlib"},
}


def imports(path):
    """(module, line) of everything a file imports, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} imports relatively"
            if node.module == "snnlab":
                yield from ((f"snnlab.{alias.name}", node.lineno) for alias in node.names)
            else:
                yield node.module, node.lineno


def files():
    return sorted(p for p in ROOT.rglob("*.py") if p != ROOT / "__init__.py")


@pytest.mark.parametrize("path", files(), ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_go_down_the_stairs(path):
    floor = path.relative_to(ROOT).parts[0].removesuffix(".py")
    assert floor in FLOORS, f"{path.name} stands on no floor"
    core_rooms = {p.stem for p in (ROOT / "core").glob("*.py")}
    for module, line in imports(path):
        parts = module.split(".")
        if parts[0] == "snnlab":
            # names such as snnlab.simulate or snnlab.neurons are the core's public spelling
            target = parts[1] if len(parts) > 1 and parts[1] in FLOORS else "core"
            if len(parts) == 1 or (target == "core" and parts[1] not in core_rooms | {"core"}):
                assert floor in ("widgets", "live", "command"), (
                    f"{path.name}:{line} imports the whole package"
                )
                continue
            assert target in MAY_IMPORT[floor] or (path.name, module) in DEFAULTS, (
                f"{path.name}:{line}: {floor} must not import {module}"
            )
        elif parts[0] not in sys.stdlib_module_names and path.parent.name != "templates":
            assert parts[0] in OUTSIDE.get(floor, {parts[0]}), (
                f"{path.name}:{line}: {floor} must not import {module}"
            )


def test_importing_snnlab_loads_no_plotting_and_no_widgets():
    heavy = (
        "matplotlib",
        "ipywidgets",
        "anywidget",
        "brainunit",
        "scipy.optimize",
        "scipy.integrate",
        "ziglang",
    )
    code = f"import sys, snnlab; print([m for m in {heavy} if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


def test_no_pickle_and_no_eval():
    for path in files():
        source = path.read_text()
        assert "allow_pickle=True" not in source, path
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in ("eval", "exec", "compile"), f"{path}:{node.lineno}"
        assert not any(
            module.split(".")[0] in ("pickle", "marshal", "shelve") for module, _ in imports(path)
        ), path
