"""Viewer."""

from typing import Final

import cv2
import numpy as np
import PyOpenColorIO as ocio
from numpy.typing import NDArray

from artifex.nodes import AUDIO, VIDEO, Choice, Colour, Float, Frame, Input, Node, Window
from services.graph.nodes.color.spaces import DISPLAY

_CHANNELS: Final = ("color", "red", "green", "blue", "alpha", "luminance")
_RAW: Final = "raw"
_ACES: Final = "aces"
_VIEWS: Final = {
    "rec709": DISPLAY,
    "srgb": "sRGB Encoded Rec.709 (sRGB)",
    "log": "ACEScct",
}


class Viewer(Node, sink=True):
    """Shows the picture while a document is worked on; it writes nothing, and changes nothing of what is written.

    With c the picture over black, in the working space, V the view's transform:

        shown = V(c · 2^exposure) ^ (1 / gamma),  clipped to 0…1

    "rec709" is what FileOutput writes (Rec.709 with BT.1886's 2.4), "srgb" the same colours for a computer's screen,
    "aces" ACES 2.0's rendering for a screen of 100 cd/m², which brings highlights into sight, "log" ACEScct, in which
    all of the range can be judged, and "raw" the numbers themselves. One channel alone is shown as grey; alpha is not
    converted, luminance is that of the working space. Beside a FileOutput a Viewer is no second output to choose from.

    Memory: one frame. Cost: one OCIO pass.
    """

    category = "Output"
    monitor = True

    video = Input(VIDEO, "The picture to look at.")
    audio = Input(AUDIO, "The sound to listen to.", required=False)

    view = Choice("rec709", choices=(*_VIEWS, _ACES, _RAW), doc="What the screen is, and how the range fits into it.")
    exposure = Float(0.0, minimum=-20, maximum=20, unit="stops", doc="Brighter or darker, to look at only.")
    gamma = Float(1.0, minimum=0.1, maximum=10, doc="Above 1 opens the shadows, to look at only.")
    channel = Choice("color", choices=_CHANNELS, doc="What is shown: all colours, or one channel as grey.")

    def show(self, frame: Frame, window: Window, colour: Colour) -> NDArray[np.float32]:
        """What the screen gets of `window`: [height, width, 3], 0 to 1, display-encoded. `frame` stays as it is."""
        pixels = np.array(frame.filled(window))
        if self.channel == "alpha":
            return _clipped(np.repeat(pixels[..., 3:], 3, axis=-1))
        if self.channel == "luminance":
            pixels[..., :3] = (pixels[..., :3] @ np.array(colour.luma, dtype=np.float32))[..., None]
        elif self.channel != "color":
            index = _CHANNELS.index(self.channel) - 1
            pixels[..., :3] = pixels[..., index : index + 1].copy()
        transforms = self.transforms(colour.working_space)
        if transforms:
            key = ("Viewer", self.view, self.exposure, self.gamma)
            colour.apply(key, lambda: ocio.GroupTransform(transforms), pixels)
        if pixels.size == 0:
            return pixels[..., :3]
        # A fifth of the time that NumPy takes to leave every fourth number out.
        return _clipped(np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGBA2RGB), np.float32))

    def transforms(self, working_space: str) -> list[ocio.Transform]:
        """From the working space to the screen, colour alone."""
        transforms: list[ocio.Transform] = []
        if self.exposure != 0.0:
            light = 2.0**self.exposure
            transforms.append(ocio.MatrixTransform([light, 0, 0, 0, 0, light, 0, 0, 0, 0, light, 0, 0, 0, 0, 1]))
        if self.view == _ACES:
            transforms.append(
                ocio.DisplayViewTransform(
                    working_space, "Rec.1886 Rec.709 - Display", "ACES 2.0 - SDR 100 nits (Rec.709)"
                )
            )
        elif self.view != _RAW:
            transforms.append(ocio.ColorSpaceTransform(working_space, _VIEWS[self.view]))
        if self.gamma != 1.0:
            exponent = 1.0 / self.gamma
            transforms.append(
                ocio.ExponentTransform([exponent, exponent, exponent, 1.0], negativeStyle=ocio.NEGATIVE_CLAMP)
            )
        return transforms


def _clipped(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Between 0 and 1, what is no number as 0; in place."""
    # Of a number and none fmax takes the number.
    np.fmax(pixels, np.float32(0.0), out=pixels)
    return np.minimum(pixels, np.float32(1.0), out=pixels)
