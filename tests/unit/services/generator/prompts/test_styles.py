from __future__ import annotations

import re

import pytest

from artifex.generator.v1.messages_pb2 import GenerationSpec
from libs.chassis.errors import InvalidArgument
from services.generator.commands.list_styles import list_styles
from services.generator.domain.models import with_absent
from services.generator.domain.prompts.languages import Language, language_of
from services.generator.domain.prompts.styles import style_named, styles
from services.generator.domain.prompts.told import told


def test_there_are_forty_styles_each_whole_in_every_language() -> None:
    assert len(styles()) >= 40
    for style in styles().values():
        assert re.fullmatch(r"styles/[a-z0-9-]{1,64}", style.name)
        assert style.display_name
        assert language_of(style.display_name_ko) is Language.KOREAN
        for language in Language:
            words, avoid = style.words[language], style.avoid[language]
            assert (len(words), len(avoid)) == (6, 2), style.id
            assert len({*words, *avoid}) == 8, style.id
            assert language_of(" ".join([*words, *avoid])) is language, style.id


def test_each_style_has_a_shot_of_its_own_that_shows_it_in_two_languages() -> None:
    card = with_absent({})["wan22-t2v-a14b"]
    shots = [(style, text) for style in styles().values() for text in (style.preview, style.preview_ko)]
    assert len({text for _, text in shots}) == 2 * len(styles())
    for style, text in shots:
        language = Language.KOREAN if text is style.preview_ko else Language.ENGLISH
        assert language_of(text) is language, style.id
        neutral = {Language.ENGLISH: "it begins", Language.KOREAN: "시작된다"}[language]
        found, plain = (
            told(GenerationSpec(prompt=prompt, style=style.name, style_strength=2), card) for prompt in (text, neutral)
        )
        assert found.notes == plain.notes, "nothing in it is at odds with the style, or with what is avoided"
        assert found.negative == plain.negative, style.id


def test_strength_says_how_many_of_its_words_a_style_adds() -> None:
    style = styles()["watercolour"]
    amounts = [len(style.words_at(strength, Language.ENGLISH)) for strength in (0.01, 0.5, 1.0, 1.5, 2.0)]
    assert amounts == [1, 2, 3, 5, 6]
    assert style.words_at(0.01, Language.KOREAN) == ["수채화"]
    assert [len(style.avoid_at(strength, Language.CHINESE)) for strength in (0.01, 1.0, 2.0)] == [1, 1, 2]


def test_a_style_that_there_is_not_is_refused_and_the_others_are_named() -> None:
    assert style_named("") is None
    assert style_named("styles/anime") is styles()["anime"]
    with pytest.raises(InvalidArgument) as caught:
        style_named("styles/anim")
    (violation,) = caught.value.violations
    assert violation.field == "spec.style"
    assert "anime" in violation.description


async def test_styles_are_listed_in_pages_by_their_ids() -> None:
    first = await list_styles("", 7)
    rest = await list_styles(first[-1].id, 1000)
    assert [style.id for style in (*first, *rest)] == sorted(styles())
    assert await list_styles(rest[-1].id, 7) == []
