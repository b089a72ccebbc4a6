"""Some three hundred prompts as people write them: what they are of, what they ask for, and what becomes of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.generator.domain.prompts.extension import extended, subject_of
from services.generator.domain.prompts.languages import Language, language_of, words_in
from services.generator.domain.prompts.negatives import avoided, library
from services.generator.domain.prompts.phrases import mentions, terms
from services.generator.domain.prompts.refusal import check_prompt


def _wishes() -> list[tuple[str, str, list[str]]]:
    lines = Path(__file__).with_name("wishes.txt").read_text(encoding="utf-8").splitlines()
    rows = [line.split(" | ") for line in lines if not line.startswith("#")]
    return [(prompt, kind, [] if asked == "-" else asked.split(";")) for prompt, kind, asked in rows]


WISHES = _wishes()
USUAL = library().of(library().usual)


def test_there_are_hundreds_in_every_language() -> None:
    languages = [language_of(prompt) for prompt, _, _ in WISHES]
    assert len({prompt for prompt, _, _ in WISHES}) == len(WISHES) > 290
    assert min(languages.count(language) for language in Language) > 60


@pytest.mark.parametrize(("prompt", "kind", "asked"), WISHES)
def test_a_wish_is_understood(prompt: str, kind: str, asked: list[str]) -> None:
    check_prompt(prompt)
    assert subject_of(prompt) == kind
    language = language_of(prompt)
    found = avoided(prompt, "", language=language)
    left = [concept.forbid[language] for concept in USUAL if concept.forbid[Language.ENGLISH] not in asked]
    assert terms(found.negative) == left
    assert len(found.notes) == len(asked)


@pytest.mark.parametrize("named_in", list(Language))
def test_what_a_wish_asks_for_is_not_forbidden_in_whatever_language_it_is_named(named_in: Language) -> None:
    negative = ", ".join(concept.forbid[named_in] for concept in USUAL)
    for prompt, _, asked in WISHES:
        found = avoided(prompt, negative, language=language_of(prompt))
        left = [concept.forbid[named_in] for concept in USUAL if concept.forbid[Language.ENGLISH] not in asked]
        assert list(found.forbidden) == left, prompt


def test_a_wish_is_told_in_its_language_and_in_no_words_that_are_avoided() -> None:
    for prompt, _, _ in WISHES:
        language = language_of(prompt)
        avoid = terms(avoided(prompt, "", language=language).negative)
        text = extended(prompt, language, avoid)
        assert text.startswith(prompt)
        assert language_of(text) is language
        assert 110 <= words_in(text) <= 215, text
        assert not [term for term in avoid if mentions(text, term)], text
