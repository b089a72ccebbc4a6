"""Finding node types in installed packages."""

from collections.abc import Iterator
from importlib.metadata import entry_points
from typing import Final

from artifex.nodes.errors import DeclarationError
from artifex.nodes.node import Node

GROUP: Final = "artifex.nodes"


def discover() -> Iterator[type[Node]]:
    """The node types of every installed package with an entry point in the group `artifex.nodes`.

    An entry point names a node class, or a module whose `NODES` lists them. They run in the process that renders.
    Raises DeclarationError, naming the entry point, for one that leads to anything else.
    """
    for point in sorted(entry_points(group=GROUP), key=lambda point: (point.name, point.value)):
        loaded = point.load()
        nodes = [loaded] if isinstance(loaded, type) else getattr(loaded, "NODES", None)
        if nodes is None or not all(isinstance(node, type) and issubclass(node, Node) for node in nodes):
            raise DeclarationError(f"the entry point {point.name} = {point.value} names no node type")
        yield from nodes
