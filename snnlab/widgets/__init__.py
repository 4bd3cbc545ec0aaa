"""Explorers: ipywidgets controls around a model and a canvas view of what it does."""

from snnlab.widgets.explorer import Explorer, explore

__all__ = ["Explorer", "explore"]
