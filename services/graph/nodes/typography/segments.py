"""Where text may be cut: user-perceived characters (UAX #29), and where lines may break (UAX #14)."""

import unicodedata
from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise
from typing import Final

from uniseg.emoji import emoji_presentation
from uniseg.graphemecluster import GraphemeClusterBreak, grapheme_cluster_boundaries, grapheme_cluster_break
from uniseg.linebreak import LineBreak, line_break, line_break_boundaries

SPACES: Final = "spaces"
UNICODE: Final = "unicode"
KEEP_WORDS: Final = "keep_words"
BREAKS: Final = (SPACES, UNICODE, KEEP_WORDS)
"""Where lines may break: at spaces, by UAX #14, or as that but never between two letters or digits."""
_JOINING: Final = frozenset({GraphemeClusterBreak.EXTEND, GraphemeClusterBreak.ZWJ})
_MARKS: Final = frozenset({LineBreak.CM, LineBreak.ZWJ})
_IN_A_ROW: Final = 32
"""Of marks, or spaces: more say nothing new (Unicode has up to 30 marks on a letter, UAX #15), and the rules look back
over all of them from each."""


@lru_cache(maxsize=256)
def clusters(text: str) -> tuple[tuple[int, int], ...]:
    """The user-perceived characters of a text as ranges: a base with all that joins it."""
    short, places = _shortened(text, _joins)
    return tuple(pairwise([places[border] for border in grapheme_cluster_boundaries(short)]))


@lru_cache(maxsize=256)
def breaks(text: str, rule: str) -> frozenset[int]:
    """The positions at which a line may end, by one of `BREAKS`.

    Thai, Lao and Khmer, whose words only a dictionary tells apart, break at spaces alone.
    """
    if rule == SPACES:
        return frozenset(end for begin, end in clusters(text) if is_space(text[begin:end]))
    short, places = _shortened(text, _mark_or_space)
    found = frozenset([places[border] for border in line_break_boundaries(short)]) - {0, len(text)}
    if rule == UNICODE:
        return found
    # Korean breaks between any two syllables, and is read better where it does not (CSS Text's `keep-all`).
    return frozenset(place for place in found if not (_in_word(text[place - 1]) and _in_word(text[place])))


def is_space(cluster: str) -> bool:
    """Whether a cluster is white space, and none that holds together what stands around it, as a no-break space."""
    return cluster.isspace() and not unicodedata.decomposition(cluster[0]).startswith("<noBreak>")


def is_emoji(cluster: str) -> bool:
    """Whether a cluster is meant to be seen in colour (UTS #51): by itself, or since it says so."""
    if "\ufe0e" in cluster:
        return False
    return "\ufe0f" in cluster or "\u20e3" in cluster or any(emoji_presentation(char) for char in cluster)


def _shortened(text: str, kind_of: Callable[[str], str]) -> tuple[str, list[int]]:
    """The text without what goes beyond `_IN_A_ROW` characters of one kind ("" is none); and where each of those that
    are left stood, and the end."""
    places: list[int] = []
    before, count = "", 0
    for index, char in enumerate(text):
        kind = kind_of(char)
        count = count + 1 if kind and kind == before else 1
        before = kind
        if count <= _IN_A_ROW:
            places.append(index)
    return "".join([text[place] for place in places]), [*places, len(text)]


def _joins(char: str) -> str:
    return "joins" if grapheme_cluster_break(char) in _JOINING else ""


def _mark_or_space(char: str) -> str:
    kind = line_break(char)
    if kind == LineBreak.SP:
        return "space"
    # Those of South East Asian scripts are marks by their category (LB1).
    marks = kind in _MARKS or (kind == LineBreak.SA and unicodedata.category(char) in ("Mn", "Mc"))
    return "mark" if marks else ""


def _in_word(char: str) -> bool:
    return unicodedata.category(char)[0] in "LNM"
