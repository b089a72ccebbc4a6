"""Whether a text asks for something: words compared as people mean them, in English, Korean and Chinese."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from services.generator.domain.prompts.negation import AROUND, COMMA, ENDS, negated_around, negated_words
from services.generator.domain.prompts.words import SIMPLIFIED, forms, needs_beginning, other_words

_LETTERS: Final = r"\u1100-\u11ff\u3130-\u318f\u3400-\u9fff\uac00-\ud7a3\uf900-\ufaff\u3040-\u30ff"
_WIDE: Final = re.compile(f"[{_LETTERS}]")
_HANGUL: Final = re.compile(r"[\uac00-\ud7a3]")
# Latin letters end where others begin: "3D로" and "CG动画" have words of their own in them.
_TOKEN: Final = re.compile(rf"[^\W_{_LETTERS}]+(?:'[^\W_{_LETTERS}]+)?|[.,;:!?]")
_PUNCTUATION: Final = ENDS | {COMMA}
_UNSEEN: Final = re.compile(
    r"[\u00ad\u034f\u115f\u1160\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufe00-\ufe0f\ufeff]"
)
"""What takes no place and would part a word: joiners, directions, variants, fillers."""
_PARTICLE: Final = re.compile(
    r"^(?:들)?(?:이|가|은|는|을|를|의|에|에게|에서|로|으로|와|과|도|만|나|이나|처럼|까지|부터|보다|마다|한테|이랑|랑)?"
    r"(?![\uac00-\ud7a3])"
)
_SEPARATORS: Final = re.compile(r"[,\uff0c\u3001;\uff1b|\n\u00b7\u3002]|\.(?:\s|$)")


def normal(text: str) -> str:
    """One spelling for each text: composed, half-width, lower-case, straight apostrophes, single spaces, simplified
    characters, and nothing that is not seen."""
    text = _UNSEEN.sub("", unicodedata.normalize("NFKC", text)).replace("\u2019", "'").casefold()
    return " ".join(text.translate(SIMPLIFIED).split())


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
    tokens: Sequence[re.Match[str]]
    forms: Sequence[frozenset[str]]
    """What each token may be a form of."""
    places: Mapping[str, Sequence[int]]
    """Of each form."""
    negated: frozenset[int]


@dataclass(frozen=True)
class _Wanted:
    """A term as it is compared."""

    normal: str
    words: Sequence[frozenset[str]]
    """The forms of its words, where it is of letters with spaces between; else it is looked for as it is."""


@functools.lru_cache(maxsize=64)
def _read(text: str) -> _Read:
    """Kept, since one text is compared with hundreds of terms."""
    text = normal(text)
    tokens = list(_TOKEN.finditer(text))
    words = [token.group() for token in tokens]
    of_each = [forms(word) for word in words]
    places: dict[str, list[int]] = {}
    for number, found in enumerate(of_each):
        for form in found:
            places.setdefault(form, []).append(number)
    return _Read(text, tokens, of_each, places, negated_words(words))


@functools.lru_cache(maxsize=4096)
def _wanted(term: str) -> _Wanted:
    term = normal(term)
    return _Wanted(term, () if _WIDE.search(term) else _words(term))


def _words(text: str) -> list[frozenset[str]]:
    return [forms(word) for word in _TOKEN.findall(text) if word not in _PUNCTUATION]


def _found(text: str, term: str, *, negated_too: bool) -> bool:
    wanted, read = _wanted(term), _read(text)
    if not wanted.words:
        return bool(_WIDE.search(wanted.normal)) and _found_wide(read.normal, wanted.normal, negated_too)
    starts = {start for form in wanted.words[0] for start in read.places.get(form, ())}
    return any(
        _is_at(read, start, wanted.words)
        and not _within_other(read, start, wanted)
        and (negated_too or not _negated(read, start, len(wanted.words)))
        for start in starts
    )


def _is_at(read: _Read, start: int, words: Sequence[frozenset[str]]) -> bool:
    there = read.forms[start : start + len(words)] if start >= 0 else ()
    return len(there) == len(words) and all(one & other for one, other in zip(there, words, strict=True))


def _within_other(read: _Read, start: int, wanted: _Wanted) -> bool:
    """Whether it is part of words that mean something else."""
    for other in other_words(wanted.normal):
        words = _words(other)
        for offset in range(len(words) - len(wanted.words) + 1):
            same = all(a & b for a, b in zip(words[offset:], wanted.words, strict=False))
            if same and _is_at(read, start - offset, words):
                return True
    return False


def _negated(read: _Read, start: int, length: int) -> bool:
    if start in read.negated:
        return True
    first, last = read.tokens[start].start(), read.tokens[start + length - 1].end()
    before, after = read.normal[max(0, first - AROUND) : first], read.normal[last : last + AROUND]
    return after.startswith("-free") or negated_around(before, after)


def _found_wide(text: str, term: str, negated_too: bool) -> bool:
    """Korean joins particles to words and Chinese has no spaces, so these are looked for as they are."""
    others = other_words(term)
    start = text.find(term)
    while start >= 0:
        before, after = text[max(0, start - AROUND) : start], text[start + len(term) : start + len(term) + AROUND]
        if (
            _is_a_word(term, before, after)
            and not any(_covers(other, text, term, start) for other in others)
            and (negated_too or not negated_around(before, after))
        ):
            return True
        start = text.find(term, start + 1)
    return False


def _covers(other: str, text: str, term: str, start: int) -> bool:
    """Whether a longer word lies over the place where `term` was found."""
    offset = other.find(term)
    while offset >= 0:
        if start >= offset and text.startswith(other, start - offset):
            return True
        offset = other.find(term, offset + 1)
    return False


def _is_a_word(term: str, before: str, after: str) -> bool:
    """One syllable is found in many words: it must be one of its own, perhaps with a particle. Some longer ones are
    found at the ends of others, and must begin."""
    begins = not _HANGUL.search(before[-1:])
    if len(term) == 1 and _HANGUL.match(term):
        return begins and _PARTICLE.match(after) is not None
    return begins or not needs_beginning(term)
