"""Triton's entry point to the writer of prompts; the work is done in `artifex_writer`, the folder beside this."""

from artifex_writer.backend import WriterBackend as TritonPythonModel

__all__ = ["TritonPythonModel"]
