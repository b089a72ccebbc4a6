"""TextInput."""

from typing import Final

import numpy as np

from artifex.nodes import (
    MASK,
    REQUIRED,
    VIDEO,
    Choice,
    Color,
    Float,
    Frame,
    Node,
    Output,
    RenderContext,
    String,
    Vector2,
)
from services.graph.nodes.typography.fonts import FAMILIES, WEIGHTS
from services.graph.nodes.typography.layout import Style, set_text
from services.graph.nodes.typography.raster import coverage

_ANCHORS: Final = {
    "top_left": (0.0, 0.0),
    "top": (0.5, 0.0),
    "top_right": (1.0, 0.0),
    "left": (0.0, 0.5),
    "center": (0.5, 0.5),
    "right": (1.0, 0.5),
    "bottom_left": (0.0, 1.0),
    "bottom": (0.5, 1.0),
    "bottom_right": (1.0, 1.0),
}


class TextInput(Node):
    """Sets text in any of the installed scripts: Latin, Greek, Cyrillic, Devanagari, Hangul, Arabic, mixed at will.

    Characters are ordered by the Unicode Bidirectional Algorithm (UAX #9), each grapheme cluster is taken from the
    first font that has it, and HarfBuzz shapes the runs: Arabic letters join, marks find their places, ligatures and
    kerning apply. Lines break at line feeds and, with a wrap width, at spaces. Glyphs are drawn unhinted with exact
    area coverage at 1/64 pixel; the picture is colour · coverage · opacity, premultiplied, in scene-linear light.

    Memory: the pixels that the text covers. Cost: the shaping and drawing, once for as long as nothing changes.
    """

    category = "Input"

    video = Output(VIDEO, "The text on transparent black.")
    mask = Output(MASK, "The text's coverage, times the opacity.")

    text = String(REQUIRED, doc="The text; line feeds begin new lines.", max_length=4000)
    font = Choice("Noto Sans", choices=FAMILIES, doc="The family; what it lacks comes from the others.")
    weight = Choice("regular", choices=tuple(WEIGHTS), doc="How heavy the strokes are.")
    size = Float(64.0, minimum=1, maximum=2000, unit="px", doc="Height of the em.")
    color = Color((1.0, 1.0, 1.0, 1.0), minimum=0, maximum=1, doc="Display-encoded Rec.709, as a colour picker shows.")
    opacity = Float(1.0, minimum=0, maximum=1, doc="0 is invisible.")
    position = Vector2(
        (0.5, 0.5),
        minimum=-1000,
        maximum=1000,
        doc="Where the anchor lies, in parts of the document's width and height.",
    )
    anchor = Choice("center", choices=tuple(_ANCHORS), doc="Which point of the text's box lies at the position.")
    align = Choice("center", choices=("left", "center", "right"), doc="How lines stand in the box.")
    wrap = Float(0.0, minimum=0, maximum=16384, unit="px", doc="Width at which lines break; 0 for only at line feeds.")
    line_spacing = Float(1.0, minimum=0.1, maximum=10, doc="Distance of lines, in the font's own.")

    def render(self, context: RenderContext) -> Frame:
        request = context.request
        scale = float(request.scale)
        style = Style(self.font, self.weight, self.size, self.align, self.wrap, self.line_spacing)
        # Set at the document's size, so that a proxy breaks its lines where the full picture does.
        layout = set_text(self.text, style).scaled(scale)
        across, down = _ANCHORS[self.anchor]
        x = self.position[0] * request.width - across * layout.width
        y = self.position[1] * request.height - down * layout.height
        window, covered = coverage(layout, x, y, self.size * scale, request.region.intersect(request.surroundings))
        alpha = covered * np.float32(self.opacity * (1.0 if request.output.kind == MASK else self.color[3]))
        if request.output.kind == MASK:
            return Frame(alpha[..., None], window.x, window.y)
        red, green, blue = context.colour.from_display(self.color[:3])
        color = np.array([red, green, blue, 1.0], dtype=np.float32)
        return Frame(alpha[..., None] * color, window.x, window.y)
