"""The library of what to avoid, in negatives.json, and what becomes of words that are asked for and forbidden at once.

A negative prompt is a list of terms. One with an @ stands for a group of the library, as in "@text, @camera, rain"; an
empty prompt stands for the usual groups. Where a term is also asked for, one of the two goes, and a note says which:

    forbidden by            asked for by the prompt     asked for by a style
    the caller              the term goes               the style's words go
    a style, the library    the term goes               the term goes

What one says oneself counts more than what a name stands for, and what is wished more than what is not.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Final

from libs.chassis.errors import InvalidArgument, Violation
from services.generator.domain.prompts.languages import Language
from services.generator.domain.prompts.phrases import mentions, normal, terms

GROUP_MARK: Final = "@"


@dataclass(frozen=True)
class Concept:
    """Something that clips are usually better without, and the words by which a prompt asks for it all the same."""

    group: str
    forbid: Mapping[Language, str]
    asked: Sequence[str]
    """In all languages."""
    alike: Sequence[Sequence[str]]
    """Of these, words for one kind of it: who forbids lightning says nothing of candles, though both flicker."""

    def asked_for_by(self, text: str, term: str = "") -> str:
        """The word by which `text` asks for it; none where it does not. `term`: a name of the concept, by which no more
        of it may be meant than a kind."""
        kind = next((words for words in self.alike if normal(term) in map(normal, words)), self.asked)
        return next((word for word in kind if mentions(text, word)), "")


@dataclass(frozen=True)
class Library:
    usual: Sequence[str]
    """The groups that stand in for a negative prompt that is not given."""
    groups: Sequence[str]
    concepts: Sequence[Concept]

    def of(self, groups: Iterable[str]) -> list[Concept]:
        wanted = set(groups)
        return [concept for concept in self.concepts if concept.group in wanted]

    def called(self, term: str) -> Sequence[Concept]:
        """The concepts that a term is a name of."""
        return self._by_name.get(normal(term), ())

    @functools.cached_property
    def _by_name(self) -> Mapping[str, Sequence[Concept]]:
        found: dict[str, list[Concept]] = {}
        for concept in self.concepts:
            for name in {normal(word) for word in (*concept.asked, *concept.forbid.values())}:
                found.setdefault(name, []).append(concept)
        return found


@dataclass(frozen=True)
class Avoided:
    """What came of a negative prompt."""

    negative: str
    style_words: Sequence[str]
    """The style's words that nobody forbids."""
    forbidden: Sequence[str]
    """The caller's own terms that hold."""
    notes: Sequence[str]


@functools.cache
def library() -> Library:
    content = json.loads(resources.files(__package__).joinpath("negatives.json").read_text(encoding="utf-8"))
    concepts = [
        Concept(
            group=entry["group"],
            forbid={Language(code): text for code, text in entry["forbid"].items()},
            asked=tuple(word for words in entry["asked"].values() for word in words),
            alike=tuple(tuple(words) for words in entry.get("alike", ())),
        )
        for entry in content["concepts"]
    ]
    return Library(content["usual"], content["groups"], concepts)


def avoided(
    prompt: str,
    negative: str,
    *,
    language: Language,
    style_words: Sequence[str] = (),
    style_avoids: Sequence[str] = (),
    usual: bool = True,
) -> Avoided:
    """The negative prompt in the prompt's language, and the style's words, without what contradicts the other.

    `usual`: whether the usual groups stand in for an empty negative prompt. Raises InvalidArgument of
    "spec.negative_prompt" for a group that there is not.
    """
    notes: list[str] = []
    own: list[str] = []
    groups: list[str] = []
    for term in terms(negative):
        if normal(term).startswith(GROUP_MARK):
            groups.append(_group(term))
        elif word := _asked_for(prompt, term):
            notes.append(f"“{word}” is asked for, so “{term}” is not forbidden")
        else:
            own.append(term)
    if usual and not terms(negative):
        groups.extend(library().usual)

    kept: list[str] = []
    for words in style_words:
        term = next((term for term in own if _asked_for(words, term)), "")
        if term:
            notes.append(f"“{term}” is forbidden, so the style goes without “{words}”")
        else:
            kept.append(words)

    wished = ", ".join([prompt, *kept])
    result = list(own)
    for term in style_avoids:
        if word := _asked_for(wished, term):
            notes.append(f"“{word}” is asked for, so the style's “{term}” is not forbidden")
        else:
            result.append(term)
    for concept in library().of(groups):
        text = concept.forbid[language]
        if word := concept.asked_for_by(wished):
            notes.append(f"“{word}” is asked for, so the library's “{text}” is not forbidden")
        else:
            result.append(text)
    separator = "，" if language is Language.CHINESE else ", "
    return Avoided(separator.join(terms(", ".join(result))), kept, own, notes)


def _group(term: str) -> str:
    name = normal(term).removeprefix(GROUP_MARK)
    if name not in library().groups:
        known = ", ".join(GROUP_MARK + group for group in library().groups)
        violation = Violation("spec.negative_prompt", f"there is no group {term}; there are: {known}")
        raise InvalidArgument(f"{violation.field}: {violation.description}", violations=[violation])
    return name


def _asked_for(text: str, term: str) -> str:
    """The word by which `text` asks for what `term` forbids: the term itself, or another name of the same concept or
    kind of it."""
    if mentions(text, term):
        return term
    words = (concept.asked_for_by(text, term) for concept in library().called(term))
    return next((word for word in words if word), "")
