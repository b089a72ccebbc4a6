"""The node types there are."""

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from functools import cache

from artifex.nodes import DeclarationError, Node, NodeSchema
from services.graph.nodes import BUILTIN
from services.graph.packs.discovery import pack_node_types


class Catalogue(Mapping[str, type[Node]]):
    """Node types by name, in the order of category and name."""

    def __init__(self, types: Iterable[type[Node]]) -> None:
        """Raises DeclarationError when two types have one name."""
        self._types: dict[str, type[Node]] = {}
        for node in sorted(types, key=lambda node: (node.schema.category, node.schema.type)):
            other = self._types.setdefault(node.schema.type, node)
            if other is not node:
                raise DeclarationError(
                    f"{other.__module__} and {node.__module__} both offer a node type {node.schema.type}"
                )

    def __getitem__(self, name: str) -> type[Node]:
        return self._types[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._types)

    def __len__(self) -> int:
        return len(self._types)

    def schemas(self) -> list[NodeSchema]:
        """What each type declares: ports, parameters, documentation."""
        return [node.schema for node in self._types.values()]

    def closest(self, name: str) -> str | None:
        """The type that a misspelt name most likely means."""
        lowered = {known.lower(): known for known in self._types}
        matches = get_close_matches(name.lower()[:80], lowered, 1, 0.6)
        return lowered[matches[0]] if matches else None


@cache
def catalogue() -> Catalogue:
    """The built-in types and those of installed packs, which run in processes of their own."""
    return Catalogue([*BUILTIN, *pack_node_types()])
