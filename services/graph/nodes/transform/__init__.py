"""Nodes that move pictures."""
