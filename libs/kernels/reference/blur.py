"""Gaussian blur by OpenCV."""

from __future__ import annotations

import cv2
import numpy as np

from libs.kernels.types import Pixels
from libs.kernels.weights import gaussian_weights


def gaussian(pixels: Pixels, sigma_x: float, sigma_y: float, out: Pixels) -> None:
    across, down = gaussian_weights(sigma_x), gaussian_weights(sigma_y)
    source = np.ascontiguousarray(pixels)
    blurred = cv2.sepFilter2D(source, cv2.CV_32F, across, down, borderType=cv2.BORDER_CONSTANT)
    out[...] = np.asarray(blurred).reshape(out.shape)
