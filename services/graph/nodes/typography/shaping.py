"""Shaping: from characters to glyphs of fonts that have them."""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import uharfbuzz as hb

from services.graph.nodes.typography.fonts import COLOUR_EMOJI, PLAIN_EMOJI, Font, fallback, font
from services.graph.nodes.typography.segments import clusters, is_emoji

_JOINED: Final = frozenset({"ARABIC", "SYRIAC", "MONGOLIAN", "NKO", "MANDAIC"})
"""Scripts whose letters hang together: space between them would cut words apart."""
_TOGETHER: Final = {"kern": True, "liga": True}
_APART: Final = {"kern": True, "liga": False, "clig": False}


@dataclass(frozen=True, slots=True)
class Face:
    """How characters are set."""

    family: str
    weight: str
    italic: bool = False
    underline: bool = False


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
    underline: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """Characters of one font, script, direction and face."""

    start: int
    end: int
    font: Font
    level: int
    face: Face
    script: str = ""


def runs(text: str, levels: Sequence[int], faces: Sequence[Face]) -> list[Run]:
    """The runs of a text in logical order. A cluster that no font covers is left to the first, as its missing glyph."""
    result: list[Run] = []
    script_before = ""
    for start, end in clusters(text):
        part, face = text[start:end], faces[start]
        before = result[-1] if result else None
        script = _script(part)
        ordered: Iterable[Font] = fallback(face.family, face.weight, face.italic)
        if is_emoji(part) and face.family != PLAIN_EMOJI:
            ordered = [font(COLOUR_EMOJI, face.weight, face.italic), *fallback(face.family, face.weight, face.italic)]
        elif (
            before is not None and not script and not part.isdigit() and before.face == face and not before.font.colour
        ):
            # What has no script of its own, such as a space or a full stop, stays with what stands before it.
            ordered = _first(before.font, ordered)
        chosen = next((each for each in ordered if each.covers(part)), None) or font(
            face.family, face.weight, face.italic
        )
        same_script = not script or not script_before or script == script_before
        if (
            before is not None
            and before.font is chosen
            and before.level == levels[start]
            and before.face == face
            and same_script
        ):
            result[-1] = Run(before.start, end, chosen, before.level, face, before.script or script)
        else:
            result.append(Run(start, end, chosen, levels[start], face, script))
            script_before = ""
        script_before = script or script_before
    return result


def _first(one: Font, others: Iterable[Font]) -> Iterable[Font]:
    yield one
    yield from others


def _script(part: str) -> str:
    """The script of a cluster as the first word of its letter's name ("LATIN", "HANGUL"); empty for signs."""
    letter = next((char for char in part if char.isalpha()), "")
    return unicodedata.name(letter, "").partition(" ")[0] if letter else ""


def shape(text: str, run: Run, spacing: float = 0.0) -> list[Glyph]:
    """The run's glyphs from left to right, with so much space after each cluster, in em.

    The rest of `text` is seen as context, so Arabic joins across runs. Where there is space between letters there are
    no ligatures, and in scripts whose letters join there is no space.
    """
    buffer = hb.Buffer()
    buffer.add_str(text, run.start, run.end - run.start)
    buffer.guess_segment_properties()
    buffer.direction = "rtl" if run.level % 2 else "ltr"
    spacing = spacing_of(run, spacing)
    hb.shape(run.font.shaper, buffer, _APART if spacing else _TOGETHER)
    units = run.font.units
    shaped = list(zip(buffer.glyph_infos, buffer.glyph_positions, strict=True))
    following = [info.cluster for info, _ in shaped[1:]]
    return [
        Glyph(
            run.font,
            info.codepoint,
            info.cluster,
            position.x_advance / units + (spacing if info.cluster != after else 0.0),
            position.x_offset / units,
            position.y_offset / units,
            run.face.underline,
        )
        for (info, position), after in zip(shaped, [*following, -1], strict=True)
    ]


def spacing_of(run: Run, spacing: float) -> float:
    """What of the space between letters a run takes."""
    return 0.0 if run.script in _JOINED else spacing
