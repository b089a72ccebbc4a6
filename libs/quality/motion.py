"""What moves from one picture to the next, and what is left of their difference once that motion is taken out.

The flow is DIS (T. Kroeger and others, Fast Optical Flow using Dense Inverse Search, 2016) on luma. Where the flows
there and back do not lead back to where they began, something is hidden or comes into view, and nothing can be said:
the check is that of N. Sundaram, T. Brox, K. Keutzer, Dense Point Trajectories by GPU-accelerated Large Displacement
Optical Flow, 2010. The rest is the warp error of W.-S. Lai and others, Learning Blind Video Temporal Consistency, 2018,
as a mean of absolute differences.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from libs.quality.similarity import Picture, luma

Flow = NDArray[np.float32]

_SMALLEST: Final = 48
"""Pixels that a side has at least while flow is looked for: DIS' patches need room on its coarsest scale."""
_SLOPE, _SLACK = 0.01, 0.5
"""Of the forward-backward check, after Sundaram: a share of the squared flows, and squared pixels beside it."""
_UNCHANGED: Final = 3
"""Codes of 255 by which a pixel may differ and still be the same one."""


@dataclass(frozen=True, slots=True)
class Step:
    """From one picture to the next."""

    warp_error: float
    """Mean absolute difference of R'G'B' after the motion is taken out, 0 to 1, over what can be followed; 0 where
    nothing can."""
    followed: float
    """The share of pixels that stay as they are or can be followed there and back, 0 to 1: low across a cut and in
    noise."""
    moved: float
    """Mean length of the flow over these, in pixels."""


def step_between(first: Picture, second: Picture) -> Step:
    """The step from `first` to `second`, uint8 [height, width, 3] of one size. ValueError otherwise.

    About 50 ms on one core for 832x480; memory is twenty times a picture.
    """
    if first.shape != second.shape:
        raise ValueError(f"pictures of {first.shape} and {second.shape} do not follow each other")
    height, width = first.shape[:2]
    there, back = _flows(first, second)
    # In a flat field any flow would do, and DIS takes its neighbours'. What stays as it is stands still.
    still = cv2.absdiff(first, second).max(axis=2) <= _UNCHANGED
    there[still] = 0.0
    y, x = np.mgrid[:height, :width].astype(np.float32)
    across, down = x + there[..., 0], y + there[..., 1]
    returned: Flow = np.asarray(
        cv2.remap(back, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.float32
    )
    apart = _squared(there + returned)
    followed = apart < _SLOPE * (_squared(there) + _squared(returned)) + _SLACK
    followed &= (across >= 0.0) & (across <= width - 1) & (down >= 0.0) & (down <= height - 1)
    followed |= still
    share = float(followed.mean())
    if not followed.any():
        return Step(0.0, 0.0, 0.0)
    moved = cv2.remap(second, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    difference = np.asarray(cv2.absdiff(first, moved), np.uint8)
    lengths = np.sqrt(_squared(there))
    return Step(float(difference[followed].mean()) / 255.0, share, float(lengths[followed].mean()))


def _flows(first: Picture, second: Picture) -> tuple[Flow, Flow]:
    height, width = first.shape[:2]
    below, beside = max(0, _SMALLEST - height), max(0, _SMALLEST - width)
    one, other = (
        np.asarray(cv2.copyMakeBorder(np.rint(luma(each)).astype(np.uint8), 0, below, 0, beside, cv2.BORDER_REPLICATE))
        for each in (first, second)
    )
    # In eight stripes whatever the number of threads, so equal pictures give equal flows.
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    there, back = (
        np.asarray(search.calc(a, b, None), np.float32)  # type: ignore[call-overload]
        for a, b in ((one, other), (other, one))
    )
    return np.ascontiguousarray(there[:height, :width]), np.ascontiguousarray(back[:height, :width])


def _squared(flow: Flow) -> NDArray[np.float32]:
    return np.asarray(np.square(flow[..., 0]) + np.square(flow[..., 1]), np.float32)
