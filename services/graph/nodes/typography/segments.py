"""Where text may be cut: user-perceived characters (UAX #29), and where lines may break (UAX #14)."""

import unicodedata
from functools import lru_cache
from itertools import pairwise
from typing import Final

from uniseg.emoji import emoji_presentation
from uniseg.graphemecluster import grapheme_cluster_boundaries
from uniseg.linebreak import line_break_boundaries

SPACES: Final = "spaces"
UNICODE: Final = "unicode"
KEEP_WORDS: Final = "keep_words"
BREAKS: Final = (SPACES, UNICODE, KEEP_WORDS)
"""Where lines may break: at spaces, by UAX #14, or as that but never between two letters or digits."""


@lru_cache(maxsize=256)
def clusters(text: str) -> tuple[tuple[int, int], ...]:
    """The user-perceived characters of a text as ranges: a base with all that joins it."""
    borders = list(grapheme_cluster_boundaries(text))
    return tuple(pairwise(borders))


@lru_cache(maxsize=256)
def breaks(text: str, rule: str) -> frozenset[int]:
    """The positions at which a line may end, by one of `BREAKS`.

    Thai, Lao and Khmer, whose words only a dictionary tells apart, break at spaces alone.
    """
    if rule == SPACES:
        return frozenset(end for begin, end in clusters(text) if text[begin:end].isspace())
    found = frozenset(line_break_boundaries(text)) - {0, len(text)}
    if rule == UNICODE:
        return found
    # Korean breaks between any two syllables, and is read better where it does not (CSS Text's `keep-all`).
    return frozenset(place for place in found if not (_in_word(text[place - 1]) and _in_word(text[place])))


def is_emoji(cluster: str) -> bool:
    """Whether a cluster is meant to be seen in colour (UTS #51): by itself, or since it says so."""
    if "\ufe0e" in cluster:
        return False
    return "\ufe0f" in cluster or "\u20e3" in cluster or any(emoji_presentation(char) for char in cluster)


def _in_word(char: str) -> bool:
    return unicodedata.category(char)[0] in "LNM"
