"""Whether a text asks for something: words compared as people mean them, in English, Korean and Chinese."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

_TOKEN: Final = re.compile(r"[^\W_]+(?:'[^\W_]+)?|[.,;:!?]")
_PUNCTUATION: Final = frozenset(".,;:!?")
_WIDE: Final = re.compile(r"[\u1100-\u11ff\u3130-\u318f\u3400-\u9fff\uac00-\ud7a3\uf900-\ufaff\u3040-\u30ff]")
_HANGUL: Final = re.compile(r"[\uac00-\ud7a3]")
_NEGATORS: Final = frozenset({"no", "without", "not", "never", "avoid", "avoiding", "nor", "neither", "don't"})
_AROUND: Final = 12
_NEGATION_REACH: Final = 4
"""Words between a negator and what it negates, itself included: "without any visible people"."""
_KOREAN_NEGATION: Final = re.compile(r"^[\uac00-\ud7a3]{0,2}\s*(?:전혀\s*)?(?:없|않|아닌|빼고|제외|말고|금지)")
_CHINESE_NEGATION: Final = re.compile(r"(?:没有|沒有|不要|无|無|不|避免|去除|别|別|禁止)[\u4e00-\u9fff]{0,2}$")
_PARTICLE: Final = re.compile(r"^(?:이|가|은|는|을|를|의|에|로|와|과|도|만|들|들이|에서|으로)?(?![\uac00-\ud7a3])")
_SEPARATORS: Final = re.compile(r"[,\uff0c\u3001;\uff1b|\n\u00b7\u3002]|\.(?:\s|$)")


def normal(text: str) -> str:
    """One spelling for each text: composed, half-width, lower-case, straight apostrophes, single spaces."""
    return " ".join(unicodedata.normalize("NFKC", text).replace("\u2019", "'").casefold().split())


def terms(text: str) -> list[str]:
    """The parts of a negative prompt, as they are written, each once."""
    found: dict[str, str] = {}
    for part in _SEPARATORS.split(text):
        if part.strip():
            found.setdefault(normal(part), part.strip())
    return list(found.values())


def mentions(text: str, term: str) -> bool:
    """True where `text` speaks of `term` without negating it: "blurs" asks for "blur", "without blur" does not."""
    return _found(text, term, negated_too=False)


def speaks_of(text: str, term: str) -> bool:
    """True where `text` has `term` in it, negated or not."""
    return _found(text, term, negated_too=True)


@dataclass(frozen=True)
class _Read:
    """A text as it is compared."""

    normal: str
    tokens: Sequence[str]
    stems: Sequence[str]
    places: Mapping[str, Sequence[int]]
    """Of each stem."""


@functools.lru_cache(maxsize=64)
def _read(text: str) -> _Read:
    """Kept, since one text is compared with hundreds of terms."""
    text = normal(text)
    tokens = _TOKEN.findall(text)
    stems = [_stem(token) for token in tokens]
    places: dict[str, list[int]] = {}
    for number, stem in enumerate(stems):
        places.setdefault(stem, []).append(number)
    return _Read(text, tokens, stems, places)


@functools.lru_cache(maxsize=4096)
def _wanted(term: str) -> tuple[str, Sequence[str]]:
    """A term as it is compared: as it is, or by the stems of its words where it is of letters with spaces between."""
    term = normal(term)
    if _WIDE.search(term):
        return term, ()
    return term, [_stem(token) for token in _TOKEN.findall(term) if token not in _PUNCTUATION]


def _found(text: str, term: str, *, negated_too: bool) -> bool:
    whole, stems = _wanted(term)
    if not stems:
        return bool(_WIDE.search(whole)) and _found_wide(_read(text).normal, whole, negated_too)
    read = _read(text)
    return any(
        read.stems[start : start + len(stems)] == stems and (negated_too or not _negated(read.tokens, start))
        for start in read.places.get(stems[0], ())
    )


def _negated(tokens: Sequence[str], start: int) -> bool:
    for token in reversed(tokens[max(0, start - _NEGATION_REACH) : start]):
        if token in _PUNCTUATION:
            return False
        if token in _NEGATORS:
            return True
    return False


def _found_wide(text: str, term: str, negated_too: bool) -> bool:
    """Korean joins particles to words and Chinese has no spaces, so these are looked for as they are."""
    start = text.find(term)
    while start >= 0:
        # As much of what is around as any of the patterns looks at.
        before, after = text[max(0, start - _AROUND) : start], text[start + len(term) : start + len(term) + _AROUND]
        whole = len(term) > 1 or not _HANGUL.match(term) or _stands_alone(before, after)
        negated = _KOREAN_NEGATION.match(after) or _CHINESE_NEGATION.search(before)
        if whole and (negated_too or not negated):
            return True
        start = text.find(term, start + 1)
    return False


def _stands_alone(before: str, after: str) -> bool:
    """One syllable is found in many words: it must be one of its own, perhaps with a particle."""
    return not _HANGUL.search(before[-1:]) and _PARTICLE.match(after) is not None


def _stem(word: str) -> str:
    """Plurals as their singulars."""
    word = word.removesuffix("'s")
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 4 and word.endswith(("ses", "xes", "zes", "ches", "shes")):
        return word[:-2]
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word
