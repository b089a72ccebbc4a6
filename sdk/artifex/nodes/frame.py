"""Pictures: a data window of pixels in the document's coordinates."""

from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

Pixels: TypeAlias = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Window:
    """A rectangle of whole pixels. The document's top left pixel is (0, 0); x grows right, y down.

    Pixel (x, y) covers the square from (x, y) to (x + 1, y + 1). A window without area is empty; all of them compare
    equal in effect, though not by `==`.
    """

    x: int
    y: int
    width: int
    height: int

    @property
    def right(self) -> int:
        return self.x + self.width

    @property
    def bottom(self) -> int:
        return self.y + self.height

    @property
    def empty(self) -> bool:
        return self.width <= 0 or self.height <= 0

    def intersect(self, other: "Window") -> "Window":
        """What both cover; an empty window when nothing."""
        x, y = max(self.x, other.x), max(self.y, other.y)
        return Window(x, y, max(0, min(self.right, other.right) - x), max(0, min(self.bottom, other.bottom) - y))

    def union(self, other: "Window") -> "Window":
        """The smallest window that covers both."""
        if self.empty:
            return other
        if other.empty:
            return self
        x, y = min(self.x, other.x), min(self.y, other.y)
        return Window(x, y, max(self.right, other.right) - x, max(self.bottom, other.bottom) - y)

    def contains(self, other: "Window") -> bool:
        """Whether `other` lies inside; an empty one always does."""
        return other.empty or self.intersect(other) == other

    def grown(self, pixels: int) -> "Window":
        """The window with a margin on each side."""
        return Window(self.x - pixels, self.y - pixels, self.width + 2 * pixels, self.height + 2 * pixels)

    def inside(self, outer: "Window") -> tuple[slice, slice]:
        """The rows and columns that this window takes in an array that covers `outer`."""
        return (
            slice(self.y - outer.y, self.bottom - outer.y),
            slice(self.x - outer.x, self.right - outer.x),
        )


EMPTY: Final = Window(0, 0, 0, 0)
EVERYWHERE: Final = Window(-(1 << 24), -(1 << 24), 1 << 25, 1 << 25)
"""A region beyond every picture: "all that the input has"."""


@dataclass(frozen=True, slots=True)
class Frame:
    """Pixels of one picture at one time.

    `pixels` is float32 [height, width, channels], C-contiguous. Pictures have four channels: red, green, blue in the
    document's scene-linear working space, multiplied by alpha; alpha, 0 to 1. Masks have one. Colour may be negative
    or beyond 1. Pixels begin at (`x`, `y`) in the document; everything outside them is transparent black, so a small
    picture costs only its own size.

    `opaque` promises that alpha is exactly 1 in every pixel of the window, which spares work; False promises nothing.
    """

    pixels: Pixels
    x: int = 0
    y: int = 0
    opaque: bool = False

    def __post_init__(self) -> None:
        if self.pixels.ndim != 3 or self.pixels.dtype != np.float32 or self.pixels.shape[2] not in (1, 4):
            raise ValueError(f"a frame is float32 [height, width, 1 or 4], not {self.pixels.dtype} {self.pixels.shape}")

    @property
    def window(self) -> Window:
        height, width = self.pixels.shape[:2]
        return Window(self.x, self.y, width, height)

    @property
    def channels(self) -> int:
        return int(self.pixels.shape[2])

    @staticmethod
    def empty(channels: int = 4) -> "Frame":
        """Nothing anywhere."""
        return Frame(np.zeros((0, 0, channels), dtype=np.float32))

    def crop(self, window: Window) -> "Frame":
        """The part inside `window`, without copying where the rows stay whole."""
        part = self.window.intersect(window)
        if part == self.window:
            return self
        if part.empty:
            return Frame.empty(self.channels)
        pixels = np.ascontiguousarray(self.pixels[part.inside(self.window)])
        return Frame(pixels, part.x, part.y, self.opaque)

    def filled(self, window: Window) -> Pixels:
        """An array that covers exactly `window`: the pixels, and transparent black around them. May share memory."""
        if window == self.window:
            return self.pixels
        result = np.zeros((window.height, window.width, self.channels), dtype=np.float32)
        part = self.window.intersect(window)
        if not part.empty:
            result[part.inside(window)] = self.pixels[part.inside(self.window)]
        return result
