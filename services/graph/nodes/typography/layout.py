"""Lines: where every glyph of a text stands."""

from dataclasses import dataclass

from services.graph.nodes.typography.bidi import embedding_levels, line_levels, visual_order
from services.graph.nodes.typography.fonts import Font, fallback
from services.graph.nodes.typography.shaping import Glyph, clusters, runs, shape


@dataclass(frozen=True, slots=True)
class Placed:
    """A glyph and where its origin stands, in pixels, from the top left of the text's box."""

    font: Font
    index: int
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Layout:
    """A text that is set; sizes in pixels."""

    glyphs: tuple[Placed, ...]
    width: float
    height: float

    def scaled(self, factor: float) -> "Layout":
        """The same text, set larger or smaller."""
        if factor == 1.0:
            return self
        placed = (Placed(glyph.font, glyph.index, glyph.x * factor, glyph.y * factor) for glyph in self.glyphs)
        return Layout(tuple(placed), self.width * factor, self.height * factor)


@dataclass(frozen=True, slots=True)
class Style:
    """How a text is set. `wrap` is the width of lines in pixels, 0 for lines as long as they are."""

    family: str
    weight: str
    size: float
    align: str
    wrap: float
    line_spacing: float


def set_text(text: str, style: Style) -> Layout:
    """The layout of a text, whose paragraphs are separated by line feeds.

    Lines break at spaces, and within words only where one alone is wider than a line.
    """
    fonts = fallback(style.family, style.weight)
    first = fonts[0]
    lines: list[list[Glyph]] = []
    for paragraph in text.replace("\r\n", "\n").replace("\t", "    ").split("\n"):
        lines.extend(_set_paragraph(paragraph, fonts, style.wrap / style.size))
    widths = [sum(glyph.advance for glyph in line) * style.size for line in lines]
    box = max([style.wrap, *widths])
    step = (first.ascent + first.descent + first.line_gap) * style.size * style.line_spacing
    share = {"left": 0.0, "center": 0.5, "right": 1.0}[style.align]
    placed: list[Placed] = []
    for number, (line, width) in enumerate(zip(lines, widths, strict=True)):
        pen = (box - width) * share
        base_line = first.ascent * style.size + number * step
        for glyph in line:
            x, y = pen + glyph.x * style.size, base_line - glyph.y * style.size
            placed.append(Placed(glyph.font, glyph.index, x, y))
            pen += glyph.advance * style.size
    height = (first.ascent + first.descent) * style.size + (len(lines) - 1) * step
    return Layout(tuple(placed), box, height)


def _set_paragraph(text: str, fonts: list[Font], wrap: float) -> list[list[Glyph]]:
    """Lines of glyphs from left to right; `wrap` in em."""
    base, levels = embedding_levels(text)
    advances = [0.0] * len(text)
    if wrap > 0:
        for run in runs(text, levels, fonts):
            for glyph in shape(text, run):
                advances[glyph.cluster] += glyph.advance
    lines: list[list[Glyph]] = []
    for start, end in _break_lines(text, advances, wrap):
        part = text[start:end].rstrip() if end < len(text) else text[start:end]
        line = runs(part, line_levels(part, levels[start : start + len(part)], base), fonts)
        order = visual_order([run.level for run in line])
        lines.append([glyph for position in order for glyph in shape(part, line[position])])
    return lines


def _break_lines(text: str, advances: list[float], wrap: float) -> list[tuple[int, int]]:
    """Greedy lines as ranges of characters; spaces at a break belong to the line before it."""
    if wrap <= 0 or not text:
        return [(0, len(text))]
    lines: list[tuple[int, int]] = []
    start, width, last_break = 0, 0.0, 0
    for begin, end in clusters(text):
        advance = sum(advances[begin:end])
        is_space = text[begin:end].isspace()
        if not is_space and width + advance > wrap and begin > start:
            border = last_break if last_break > start else begin
            lines.append((start, border))
            start, width = border, sum(advances[border:begin])
        width += advance
        if is_space:
            last_break = end
    return [*lines, (start, len(text))]
