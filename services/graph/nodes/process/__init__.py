"""Nodes that rework pictures."""
