"""The colour-difference key in NumPy; what the native kernels are compared with."""

from __future__ import annotations

import numpy as np

from libs.kernels.types import Pixels


@np.errstate(all="ignore")
def chroma_key(
    pixels: Pixels,
    *,
    screen: tuple[float, float, float],
    gain: float = 1.0,
    black: float = 0.0,
    white: float = 1.0,
    softness: float = 0.0,
    despill: float = 1.0,
    average: bool = False,
    balance: tuple[float, float, float] = (1.0, 1.0, 1.0),
    plate: Pixels | None = None,
    core: Pixels | None = None,
    garbage: Pixels | None = None,
    out: Pixels | None = None,
) -> Pixels:
    """What stands before a screen of one colour; see `libs.kernels.chroma_key`."""
    if not white > black:
        raise ValueError(f"white ({white}) must lie above black ({black})")
    key = int(np.argmax(screen))
    others = [channel for channel in range(3) if channel != key]
    weights = np.array([balance[channel] for channel in others], np.float32)
    empty = np.array(screen, dtype=np.float32) if plate is None else plate[..., :3]
    excess = empty[..., key] - (empty[..., others] * weights).max(axis=-1)
    subtracted = np.maximum(empty, np.float32(0.0))

    alpha = pixels[..., 3]
    spread = alpha * excess
    keyable = spread > 0.0
    difference = pixels[..., key] - (pixels[..., others] * weights).max(axis=-1)
    raw = np.float32(1.0) - np.float32(gain) * difference / np.where(keyable, spread, np.float32(1.0))
    raw = np.where(keyable, np.clip(raw, 0.0, 1.0), np.float32(1.0))
    step = np.clip((raw - np.float32(black)) / np.float32(white - black), 0.0, 1.0)
    matte = step + np.float32(softness) * (step * step * (np.float32(3.0) - np.float32(2.0) * step) - step)

    colour = pixels[..., :3]
    screen_light = ((1.0 - raw) * alpha)[..., None] * subtracted
    front = colour - np.minimum(screen_light, np.maximum(colour, 0.0))
    front *= np.where(raw > 0.0, matte / np.where(raw > 0.0, raw, np.float32(1.0)), np.float32(0.0))[..., None]
    _despill(front, key, others, weights, despill, average)
    covered = alpha * matte
    if core is not None:
        whole = colour.copy()
        _despill(whole, key, others, weights, despill, average)
        front += core * (whole - front)
        covered = covered + core[..., 0] * (alpha - covered)
    if garbage is not None:
        keep = np.float32(1.0) - garbage
        front *= keep
        covered = covered * keep[..., 0]

    result = np.empty_like(pixels) if out is None else out
    result[..., :3] = front
    result[..., 3] = covered
    return result


def _despill(colour: Pixels, key: int, others: list[int], weights: Pixels, amount: float, average: bool) -> None:
    """Takes light of the key channel out of `colour`, in place, where there is more of it than of the others."""
    rest = colour[..., others] * weights
    limit = (rest[..., 0] + rest[..., 1]) * np.float32(0.5) if average else rest.max(axis=-1)
    colour[..., key] -= np.float32(amount) * np.maximum(colour[..., key] - limit, 0.0)
