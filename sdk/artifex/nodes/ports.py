"""What flows between nodes, and the ports it flows through."""

from dataclasses import dataclass, field
from enum import StrEnum


class PortType(StrEnum):
    """The type of a connection. Values are the names used in messages to people."""

    VIDEO = "VIDEO"
    """A picture for every time: `Frame` of RGBA, premultiplied, scene-linear in the working space."""
    AUDIO = "AUDIO"
    """Samples: `Audio`."""
    IMAGE = "IMAGE"
    """A picture that does not depend on time: `Frame` of RGBA."""
    MASK = "MASK"
    """Coverage for every time: `Frame` of one channel, 0 to 1, never colour-converted."""
    DATA = "DATA"
    """Values for every time that are no picture."""
    CONTROL = "CONTROL"
    """A number for every time."""


VIDEO, AUDIO, IMAGE, MASK, DATA, CONTROL = PortType

CONVERSIONS: frozenset[tuple[PortType, PortType]] = frozenset({(IMAGE, VIDEO), (VIDEO, IMAGE), (MASK, IMAGE)})
"""Connections of unequal types that the compiler joins by inserting a converter."""


@dataclass(frozen=True, eq=False)
class Input:
    """An input of a node, declared as a class attribute whose name is the input's name.

    A `multiple` input takes any number of connections, named `audio`, `audio.1`, `audio.2`…
    """

    kind: PortType
    doc: str
    required: bool = True
    multiple: bool = False
    name: str = field(default="", init=False)

    def __set_name__(self, owner: type, name: str) -> None:
        object.__setattr__(self, "name", name)


@dataclass(frozen=True, eq=False)
class Output:
    """An output of a node. `name` may differ from the attribute's, since inputs and outputs often share a name."""

    kind: PortType
    doc: str
    name: str = ""

    def __set_name__(self, owner: type, name: str) -> None:
        if not self.name:
            object.__setattr__(self, "name", name)


def base_name(name: str) -> str:
    """The declared name behind that of one connection or its parameter: `audio.2` -> `audio`."""
    return name.partition(".")[0]


def position(name: str) -> int | None:
    """Which connection of a multiple port a name means: `audio` -> 0, `audio.2` -> 2; None for a malformed suffix."""
    _, dot, suffix = name.partition(".")
    if not dot:
        return 0
    if suffix.isascii() and suffix.isdigit() and not suffix.startswith("0") and len(suffix) <= 4:
        return int(suffix)
    return None
