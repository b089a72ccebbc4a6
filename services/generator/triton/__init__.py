"""Launcher of the real Triton server; `python -m services.generator.triton`."""
