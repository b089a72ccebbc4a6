"""Wan text-to-video behind Triton's Python backend. Self-contained: it runs in Triton's environment, beside no other
module of this repository."""
