"""CDL."""

import PyOpenColorIO as ocio

from artifex.nodes import Boolean, Choice, Color, Colour, Float, MediaSource, Request
from services.graph.nodes.color.change import ColourChange
from services.graph.nodes.color.spaces import SPACES, into, limited, out_of


class CDL(ColourChange):
    """Grades by the ASC Color Decision List: slope, offset and power of each channel, and a saturation.

    In the space named, on straight colour, for each channel c:

        c = (c · slope + offset) ^ power
        c = Y + saturation · (c − Y),  Y = 0.2126 r + 0.7152 g + 0.0722 b

    With `clamp`, c is brought within 0 and 1 before the power and at the end, as the ASC's definition (ASC CDL 1.2)
    has it; without, nothing is cut, and what is negative passes the power as it is, as OpenColorIO has it. A list that
    came from a set was made in some space, and means what it did only there: the ACES workflow has it in ACEScct.
    With `mix` the picture is c + mix · (graded − c), in the working space. Alpha does not change.

    Memory: the frame, changed in place. Cost: one pass, shared with neighbouring colour nodes unless it is mixed.
    """

    slope = Color((1.0, 1.0, 1.0, 1.0), minimum=0, maximum=100, doc="Multiplies each channel.")
    offset = Color((0.0, 0.0, 0.0, 1.0), minimum=-10, maximum=10, doc="Added to each channel.")
    power = Color((1.0, 1.0, 1.0, 1.0), minimum=0.05, maximum=20, doc="Above 1 darkens the middle, below brightens.")
    saturation = Float(1.0, minimum=0, maximum=10, doc="0 is grey, 1 changes nothing.")
    clamp = Boolean(default=False, doc="Cut at 0 and 1, as the ASC has it; else nothing is cut.")
    space = Choice("acescct", choices=SPACES, doc="The space that the list was made in.")

    def neutral(self) -> bool:
        kept = self.slope[:3] == self.power[:3] == (1.0, 1.0, 1.0) and self.offset[:3] == (0.0, 0.0, 0.0)
        return kept and self.saturation == 1.0 and not self.clamp

    def cost(self, request: Request) -> float:
        return 8.0

    def transforms(self, colour: Colour, source: MediaSource | None) -> list[ocio.Transform]:
        cdl = ocio.CDLTransform()
        cdl.setSlope(list(self.slope[:3]))
        cdl.setOffset(list(self.offset[:3]))
        cdl.setPower(list(self.power[:3]))
        cdl.setSat(self.saturation)
        cdl.setStyle(ocio.CDL_ASC if self.clamp else ocio.CDL_NO_CLAMP)
        space, working = self.space, colour.working_space
        return [*into(space, working), cdl, limited(space), *out_of(space, working)]
