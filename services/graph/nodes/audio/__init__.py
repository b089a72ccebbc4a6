"""Nodes that change sound."""
