"""Effects: blurs and keys."""
