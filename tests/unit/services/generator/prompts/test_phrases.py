from __future__ import annotations

import unicodedata

import pytest

from services.generator.domain.prompts.phrases import mentions, normal, speaks_of, terms
from services.generator.domain.prompts.words import exceptions


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
        ("two horses", "horse"),
        ("a horse", "horses"),
        ("big old houses", "house"),
        ("buses and boxes", "bus"),
        ("zombies", "zombie"),
        ("heroes", "hero"),
        ("wolves", "wolf"),
        ("mice", "mouse"),
        ("CG动画", "CG"),
        ("3D로 만든 장면", "3D"),
        ("한 개가 달린다", "개가 달린다"),
        ("새들의 무리", "새"),
        ("黑貓和鏡頭", "镜头"),
        ("흑\u200b백", "흑백"),
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
        ("it doesn't rain", "rain"),
        ("a lake free of boats", "boat"),
        ("a fog-free morning", "fog"),
        ("no text, logos or watermarks", "watermark"),
        ("no text, logos or watermarks", "logo"),
        ("without any people, cars, or signs", "car"),
        ("사람이 보이지 않는 거리", "사람"),
        ("구름 한 점 없는 하늘", "구름"),
        ("자막이나 워터마크 없이", "자막"),
        ("사람과 자동차가 없는 도로", "사람"),
        ("logo가 없는 화면", "logo"),
        ("没有车辆和行人的街道", "车辆"),
        ("没有车辆和行人的街道", "行人"),
        ("没有任何文字", "文字"),
        ("一个人都没有的街道", "人"),
        ("空无一人的街道", "人"),
        ("看不到车辆的公路", "车辆"),
        ("没有 文字", "文字"),
        ("无logo的画面", "logo"),
        ("anything", ""),
        ("anything", "..."),
    ],
)
def test_what_it_does_not_speak_of_or_does_not_want(text: str, term: str) -> None:
    assert not mentions(text, term)


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("not only a cat but a dog", "cat"),
        ("never-ending rain", "rain"),
        ("not far from the sea", "sea"),
        ("a cat that does not move on a sofa", "sofa"),
        ("no rain and a cat", "cat"),
        ("without a hat, riding a horse", "horse"),
        ("고양이가 움직이지 않는다", "고양이"),
        ("끝없이 펼쳐진 바다", "바다"),
        ("여자가 말없이 앉아 있다", "여자"),
        ("不断闪烁的灯", "闪烁"),
        ("不同的人", "人"),
        ("特别明亮的房间", "明亮"),
        ("无边的雾", "雾"),
        ("没有风的湖面", "湖"),
    ],
)
def test_what_stands_beside_a_negation_is_not_negated(text: str, term: str) -> None:
    assert mentions(text, term)


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("a bird's-eye view of a city", "bird"),
        ("shallow depth of field", "field"),
        ("a same-sex couple", "sex"),
        ("아이스크림이 녹는다", "아이"),
        ("감성적인 음악", "성적인"),
        ("반짝거리는 물", "거리"),
        ("적극적으로 손을 흔든다", "극적"),
        ("여자는 춤춘다", "자는"),
        ("사과 세 개", "개"),
        ("사과 3개", "개"),
        ("긴 그림자", "그림"),
        ("令人惊叹的雪山", "人"),
        ("机器人在焊接", "人"),
        ("马路上的汽车", "马"),
        ("鸟瞰城市", "鸟"),
        ("熊熊燃烧的火", "熊"),
    ],
)
def test_a_word_within_another_is_not_spoken_of(text: str, term: str) -> None:
    assert not speaks_of(text, term)


def test_a_word_that_is_within_another_once_and_stands_alone_once_is_spoken_of() -> None:
    assert mentions("机器人和人", "人")
    assert mentions("아이스크림을 먹는 아이", "아이")
    assert mentions("a bird, from a bird's-eye view", "bird")


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


def test_every_exception_is_one() -> None:
    for term, others in exceptions().others.items():
        assert normal(term) == term
        assert speaks_of(term, term)
        assert [other for other in others if normal(other) != other or speaks_of(other, term)] == []
    for term in exceptions().beginning:
        assert speaks_of(term, term)
        assert not speaks_of(f"가{term}", term)
