"""Shaping: from characters to glyphs of fonts that have them."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import uharfbuzz as hb

from services.graph.nodes.typography.fonts import Font, is_invisible


@dataclass(frozen=True, slots=True)
class Glyph:
    """One glyph; all lengths in em, x right and y up from the pen."""

    font: Font
    index: int
    cluster: int
    """Which character of the paragraph it stands for, the first of several."""
    advance: float
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Run:
    """Characters of one font, script and direction."""

    start: int
    end: int
    font: Font
    level: int


def clusters(text: str) -> list[tuple[int, int]]:
    """The user-perceived characters of a text as ranges: a base with all that joins it.

    A working subset of UAX #29: marks, joiners and what they join, Hangul syllables of conjoining jamo.
    """
    ranges: list[tuple[int, int]] = []
    start = 0
    for index in range(1, len(text) + 1):
        if index == len(text) or not _joins(text[index - 1], text[index]):
            ranges.append((start, index))
            start = index
    return ranges if text else []


def _joins(before: str, char: str) -> bool:
    if unicodedata.category(char) in ("Mn", "Mc", "Me") or is_invisible(char) or before == "\u200d":
        return True
    vowel_or_final = "\u1160" <= char <= "\u11ff"
    return vowel_or_final and ("\u1100" <= before <= "\u11ff" or "\uac00" <= before <= "\ud7a3")


def runs(text: str, levels: Sequence[int], fonts: Sequence[Font]) -> list[Run]:
    """The runs of a text in logical order. A cluster that no font covers is left to the first, as its missing glyph."""
    result: list[Run] = []
    script_before = ""
    for start, end in clusters(text):
        part = text[start:end]
        before = result[-1] if result else None
        script = _script(part)
        # What has no script of its own, such as a space or a full stop, stays with what stands before it.
        ordered = [before.font, *fonts] if before is not None and not script and not part.isdigit() else fonts
        chosen = next((font for font in ordered if font.covers(part)), fonts[0])
        same_script = not script or not script_before or script == script_before
        if before is not None and before.font is chosen and before.level == levels[start] and same_script:
            result[-1] = Run(before.start, end, chosen, before.level)
        else:
            result.append(Run(start, end, chosen, levels[start]))
            script_before = ""
        script_before = script or script_before
    return result


def _script(part: str) -> str:
    """The script of a cluster as the first word of its letter's name ("LATIN", "HANGUL"); empty for signs."""
    letter = next((char for char in part if char.isalpha()), "")
    return unicodedata.name(letter, "").partition(" ")[0] if letter else ""


def shape(text: str, run: Run) -> list[Glyph]:
    """The run's glyphs from left to right. The rest of `text` is seen as context, so Arabic joins across runs."""
    buffer = hb.Buffer()
    buffer.add_str(text, run.start, run.end - run.start)
    buffer.guess_segment_properties()
    buffer.direction = "rtl" if run.level % 2 else "ltr"
    hb.shape(run.font.shaper, buffer, {"kern": True, "liga": True})
    units = run.font.units
    return [
        Glyph(
            run.font,
            info.codepoint,
            info.cluster,
            position.x_advance / units,
            position.x_offset / units,
            position.y_offset / units,
        )
        for info, position in zip(buffer.glyph_infos, buffer.glyph_positions, strict=True)
    ]
