from __future__ import annotations

import unicodedata

import pytest

from services.generator.domain.prompts.languages import Language, language_of, tokens_of, words_in


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("a cat in the rain", Language.ENGLISH),
        ("un chat sous la pluie", Language.ENGLISH),
        ("비 오는 거리의 고양이", Language.KOREAN),
        (unicodedata.normalize("NFD", "비 오는 거리의 고양이"), Language.KOREAN),
        ("Wong Kar-wai 풍의 서울 밤거리", Language.KOREAN),
        ("大韓民國 서울의 밤", Language.KOREAN),
        ("雨中的猫", Language.CHINESE),
        ("一只猫 in the style of Ghibli", Language.ENGLISH),
        ("雨の中の猫", Language.ENGLISH),
        ('a neon sign that says "안녕하세요 서울"', Language.ENGLISH),
        ("街边一块写着“안녕하세요”的招牌", Language.CHINESE),
        ("“안녕하세요”", Language.KOREAN),
        ("1234 !!", Language.ENGLISH),
        ("", Language.ENGLISH),
    ],
)
def test_a_prompt_is_in_the_language_of_its_letters(text: str, language: Language) -> None:
    assert language_of(text) is language


def test_the_same_said_in_three_languages_is_about_as_long() -> None:
    english = "A cat walks slowly through a narrow street at night while the rain falls."
    korean = "고양이가 비 내리는 밤 좁은 거리를 천천히 걸어간다."
    chinese = "夜里下着雨，一只猫慢慢走过狭窄的街道。"
    texts = (english, korean, chinese)
    lengths = [words_in(text) for text in texts]
    assert lengths[0] == 14
    assert max(lengths) - min(lengths) <= 4
    assert all(words_in(text) < tokens_of(text) < 2.5 * words_in(text) for text in texts)


def test_what_has_no_spaces_has_tokens_all_the_same() -> None:
    assert tokens_of("แมวตัวหนึ่งเดินช้าๆ ผ่านถนนแคบๆ ในยามค่ำคืน") > 7
    assert tokens_of("a" * 400) == 100
