"""Distributions of initial values over the cells of a population, in the unit of the variable they are given for."""

from typing import Protocol

import jax.numpy as jnp
from jax import Array

from snnlab.core import randomness
from snnlab.core.parameters import component, param

INF = float("inf")


class Distribution(Protocol):
    """Anything that can give every cell of a population its own value."""

    def sample(self, key: Array, n: int) -> Array:
        """``n`` values [n]."""
        ...


@component
class Normal:
    """Normal distribution."""

    mean: float = param(0.0, doc="mean", scalar=True, open=True)
    std: float = param(1.0, doc="standard deviation", bounds=(0.0, INF), scalar=True, open=True)

    def sample(self, key: Array, n: int) -> Array:
        return self.mean + self.std * randomness.normal(randomness.bits(key, jnp.uint32(0), n))


@component
class Uniform:
    """Uniform distribution between ``low`` and ``high``."""

    low: float = param(0.0, doc="lower end", scalar=True, open=True)
    high: float = param(1.0, doc="upper end", scalar=True, open=True)

    def check(self):
        if self.low > self.high:
            raise ValueError(f"Uniform: low = {self.low:g} must not be above high = {self.high:g}.")

    def sample(self, key: Array, n: int) -> Array:
        return self.low + (self.high - self.low) * randomness.uniform(randomness.bits(key, jnp.uint32(0), n))
