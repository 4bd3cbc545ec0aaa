"""The networks of the table, one file a model. A file that defines `WORKLOADS` is found by itself."""

import importlib
import pkgutil


def every() -> tuple:
    """All workloads, file by file in the order of their names."""
    modules = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return tuple(
        workload for name in modules for workload in importlib.import_module(f"{__name__}.{name}").WORKLOADS
    )
