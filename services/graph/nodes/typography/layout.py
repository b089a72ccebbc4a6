"""Layout: where every glyph of a text stands."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from services.graph.nodes.typography.bidi import embedding_levels, line_levels, visual_order
from services.graph.nodes.typography.fonts import Font, font
from services.graph.nodes.typography.lines import break_lines
from services.graph.nodes.typography.segments import SPACES
from services.graph.nodes.typography.shaping import Face, Glyph, runs, shape, spacing_of

ALIGNMENTS = ("left", "center", "right", "justify", "start", "end")
"""How lines stand in their box; start and end are by each paragraph's own direction."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A glyph and where its origin stands, in pixels, from the top left of the text's box."""

    font: Font
    index: int
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Bar:
    """A filled rectangle, in pixels from the top left of the text's box: a piece of an underline."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, slots=True)
class Layout:
    """A text that is set; sizes in pixels."""

    glyphs: tuple[Placed, ...]
    width: float
    height: float
    bars: tuple[Bar, ...] = ()

    def scaled(self, factor: float) -> "Layout":
        """The same text, set larger or smaller."""
        if factor == 1.0:
            return self
        placed = tuple(Placed(glyph.font, glyph.index, glyph.x * factor, glyph.y * factor) for glyph in self.glyphs)
        bars = tuple(
            Bar(bar.left * factor, bar.top * factor, bar.right * factor, bar.bottom * factor) for bar in self.bars
        )
        return Layout(placed, self.width * factor, self.height * factor, bars)

    def moved(self, x: float, y: float) -> "Layout":
        """The same text elsewhere in a box of the same size."""
        placed = tuple(replace(glyph, x=glyph.x + x, y=glyph.y + y) for glyph in self.glyphs)
        bars = tuple(Bar(bar.left + x, bar.top + y, bar.right + x, bar.bottom + y) for bar in self.bars)
        return Layout(placed, self.width, self.height, bars)


@dataclass(frozen=True, slots=True)
class Style:
    """How a text is set; all that is no ratio in pixels."""

    family: str
    weight: str
    size: float
    align: str
    wrap: float
    """The width of lines, 0 for lines as long as they are."""
    line_spacing: float
    letter_spacing: float = 0.0
    breaks: str = SPACES
    """One of `segments.BREAKS`."""
    italic: bool = False
    tight: bool = False
    """Whether the box is as wide as the widest line, however wide lines may be."""

    @property
    def face(self) -> Face:
        return Face(self.family, self.weight, self.italic)


@dataclass(frozen=True, slots=True)
class _Line:
    glyphs: list[Glyph]
    right_to_left: bool
    last: bool
    """Of its paragraph."""
    stretch: tuple[tuple[int, float], ...] = ()

    def width(self, size: float) -> float:
        return sum(glyph.advance for glyph in self.glyphs) * size


def set_text(text: str, style: Style, faces: Sequence[Face] = ()) -> Layout:
    """The layout of a text, whose paragraphs are separated by line feeds; `faces`, one for each character, or none for
    the style's own.

    Lines break at spaces, or as `style.breaks` says, and within words only where one alone is wider than a line.
    """
    given = list(faces) or [style.face] * len(text)
    lines: list[_Line] = []
    for paragraph, of_paragraph in _paragraphs(text, given):
        lines.extend(_set_paragraph(paragraph, of_paragraph, style))
    first = font(style.family, style.weight, style.italic)
    widths = [line.width(style.size) for line in lines]
    box = max(widths if style.tight else [style.wrap, *widths])
    step = (first.ascent + first.descent + first.line_gap) * style.size * style.line_spacing
    placed: list[Placed] = []
    bars: list[Bar] = []
    for number, (line, width) in enumerate(zip(lines, widths, strict=True)):
        base_line = first.ascent * style.size + number * step
        extra = _stretched(line, box - width) if style.align == "justify" and style.wrap > 0 else {}
        pen = (box - width - sum(extra.values())) * _share(style.align, line)
        for index, glyph in enumerate(line.glyphs):
            x, y = pen + glyph.x * style.size, base_line - glyph.y * style.size
            placed.append(Placed(glyph.font, glyph.index, x, y))
            after = pen + glyph.advance * style.size + extra.get(index, 0.0)
            if glyph.underline:
                _underline(bars, pen, after, base_line, style)
            pen = after
    height = (first.ascent + first.descent) * style.size + (len(lines) - 1) * step
    return Layout(tuple(placed), box, height, tuple(bars))


def _paragraphs(text: str, faces: Sequence[Face]) -> list[tuple[str, list[Face]]]:
    """Each paragraph with its characters' faces; a tab is four spaces."""
    paragraphs: list[tuple[str, list[Face]]] = [("", [])]
    characters: list[str] = []
    own: list[Face] = []
    for index, (char, face) in enumerate(zip(text, faces, strict=True)):
        if char == "\r" and text[index + 1 : index + 2] == "\n":
            continue
        if char == "\n":
            paragraphs[-1] = ("".join(characters), own)
            paragraphs.append(("", []))
            characters, own = [], []
            continue
        written = "    " if char == "\t" else char
        characters.append(written)
        own.extend([face] * len(written))
    paragraphs[-1] = ("".join(characters), own)
    return paragraphs


def _set_paragraph(text: str, faces: Sequence[Face], style: Style) -> list[_Line]:
    """Lines of glyphs from left to right."""
    base, levels = embedding_levels(text)
    wrap, spacing = style.wrap / style.size, style.letter_spacing / style.size
    advances, gaps = [0.0] * len(text), [0.0] * len(text)
    if wrap > 0:
        for run in runs(text, levels, faces):
            gaps[run.start : run.end] = [spacing_of(run, spacing)] * (run.end - run.start)
            for glyph in shape(text, run, spacing):
                advances[glyph.cluster] += glyph.advance
    lines: list[_Line] = []
    for start, end in break_lines(text, advances, wrap, style.breaks, gaps):
        part = text[start:end].rstrip() if end < len(text) else text[start:end]
        stop = start + len(part)
        line = runs(part, line_levels(part, levels[start:stop], base), faces[start:stop])
        order = visual_order([run.level for run in line])
        glyphs = [glyph for position in order for glyph in shape(part, line[position], spacing)]
        if spacing and glyphs:
            # Space is between letters; behind the last one it would push the line aside.
            glyphs[-1] = replace(glyphs[-1], advance=glyphs[-1].advance - spacing_of(line[order[-1]], spacing))
        lines.append(_Line(glyphs, bool(base % 2), end >= len(text), _spaces(part, glyphs)))
    return lines


def _spaces(text: str, glyphs: Sequence[Glyph]) -> tuple[tuple[int, float], ...]:
    """After which glyphs a line can be stretched, with their weights: spaces, or all clusters where there is none."""
    inner = range(len(glyphs) - 1)
    spaces = [index for index in inner if text[glyphs[index].cluster].isspace()]
    places = spaces or [index for index in inner if glyphs[index].cluster != glyphs[index + 1].cluster]
    return tuple((index, 1.0 / len(places)) for index in places)


def _stretched(line: _Line, room: float) -> dict[int, float]:
    """What to add after which glyph so that a justified line fills its box; the last of a paragraph is left alone."""
    return {} if line.last or room <= 0 else {index: weight * room for index, weight in line.stretch}


def _share(align: str, line: _Line) -> float:
    """Of the room beside a line, how much stands on its left."""
    if align in ("start", "justify"):
        return float(line.right_to_left)
    if align == "end":
        return float(not line.right_to_left)
    return {"left": 0.0, "center": 0.5, "right": 1.0}[align]


def _underline(bars: list[Bar], left: float, right: float, base_line: float, style: Style) -> None:
    """A tenth of the em below the base line and a fifteenth thick, one piece for as far as it goes."""
    top = base_line + 0.1 * style.size
    bottom = top + style.size / 15
    if bars and bars[-1].right == left and bars[-1].top == top:
        bars[-1] = Bar(bars[-1].left, top, right, bottom)
    else:
        bars.append(Bar(left, top, right, bottom))
