"""From a still's own codes to premultiplied light in the working space."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import PyOpenColorIO as ocio
from numpy.typing import NDArray

from artifex.media.v1 import messages_pb2 as media
from artifex.nodes import Colour, Pixels
from libs.frames.still_colour import AP0, CINEON_BLACK, CINEON_SLOPE, CINEON_WHITE, REC709, convert
from libs.kernels import premultiply, unpremultiply
from libs.kernels.room import ROOMS
from services.graph.nodes.color.spaces import SPACES, WORKING, out_of

AUTO: Final = "auto"
CINEON: Final = "cineon"
STILL_SPACES: Final = (AUTO, CINEON, *SPACES)
STRAIGHT: Final = "straight"
PREMULTIPLIED: Final = "premultiplied"
IGNORED: Final = "ignore"
ALPHAS: Final = (AUTO, PREMULTIPLIED, STRAIGHT, IGNORED)
_REFERENCE: Final = "ACES2065-1"
_LINEAR: Final = (WORKING, "acescg", "aces2065", "linear")


@dataclass(frozen=True, slots=True)
class StillLight:
    """How the numbers of one sequence are read."""

    space: str
    """One of `SPACES`, "cineon", or "linear" for light of the given primaries."""
    chromaticities: tuple[float, ...]
    premultiplied: bool
    has_alpha: bool

    def picture(self, samples: NDArray[np.float32], colour: Colour) -> Pixels:
        """One, two, three or four channels, [height, width, n], as RGBA of the working space; new pixels."""
        height, width, channels = samples.shape
        pixels = ROOMS.take((height, width, 4))
        pixels[..., :3] = samples[..., :3] if channels > 2 else samples[..., :1]
        if not self.has_alpha:
            pixels[..., 3] = 1.0
            self._change(pixels, colour)
            return pixels
        # Renderers' filters leave coverage of a little more than 1.
        alpha = np.clip(samples[..., -1:], 0.0, 1.0)
        pixels[..., 3:] = alpha
        linear = self.space in _LINEAR or self.space.startswith("linear_")
        if self.premultiplied and not linear:
            unpremultiply(pixels, out=pixels)
        self._change(pixels, colour)
        if not (self.premultiplied and linear):
            premultiply(pixels, alpha, out=pixels)
        return pixels

    def _change(self, pixels: Pixels, colour: Colour) -> None:
        if self.space != WORKING:
            key = ("SequenceInput", self.space, self.chromaticities)
            colour.apply(key, lambda: ocio.GroupTransform(self.transforms(colour.working_space)), pixels)

    def transforms(self, working_space: str) -> list[ocio.Transform]:
        """From the file's codes to the working space, for straight colour."""
        if self.space == CINEON:
            return [_cineon(), *out_of("linear_rec709", working_space)]
        if self.space != "linear":
            return out_of(self.space, working_space)
        if not self.chromaticities or self.chromaticities == REC709:
            return out_of("linear_rec709", working_space)
        matrix = np.eye(4)
        matrix[:3, :3] = convert(self.chromaticities, AP0)
        to_reference = ocio.MatrixTransform(matrix.ravel().tolist())
        return [to_reference, ocio.ColorSpaceTransform(_REFERENCE, working_space)]


def light_of(sequence: media.StillSequence, space: str, alpha: str, *, has_alpha: bool) -> StillLight:
    """What a sequence says of itself, as far as the choices `space` and `alpha` leave it to it. Alpha is there as the
    last channel with `has_alpha`."""
    told = sequence.encoding if space == AUTO else space
    chromaticities: Sequence[float] = sequence.chromaticities if told == "linear" else ()
    return StillLight(
        space=told or "display",
        chromaticities=tuple(chromaticities),
        premultiplied=sequence.premultiplied if alpha == AUTO else alpha == PREMULTIPLIED,
        has_alpha=has_alpha,
    )


def _cineon() -> ocio.Transform:
    """Codes to light: reference white is 1, reference black 0."""
    black = 10.0 ** ((CINEON_BLACK - CINEON_WHITE) / CINEON_SLOPE)
    transform = ocio.LogAffineTransform(
        logSideSlope=[CINEON_SLOPE] * 3,
        logSideOffset=[CINEON_WHITE] * 3,
        linSideSlope=[1.0 - black] * 3,
        linSideOffset=[black] * 3,
        direction=ocio.TRANSFORM_DIR_INVERSE,
    )
    transform.setBase(10.0)
    return transform
