"""TextInput."""

from typing import Final

from artifex.nodes import MASK, REQUIRED, VIDEO, Choice, Float, Frame, Output, RenderContext, String, Vector2
from services.graph.nodes.lettering import LetteringNode
from services.graph.nodes.typography.layout import ALIGNMENTS, Layout, Style, set_text
from services.graph.nodes.typography.painting import Spot, covered, painted

ANCHORS: Final = {
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
"""Points of a box, in parts of its width and height."""
_VERTICAL: Final = {"top": 0.0, "middle": 0.5, "bottom": 1.0}


class TextInput(LetteringNode):
    """Sets text in any script: Latin, Greek, Cyrillic, Hangul, Han, Arabic, Hebrew, Indic, emoji, mixed at will.

    Characters are ordered by the Unicode Bidirectional Algorithm (UAX #9), each grapheme cluster (UAX #29) is taken
    from the first font that has it, emoji from one that has them in colour, and HarfBuzz shapes the runs: Arabic
    letters join, marks find their places, ligatures and kerning apply. Lines break at line feeds and, with a wrap
    width, at spaces or as `breaks` says (UAX #14). Glyphs are drawn unhinted with exact area coverage at 1/64 pixel;
    the picture is colour · coverage · opacity, premultiplied, in scene-linear light. Emoji bring their colours along
    (COLR), drawn in 8 bits.

    From below: the box, the shadow (letters and outline, moved and blurred by a Gaussian), the outline with round
    joins, the letters. What is over another covers it (Porter and Duff's over, in scene-linear light).

    Memory: the pixels that all of it covers, three times, and the largest letter. Cost: the shaping and drawing, once
    for as long as nothing changes.
    """

    category = "Input"
    version = "1.1.0"

    video = Output(VIDEO, "The text on transparent black.")
    mask = Output(MASK, "What the letters and their outline cover, times the opacity.")

    text = String(REQUIRED, doc="The text; line feeds begin new lines.", max_length=4000)
    position = Vector2(
        (0.5, 0.5),
        minimum=-1000,
        maximum=1000,
        doc="Where the anchor lies, in parts of the document's width and height.",
    )
    anchor = Choice("center", choices=tuple(ANCHORS), doc="Which point of the text's box lies at the position.")
    align = Choice(
        "center",
        choices=ALIGNMENTS,
        doc="How lines stand in the box; justified ones fill its width, start and end are by the text's direction.",
    )
    wrap = Float(0.0, minimum=0, maximum=16384, unit="px", doc="Width at which lines break; 0 for only at line feeds.")
    box_height = Float(
        0.0, minimum=0, maximum=16384, unit="px", doc="Height of the text's box; 0 for as high as the text is."
    )
    vertical_align = Choice("top", choices=tuple(_VERTICAL), doc="How the text stands in a box of a given height.")

    def render(self, context: RenderContext) -> Frame:
        request = context.request
        scale = float(request.scale)
        # Set at the document's size, so that a proxy breaks its lines where the full picture does.
        layout = self._layout().scaled(scale)
        across, down = ANCHORS[self.anchor]
        x = self.position[0] * request.width - across * layout.width
        y = self.position[1] * request.height - down * layout.height
        spot = Spot(layout, x, y, self.size * scale)
        limit = request.region.intersect(request.surroundings)
        if request.output.kind == MASK:
            return covered(spot, self.look(scale), self.opacity, limit)
        return painted(spot, self.look(scale), self.opacity, limit, context.colour)

    def _layout(self) -> Layout:
        style = Style(
            self.font,
            self.weight,
            self.size,
            self.align,
            self.wrap,
            self.line_spacing,
            self.letter_spacing,
            self.breaks,
            self.italic,
        )
        layout = set_text(self.text, style)
        if not self.box_height:
            return layout
        moved = layout.moved(0.0, (self.box_height - layout.height) * _VERTICAL[self.vertical_align])
        return Layout(moved.glyphs, layout.width, self.box_height, moved.bars)
