"""What is bright in a picture, and one picture turning into another."""

from __future__ import annotations

import numpy as np

from libs.kernels.types import Pixels


@np.errstate(all="ignore")
def highlights(pixels: Pixels, threshold: float, knee: float, gains: tuple[float, float, float], out: Pixels) -> None:
    light = pixels[..., :3].max(-1, keepdims=True)
    above = light - np.float32(threshold)
    part = np.where(above <= 0.0, np.float32(0.0), above)
    if knee > 0.0:
        into = above + np.float32(knee)
        bend = np.where(into <= 0.0, np.float32(0.0), into * into * np.float32(0.25 / knee))
        part = np.where(above >= knee, above, bend)
    share = np.where(light > 0.0, part / light, np.float32(0.0))
    share = np.where(np.isposinf(light), np.float32(1.0), share)
    share = np.where(np.isnan(light), light, share)
    lit = np.where(pixels[..., :3] <= 0.0, np.float32(0.0), pixels[..., :3])
    out[..., :3] = lit * (share * np.array(gains, np.float32))
    out[..., 3] = 0.0


@np.errstate(all="ignore")
def mix(a: Pixels, b: Pixels, amount: float | Pixels, out: Pixels) -> None:
    m = np.asarray(amount, dtype=np.float32)
    mixed = a * (1.0 - m) + b * m
    out[...] = np.where(m == 0.0, a, np.where(m == 1.0, b, mixed))
