"""ColorSpace."""

from collections.abc import Iterable, Sequence
from typing import Final

import PyOpenColorIO as ocio

from artifex.nodes import VIDEO, Boolean, Choice, Colour, Input, MediaSource, Node, Output, Request
from services.graph.nodes.color.spaces import PQ_WHITE, REFERENCE, SPACES, WORKING, into, limited, out_of, scaled

_NONE: Final = "none"
_VIEW: Final = "ACES-OUTPUT - ACES2065-1_to_CIE-XYZ-D65 - {}_2.0"
_VIEWS: Final = {
    "aces2_sdr_rec709": "SDR-100nit-REC709",
    "aces2_sdr_p3": "SDR-100nit-P3-D65",
    "aces2_hdr_500_p3": "HDR-500nit-P3-D65",
    "aces2_hdr_1000_p3": "HDR-1000nit-P3-D65",
    "aces2_hdr_2000_p3": "HDR-2000nit-P3-D65",
    "aces2_hdr_4000_p3": "HDR-4000nit-P3-D65",
    "aces2_hdr_500_rec2020": "HDR-500nit-REC2020",
    "aces2_hdr_1000_rec2020": "HDR-1000nit-REC2020",
    "aces2_hdr_2000_rec2020": "HDR-2000nit-REC2020",
    "aces2_hdr_4000_rec2020": "HDR-4000nit-REC2020",
}
_DISPLAYS: Final = {
    "display": "REC.1886-REC.709",
    "srgb": "sRGB",
    "display_p3": "DisplayP3",
    "p3": "G2.6-P3-D65",
    "rec2100_pq": "REC.2100-PQ",
    "rec2100_hlg": "REC.2100-HLG-1000nit",
}
_XYZ: Final = "UTILITY - ACES-AP0_to_CIE-XYZ-D65_BFD"
_GAMUT: Final = "ACES-LMT - ACES 1.3 Reference Gamut Compression"


class ColorSpace(Node):
    """Takes a picture from one colour space to another, or renders it for a display by the ACES 2 output transforms.

    On straight colour c, with I the way from the working space to `input_space`, and O that to `output_space`:

        O(I⁻¹(c))

    The words name what numbers mean. Everything before and after expects the working space, so a conversion mostly
    comes in pairs: from "working" to "display" and then from "logc3" to "working" reads footage whose file did not say
    that it is in a camera's logarithm. Spaces are OpenColorIO's; adaptation is Bradford's.

    With a `view`, light is rendered for a display of that peak and gamut by an output transform of ACES 2 (Academy,
    ACES 2 Output Transforms; OpenColorIO's built-in ones). In `output_space` "working" the result is the display's own
    light, 1 its white of 100 cd/m², and in HDR 203 cd/m² (BT.2408's reference white), so that the movie shows the view
    when it is encoded as it is. In a display's space it is the numbers that the display takes, for more work in them;
    PQ is absolute, and HLG for a peak of 1,000 cd/m².

    `compress_gamut` first brings colours that a camera saw beyond the gamut into it (ACES 1.3 Reference Gamut
    Compression). `inverse` is the way back, from output to input: what it is given becomes what the same node without
    it would make this of, where there is such a thing. Alpha does not change.

    Memory: the frame, changed in place. Cost: one pass, shared with neighbouring colour nodes; views cost a hundred
    times a conversion.
    """

    category = "Color"

    video = Input(VIDEO, "The picture.")
    converted = Output(VIDEO, "The picture in the other space.", name="video")

    input_space = Choice(WORKING, choices=SPACES, doc="What the picture's numbers mean.")
    view = Choice(_NONE, choices=(_NONE, *_VIEWS), doc="How scene light is rendered: display's range, peak and gamut.")
    output_space = Choice(WORKING, choices=SPACES, doc="What the result's numbers mean.")
    compress_gamut = Boolean(default=False, doc="Bring colours from beyond the gamut into it, before the view.")
    inverse = Boolean(default=False, doc="The way back.")

    def misfits(self, width: int, height: int) -> Iterable[tuple[str, str]]:
        if self.view != _NONE and self.output_space not in (WORKING, *_DISPLAYS):
            yield "output_space", f"a view is shown in one of {', '.join((WORKING, *_DISPLAYS))}"

    def identity(self, request: Request) -> str | None:
        same = self.input_space == self.output_space and self.view == _NONE
        return "video" if same and not self.compress_gamut else None

    def pointwise(self, request: Request) -> bool:
        return True

    def cost(self, request: Request) -> float:
        view = 430.0 if self.view != _NONE else 0.0
        return 8.0 + view + (14.0 if self.compress_gamut else 0.0)

    def grade(self, colour: Colour, source: MediaSource | None) -> Sequence[ocio.Transform]:
        steps = self.transforms(colour.working_space)
        if not self.inverse or not steps:
            return steps
        numbers = [] if self.output_space == WORKING else [limited(self.output_space)]
        return [*numbers, ocio.GroupTransform(steps, ocio.TRANSFORM_DIR_INVERSE)]

    def transforms(self, working: str) -> list[ocio.Transform]:
        """From input to output."""
        steps = [] if self.input_space == WORKING else [limited(self.input_space), *out_of(self.input_space, working)]
        scene = [ocio.ColorSpaceTransform(working, REFERENCE)]
        if self.compress_gamut:
            steps += [*scene, ocio.BuiltinTransform(_GAMUT), ocio.ColorSpaceTransform(REFERENCE, working)]
        if self.view == _NONE:
            return [*steps, *into(self.output_space, working)]
        view = ocio.BuiltinTransform(_VIEW.format(_VIEWS[self.view]))
        return [*steps, *scene, view, *self._shown(working)]

    def _shown(self, working: str) -> list[ocio.Transform]:
        """From CIE XYZ of the display, 1 of which is 100 cd/m², to the output."""
        if self.output_space in _DISPLAYS:
            return [ocio.BuiltinTransform(f"DISPLAY - CIE-XYZ-D65_to_{_DISPLAYS[self.output_space]}")]
        light = [
            ocio.BuiltinTransform(_XYZ, ocio.TRANSFORM_DIR_INVERSE),
            ocio.ColorSpaceTransform(REFERENCE, working),
        ]
        return light if "_sdr_" in self.view else [scaled(1.0 / PQ_WHITE), *light]
