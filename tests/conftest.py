"""What holds for every test: arrays of different rank never broadcast by accident; figures open no window."""

import os

os.environ.setdefault("MPLBACKEND", "Agg")

import jax

jax.config.update("jax_numpy_rank_promotion", "raise")
