from __future__ import annotations

import pytest

from libs.chassis.errors import InvalidArgument
from services.generator.domain.prompts.languages import Language, language_of
from services.generator.domain.prompts.negatives import avoided, library
from services.generator.domain.prompts.phrases import mentions, terms
from services.generator.domain.prompts.styles import styles


def test_every_concept_is_there_in_every_language_and_its_words_ask_for_it() -> None:
    for concept in library().concepts:
        assert concept.group in library().groups
        for language in Language:
            text = concept.forbid[language]
            assert language_of(text) is language, text
            assert len(terms(text)) == 1, text
        for word in concept.asked:
            assert concept.asked_for_by(f"{word}") == concept.asked_for_by(word) != "", word
    assert {concept.group for concept in library().concepts} == set(library().groups) > set(library().usual)


def test_an_empty_negative_prompt_stands_for_the_usual_groups_in_the_prompts_language() -> None:
    usual = [concept.forbid for concept in library().of(library().usual)]
    english = avoided("a cat", "", language=Language.ENGLISH)
    assert english.negative == ", ".join(forbid[Language.ENGLISH] for forbid in usual)
    assert not english.notes
    chinese = avoided("一只猫", " ", language=Language.CHINESE)
    assert chinese.negative == "，".join(forbid[Language.CHINESE] for forbid in usual)
    assert avoided("a cat", "", language=Language.ENGLISH, usual=False).negative == ""


def test_ones_own_words_are_taken_as_they_are_and_alone() -> None:
    found = avoided("a cat", "Rain, dogs", language=Language.ENGLISH)
    assert (found.negative, list(found.forbidden), list(found.notes)) == ("Rain, dogs", ["Rain", "dogs"], [])


def test_groups_of_the_library_are_called_by_name() -> None:
    found = avoided("a cat", "rain, @text, @Camera", language=Language.ENGLISH)
    assert terms(found.negative) == [
        "rain",
        *(concept.forbid[Language.ENGLISH] for concept in library().of(["text", "camera"])),
    ]
    assert avoided("a cat", "@text", language=Language.ENGLISH, usual=False).negative.startswith("subtitles")
    with pytest.raises(InvalidArgument) as caught:
        avoided("a cat", "@fingers", language=Language.ENGLISH)
    (violation,) = caught.value.violations
    assert violation.field == "spec.negative_prompt"
    assert "@anatomy" in violation.description


@pytest.mark.parametrize(
    ("prompt", "term", "language"),
    [
        ("a red circle", "red", Language.ENGLISH),
        ("two red circles", "circle", Language.ENGLISH),
        ("bokeh behind a flower", "blurry", Language.ENGLISH),
        ("흑백 영화", "black and white", Language.KOREAN),
        ("黑白电影", "흑백", Language.CHINESE),
    ],
)
def test_what_the_prompt_asks_for_is_not_forbidden_in_whatever_language(
    prompt: str, term: str, language: Language
) -> None:
    found = avoided(prompt, f"{term}, snow", language=language)
    assert found.negative == "snow"
    assert list(found.forbidden) == ["snow"]
    (note,) = found.notes
    assert f"“{term}” is not forbidden" in note


@pytest.mark.parametrize(
    ("prompt", "term"),
    [
        ("a man walks", "woman"),
        ("a cat in the fog", "black and white"),
        ("lightning over a field", "candle"),
        ("a watercolour of a village", "sketch"),
        ("a monster", "zombie"),
        ("안개 낀 산", "흑백"),
        ("한 남자가 걷는다", "여자"),
        ("烛光晚餐", "闪电"),
    ],
)
def test_who_asks_for_one_kind_may_forbid_another(prompt: str, term: str) -> None:
    found = avoided(prompt, term, language=language_of(prompt))
    assert (found.negative, list(found.notes)) == (term, [])


@pytest.mark.parametrize(
    ("prompt", "term"),
    [
        ("a man walks", "people"),
        ("a boy runs", "child"),
        ("안개 낀 산", "fog"),
        ("lightning over a field", "flickering"),
        ("烛光晚餐", "candle"),
        ("a zombie", "disfigured"),
    ],
)
def test_who_asks_for_a_kind_asks_for_the_whole(prompt: str, term: str) -> None:
    assert avoided(prompt, term, language=language_of(prompt)).forbidden == []


def test_a_group_may_be_written_with_a_wide_mark() -> None:
    assert avoided("a cat", "\uff20text", language=Language.ENGLISH).negative.startswith("subtitles")


def test_what_is_negated_in_the_prompt_may_be_forbidden() -> None:
    found = avoided("a street without people", "people", language=Language.ENGLISH)
    assert (found.negative, list(found.notes)) == ("people", [])


def test_a_style_gives_way_to_what_is_forbidden_and_the_library_to_a_style() -> None:
    style = styles()["super-8"]
    words = style.words_at(2.0, Language.ENGLISH)
    own = avoided("a cat", "light leaks", language=Language.ENGLISH, style_words=words)
    assert list(own.style_words) == [word for word in words if word != "light leaks"]
    assert list(own.notes) == ["“light leaks” is forbidden, so the style goes without “light leaks”"]
    free = avoided("a cat", "", language=Language.ENGLISH, style_words=words, style_avoids=["digital sharpness"])
    assert list(free.style_words) == words
    found = terms(free.negative)
    assert found[0] == "digital sharpness"
    assert "heavy noise" not in found
    assert "blurry details" not in found
    assert "“grain” is asked for, so the library's “heavy noise” is not forbidden" in free.notes


def test_a_style_does_not_forbid_what_the_prompt_asks_for() -> None:
    found = avoided("a crowd", "x", language=Language.ENGLISH, style_avoids=["clutter", "crowd"])
    assert found.negative == "x, clutter"
    assert list(found.notes) == ["“crowd” is asked for, so the style's “crowd” is not forbidden"]


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("style", list(styles()))
def test_no_style_contradicts_itself_nor_what_is_told_besides(style: str, language: Language) -> None:
    words = styles()[style].words_at(2.0, language)
    avoid = styles()[style].avoid_at(2.0, language)
    found = avoided("x", "", language=language, style_words=words, style_avoids=avoid)
    assert list(found.style_words) == words
    assert terms(found.negative)[: len(avoid)] == avoid
    assert not [term for term in terms(found.negative) if mentions(", ".join(words), term)]
