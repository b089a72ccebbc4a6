"""More words for a prompt, by rule: what a clip is that the prompt does not say. The sentences are in extension.json.

A scene has aspects: its subject, movement, setting, light, camera, framing, lens, colour, air, textures, mood... For
each, in this order, that no word of the prompt covers, one sentence is added in the prompt's language, until there are
about 200 words, as Wan's authors recommend details. Which of an aspect's sentences it is follows from the
prompt alone. Subject and movement have sentences for people, animals, vehicles, places and things. Nothing is added
that is to be avoided, nor anything of what the prompt does without, and nothing that the prompt says is changed. Of a
clip that begins with a given picture only that is told which a picture leaves open: what moves, the camera, the mood.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any, Final

from services.generator.domain.prompts.languages import Language, words_in
from services.generator.domain.prompts.phrases import mentions, speaks_of

GOAL: Final = 200
"""Words; see `words_in`."""
_THING: Final = "thing"
_ENDED: Final = re.compile(
    r"(?:[.!?\u2026\u3002\uff01\uff1f][\"'\u201d\u2019\u300d\u300f)\]\uff09]*|[,;:\u3001\uff0c\uff1b\uff1a])$"
)
"""A sentence, perhaps with a quotation at its end, or one that wants to go on."""


@dataclass(frozen=True)
class Sentence:
    text: Mapping[Language, str]
    kind: str
    """What the subject must be; empty where that does not matter."""


@dataclass(frozen=True)
class Aspect:
    name: str
    covered: Sequence[str]
    """Words, in all languages, by which a prompt says something of it itself."""
    sentences: Sequence[Sentence]
    beside_picture: bool
    """Whether a given picture leaves it open."""


@dataclass(frozen=True)
class _Bank:
    kinds: Mapping[str, Sequence[str]]
    """Words for each kind of subject, in all languages."""
    aspects: Sequence[Aspect]


@functools.cache
def bank() -> _Bank:
    content = json.loads(resources.files(__package__).joinpath("extension.json").read_text(encoding="utf-8"))
    aspects = [
        Aspect(
            entry["aspect"],
            _all(entry["covered"]),
            [_sentence(told) for told in entry["sentences"]],
            entry.get("beside_picture", False),
        )
        for entry in content["aspects"]
    ]
    return _Bank({kind: _all(words) for kind, words in content["kinds"].items()}, aspects)


def extended(
    prompt: str,
    language: Language,
    avoided: Sequence[str] = (),
    *,
    style_words: Sequence[str] = (),
    pictured: bool = False,
) -> str:
    """The prompt, as it is, with a style's words and sentences after it, to about GOAL words; one that has as many
    gets no sentences.

    `avoided`: terms that no sentence may ask for; `pictured`: whether the clip begins with a given picture.
    """
    kind = subject_of(prompt)
    styled = with_style(prompt, style_words, language)
    parts = [styled]
    length = words_in(styled)
    for aspect in bank().aspects:
        # "No wind" says of the air what there is to say.
        if (pictured and not aspect.beside_picture) or any(speaks_of(styled, word) for word in aspect.covered):
            continue
        sentence = _chosen(aspect, prompt, kind, language, avoided)
        if sentence and length + words_in(sentence) / 2 <= GOAL:
            parts.append(sentence)
            length += words_in(sentence)
    return joined(parts, language)


def subject_of(prompt: str) -> str:
    """ "person", "animal", "vehicle", "place" or "thing": the first of these that the prompt has a word for."""
    kinds = bank().kinds
    return next((kind for kind in kinds if any(mentions(prompt, word) for word in kinds[kind])), _THING)


def with_style(text: str, words: Sequence[str], language: Language) -> str:
    """The text, then the style's words that it does not have already."""
    missing = [word for word in words if not mentions(text, word)]
    if not missing:
        return text
    comma = "\uff0c" if language is Language.CHINESE else ", "
    return joined([text, comma.join(missing)], language)


def joined(parts: Sequence[str], language: Language) -> str:
    """One text of sentences, each with a full stop."""
    full_stop, space = ("\u3002", "") if language is Language.CHINESE else (".", " ")
    return space.join(part if _ENDED.search(part) else part + full_stop for part in parts)


def _chosen(aspect: Aspect, prompt: str, kind: str, language: Language, avoided: Sequence[str]) -> str:
    texts = [sentence.text[language] for sentence in aspect.sentences if sentence.kind in ("", kind)]
    allowed = [text for text in texts if not any(mentions(text, term) for term in avoided)]
    if not allowed:
        return ""
    digest = hashlib.sha256(f"{aspect.name}\0{prompt}".encode()).digest()
    return allowed[digest[0] % len(allowed)]


def _sentence(told: Mapping[str, Any]) -> Sentence:
    return Sentence({language: told[language] for language in Language}, told.get("kind", ""))


def _all(words: Mapping[str, Sequence[str]]) -> list[str]:
    return [word for language in words.values() for word in language]
