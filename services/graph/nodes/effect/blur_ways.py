"""The ways in which `Blur` spreads light: what each reaches, and how it is done."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import cv2
import numpy as np

from artifex.nodes import Frame, Pixels, Window
from libs.kernels import convolve, gaussian, gaussian_reach, radial
from libs.kernels.footprints import Footprint

_QUARTER: Final = math.pi / 2.0


class Way(Protocol):
    """One way to blur; sizes are in pixels at the request's scale. No window that is given is empty."""

    def spread(self, window: Window) -> Window:
        """Where light of `window` falls."""
        ...

    def needed(self, window: Window) -> Window:
        """Where the light in `window` comes from."""
        ...

    def faded(self, frame: Frame, target: Window, threads: int) -> Pixels:
        """The pixels of `target`, where nothing lies around the frame."""
        ...

    def repeated(self, pixels: Pixels, inside: Window, target: Window, threads: int) -> Pixels:
        """The pixels of `target`, where the edge of `inside`, which `pixels` cover, goes on for ever."""
        ...


@dataclass(frozen=True)
class Gaussian:
    """A Gaussian with these standard deviations across and down."""

    sigma: tuple[float, float]

    def spread(self, window: Window) -> Window:
        across, down = (gaussian_reach(side) for side in self.sigma)
        return Window(window.x - across, window.y - down, window.width + 2 * across, window.height + 2 * down)

    def needed(self, window: Window) -> Window:
        return self.spread(window)

    def faded(self, frame: Frame, target: Window, threads: int) -> Pixels:
        canvas = target.union(self.needed(target).intersect(frame.window))
        return self._blurred(frame.filled(canvas), canvas, None, threads).crop(target).pixels

    def repeated(self, pixels: Pixels, inside: Window, target: Window, threads: int) -> Pixels:
        canvas = self.needed(target)
        padded = _padded(pixels, inside, canvas)
        return self._blurred(padded, canvas, padded, threads).crop(target).pixels

    def _blurred(self, pixels: Pixels, canvas: Window, out: Pixels | None, threads: int) -> Frame:
        # The place in the document goes along, so that tiles are parts of the whole.
        blurred = gaussian(pixels, *self.sigma, out, threads, origin=(canvas.x, canvas.y))
        return Frame(blurred, canvas.x, canvas.y)


@dataclass(frozen=True)
class Sums:
    """Weighted sums around each pixel, one after the other."""

    footprints: Sequence[Footprint]

    def spread(self, window: Window) -> Window:
        top, bottom, left, right = self._reach()
        return _grown(window, bottom, top, right, left)

    def needed(self, window: Window) -> Window:
        return _grown(window, *self._reach())

    def faded(self, frame: Frame, target: Window, threads: int) -> Pixels:
        return self._summed(frame.filled(self.needed(target)), threads)

    def repeated(self, pixels: Pixels, inside: Window, target: Window, threads: int) -> Pixels:
        return self._summed(_padded(pixels, inside, self.needed(target)), threads)

    def _summed(self, pixels: Pixels, threads: int) -> Pixels:
        for footprint in self.footprints:
            pixels = convolve(pixels, footprint, threads=threads)
        return pixels

    def _reach(self) -> tuple[int, int, int, int]:
        top, bottom, left, right = (sum(sides) for sides in zip(*(each.reach for each in self.footprints), strict=True))
        return top, bottom, left, right


@dataclass(frozen=True)
class Zoom:
    """Along the rays through a point, by a part of the distance to it, half of that to each side."""

    centre: tuple[float, float]
    amount: float

    def spread(self, window: Window) -> Window:
        return self._scaled(window, 1.0 / (1.0 - 0.5 * self.amount), 1.0 / (1.0 + 0.5 * self.amount))

    def needed(self, window: Window) -> Window:
        return self._scaled(window, 1.0 - 0.5 * self.amount, 1.0 + 0.5 * self.amount)

    def faded(self, frame: Frame, target: Window, threads: int) -> Pixels:
        return _radial(self, frame, target, threads, repeat=False)

    def repeated(self, pixels: Pixels, inside: Window, target: Window, threads: int) -> Pixels:
        return _radial(self, Frame(pixels, inside.x, inside.y), target, threads, repeat=True)

    def _scaled(self, window: Window, *factors: float) -> Window:
        x, y = self.centre
        across = [x + (side - x) * factor for side in (window.x, window.right) for factor in factors]
        down = [y + (side - y) * factor for side in (window.y, window.bottom) for factor in factors]
        return _around(across, down)


@dataclass(frozen=True)
class Spin:
    """Along the circles around a point, by an angle in radians, half of it to each side."""

    centre: tuple[float, float]
    amount: float

    def spread(self, window: Window) -> Window:
        return self.needed(window)

    def needed(self, window: Window) -> Window:
        # A turned rectangle lies within its corners; a corner's way is widest where it ends or crosses an axis.
        across, down = [], []
        for x in (window.x, window.right):
            for y in (window.y, window.bottom):
                radius, start = math.hypot(x - self.centre[0], y - self.centre[1]), self._angle(x, y)
                first, last = start - 0.5 * self.amount, start + 0.5 * self.amount
                quarters = range(math.ceil(first / _QUARTER), math.floor(last / _QUARTER) + 1)
                for angle in (first, last, *(quarter * _QUARTER for quarter in quarters)):
                    across.append(self.centre[0] + radius * math.cos(angle))
                    down.append(self.centre[1] + radius * math.sin(angle))
        return _around(across, down)

    def faded(self, frame: Frame, target: Window, threads: int) -> Pixels:
        return _radial(self, frame, target, threads, repeat=False)

    def repeated(self, pixels: Pixels, inside: Window, target: Window, threads: int) -> Pixels:
        return _radial(self, Frame(pixels, inside.x, inside.y), target, threads, repeat=True)

    def _angle(self, x: float, y: float) -> float:
        return math.atan2(y - self.centre[1], x - self.centre[0])


def _radial(way: Zoom | Spin, frame: Frame, target: Window, threads: int, *, repeat: bool) -> Pixels:
    return radial(
        frame.pixels,
        way.centre,
        way.amount,
        (target.height, target.width),
        (target.x, target.y),
        (frame.x, frame.y),
        spin=isinstance(way, Spin),
        repeat=repeat,
        threads=threads,
    )


def _padded(pixels: Pixels, inside: Window, canvas: Window) -> Pixels:
    padded = cv2.copyMakeBorder(
        pixels,
        inside.y - canvas.y,
        canvas.bottom - inside.bottom,
        inside.x - canvas.x,
        canvas.right - inside.right,
        cv2.BORDER_REPLICATE,
    )
    return np.asarray(padded, dtype=np.float32)


def _grown(window: Window, top: int, bottom: int, left: int, right: int) -> Window:
    return Window(window.x - left, window.y - top, window.width + left + right, window.height + top + bottom)


def _around(across: Sequence[float], down: Sequence[float]) -> Window:
    """The pixels around points, with one more for reading between them."""
    left, top = math.floor(min(across)) - 1, math.floor(min(down)) - 1
    return Window(left, top, math.ceil(max(across)) + 1 - left, math.ceil(max(down)) + 1 - top)
