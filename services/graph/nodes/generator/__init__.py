"""Nodes whose clips a model generates."""
