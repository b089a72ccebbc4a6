"""What a model is told of a spec: its prompt with style and more words, and what to avoid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from artifex.generator.v1.messages_pb2 import GenerationSpec
from services.generator.domain.models import ModelCard
from services.generator.domain.prompts.extension import extended, with_style
from services.generator.domain.prompts.languages import Language, language_of, tokens_of
from services.generator.domain.prompts.negatives import Avoided, avoided
from services.generator.domain.prompts.phrases import terms
from services.generator.domain.prompts.refusal import check_prompt
from services.generator.domain.prompts.styles import style_named
from services.generator.domain.prompts.writing import Written, cleaned, conversation, fault_of

PROSE_TOKENS: Final = 256
"""A model that reads fewer is taken for one of captions, not of prose: more words and the usual things to avoid would
be noise to it. Published Wan2.2 reads 512."""


@dataclass(frozen=True)
class Told:
    prompt: str
    negative: str
    notes: Sequence[str]
    """What was done besides what was asked, for people."""
    final: bool = True
    """False where a writer is still to be asked, and the model will be told something else."""


def told(
    spec: GenerationSpec,
    card: ModelCard,
    written: Written | None = None,
    *,
    refused: Sequence[str] = (),
    pictured: bool = False,
) -> Told:
    """The same for the same arguments. `spec` is left as it is.

    `written` is a local writer's extension, used where `spec.extend_prompt` asks for one and the writer kept to its
    task; else the prompt is extended by rule. `refused`: terms that this installation makes no clips of; `pictured`:
    whether the clip begins with a picture that the spec does not name. Raises InvalidArgument: with
    ERROR_REASON_PROMPT_REFUSED for an empty or refused prompt, and for a style or a group of the library that there is
    not.
    """
    wish = _wish(spec, card, refused, pictured)
    notes = list(wish.words.notes)
    text = with_style(wish.prompt, wish.words.style_words, wish.language)
    if spec.extend_prompt and not wish.extensible:
        notes.append(f"not extended: {card.display_name} reads {card.text_tokens} tokens and was made for captions")
    elif spec.extend_prompt:
        text = _extended(wish, written, refused, notes)
    for what, words in (("prompt", text), ("negative prompt", wish.words.negative)):
        tokens = tokens_of(words)
        if tokens > card.text_tokens:
            reads = f"{card.display_name} reads {card.text_tokens}"
            notes.append(f"the {what} has about {tokens} tokens and {reads}: its end may not count")
    return Told(text, wish.words.negative, tuple(notes))


def to_write(
    spec: GenerationSpec, card: ModelCard, *, refused: Sequence[str] = (), pictured: bool = False
) -> list[Mapping[str, str]]:
    """What a local writer is asked for the spec, as the messages of a chat; nothing where it need not be extended.

    Takes and raises what `told` does.
    """
    wish = _wish(spec, card, refused, pictured)
    if not spec.extend_prompt or not wish.extensible:
        return []
    words = wish.words
    return conversation(wish.prompt, wish.language, words.style_words, words.forbidden, pictured=wish.pictured)


@dataclass(frozen=True)
class _Wish:
    """What a spec comes to before anything is written."""

    prompt: str
    language: Language
    words: Avoided
    """The style's, and those to avoid."""
    extensible: bool
    pictured: bool
    """Whether the clip begins with a picture, which then tells how things look."""


def _wish(spec: GenerationSpec, card: ModelCard, refused: Sequence[str], pictured: bool) -> _Wish:
    check_prompt(spec.prompt, refused)
    prompt = " ".join(spec.prompt.split())
    language = language_of(prompt)
    style = style_named(spec.style)
    strength = spec.style_strength or 1.0
    prose = card.text_tokens >= PROSE_TOKENS
    words = avoided(
        prompt,
        spec.negative_prompt,
        language=language,
        style_words=style.words_at(strength, language) if style else (),
        style_avoids=style.avoid_at(strength, language) if style else (),
        usual=prose,
    )
    return _Wish(prompt, language, words, prose, pictured or bool(spec.image) or card.kind == "image")


def _extended(wish: _Wish, written: Written | None, refused: Sequence[str], notes: list[str]) -> str:
    words = wish.words
    if written is not None:
        text = cleaned(written.text)
        fault = fault_of(text, wish.prompt, wish.language, words.forbidden, refused)
        if not fault:
            notes.append(f"extended by {written.writer}")
            return with_style(text, words.style_words, wish.language)
        notes.append(f"what {written.writer} wrote is not used: {fault}")
    notes.append("extended by rule")
    return extended(
        wish.prompt, wish.language, terms(words.negative), style_words=words.style_words, pictured=wish.pictured
    )
