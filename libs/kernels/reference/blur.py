"""Gaussian blur by OpenCV."""

from __future__ import annotations

import cv2
import numpy as np

from libs.kernels.types import Matrix, Pixels
from libs.kernels.weights import gaussian_weights


def gaussian(pixels: Pixels, sigma_x: float, sigma_y: float, out: Pixels) -> None:
    across, down = _kernel(sigma_x), _kernel(sigma_y)
    source = np.ascontiguousarray(pixels)
    blurred = cv2.sepFilter2D(source, cv2.CV_32F, across, down, borderType=cv2.BORDER_CONSTANT)
    out[...] = np.asarray(blurred).reshape(out.shape)


def _kernel(sigma: float) -> Matrix:
    return gaussian_weights(sigma)
