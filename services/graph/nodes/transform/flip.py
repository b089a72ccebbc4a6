"""Flip."""

from typing import Final

import numpy as np

from artifex.nodes import VIDEO, Choice, Input, Motion, Node, Output, Request
from artifex.nodes import Window as DataWindow

_AXES: Final = {"horizontal": (-1.0, 1.0), "vertical": (1.0, -1.0), "both": (-1.0, -1.0)}


class Flip(Node):
    """Mirrors a picture, pixel for pixel.

    Horizontally, column i of a frame of width w goes to column w − 1 − i; vertically, row j of height h to h − 1 − j.
    Pixels are copied as they are. Mirrored about the document's frame, or about the middle of the input's own pixels,
    which then stay where they are. In a row with other moves it joins their resampling.

    Memory: a copy of the picture. Cost: making it.
    """

    category = "Transform"

    video = Input(VIDEO, "The picture to mirror.")
    flipped = Output(VIDEO, "The mirrored picture.", name="video")

    axis = Choice("horizontal", choices=tuple(_AXES), doc="Left and right change places, top and bottom, or both.")
    about = Choice(
        "frame", choices=("frame", "input"), doc="What is mirrored in itself: the frame or the input's pixels."
    )

    def region_needed(self, name: str, request: Request) -> DataWindow:
        region = request.region
        if self.about == "input":
            # Where its pixels end is known only of the whole.
            return request.surroundings
        across, down = _AXES[self.axis]
        x = request.width - region.right if across < 0 else region.x
        y = request.height - region.bottom if down < 0 else region.y
        return DataWindow(x, y, region.width, region.height)

    def motion(self, window: DataWindow, request: Request) -> Motion:
        base = window if self.about == "input" else request.format
        across, down = _AXES[self.axis]
        x = base.x + base.right if across < 0 else 0.0
        y = base.y + base.bottom if down < 0 else 0.0
        # The filter counts only where this is the last of several moves; alone it copies.
        return Motion(np.array([[across, 0.0, x], [0.0, down, y], [0.0, 0.0, 1.0]]), "cubic")

    def cost(self, request: Request) -> float:
        return 5.0
