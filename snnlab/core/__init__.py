"""The simulation core: neurons, synapses, connectivity, inputs, networks and the runner.

Everything here is a pure function over frozen dataclasses that JAX sees as pytrees; jax, numpy and the standard
library are all it imports.
"""
