"""Triton's entry point to the Wan text-to-video models; the work is done in `artifex_wan`, the folder beside this."""

from artifex_wan.backend import WanBackend as TritonPythonModel

__all__ = ["TritonPythonModel"]
