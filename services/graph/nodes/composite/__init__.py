"""Nodes that put pictures together."""
