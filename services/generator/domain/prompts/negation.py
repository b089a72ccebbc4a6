"""Whether a word that a text has is one that it does without: "no people", "사람이 없는", "没有人"."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from typing import Final

ENDS: Final = frozenset(".;:!?")
COMMA: Final = ","
_NEGATORS: Final = frozenset(
    {"no", "without", "not", "never", "avoid", "avoiding", "nor", "neither", "cannot", "lacking"}
)
_AFTER_ALL: Final = frozenset(
    {"only", "just", "merely", "far", "doubt", "matter", "ending", "stop", "stops", "stopping"}
)
"""After a negator these take it back: "not only", "never-ending", "not far from"."""
_BREAKS: Final = frozenset(
    {"in", "on", "at", "by", "over", "under", "near", "beside", "behind", "through", "from", "into", "across", "along"}
    | {"above", "below", "against", "with", "while", "as", "but", "where", "which", "who", "that", "then"}
)
"""Where one thing ends and another begins: of "a cat that does not move on a sofa" the sofa is not negated."""
_ARTICLES: Final = frozenset({"a", "an", "the", "one", "two", "some"})
_REACH: Final = 4
"""Words after a negator that it may negate: "without any visible people"."""
_ITEM: Final = 3
"""Words that a thing in a list has at the most."""

_AT_ALL: Final = r"(?:전혀|하나도|아무도|거의|아예|한\s?(?:점|명|마리|대|방울|송이|줄기|사람)도?)?\s*"
_GONE: Final = (
    _AT_ALL + r"(?:없|아닌|아니[고라]|빼고|제외|말고|금지|안\s?(?:보이|나오)"
    r"|(?:보이|나오|등장하|나타나|들어가|들어오|존재하|있|오|내리|불|끼|섞이|찍히)지[는도]?\s?않)"
)
_JOINED: Final = r"(?:와|과|이나|나|하고|이랑|랑|,|·|/|\s+및|\s+또는|\s+혹은)\s*[가-힣a-z]{1,8}?(?:\s[가-힣]{1,5})?"
_KOREAN: Final = re.compile(
    rf"^(?:하|되)?지[는도]?\s?않|^[가-힣]{{0,3}}\s*{_GONE}|^(?:들)?(?:{_JOINED}){{1,4}}[가-힣]{{0,2}}\s*{_GONE}"
)
_DO_WITHOUT: Final = r"(?:没有|没|看不到|看不见|不要|不带|不含|不包含|不出现|不显示|毫?无|避免|去除|去掉|禁止|排除)"
_ANY: Final = r"(?:出现|任何|其他|其它|可见的|明显的|多余的|一个|一丝|一点|一)*"
_CHINESE: Final = re.compile(
    rf"(?:没有|不要|避免|去除|去掉|禁止|排除){_ANY}[^的\s\W]{{0,2}}$"
    rf"|{_DO_WITHOUT}{_ANY}$"
    r"|(?:不|别(?:出现|有|加|带|用|写))$"
    rf"|{_DO_WITHOUT}(?:[^的\s\W]{{1,6}}?(?:以及|或者|也没有|[和或与及、])){{1,5}}[^的\s\W]{{0,2}}$"
)
_CHINESE_AFTER: Final = re.compile(r"^影?[都也](?:没有|不见|看不到)|^(?:不|未|没有)出现")
AROUND: Final = 40
"""Characters before and after a word that `negated_around` looks at."""


def negated_words(tokens: Sequence[str]) -> frozenset[int]:
    """Which of an English text's tokens, its words and punctuation in lower case, are negated."""
    found: set[int] = set()
    for place, token in enumerate(tokens):
        following = tokens[place + 1] if place + 1 < len(tokens) else ""
        if (token in _NEGATORS or token.endswith("n't")) and following not in _AFTER_ALL:
            found.update(_reached(tokens, place + 1))
        elif token in ("free", "devoid") and following == "of":
            found.update(_reached(tokens, place + 2))
    return frozenset(found)


def negated_around(before: str, after: str) -> bool:
    """Whether Korean or Chinese negates what is between, by at most `AROUND` characters of each side."""
    return _done_without_after(after) or _done_without_before(before.rstrip())


# Kept, since hundreds of terms are looked for in one text.
@functools.lru_cache(maxsize=4096)
def _done_without_after(after: str) -> bool:
    return bool(_KOREAN.match(after) or _CHINESE_AFTER.match(after))


@functools.lru_cache(maxsize=4096)
def _done_without_before(before: str) -> bool:
    return bool(_CHINESE.search(before))


def _reached(tokens: Sequence[str], first: int) -> list[int]:
    found: list[int] = []
    left = _REACH
    for place in range(first, len(tokens)):
        token = tokens[place]
        if token == COMMA:
            return found + _listed(tokens, place + 1)
        if token in ENDS or left == 0 or (token in _BREAKS and place > first):
            break
        if token == "and" and tokens[place + 1 : place + 2] and tokens[place + 1] in _ARTICLES:
            break
        left = _REACH if token in ("or", "nor") else left - 1
        found.append(place)
    return found


def _listed(tokens: Sequence[str], first: int) -> list[int]:
    """The rest of a list that ends with an "or", as "no text, logos or watermarks" does; nothing where it does not."""
    found: list[int] = []
    words, last = 0, False
    for place in range(first, len(tokens)):
        token = tokens[place]
        if token in ENDS or (token == COMMA and last):
            break
        if token in ("or", "nor"):
            last = True
            words = 0
        elif token == COMMA:
            words = 0
        elif words == _ITEM or token in _BREAKS:
            break
        else:
            words += 1
            found.append(place)
    return found if last else []
