"""More words for a prompt, by a local instruction model: what it is asked, and whether its answer can be used."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from libs.chassis.errors import InvalidArgument
from services.generator.domain.prompts.languages import Language, language_of, words_in
from services.generator.domain.prompts.phrases import mentions, normal
from services.generator.domain.prompts.refusal import check_prompt

MAX_WORDS: Final = 350
MIN_WORDS: Final = 50
KEPT_SHARE: Final = 0.4
"""Of a prompt's words, that must be in what was written: a paraphrase has more, an apology or another scene less."""
MAX_TOKENS: Final = 700
"""That the model may answer: well over 200 words in any of the languages."""

_PICTURED: Final = """\
The clip begins with a picture that you do not see: tell what happens and how the camera moves, not how things look.
"""
_NAMES: Final = {Language.ENGLISH: "English", Language.KOREAN: "Korean", Language.CHINESE: "Chinese"}
_TASK: Final = """\
You write prompts for a text-to-video model. Tell the user's prompt as one paragraph of about 200 words in {language}.
Keep every person, thing, number, colour, action, direction and name that the user wrote, and contradict none of them.
Tell what the user left out: how the subject looks, how it moves, the surroundings, the light, the camera and its
movement, the framing, the colours, the mood. Describe only what is seen in one continuous shot of a few seconds.
{picture}{style}{forbidden}Answer with the paragraph alone: no title, no list, no quotation marks, no remarks."""
_LEAD: Final = re.compile(
    r"^(?:(?:sure|certainly|of course|okay|here(?:'s| is| are))\b[^:：\n]{0,120}[:：]\s*"
    r"|(?:네[,!. ]|물론|알겠|다음은|아래는)[^:：\n]{0,80}[:：]\s*|(?:好的|当然|以下是|下面是)[^:：\n]{0,60}[:：]\s*)?"
    r"(?:(?:(?:rewritten |revised |extended )?prompt|프롬프트|提示词)\s*[:：]\s*)?",
    re.IGNORECASE,
)
_HAN: Final = re.compile(r"[\u4e00-\u9fff]")
_HANGUL: Final = re.compile(r"[\uac00-\ud7a3]")
_PARTICLES: Final = frozenset("이가은는을를의에와과도로만")
_SMALL: Final = frozenset(
    {"the", "and", "for", "with", "from", "into", "over", "its", "his", "her", "out", "off", "are", "has", "who"}
    | {"one", "two", "all", "that", "this", "their", "while", "under", "very", "then", "there"}
)
"""Words that say little of what a text tells."""
_WORD: Final = re.compile(r"[\u4e00-\u9fff]+|[^\W_\u4e00-\u9fff]+")
_END: Final = re.compile(r"^.*(?:[.!?…](?=[\s\"'”’)]|\Z)|[。！？])[\"'”’」』)]*", re.DOTALL)
_THOUGHT: Final = re.compile(r"<think>.*?(?:</think>|\Z)|\A.*</think>", re.DOTALL)
"""The beginning of one is in the chat's template, with some models."""


@dataclass(frozen=True)
class Written:
    """A writer's answer."""

    text: str
    writer: str
    """The folder of its weights, and the first digits of their digest: who it was, for the record."""


def conversation(
    prompt: str, language: Language, style_words: Sequence[str], forbidden: Sequence[str], *, pictured: bool = False
) -> list[Mapping[str, str]]:
    """What the model is asked, as the messages of a chat."""
    style = f"The look is this: {', '.join(style_words)}.\n" if style_words else ""
    avoid = f"Do not mention: {', '.join(forbidden)}.\n" if forbidden else ""
    task = _TASK.format(language=_NAMES[language], picture=_PICTURED * pictured, style=style, forbidden=avoid)
    return [{"role": "system", "content": task}, {"role": "user", "content": prompt}]


def cleaned(answer: str) -> str:
    """One line, without what models like to put around: thoughts, headings, quotation marks, emphasis; and without a
    last sentence that was cut off."""
    text = " ".join(_THOUGHT.sub("", answer).replace("**", "").split())
    text = _LEAD.sub("", text).strip(" \"“”'`")
    whole = _END.match(text)
    return whole.group() if whole else text


def fault_of(text: str, prompt: str, language: Language, forbidden: Sequence[str], refused: Sequence[str] = ()) -> str:
    """Why a cleaned answer to a prompt cannot be used; empty where it can."""
    length = words_in(text)
    if not MIN_WORDS <= length <= MAX_WORDS:
        return f"it has {length} words"
    if language_of(text) is not language:
        return f"it is not in {_NAMES[language]}"
    if "\ufffd" in text:
        return "it holds broken characters"
    if _kept(prompt, text) < KEPT_SHARE:
        return "it tells of something else"
    if term := next((term for term in forbidden if mentions(text, term)), ""):
        return f"it asks for “{term}”, which is forbidden"
    try:
        check_prompt(text, refused)
    except InvalidArgument as error:
        return error.message
    return ""


def _kept(prompt: str, text: str) -> float:
    """Which share of the prompt's words the text has, by how they begin, since endings change."""
    words = _beginnings(prompt)
    told = frozenset[str]().union(*_beginnings(text))
    return sum(1 for word in words if word & told) / len(words) if words else 1.0


def _beginnings(text: str) -> set[frozenset[str]]:
    """Of each word, any of which may be how it begins: four letters, two syllables of Hangul, or one before a particle;
    two characters of Chinese from each place on."""
    found: set[frozenset[str]] = set()
    for word in _WORD.findall(normal(text)):
        if _HAN.match(word):
            found.update(frozenset({word[start : start + 2]}) for start in range(len(word) - 1))
        elif _HANGUL.match(word):
            found.add(_hangul_beginnings(word))
        elif len(word) > 2 and word not in _SMALL:
            found.add(frozenset({word[:4]}))
    return found


def _hangul_beginnings(word: str) -> frozenset[str]:
    """The second syllable without what ends it: "달린다" and "달리고" begin alike."""
    if len(word) == 1:
        return frozenset({word})
    second = ord(word[1])
    begun = {word[0] + (chr(second - (second - 0xAC00) % 28) if _HANGUL.match(word[1]) else word[1])}
    return frozenset(begun | {word[0]} if len(word) == 2 and word[1] in _PARTICLES else begun)
