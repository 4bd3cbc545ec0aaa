"""What holds for every test: arrays of different rank never broadcast by accident; figures open no window.

Compiled programs are kept in _build/jax (`make clean` drops them). JAX finds one by the program, the flags and the
version that made it, so a change of ours compiles anew; a second run of the tests takes half the time of the first.
"""

import os
from pathlib import Path

os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(Path(__file__).parents[1] / "_build" / "jax"))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")

import jax  # after its settings, which it reads once

jax.config.update("jax_numpy_rank_promotion", "raise")
