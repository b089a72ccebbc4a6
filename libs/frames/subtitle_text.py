"""The text of a cue: plain characters, and which of them are italic, bold or underlined."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from typing import Final

ITALIC: Final = 1
BOLD: Final = 2
UNDERLINE: Final = 4
_TAGS: Final = {"i": ITALIC, "b": BOLD, "u": UNDERLINE}
# A tag of either format: a name, perhaps with classes and attributes; or a time within a cue. Nothing is looked at
# twice, however many "<" there are that nothing closes.
_TAG: Final = re.compile(r"<(/?)([a-zA-Z]++|\d[\d:.]*+)(?:[.\s][^<>]*+)?>")
_ENTITY: Final = re.compile(r"&(?:[a-zA-Z]{2,8}|#\d{1,7}|#x[0-9a-fA-F]{1,6});")


@dataclass(frozen=True)
class Marked:
    """A text, and of each character what it is: a sum of ITALIC, BOLD and UNDERLINE."""

    text: str
    marks: tuple[int, ...]


def read_markup(source: str, *, entities: bool) -> Marked:
    """A cue's text without its tags. <i>, <b> and <u> mark characters until they are closed, which may also be never;
    ruby text is left out, other tags have no effect. `entities` are replaced where a format has them."""
    characters: list[str] = []
    marks: list[int] = []
    opened = dict.fromkeys(_TAGS.values(), 0)
    ruby = 0
    place = 0
    for tag in [*_TAG.finditer(source), None]:
        until = tag.start() if tag is not None else len(source)
        part = source[place:until]
        if entities:
            part = _ENTITY.sub(lambda entity: html.unescape(entity[0]), part)
        if part and not ruby:
            characters.append(part)
            marks.extend([sum(mark for mark, count in opened.items() if count)] * len(part))
        if tag is None:
            break
        place = tag.end()
        closes, name = tag[1] == "/", tag[2].lower()
        if name == "rt":
            ruby = 0 if closes else 1
        elif name == "ruby" and closes:
            ruby = 0
        elif (mark := _TAGS.get(name)) is not None:
            opened[mark] = max(opened[mark] + (-1 if closes else 1), 0)
    return Marked("".join(characters), tuple(marks))
