"""More words for a prompt, by a local instruction model: what it is asked, and whether its answer can be used."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from libs.chassis.errors import InvalidArgument
from services.generator.domain.prompts.languages import Language, language_of, words_in
from services.generator.domain.prompts.phrases import mentions
from services.generator.domain.prompts.refusal import check_prompt

MAX_WORDS: Final = 350
MIN_WORDS: Final = 50
MAX_TOKENS: Final = 700
"""That the model may answer: 350 words in any of the languages."""

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
_LEAD: Final = re.compile(r"^(?:(?:rewritten |revised )?prompt|프롬프트|提示词)\s*[:：]\s*", re.IGNORECASE)
_END: Final = re.compile(r"^.*[.!?…。！？]", re.DOTALL)
_THOUGHT: Final = re.compile(r"<think>.*?(?:</think>|\Z)", re.DOTALL)


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


def fault_of(text: str, language: Language, forbidden: Sequence[str], refused: Sequence[str] = ()) -> str:
    """Why a cleaned answer cannot be used; empty where it can."""
    length = words_in(text)
    if not MIN_WORDS <= length <= MAX_WORDS:
        return f"it has {length} words"
    if language_of(text) is not language:
        return f"it is not in {_NAMES[language]}"
    if "\ufffd" in text:
        return "it holds broken characters"
    if term := next((term for term in forbidden if mentions(text, term)), ""):
        return f"it asks for “{term}”, which is forbidden"
    try:
        check_prompt(text, refused)
    except InvalidArgument as error:
        return error.message
    return ""
