"""Styles: looks that can be asked for by name, as much of each as one likes. They are told in styles.json.

A style's words and what it avoids go from the most to the least telling, in English, Korean and Chinese; half of them
are its strength of 1.
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Final

from libs.chassis.errors import InvalidArgument, Violation
from services.generator.domain.prompts.languages import Language

COLLECTION: Final = "styles"
FULL: Final = 2.0
"""The strength at which a style says all it has."""


@dataclass(frozen=True)
class Style:
    id: str
    category: str
    """"film", "photography", "painting", "drawing", "animation", "light" or "world"."""
    display_name: str
    display_name_ko: str
    words: Mapping[Language, Sequence[str]]
    avoid: Mapping[Language, Sequence[str]]
    preview: str
    """A prompt whose shot shows the style well; the style's own words are added to it as to any."""
    preview_ko: str

    @property
    def name(self) -> str:
        return f"{COLLECTION}/{self.id}"

    def words_at(self, strength: float, language: Language) -> list[str]:
        """What it adds to a prompt at a strength above 0 and up to FULL."""
        return _dose(self.words[language], strength)

    def avoid_at(self, strength: float, language: Language) -> list[str]:
        """What it adds to a negative prompt."""
        return _dose(self.avoid[language], strength)


@functools.cache
def styles() -> Mapping[str, Style]:
    """All styles by id, in the order of their ids."""
    entries = json.loads(resources.files(__package__).joinpath("styles.json").read_text(encoding="utf-8"))
    found = [
        Style(
            id=entry["id"],
            category=entry["category"],
            display_name=entry["name"]["en"],
            display_name_ko=entry["name"]["ko"],
            words={Language(code): tuple(words) for code, words in entry["words"].items()},
            avoid={Language(code): tuple(words) for code, words in entry["avoid"].items()},
            preview=entry["preview"]["en"],
            preview_ko=entry["preview"]["ko"],
        )
        for entry in entries
    ]
    return {style.id: style for style in sorted(found, key=lambda style: style.id)}


def style_named(name: str) -> Style | None:
    """The style called `styles/{style}`; None for the empty name. Raises InvalidArgument of "spec.style" for others."""
    if not name:
        return None
    style = styles().get(name.removeprefix(f"{COLLECTION}/"))
    if style is None:
        violation = Violation("spec.style", f"there is no {name}; there are: {', '.join(styles())}")
        raise InvalidArgument(f"{violation.field}: {violation.description}", violations=[violation])
    return style


def _dose(phrases: Sequence[str], strength: float) -> list[str]:
    """One at least: a touch of a style is its most telling phrase."""
    return list(phrases[: max(1, math.floor(len(phrases) * strength / FULL + 0.5))])
