"""What the process of each model does besides: end with Triton, and tell its spans."""
