"""Work on alpha alone: its edges moved and softened by true sizes, and pictures that get another alpha."""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from artifex.nodes import Frame, Pixels, Window
from libs.kernels import gaussian, gaussian_reach, morphology, morphology_reach, with_alpha

_LEAST_SPREAD: Final = 1.0
"""Pixels: the smallest Gaussian by which colour is found for what an alpha gains."""
_SOFT_REACH: Final = 2.0
"""Sigmas of a blur within which an alpha gains what can be seen."""


@dataclass(frozen=True)
class MatteEdge:
    """What is done to the edge of an alpha: moved, then softened. Both sizes are pixels of the request."""

    size: float
    """How far it moves out; in where negative: the largest, or least, alpha within so many pixels."""
    softness: float = 0.0
    """Standard deviation of a Gaussian, from 0 on."""
    square: bool = False
    """Whether "within" means a square instead of a disc."""

    @property
    def alpha_reach(self) -> int:
        """How far around a pixel its alpha depends on others'."""
        return morphology_reach(abs(self.size)) + gaussian_reach(self.softness)

    @property
    def growth_reach(self) -> int:
        """How far beyond a picture's pixels there can be any alpha."""
        return morphology_reach(max(self.size, 0.0)) + gaussian_reach(self.softness)

    @property
    def reach(self) -> int:
        """How far around a pixel its colour depends on others', too."""
        return max(self.alpha_reach, gaussian_reach(self._spread) if self.grows else 0)

    def moved(self, alpha: Frame, target: Window, document: Window | None, threads: int) -> Pixels:
        """`target` of an alpha, one channel: [height, width, 1]. With `document` the document's edge is repeated."""
        soft = gaussian_reach(self.softness)
        canvas = target.grown(self.alpha_reach)
        moved = morphology(
            surrounded(alpha.crop(canvas), canvas, document),
            abs(self.size),
            square=self.square,
            smallest=self.size < 0.0,
            threads=threads,
        )
        if soft == 0:
            return moved
        wide = target.grown(soft)
        blurred = gaussian(moved, self.softness, self.softness, moved, threads, origin=(wide.x, wide.y))
        # Two rates may give a little less than nothing.
        return np.maximum(np.ascontiguousarray(blurred[target.inside(wide)]), np.float32(0.0))

    def recoloured(self, frame: Frame, alpha: Pixels, target: Window, document: Window | None, threads: int) -> Pixels:
        """The picture's `target` with `alpha` in place of its own, and colour that fits it.

        Where alpha is less, colour is as much less; what is more has the straight colour of the surroundings: their
        mean, weighted by coverage and by a Gaussian.
        """
        if not self.grows:
            return with_alpha(frame.filled(target), alpha)
        sigma = self._spread
        canvas = target.grown(gaussian_reach(sigma))
        pixels = surrounded(frame.crop(canvas), canvas, document)
        around = gaussian(pixels, sigma, sigma, None, threads, origin=(canvas.x, canvas.y))
        inside = target.inside(canvas)
        return with_alpha(pixels[inside], alpha, around[inside])

    @property
    def grows(self) -> bool:
        """Whether any alpha can become more."""
        return self.size > 0.0 or self.softness > 0.0

    @property
    def _spread(self) -> float:
        """The sigma by which colour is spread to reach what an alpha gains."""
        return max(_LEAST_SPREAD, (max(self.size, 0.0) + _SOFT_REACH * self.softness) / 2.0)


def alpha_of(frame: Frame) -> Frame:
    """The alpha of a picture as a mask."""
    return Frame(np.ascontiguousarray(frame.pixels[..., 3:]), frame.x, frame.y)


def surrounded(frame: Frame, canvas: Window, document: Window | None) -> Pixels:
    """The frame on all of `canvas`: transparent black around it or, with `document`, the document's edge repeated."""
    if document is None or document.contains(canvas):
        return frame.filled(canvas)
    inside = canvas.intersect(document)
    if inside.empty:
        return np.zeros((canvas.height, canvas.width, frame.channels), np.float32)
    padded = cv2.copyMakeBorder(
        frame.filled(inside),
        inside.y - canvas.y,
        canvas.bottom - inside.bottom,
        inside.x - canvas.x,
        canvas.right - inside.right,
        cv2.BORDER_REPLICATE,
    )
    return np.asarray(padded, np.float32).reshape(canvas.height, canvas.width, frame.channels)
