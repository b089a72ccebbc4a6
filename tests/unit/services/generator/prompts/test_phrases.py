from __future__ import annotations

import unicodedata

import pytest

from services.generator.domain.prompts.phrases import mentions, speaks_of, terms


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("A Cat sleeps", "cat"),
        ("two cats", "cat"),
        ("a cat", "cats"),
        ("ladies and boxes", "box"),
        ("the cat’s tail", "cat"),
        ("soft film grain, dust", "film grain"),
        ("no rain. a cat", "cat"),
        ("ＣＡＴ", "cat"),
        ("사람들이 걷는다", "사람"),
        (unicodedata.normalize("NFD", "흑백 화면"), "흑백"),
        ("새가 난다", "새"),
        ("야경, 비", "비"),
        ("很多人在街上", "人"),
    ],
)
def test_what_a_text_speaks_of(text: str, term: str) -> None:
    assert mentions(text, term)


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("a category", "cat"),
        ("grain of film", "film grain"),
        ("a street without people", "people"),
        ("no blur or grain", "grain"),
        ("not a single cat", "cat"),
        ("사람이 없는 거리", "사람"),
        ("사람 없이 조용한 거리", "사람"),
        ("흐릿하지 않은 화면", "흐릿"),
        ("새벽의 거리", "새"),
        ("비행기가 난다", "비"),
        ("没有人的街道", "人"),
        ("避免模糊", "模糊"),
        ("anything", ""),
        ("anything", "..."),
    ],
)
def test_what_it_does_not_speak_of_or_does_not_want(text: str, term: str) -> None:
    assert not mentions(text, term)


@pytest.mark.parametrize(
    ("text", "term"), [("a street without people", "people"), ("사람이 없는 거리", "사람"), ("没有人的街道", "人")]
)
def test_a_negated_word_is_spoken_of(text: str, term: str) -> None:
    assert speaks_of(text, term)
    assert not speaks_of(text, "car")


def test_a_word_that_is_negated_once_and_asked_for_once_is_asked_for() -> None:
    assert mentions("no cats on the left; a cat on the right", "cat")
    assert mentions("사람이 없는 거리, 그리고 한 사람이 온다", "사람")


def test_terms_are_parted_by_the_commas_of_all_languages_and_come_once() -> None:
    assert terms("blurry, Text，水印、rain; blurry\nlogo. BLURRY , ,") == ["blurry", "Text", "水印", "rain", "logo"]
    assert terms("f/1.8 look") == ["f/1.8 look"]
    assert terms(" ,. ") == []
