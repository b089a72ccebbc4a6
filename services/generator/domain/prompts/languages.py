"""Which language a prompt is in, and how long it is. Prompts stay in their language; so does what is added to them."""

from __future__ import annotations

import enum
import re
import unicodedata
from typing import Final

_HANGUL: Final = re.compile(r"[\u1100-\u11ff\u3130-\u318f\uac00-\ud7a3]")
_HAN: Final = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_KANA: Final = re.compile(r"[\u3040-\u30ff]")
_LETTER: Final = re.compile(r"[^\W\d_]")
_QUOTED: Final = re.compile(
    '"[^"]*"|\u201c[^\u201d]*\u201d|\u300c[^\u300d]*\u300d|\u300e[^\u300f]*\u300f|\u00ab[^\u00bb]*\u00bb'
)
_WORD: Final = re.compile(r"[^\W_\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u3040-\u30ff]+")


class Language(enum.StrEnum):
    """Those that additions are written in."""

    ENGLISH = "en"
    KOREAN = "ko"
    CHINESE = "zh"


def language_of(text: str) -> Language:
    """By its letters. Korean or Chinese from a fifth of them on, so that names in Latin letters change nothing, nor
    does what is quoted, such as the writing on a sign.

    ENGLISH for every other language, Japanese included: the words are kept, and what is added is English.
    """
    text = unicodedata.normalize("NFKC", text)
    unquoted = _QUOTED.sub(" ", text)
    if _LETTER.search(unquoted):
        text = unquoted
    hangul, han = len(_HANGUL.findall(text)), len(_HAN.findall(text))
    enough = max(1, len(_LETTER.findall(text)) / 5)
    if hangul >= enough:
        return Language.KOREAN
    if han >= enough and not _KANA.search(text):
        return Language.CHINESE
    return Language.ENGLISH


def words_in(text: str) -> int:
    """As long as so many English words: one of Hangul, particles and all, counts 1.4, a Chinese character 0.6."""
    text = unicodedata.normalize("NFKC", text)
    words = _WORD.findall(text)
    korean = sum(1 for word in words if _HANGUL.search(word))
    characters = len(_HAN.findall(text)) + len(_KANA.findall(text))
    return round(len(words) + 0.4 * korean + 0.6 * characters)


def tokens_of(text: str) -> int:
    """About so many tokens of a multilingual text encoder, such as Wan's umT5: 1.4 for a word of letters, or one for
    four of its letters where that is more, 0.8 for a syllable of Hangul or a Chinese character."""
    text = unicodedata.normalize("NFKC", text)
    hangul, others = len(_HANGUL.findall(text)), len(_HAN.findall(text)) + len(_KANA.findall(text))
    letters = sum(max(1.4, len(word) / 4) for word in _WORD.findall(text) if not _HANGUL.search(word))
    return round(letters + 0.8 * (hangul + others))
