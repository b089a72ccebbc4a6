"""Nodes that end a graph."""
