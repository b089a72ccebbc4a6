"""What nodes that set text share: fonts, spaces, outline, shadow and box."""

from typing import Final

from artifex.nodes import Boolean, Choice, Color, Float, Node, Vector2
from services.graph.nodes.typography.fonts import FAMILIES, WEIGHTS
from services.graph.nodes.typography.painting import Look
from services.graph.nodes.typography.segments import BREAKS, SPACES

BEHIND: Final = "behind"
OVER: Final = "over"


class LetteringNode(Node, base=True):
    """Text and how it looks."""

    font = Choice(
        "Noto Sans", choices=FAMILIES, doc="The family; what it lacks comes from the others, emoji in colour."
    )
    weight = Choice("regular", choices=tuple(WEIGHTS), doc="How heavy the strokes are, where a font has several.")
    italic = Boolean(False, doc="Italics; upright fonts without them lean by 12 degrees.")
    size = Float(64.0, minimum=1, maximum=2000, unit="px", doc="Height of the em.")
    color = Color((1.0, 1.0, 1.0, 1.0), minimum=0, maximum=1, doc="Display-encoded Rec.709, as a colour picker shows.")
    opacity = Float(1.0, minimum=0, maximum=1, doc="Of all that is drawn; 0 is invisible.")
    letter_spacing = Float(
        0.0, minimum=-500, maximum=500, unit="px", doc="Added between letters, but for those that join, as Arabic's."
    )
    line_spacing = Float(1.0, minimum=0.1, maximum=10, doc="Distance of lines, in the font's own.")
    breaks = Choice(
        SPACES,
        choices=BREAKS,
        doc="Where lines break: at spaces, by Unicode's rules, or by these and never within a word of any script.",
    )
    outline_width = Float(0.0, minimum=0, maximum=200, unit="px", doc="Thickness of a line around letters; 0 for none.")
    outline_color = Color((0.0, 0.0, 0.0, 1.0), minimum=0, maximum=1, doc="Display-encoded Rec.709.")
    outline_place = Choice(
        BEHIND, choices=(BEHIND, OVER), doc="All of it around the letters and behind them, or half of it over them."
    )
    shadow_opacity = Float(0.0, minimum=0, maximum=1, doc="How dense the shadow is; 0 for none.")
    shadow_color = Color((0.0, 0.0, 0.0, 1.0), minimum=0, maximum=1, doc="Display-encoded Rec.709.")
    shadow_offset = Vector2(
        (4.0, 4.0), minimum=-1000, maximum=1000, unit="px", doc="How far the shadow lies to the right and down."
    )
    shadow_softness = Float(
        4.0, minimum=0, maximum=200, unit="px", doc="The standard deviation of the shadow's blur; 0 is hard."
    )
    box_opacity = Float(0.0, minimum=0, maximum=1, doc="How dense the box behind the text is; 0 for none.")
    box_color = Color((0.0, 0.0, 0.0, 1.0), minimum=0, maximum=1, doc="Display-encoded Rec.709.")
    box_padding = Vector2(
        (16.0, 8.0), minimum=0, maximum=1000, unit="px", doc="By how much it is larger, on both sides each way."
    )
    box_radius = Float(0.0, minimum=0, maximum=1000, unit="px", doc="Of its corners.")

    def look(self, scale: float) -> Look:
        """How the text is painted at so many pixels for each of the document's."""
        return Look(
            fill=self.color,
            outline=self.outline_width * scale,
            outline_paint=self.outline_color,
            outline_over=self.outline_place == OVER,
            shadow=self.shadow_opacity,
            shadow_paint=self.shadow_color,
            shadow_offset=(self.shadow_offset[0] * scale, self.shadow_offset[1] * scale),
            shadow_softness=self.shadow_softness * scale,
            box=self.box_opacity,
            box_paint=self.box_color,
            box_padding=(self.box_padding[0] * scale, self.box_padding[1] * scale),
            box_radius=self.box_radius * scale,
        )
