"""Bidirectional order: levels and reordering by the Unicode Bidirectional Algorithm (UAX #9), isolates and all.

Rules are named as there. Each character's class is that of Python's own Unicode data.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from typing import Final

_MAX_DEPTH: Final = 125
_ISOLATES: Final = frozenset({"LRI", "RLI", "FSI"})
_EMBEDDINGS: Final = frozenset({"RLE", "LRE", "RLO", "LRO"})
_REMOVED: Final = frozenset({*_EMBEDDINGS, "PDF", "BN"})
"""By rule X9."""
_NEUTRAL: Final = frozenset({"B", "S", "WS", "ON", *_ISOLATES, "PDI"})
_TRAILING: Final = frozenset({"WS", *_ISOLATES, "PDI", *_REMOVED})
_BRACKETS: Final = 63


def embedding_levels(paragraph: str) -> tuple[int, list[int]]:
    """The paragraph's own level (1 for right to left) and that of each character; odd levels run right to left.

    Explicit controls, which the algorithm takes out (X9), are given the level of what stands before them.
    """
    types = [unicodedata.bidirectional(char) or "L" for char in paragraph]
    matching = _matching_isolates(types)
    base = _first_strong(types, matching, 0, len(types)) or 0
    levels, changed = _explicit(types, matching, base)
    for sequence in _sequences(changed, levels, matching, base):
        _resolve(paragraph, changed, levels, sequence)
    for index, kind in enumerate(types):
        if kind in _REMOVED:
            levels[index] = levels[index - 1] if index else base
        elif kind in ("B", "S"):
            levels[index] = base
    return base, levels


def line_levels(text: str, levels: Sequence[int], base: int) -> list[int]:
    """A line's levels, with white space at its end and before tabs at the paragraph's level (L1)."""
    result = list(levels)
    ends = True
    for index in range(len(text) - 1, -1, -1):
        kind = unicodedata.bidirectional(text[index])
        ends = kind in ("B", "S") or (ends and kind in _TRAILING)
        if ends:
            result[index] = base
    return result


def visual_order(levels: Sequence[int]) -> list[int]:
    """The positions of runs with these levels from left to right (L2)."""
    order = list(range(len(levels)))
    odd = [level for level in levels if level % 2]
    if not odd:
        return order
    for level in range(max(levels), min(odd) - 1, -1):
        start = 0
        while start < len(order):
            if levels[order[start]] < level:
                start += 1
                continue
            end = start
            while end < len(order) and levels[order[end]] >= level:
                end += 1
            order[start:end] = order[start:end][::-1]
            start = end
    return order


def _matching_isolates(types: Sequence[str]) -> dict[int, int]:
    """Where each isolate that is closed ends (BD9)."""
    found: dict[int, int] = {}
    opened: list[int] = []
    for index, kind in enumerate(types):
        if kind in _ISOLATES:
            opened.append(index)
        elif kind == "PDI" and opened:
            found[opened.pop()] = index
    return found


def _first_strong(types: Sequence[str], matching: dict[int, int], start: int, end: int) -> int | None:
    """The level that the first strong character asks for, isolates left out (P2, P3); None where there is none."""
    index = start
    while index < end:
        kind = types[index]
        if kind in ("L", "R", "AL"):
            return 0 if kind == "L" else 1
        index = matching.get(index, end) + 1 if kind in _ISOLATES else index + 1
    return None


def _explicit(types: Sequence[str], matching: dict[int, int], base: int) -> tuple[list[int], list[str]]:
    """Levels and classes after the explicit controls have been followed (X1 to X8)."""
    levels, changed = [base] * len(types), list(types)
    stack: list[tuple[int, str, bool]] = [(base, "", False)]
    overflow_isolates = overflow_embeddings = valid_isolates = 0
    for index, kind in enumerate(types):
        level, override, _ = stack[-1]
        if kind in _EMBEDDINGS or kind in _ISOLATES:
            isolate = kind in _ISOLATES
            levels[index] = level
            if isolate and override:
                changed[index] = override
            if kind == "FSI":
                strong = _first_strong(types, matching, index + 1, matching.get(index, len(types)))
                to_right = strong == 1
            else:
                to_right = kind in ("RLE", "RLO", "RLI")
            deeper = (level + 1) | 1 if to_right else (level + 2) & ~1
            if deeper <= _MAX_DEPTH and not overflow_isolates and not overflow_embeddings:
                valid_isolates += isolate
                stack.append((deeper, {"RLO": "R", "LRO": "L"}.get(kind, ""), isolate))
            elif isolate:
                overflow_isolates += 1
            elif not overflow_isolates:
                overflow_embeddings += 1
        elif kind == "PDI":
            if overflow_isolates:
                overflow_isolates -= 1
            elif valid_isolates:
                overflow_embeddings = 0
                while not stack[-1][2]:
                    stack.pop()
                stack.pop()
                valid_isolates -= 1
            levels[index] = stack[-1][0]
            changed[index] = stack[-1][1] or kind
        elif kind == "PDF":
            if not overflow_isolates:
                if overflow_embeddings:
                    overflow_embeddings -= 1
                elif not stack[-1][2] and len(stack) > 1:
                    stack.pop()
            levels[index] = stack[-1][0]
        elif kind != "B":
            levels[index] = level
            if override and kind != "BN":
                changed[index] = override
    return levels, changed


@dataclass
class _Sequence:
    """An isolating run sequence (BD13): what is resolved as if it stood together."""

    places: list[int] = field(default_factory=list)
    before: str = "L"
    after: str = "L"
    """The directions at its borders (X10)."""


def _sequences(types: Sequence[str], levels: Sequence[int], matching: dict[int, int], base: int) -> list[_Sequence]:
    runs: list[list[int]] = []
    kept = [index for index, kind in enumerate(types) if kind not in _REMOVED]
    for index in kept:
        if runs and levels[runs[-1][-1]] == levels[index]:
            runs[-1].append(index)
        else:
            runs.append([index])
    beginning = {run[0]: run for run in runs}
    ends = set(matching.values())
    sequences: list[_Sequence] = []
    place = {index: number for number, index in enumerate(kept)}
    for run in runs:
        if run[0] in ends:
            continue
        joined = list(run)
        while joined[-1] in matching and matching[joined[-1]] in beginning:
            joined.extend(beginning[matching[joined[-1]]])
        first, last = place[joined[0]], place[joined[-1]]
        level = levels[joined[0]]
        earlier = levels[kept[first - 1]] if first else base
        # An isolate that is never closed borders on the paragraph's own level.
        open_ended = types[joined[-1]] in _ISOLATES or last + 1 == len(kept)
        later = base if open_ended else levels[kept[last + 1]]
        sequences.append(_Sequence(joined, _direction(max(earlier, level)), _direction(max(later, level))))
    return sequences


def _direction(level: int) -> str:
    return "R" if level % 2 else "L"


def _resolve(text: str, types: list[str], levels: list[int], sequence: _Sequence) -> None:
    places = sequence.places
    kinds = [types[place] for place in places]
    level = levels[places[0]]
    _weak(kinds, sequence.before)
    _paired(text, places, kinds, _direction(level), sequence.before, [types[place] for place in places])
    _neutral(kinds, _direction(level), sequence.before, sequence.after)
    for place, kind in zip(places, kinds, strict=True):
        if level % 2:
            levels[place] = level + (kind in ("L", "EN", "AN"))
        elif kind != "L":
            levels[place] = level + (1 if kind == "R" else 2)


def _weak(kinds: list[str], before: str) -> None:
    """W1 to W7."""
    previous = strong = before
    for index, kind in enumerate(kinds):
        if kind == "NSM":
            kinds[index] = "ON" if previous in _ISOLATES or previous == "PDI" else previous
        previous = kinds[index]
    for index, kind in enumerate(kinds):
        if kind in ("L", "R", "AL"):
            strong = kind
        elif kind == "EN" and strong == "AL":
            kinds[index] = "AN"
    for index, kind in enumerate(kinds):
        if kind == "AL":
            kinds[index] = "R"
    for index in range(1, len(kinds) - 1):
        around = kinds[index - 1]
        if around == kinds[index + 1] and (
            (kinds[index] == "ES" and around == "EN") or (kinds[index] == "CS" and around in ("EN", "AN"))
        ):
            kinds[index] = around
    index = 0
    while index < len(kinds):
        end = index
        while end < len(kinds) and kinds[end] == "ET":
            end += 1
        if end > index and ((index and kinds[index - 1] == "EN") or (end < len(kinds) and kinds[end] == "EN")):
            kinds[index:end] = ["EN"] * (end - index)
        index = max(end, index + 1)
    strong = before
    for index, kind in enumerate(kinds):
        if kind in ("ES", "ET", "CS"):
            kinds[index] = "ON"
        elif kind in ("L", "R"):
            strong = kind
        elif kind == "EN" and strong == "L":
            kinds[index] = "L"


def _strong(kind: str) -> str:
    """The direction of a class where numbers count as right to left (N0, N1); empty for a neutral one."""
    return "R" if kind in ("R", "EN", "AN") else "L" if kind == "L" else ""


def _paired(
    text: str, places: Sequence[int], kinds: list[str], embedding: str, before: str, original: Sequence[str]
) -> None:
    """N0: both brackets of a pair take one direction."""
    for opening, closing in _pairs(text, places, kinds):
        inside = {_strong(kind) for kind in kinds[opening + 1 : closing]} - {""}
        if embedding in inside:
            direction = embedding
        elif inside:
            context = next((found for kind in reversed(kinds[:opening]) if (found := _strong(kind))), before)
            direction = context if context in inside else embedding
        else:
            continue
        for place in (opening, closing):
            kinds[place] = direction
            # Marks on a bracket go with it.
            follow = place + 1
            while follow < len(kinds) and original[follow] == "NSM":
                kinds[follow] = direction
                follow += 1


def _pairs(text: str, places: Sequence[int], kinds: Sequence[str]) -> list[tuple[int, int]]:
    """Pairs of brackets in order of their openings (BD16)."""
    found: list[tuple[int, int]] = []
    opened: list[tuple[str, int]] = []
    for index, place in enumerate(places):
        if kinds[index] != "ON":
            continue
        opens, closes = _bracket(text[place])
        if opens:
            if len(opened) == _BRACKETS:
                return []
            opened.append((opens, index))
        elif closes:
            for depth in range(len(opened) - 1, -1, -1):
                if opened[depth][0] == closes:
                    found.append((opened[depth][1], index))
                    del opened[depth:]
                    break
    return sorted(found)


def _bracket(char: str) -> tuple[str, str]:
    """The closing bracket that an opening one waits for, and a closing one itself; both empty for other characters."""
    kind = unicodedata.category(char)
    if kind not in ("Ps", "Pe"):
        return "", ""
    # Some angle brackets are canonically the same, and close each other.
    closing = _closings().get(char, char if kind == "Pe" else "")
    closing = unicodedata.normalize("NFC", closing)
    return (closing, "") if kind == "Ps" else ("", closing)


@cache
def _closings() -> dict[str, str]:
    """By opening bracket, the closing one. In Unicode's order they follow each other, but for two crossed pairs."""
    mirrored = [char for char in map(chr, range(0x10000)) if unicodedata.mirrored(char)]
    brackets = [char for char in mirrored if unicodedata.category(char) in ("Ps", "Pe")]
    pairs = {
        one: other
        for one, other in pairwise(brackets)
        if (unicodedata.category(one), unicodedata.category(other)) == ("Ps", "Pe")
    }
    return pairs | {"\u298d": "\u2990", "\u298f": "\u298e"}


def _neutral(kinds: list[str], embedding: str, before: str, after: str) -> None:
    """N1 and N2."""
    index = 0
    while index < len(kinds):
        end = index
        while end < len(kinds) and kinds[end] in _NEUTRAL:
            end += 1
        if end > index:
            left = _strong(kinds[index - 1]) if index else before
            right = _strong(kinds[end]) if end < len(kinds) else after
            kinds[index:end] = [left if left == right else embedding] * (end - index)
        index = max(end, index + 1)
