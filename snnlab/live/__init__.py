"""Models in the reader's browser: a JAX function becomes C, and C becomes WebAssembly."""

from snnlab.live.compiler import Compiled, compile
from snnlab.live.exporting import export
from snnlab.live.programs import Program, program
from snnlab.live.runtime import Instance

__all__ = ["Compiled", "Instance", "Program", "compile", "export", "program"]
