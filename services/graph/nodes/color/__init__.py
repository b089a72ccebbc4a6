"""Nodes that change colour."""
