from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artifex.generator.v1.messages_pb2 import GenerationSpec
from libs.chassis.errors import InvalidArgument
from services.generator.domain.models import ModelCard
from services.generator.domain.prompts.extension import GOAL, bank, extended, subject_of
from services.generator.domain.prompts.languages import Language, language_of, words_in
from services.generator.domain.prompts.phrases import mentions, normal, terms
from services.generator.domain.prompts.styles import styles
from services.generator.domain.prompts.told import to_write, told
from services.generator.domain.prompts.writing import Written, cleaned


def card(text_tokens: int = 512) -> ModelCard:
    return ModelCard(
        model="wan22-t2v-a14b",
        display_name="Wan2.2 T2V A14B",
        kind="text",
        weights_digest="d" * 64,
        random_weights=False,
        size_multiple=16,
        max_width=1280,
        max_height=1280,
        frame_multiple=4,
        max_frames=81,
        frame_rate=Fraction(16),
        text_tokens=text_tokens,
    )


def spec(prompt: str = "a cat walks through the rain", **values: Any) -> GenerationSpec:
    return GenerationSpec(prompt=prompt, **values)


PROMPTS = {
    Language.ENGLISH: "a cat walks through the rain",
    Language.KOREAN: "고양이가 빗속을 걷는다",
    Language.CHINESE: "一只猫在雨中行走",
}
ANSWER = "Prompt: **A grey cat** walks through the rain. " + "It walks on and on, past the doors and the lamps. " * 9


# -- plain -------------------------------------------------------------------------------------------------------------


def test_a_prompt_that_asks_for_nothing_more_is_told_as_it_is() -> None:
    found = told(spec("  a cat \n walks "), card())
    assert found.prompt == "a cat walks"
    assert found.negative.startswith("blurry details, worst quality")
    assert not found.notes


@pytest.mark.parametrize("prompt", ["", "  \n "])
def test_an_empty_prompt_is_refused(prompt: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        told(spec(prompt), card())
    assert caught.value.reason == "ERROR_REASON_PROMPT_REFUSED"
    assert caught.value.metadata == {"field": "spec.prompt"}


@pytest.mark.parametrize(
    "prompt",
    [
        "a nude child",
        "erotic schoolgirl dancing",
        "알몸의 아이",
        "裸体的小孩",
        "sexy TEENAGERS",
        "naked boys",
        "no naked child",
    ],
)
def test_children_in_a_sexual_way_are_refused(prompt: str) -> None:
    for call in (told, to_write):
        with pytest.raises(InvalidArgument) as caught:
            call(spec(prompt, extend_prompt=True), card())
        assert caught.value.reason == "ERROR_REASON_PROMPT_REFUSED"


@pytest.mark.parametrize("prompt", ["children play in the sea", "아이가 웃는다", "a nude marble statue", "孩子在笑"])
def test_children_and_statues_are_not(prompt: str) -> None:
    assert told(spec(prompt), card()).prompt == prompt


def test_an_installation_refuses_words_of_its_own() -> None:
    with pytest.raises(InvalidArgument) as caught:
        told(spec("two guns on a table"), card(), refused=["blood", "gun"])
    assert caught.value.reason == "ERROR_REASON_PROMPT_REFUSED"
    assert "“gun”" in caught.value.message
    assert told(spec("a begun story"), card(), refused=["gun"]).prompt == "a begun story"


# -- styles ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", list(Language))
def test_a_style_speaks_the_prompts_language(language: Language) -> None:
    found = told(spec(PROMPTS[language], style="styles/watercolour", style_strength=2.0), card())
    assert found.prompt.startswith(PROMPTS[language])
    assert all(word in found.prompt for word in styles()["watercolour"].words[language])
    assert all(word in found.negative for word in styles()["watercolour"].avoid[language])
    assert language_of(found.prompt) is language_of(found.negative) is language


def test_a_style_says_nothing_twice() -> None:
    found = told(spec("a watercolour painting of a cat", style="styles/watercolour"), card())
    assert found.prompt == "a watercolour painting of a cat. wet-on-wet washes, soft bleeding edges."


def test_strength_zero_is_the_usual_one() -> None:
    usual = told(spec(style="styles/anime", style_strength=1.0), card())
    assert told(spec(style="styles/anime"), card()) == usual
    assert len(told(spec(style="styles/anime", style_strength=0.1), card()).prompt) < len(usual.prompt)


# -- more words --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", list(Language))
def test_the_rules_extend_a_prompt_to_about_two_hundred_words_of_its_language(language: Language) -> None:
    found = told(spec(PROMPTS[language], extend_prompt=True), card())
    assert found.prompt.startswith(PROMPTS[language])
    assert 170 <= words_in(found.prompt) <= 220
    assert language_of(found.prompt) is language
    assert list(found.notes) == ["extended by rule"]
    assert told(spec(PROMPTS[language], extend_prompt=True), card()) == found


def test_every_sentence_is_there_in_every_language_and_every_aspect_for_every_subject() -> None:
    subjects = {*bank().kinds, "thing"}
    for aspect in bank().aspects:
        kinds = {sentence.kind for sentence in aspect.sentences}
        assert kinds in ({""}, subjects), aspect.name
        for sentence in aspect.sentences:
            for language in Language:
                text = sentence.text[language]
                assert language_of(text) is language
                assert 11 <= words_in(text) <= 34, text


def test_what_the_prompt_says_itself_is_not_said_again() -> None:
    plain = extended("a lighthouse", Language.ENGLISH)
    night = extended("a lighthouse at night, aerial drone shot", Language.ENGLISH)
    light, camera = (aspect for aspect in bank().aspects if aspect.name in ("light", "camera"))
    for aspect in (light, camera):
        texts = [sentence.text[Language.ENGLISH] for sentence in aspect.sentences]
        assert any(text in plain for text in texts)
        assert not any(text in night for text in texts)


@pytest.mark.parametrize(
    ("prompt", "aspect"),
    [
        ("a lake, no wind", "air"),
        ("a room without shadows", "light"),
        ("바람 한 점 없는 호수", "air"),
        ("没有雾的山谷", "air"),
    ],
)
def test_of_what_the_prompt_does_without_nothing_is_said(prompt: str, aspect: str) -> None:
    (found,) = (each for each in bank().aspects if each.name == aspect)
    text = extended(prompt, language_of(prompt))
    assert not any(sentence.text[language_of(prompt)] in text for sentence in found.sentences)


@pytest.mark.parametrize(
    ("prompt", "aspect"),
    [
        ("말이 초원을 달리는 모습", "camera"),
        ("pancakes in a pan", "camera"),
        ("나비가 꽃 위를 난다", "air"),
        ("여자는 춤을 춘다", "motion"),
        ("반짝거리는 유리컵", "setting"),
        ("瀑布从山上落下", "texture"),
        ("山谷里的景色", "colour"),
        ("火车站里的列车", "motion"),
    ],
)
def test_words_within_others_leave_an_aspect_open(prompt: str, aspect: str) -> None:
    (found,) = (each for each in bank().aspects if each.name == aspect)
    text = extended(prompt, language_of(prompt))
    assert any(sentence.text[language_of(prompt)] in text for sentence in found.sentences)


@pytest.mark.parametrize(
    ("prompt", "style"), [("a vase of flowers", "minhwa"), ("꽃병", "long-exposure"), ("花瓶", "long-exposure")]
)
def test_a_style_says_nothing_of_the_subject(prompt: str, style: str) -> None:
    language = language_of(prompt)
    found = told(spec(prompt, style=f"styles/{style}", style_strength=2.0, extend_prompt=True), card()).prompt
    (subject,) = (aspect for aspect in bank().aspects if aspect.name == "subject")
    (thing,) = (sentence.text[language] for sentence in subject.sentences if sentence.kind == "thing")
    assert thing in found


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize(
    ("style", "aspect"),
    [
        ("golden-hour", "light"),
        ("blue-hour", "light"),
        ("candlelight", "light"),
        ("neon", "light"),
        ("film-noir", "colour"),
        ("silent-film", "colour"),
        ("black-and-white", "colour"),
        ("pencil", "colour"),
        ("charcoal", "colour"),
        ("ink-wash", "colour"),
        ("blueprint", "colour"),
        ("tilt-shift", "framing"),
        ("aerial", "framing"),
        ("macro", "framing"),
        ("portrait", "framing"),
        ("camcorder", "lens"),
        ("super-8", "lens"),
        ("long-exposure", "finish"),
        ("cartoon", "texture"),
        ("pixel-art", "texture"),
        ("product", "air"),
        ("underwater", "air"),
    ],
)
def test_a_touch_of_a_style_says_what_it_is_about(style: str, aspect: str, language: Language) -> None:
    (found,) = (each for each in bank().aspects if each.name == aspect)
    touch = styles()[style].words[language][0]
    assert any(mentions(touch, word) for word in found.covered)


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("style", list(styles()))
def test_nothing_is_added_that_is_to_be_avoided(style: str, language: Language) -> None:
    for strength in (0.1, 1.0, 2.0):
        found = told(
            spec(PROMPTS[language], style=f"styles/{style}", style_strength=strength, extend_prompt=True), card()
        )
        assert [term for term in terms(found.negative) if mentions(found.prompt, term)] == []


@pytest.mark.parametrize(
    ("prompt", "found"),
    [
        ("a cat,", "a cat, watercolour painting."),
        ('a sign that says "OPEN."', 'a sign that says "OPEN." watercolour painting.'),
        ("a cat (asleep)", "a cat (asleep). watercolour painting."),
        ("一只猫，", "一只猫，水彩画。"),
        ("고양이!", "고양이! 수채화."),
    ],
)
def test_sentences_end_once(prompt: str, found: str) -> None:
    assert told(spec(prompt, style="styles/watercolour", style_strength=0.1), card()).prompt == found


@pytest.mark.parametrize(
    ("prompt", "kind"),
    [
        ("two horses gallop", "animal"),
        ("wolves in the snow", "animal"),
        ("a baby elephant in mud", "animal"),
        ("a bird's-eye view of a city", "place"),
        ("a record player spinning", "thing"),
        ("a couple of eggs", "thing"),
        ("사과 세 개가 놓여 있다", "thing"),
        ("새 자동차가 달린다", "vehicle"),
        ("따뜻한 차 한 잔", "thing"),
        ("아이스크림이 녹는다", "thing"),
        ("말을 하는 로봇", "thing"),
        ("꽃을 판다", "thing"),
        ("令人惊叹的雪山日出", "place"),
        ("马路上的汽车", "vehicle"),
        ("鸟瞰城市夜景", "place"),
        ("机器人在工厂里焊接", "thing"),
        ("一杯牛奶", "thing"),
        ("a woman and her dog", "person"),
        ("강아지가 달린다", "animal"),
        ("一列火车驶过", "vehicle"),
        ("the sea at dusk", "place"),
        ("a red circle", "thing"),
        ("차가운 금속 공", "thing"),
    ],
)
def test_sentences_suit_the_subject(prompt: str, kind: str) -> None:
    assert subject_of(prompt) == kind


def test_no_sentence_asks_for_what_is_forbidden() -> None:
    free = extended("a lighthouse", Language.ENGLISH)
    for term in ("camera", "shadow", "wind", "background", "colours"):
        found = extended("a lighthouse", Language.ENGLISH, [term])
        assert not mentions(found, term)
    assert mentions(free, "camera")


@pytest.mark.parametrize("language", list(Language))
def test_beside_a_given_picture_only_what_it_leaves_open_is_told(language: Language) -> None:
    asked = spec(PROMPTS[language], extend_prompt=True)
    plain = told(asked, card()).prompt
    pictured = told(asked, card(), pictured=True).prompt
    assert 50 <= words_in(pictured) <= 130
    looks = [aspect for aspect in bank().aspects if aspect.name in ("subject", "light", "colour", "framing", "setting")]
    texts = [sentence.text[language] for aspect in looks for sentence in aspect.sentences]
    assert any(text in plain for text in texts)
    assert not any(text in pictured for text in texts)
    assert told(spec(PROMPTS[language], extend_prompt=True, image="assets/a"), card()).prompt == pictured
    assert told(asked, replace(card(), kind="image")).prompt == pictured
    assert "a picture that you do not see" in to_write(asked, card(), pictured=True)[0]["content"]
    assert "a picture" not in to_write(asked, card())[0]["content"]


def test_a_long_prompt_stays_alone() -> None:
    prompt = "a thing " * GOAL
    assert extended(prompt.strip(), Language.ENGLISH) == prompt.strip() + "."


def test_a_model_of_captions_is_told_no_prose() -> None:
    found = told(spec(extend_prompt=True), card(text_tokens=64))
    assert (found.prompt, found.negative) == ("a cat walks through the rain", "")
    (note,) = found.notes
    assert "reads 64 tokens" in note
    assert to_write(spec(extend_prompt=True), card(text_tokens=64)) == []


def test_what_may_not_be_read_to_its_end_is_told() -> None:
    (note,) = told(spec("word " * 100), card(text_tokens=64)).notes
    assert note.startswith("the prompt has about 140 tokens")
    (note,) = told(spec(negative_prompt="word " * 100), card(text_tokens=64)).notes
    assert note.startswith("the negative prompt has about 140 tokens")


# -- a writer ----------------------------------------------------------------------------------------------------------


def test_a_writer_is_asked_in_the_prompts_language_with_style_and_what_is_forbidden() -> None:
    task, wish = to_write(
        spec(PROMPTS[Language.KOREAN], extend_prompt=True, style="styles/ink-wash", negative_prompt="자동차"), card()
    )
    assert wish == {"role": "user", "content": PROMPTS[Language.KOREAN]}
    assert task["role"] == "system"
    for part in ("in Korean", "수묵화", "Do not mention: 자동차."):
        assert part in task["content"]
    assert to_write(spec(), card()) == []


def test_what_a_writer_wrote_is_told_without_its_trimmings_and_with_the_style() -> None:
    cut_off = ANSWER + "And at the very end it"
    found = told(spec(extend_prompt=True, style="styles/anime"), card(), Written(cut_off, "qwen 0123"))
    assert found.prompt.startswith("A grey cat walks through the rain. It walks")
    assert found.prompt.endswith("the lamps. hand-drawn anime, clean line art, cel shading.")
    assert list(found.notes) == ["extended by qwen 0123"]


@pytest.mark.parametrize(
    ("prompt", "answer", "good"),
    [
        ("고양이가 빗속을 걷는다", "회색 고양이 한 마리가 빗속에서 천천히 걷고 있다. " * 8, True),
        ("고양이가 빗속을 걷는다", "강아지 한 마리가 눈밭에서 뛰논다. 아이들이 웃는다. " * 10, False),
        ("一只猫在雨中行走", "一只灰色的猫在雨中慢慢行走，街灯映在湿润的路面上。" * 6, True),
        ("一只猫在雨中行走", "两个孩子在海边放风筝，阳光洒满沙滩，浪花轻轻拍岸。" * 6, False),
        ("two dancers spin", "The dancers are spinning under tall lamps, and the two never let go. " * 6, True),
        ("말이 달린다", "갈색 말 한 마리가 넓은 초원을 힘차게 달리고 있다. " * 8, True),
        ("a fox and a dog", "A dog looks up, and in the grass a fox has come to a halt before it. " * 6, True),
        ("a fox and a dog", "A whale rises slowly from the dark water and sinks again. " * 6, False),
        ("a UFO", "Something round and silver hangs above the field in the evening. " * 6, False),
    ],
)
def test_an_answer_has_to_tell_of_what_the_prompt_tells(prompt: str, answer: str, good: bool) -> None:
    found = told(spec(prompt, extend_prompt=True), card(), Written(answer, "qwen 0123"))
    assert (found.notes[0] == "extended by qwen 0123") is good


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ("Sure! Here is the rewritten prompt: A cat walks. It", "A cat walks."),
        ("Here's a prompt for you:\n\nA cat walks.", "A cat walks."),
        ('Prompt: "A cat walks."', "A cat walks."),
        ("네, 다음은 프롬프트입니다: 고양이가 걷는다.", "고양이가 걷는다."),
        ("好的，以下是提示词：一只猫在走。", "一只猫在走。"),
        ("hm, a cat\n</think>\n\nA cat walks.", "A cat walks."),
        ("A cat walks. An f/1.8 lens and", "A cat walks."),
        ('A cat reads "OPEN." It', 'A cat reads "OPEN."'),
        ("一只猫在走。它1.5米", "一只猫在走。"),
        ("A cat, here: it walks.", "A cat, here: it walks."),
        ("네온 거리의 밤: 비가 온다.", "네온 거리의 밤: 비가 온다."),
    ],
)
def test_what_models_put_around_an_answer_is_left_out(answer: str, told: str) -> None:
    assert cleaned(answer) == told


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        ("", "0 words"),
        ("A cat.", "2 words"),
        ("cat " * 400, "400 words"),
        ("<think>a cat, hm. " * 60, "0 words"),
        (PROMPTS[Language.CHINESE] * 30, "not in English"),
        ("\ufffd " + ANSWER, "broken characters"),
        ("I am sorry, but that is nothing I may talk about with you. " * 8, "something else"),
        (ANSWER + "A dog follows.", "asks for “dog”"),
        (ANSWER + "It has no gun.", "speaks of “gun”"),
        (ANSWER + "A naked child.", "speaks of children"),
    ],
)
def test_a_writer_that_does_not_keep_to_its_task_is_not_used(answer: str, fault: str) -> None:
    asked = spec(extend_prompt=True, negative_prompt="dog")
    found = told(asked, card(), Written(answer, "qwen 0123"), refused=["gun"])
    assert found.prompt == told(asked, card()).prompt
    assert fault in found.notes[0]
    assert found.notes[1] == "extended by rule"


def test_nobody_is_extended_who_did_not_ask() -> None:
    assert told(spec(), card(), Written(ANSWER, "qwen 0123")) == told(spec(), card())


# -- whatever is said --------------------------------------------------------------------------------------------------


@settings(max_examples=300, deadline=None)
@given(
    prompt=st.text(min_size=1, max_size=120),
    negative=st.text(max_size=60),
    style=st.sampled_from(["", *(style.name for style in styles().values())]),
    strength=st.floats(0, 2),
    extend=st.booleans(),
    answer=st.none() | st.text(max_size=400),
)
def test_any_prompt_is_told_or_refused(
    prompt: str, negative: str, style: str, strength: float, extend: bool, answer: str | None
) -> None:
    asked = spec(prompt, negative_prompt=negative, style=style, style_strength=strength, extend_prompt=extend)
    written = None if answer is None else Written(answer, "somebody")
    if not normal(prompt) or "@" in negative:
        with suppress(InvalidArgument):
            told(asked, card(), written)
        return
    found = told(asked, card(), written)
    assert " ".join(prompt.split()) in found.prompt or "extended by somebody" in found.notes
