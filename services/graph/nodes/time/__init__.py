"""Nodes that change when pictures are seen."""
