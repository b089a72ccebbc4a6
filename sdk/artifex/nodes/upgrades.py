"""Bringing nodes of old documents forward, when a new version of their type means something else.

    class Blur(Node):
        version = "2.0.0"

        @upgrade(since="1.0.0", to="2.0.0")
        def _radius_to_sigma(old: OldNode) -> None:
            if isinstance(radius := old.params.pop("radius", 4.0), int | float):
                old.params["sigma"] = radius / 2

A document that names version 1.x of the type is then read as if it had been written for 2.0.0. Upgrades chain: one to
3.0.0 begins where this one ends. A version with the same first number needs none.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from artifex.nodes.errors import DeclarationError

Version = tuple[int, int, int]

_VERSION: Final = re.compile(r"(\d{1,6})\.(\d{1,6})\.(\d{1,6})", re.ASCII)


@dataclass
class OldNode:
    """A node as it stands in a document, for an upgrade to change in place."""

    inputs: dict[str, str]
    """By input, "node" or "node.output"."""
    params: dict[str, object]
    """By parameter a value, {"keys": [[seconds, value, ease], …]} or {"expr": "…"}, as JSON has them; only what the
    document gives. Values are not checked yet: they may be of any type."""
    renamed_outputs: dict[str, str] = field(default_factory=dict)
    """For the upgrade to fill: new names of outputs, by the names that documents know."""


@dataclass(frozen=True)
class Upgrade:
    """One step, from the versions `since` (inclusive) to below `to`, to `to`."""

    since: Version
    to: Version
    change: Callable[[OldNode], None]


def upgrade(*, since: str, to: str) -> Callable[[Callable[[OldNode], None]], Upgrade]:
    """Declares a function in a node's class as an upgrade. It changes the `OldNode` that it is given, and nothing else.

    Raises DeclarationError for what is no version, or a step that does not lead forward.
    """
    first, last = parse_version(since), parse_version(to)
    if first is None or last is None or first >= last:
        raise DeclarationError(f"an upgrade leads from a version x.y.z to a later one, not from {since} to {to}")
    begin, end = first, last
    return lambda change: Upgrade(begin, end, change)


def parse_version(text: str) -> Version | None:
    """ "1.2.3" as numbers that compare rightly; None for anything else."""
    match = _VERSION.fullmatch(text)
    return (int(match[1]), int(match[2]), int(match[3])) if match is not None else None


def upgrade_path(upgrades: Sequence[Upgrade], written: Version, current: Version) -> list[Upgrade] | None:
    """What brings a node of the version `written` to the first number of `current`, in order; None when nothing does.

    A version later than `current` cannot be brought back.
    """
    path: list[Upgrade] = []
    while written < current:
        step = next((step for step in upgrades if step.since <= written < step.to), None)
        if step is None:
            break
        path.append(step)
        written = step.to
    return path if written[0] == current[0] and written <= current else None
