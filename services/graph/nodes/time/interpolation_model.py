"""Frame interpolation by a model that users bring, run by OpenCV on the processor."""

import threading
from functools import lru_cache
from pathlib import Path
from typing import Final, Protocol

import cv2
import numpy as np

from artifex.nodes import Colour, Frame, Pixels, Window
from libs.chassis.errors import FailedPrecondition
from libs.kernels import merge
from services.graph.models import Weights
from services.graph.nodes.display import through_display

INTERPOLATION: Final = Weights("a model for frame interpolation", ("frame-interpolation/model.onnx",))
_MULTIPLE: Final = 32


class Interpolator(Protocol):
    """What makes the picture between two."""

    def between(self, first: Pixels, second: Pixels, share: float) -> Pixels:
        """sRGB [height, width, 3] of 0 to 1 at `share` of the way from `first` to `second`."""
        ...


class OnnxInterpolator:
    """An ONNX file: img0 and img1 [1, 3, height, width] and timestep [1, 1, 1, 1] to a picture like img0."""

    def __init__(self, path: Path) -> None:
        try:
            self._net = cv2.dnn.readNetFromONNX(str(path))
        except cv2.error as error:
            raise FailedPrecondition(f"{INTERPOLATION.files[0]} is no model that OpenCV can run") from error
        self._lock = threading.Lock()

    def between(self, first: Pixels, second: Pixels, share: float) -> Pixels:
        """See `Interpolator.between`; sides are padded to multiples of 32."""
        height, width = first.shape[:2]
        blobs = [_blob(picture) for picture in (first, second)]
        with self._lock:
            try:
                for name, blob in zip(("img0", "img1"), blobs, strict=True):
                    self._net.setInput(blob, name)
                self._net.setInput(np.full((1, 1, 1, 1), share, np.float32), "timestep")
                made = np.asarray(self._net.forward(), np.float32)
            except cv2.error as error:
                message = f"{INTERPOLATION.files[0]} does not take img0, img1 and timestep as it should"
                raise FailedPrecondition(message) from error
        if made.shape != blobs[0].shape:
            found = " x ".join(map(str, made.shape))
            raise FailedPrecondition(f"{INTERPOLATION.files[0]} gives {found} numbers in the place of a picture")
        return np.ascontiguousarray(made[0].transpose(1, 2, 0)[:height, :width])


def moved_by_model(first: Frame, second: Frame, share: float, region: Window, colour: Colour) -> Frame:
    """What the installed model makes of two frames, inside `region`; FailedPrecondition where none is installed."""
    interpolator = _installed(*INTERPOLATION.paths(), INTERPOLATION.key())
    first, second = first.crop(region), second.crop(region)
    if first.window.empty or second.window.empty:
        return first
    window = first.window.union(second.window)
    pictures = [first.filled(window), second.filled(window)]
    pixels = through_display(
        pictures,
        colour,
        lambda shown: interpolator.between(shown[0], shown[1], share),
        lambda left: merge("copy", left[1], left[0], share),
    )
    opaque = first.opaque and second.opaque and first.window == second.window
    if opaque:
        pixels[..., 3] = 1.0
    return Frame(pixels, window.x, window.y, opaque)


@lru_cache(maxsize=1)
def _installed(path: Path, _key: str) -> Interpolator:
    return OnnxInterpolator(path)


def _blob(picture: Pixels) -> Pixels:
    height, width = picture.shape[:2]
    below, beside = -height % _MULTIPLE, -width % _MULTIPLE
    padded = cv2.copyMakeBorder(picture, 0, below, 0, beside, cv2.BORDER_REPLICATE)
    return np.ascontiguousarray(np.asarray(padded, np.float32).transpose(2, 0, 1)[None])
