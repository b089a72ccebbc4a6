"""Asking a node before there is anything to ask about: does its answer depend on that at all?"""

from typing import Any


class Asked(Exception):
    """The answer depends on what is not known yet."""


class Unknown:
    """Stands for every request, colour space or source at once: who looks at it cannot answer for all."""

    def __getattr__(self, name: str) -> Any:
        raise Asked


UNKNOWN: Any = Unknown()
