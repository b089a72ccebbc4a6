"""Words that are the same for a reader, and parts of words that are not; the exceptions are in words.json."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Final


@dataclass(frozen=True)
class Exceptions:
    plurals: Mapping[str, str]
    beginning: frozenset[str]
    """What is only meant where a word begins with it."""
    others: Mapping[str, Sequence[str]]
    """For a term, what has it in it and means something else."""
    simplified: Mapping[int, str]


@functools.cache
def exceptions() -> Exceptions:
    content = json.loads(resources.files(__package__).joinpath("words.json").read_text(encoding="utf-8"))
    simplified = {ord(traditional): simple for traditional, simple in content["simplified"]}
    return Exceptions(content["plurals"], frozenset(content["beginning"]), content["others"], simplified)


SIMPLIFIED: Final = exceptions().simplified
"""Of traditional Chinese characters, as `str.translate` takes it: of those that the lists of words have."""


def other_words(term: str) -> Sequence[str]:
    """Longer words that have `term` in them and speak of something else, as "아이스크림" does not speak of "아이"."""
    return exceptions().others.get(term, ())


def needs_beginning(term: str) -> bool:
    """Whether words that end with `term` speak of something else, as "감성적인" does not speak of "성적인"."""
    return term in exceptions().beginning


@functools.lru_cache(maxsize=4096)
def forms(word: str) -> frozenset[str]:
    """What an English word in lower case may be: itself and the singulars it may be the plural of.

    Two words are the same where these overlap: "horses" is one of "horse" and "hors", "buses" of "buse" and "bus".
    """
    word = word.removesuffix("'s")
    found = {word}
    if word in exceptions().plurals:
        found.add(exceptions().plurals[word])
    elif len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        found.add(word[:-1])
        if len(word) > 4 and word.endswith("ies"):
            found.add(word[:-3] + "y")
        elif len(word) > 4 and word.endswith(("ses", "xes", "zes", "ches", "shes", "oes")):
            found.add(word[:-2])
        elif len(word) > 4 and word.endswith("ves"):
            found.update((word[:-3] + "f", word[:-3] + "fe"))
    return frozenset(found)
