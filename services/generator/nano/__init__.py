"""The embedded default model, `wan22-nano-t2v`: Wan2.2's classes at a size for one CPU thread, with random weights."""

NANO_VERSION = 3
"""Grows with every change of the weights that `build` makes; the launcher replaces older ones."""
