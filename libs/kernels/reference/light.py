"""How bright pictures are, in NumPy."""

from __future__ import annotations

import numpy as np

from libs.kernels.types import Matrix, Pixels


def light_level(pixels: Pixels, to_light: Matrix, peak: float) -> tuple[float, float]:
    """See `libs.kernels.light_level`; the picture holds a pixel at least."""
    with np.errstate(all="ignore"):
        light = np.fmax(pixels[..., :3] @ to_light.T.astype(np.float32), np.float32(0.0)).max(axis=-1)
    light = np.minimum(light, np.float32(peak))
    return float(light.max()), float(light.mean(dtype=np.float64))
