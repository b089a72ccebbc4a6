"""Dense optical flow between two pictures, the same whoever asks: OpenCV's DIS on display-like grey, both ways.

DIS is T. Kroeger, R. Timofte, D. Dai, L. Van Gool, Fast Optical Flow using Dense Inverse Search, 2016.
"""

import math
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from artifex.nodes import Pixels
from libs.kernels import flow_agreement

Grey = NDArray[np.uint8]
Flow = NDArray[np.float32]

FAST: Final = "fast"
MEDIUM: Final = "medium"
FINE: Final = "fine"
QUALITIES: Final = (MEDIUM, FAST, FINE)

_MIDDLE_GREY: Final = 0.18
_BRIGHTEST: Final = 16.0
_STEEPNESS: Final = 64.0
"""Of the curve log(1 + 64 L): 1 becomes 0.6, middle grey 0.36, as displays' encodings have it, and 16 becomes 1."""
_SMALLEST: Final = 48
"""Pixels that a side has at least: DIS' patches need room on its coarsest scale."""
_COMPARED: Final = 90
"""Lines at which pictures are compared as wholes."""
_KEPT_BYTES: Final = 160 << 20
"""Of flows that may be asked for again: two pairs of 1920x1080, one and its neighbour."""


@dataclass(frozen=True, slots=True)
class FlowPair:
    """Flows of two pictures, float32 [height, width, 2], and how far each agrees with the other, [height, width, 1]."""

    there: Flow
    """From the first to the second."""
    back: Flow
    there_agrees: Pixels
    back_agrees: Pixels
    found: float
    """How much of the pictures is found again in the other, 0 to 1: the mean agreement of both flows, times the
    correlation of the first with the second when that is moved onto it. What has no contrast is found."""

    @property
    def nbytes(self) -> int:
        return sum(array.nbytes for array in (self.there, self.back, self.there_agrees, self.back_agrees))


def grey(pixels: Pixels, luma: tuple[float, float, float]) -> Grey:
    """What motion is looked for in: luminance over middle grey, encoded as displays' signals are, in 8 bits.

    Grey behind what is transparent shows also black things over nothing. What is no number is middle grey.
    """
    weights = np.array([[*luma, -_MIDDLE_GREY, _MIDDLE_GREY]], np.float64)
    light = np.asarray(cv2.transform(pixels, weights), np.float32).reshape(pixels.shape[:2])
    cv2.patchNaNs(light, _MIDDLE_GREY)
    np.clip(light, 0.0, _BRIGHTEST, out=light)
    light *= _STEEPNESS
    light += 1.0
    cv2.log(light, light)
    return np.asarray(cv2.convertScaleAbs(light, alpha=255.0 / math.log1p(_STEEPNESS * _BRIGHTEST)), np.uint8)


def flows(first: Grey, second: Grey, quality: str, threads: int = 1) -> FlowPair:
    """The flows between two pictures of one size. Equal pictures give equal flows, on however many threads.

    The last few are kept, as neighbouring frames ask for the same; who asks while another looks waits for that. Memory
    is 160 MiB for these, or one pair where that is larger, and ten times the pictures while they are found.
    """
    key = (first.shape, quality, _digest(first), _digest(second))
    return _KEPT.get(key, lambda: _computed(first, second, quality, threads))


def _computed(first: Grey, second: Grey, quality: str, threads: int) -> FlowPair:
    height, width = first.shape
    below, beside = max(0, _SMALLEST - height), max(0, _SMALLEST - width)
    if below or beside:
        first, second = (
            np.asarray(cv2.copyMakeBorder(picture, 0, below, 0, beside, cv2.BORDER_REPLICATE), np.uint8)
            for picture in (first, second)
        )
    there = _dis(first, second, quality)
    alike = _alike(first, second, there)
    there = np.ascontiguousarray(there[:height, :width])
    back = np.ascontiguousarray(_dis(second, first, quality)[:height, :width])
    there_agrees = _steady(flow_agreement(there, back, threads))
    back_agrees = _steady(flow_agreement(back, there, threads))
    found = alike * float(there_agrees.mean() + back_agrees.mean()) / 2.0
    return FlowPair(there, back, there_agrees, back_agrees, found)


def _dis(first: Grey, second: Grey, quality: str) -> Flow:
    # With its spatial propagation OpenCV always searches in eight stripes, so the number of threads changes nothing.
    preset = cv2.DISOPTICAL_FLOW_PRESET_FAST if quality == FAST else cv2.DISOPTICAL_FLOW_PRESET_MEDIUM
    search = cv2.DISOpticalFlow.create(preset)
    if quality == FINE:
        search.setFinestScale(0)
    # Of a flow that is given it takes a beginning from there, also where that is 0 everywhere.
    return np.asarray(search.calc(first, second, None), np.float32)  # type: ignore[call-overload]


def _steady(agreement: Pixels) -> Pixels:
    """Times its own mean over 5 by 5 pixels: what agrees by chance stands alone."""
    mean = np.asarray(cv2.blur(agreement, (5, 5)), np.float32)
    return agreement * mean.reshape(agreement.shape)


def _alike(first: Grey, second: Grey, flow: Flow) -> float:
    """The correlation of `first` with `second` moved by the flow, at a size at which grain is averaged away."""
    step = max(1, min(first.shape) // _COMPARED)
    size = (first.shape[1] // step, first.shape[0] // step)
    a, b, by = (cv2.resize(each, size, interpolation=cv2.INTER_AREA) for each in (first, second, flow))
    y, x = np.mgrid[: size[1], : size[0]].astype(np.float32)
    across, down = x + by[..., 0] / step, y + by[..., 1] / step
    moved = cv2.remap(b, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    one, other = (each.astype(np.float64) - each.mean() for each in (a, moved))
    size_of_both = math.sqrt(float((one * one).sum() * (other * other).sum()))
    return max(0.0, float((one * other).sum()) / size_of_both) if size_of_both > 0.0 else 1.0


def _digest(picture: Grey) -> bytes:
    return blake2b(np.ascontiguousarray(picture).data, digest_size=16).digest()


class _Kept:
    """The flows that were asked for last. Safe to share between threads."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._pairs: OrderedDict[object, FlowPair] = OrderedDict()
        self._looking: dict[object, threading.Lock] = {}

    def get(self, key: object, look: Callable[[], FlowPair]) -> FlowPair:
        """What is kept, or else what `look` finds; it is asked by one thread at a time."""
        with self._lock:
            looking = self._looking.setdefault(key, threading.Lock())
        try:
            with looking:
                found = self._known(key)
                if found is None:
                    found = look()
                    self._put(key, found)
            return found
        finally:
            with self._lock:
                self._looking.pop(key, None)

    def _known(self, key: object) -> FlowPair | None:
        with self._lock:
            found = self._pairs.get(key)
            if found is not None:
                self._pairs.move_to_end(key)
            return found

    def _put(self, key: object, pair: FlowPair) -> None:
        with self._lock:
            self._pairs[key] = pair
            while len(self._pairs) > 1 and sum(kept.nbytes for kept in self._pairs.values()) > self._most:
                self._pairs.popitem(last=False)


_KEPT: Final = _Kept(_KEPT_BYTES)
