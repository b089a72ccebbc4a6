"""Node packs: installed packages that offer node types.

A package offers them through the entry-point group `artifex.nodes`; each of its entry points names a node class, or a
module whose `NODES` lists them. Which packs there are is read from the packages' metadata, without running their code.
"""

from dataclasses import dataclass
from importlib.metadata import EntryPoint, distributions
from typing import Final

from artifex.nodes.errors import DeclarationError
from artifex.nodes.node import Node

GROUP: Final = "artifex.nodes"


@dataclass(frozen=True)
class Pack:
    """An installed package that offers node types."""

    name: str
    """Of the distribution: "artifex-film-looks"."""
    version: str
    entry_points: tuple[EntryPoint, ...]


def installed_packs() -> list[Pack]:
    """All of them, by name. Of a package that is on the path twice, the first counts, as for imports."""
    packs: dict[str, Pack] = {}
    for found in distributions():
        points = tuple(found.entry_points.select(group=GROUP))
        if points:
            name = found.metadata["Name"]
            packs.setdefault(name, Pack(name, found.version, tuple(sorted(points, key=lambda point: point.name))))
    return [packs[name] for name in sorted(packs)]


def load(pack: Pack) -> list[type[Node]]:
    """The pack's node types: this imports and so runs its code.

    Raises DeclarationError, naming the entry point, for one that leads to anything else, and what the import raises.
    """
    nodes: list[type[Node]] = []
    for point in pack.entry_points:
        loaded = point.load()
        offered = [loaded] if isinstance(loaded, type) else getattr(loaded, "NODES", None)
        if offered is None or not all(isinstance(node, type) and issubclass(node, Node) for node in offered):
            raise DeclarationError(f"the entry point {point.name} = {point.value} names no node type")
        nodes.extend(offered)
    return nodes
