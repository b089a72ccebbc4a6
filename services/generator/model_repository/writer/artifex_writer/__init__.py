"""An instruction model in Triton's Python backend."""
