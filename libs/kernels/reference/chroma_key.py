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
    core: Pixels | None = None,
    garbage: Pixels | None = None,
    out: Pixels | None = None,
) -> Pixels:
    """What stands before a screen of one colour: premultiplied RGBA, [height, width, 4].

    With P the premultiplied pixel, a its alpha, S the screen's colour, k its largest channel and p, q the other two:

        D     = S[k] − max(S[p], S[q])
        raw   = clip(1 − gain · (P[k] − max(P[p], P[q])) / (a · D), 0, 1);  1 where a · D is not above 0
        step  = clip((raw − black) / (white − black), 0, 1)
        matte = step + softness · (step² (3 − 2 step) − step)
        F     = (P − min((1 − raw) · a · max(S, 0), max(P, 0))) · (matte / raw);  0 where raw is 0
        F[k] −= despill · max(0, F[k] − L),  L = max(F[p], F[q]), or (F[p] + F[q]) / 2 with `average`
        alpha = a · matte

    `core` and `garbage`, [height, width, 1] from 0 to 1, then change the result, with P' the pixel itself, despilled
    by the same rule: F + core · (P' − F) and alpha + core · (a − alpha); then all four times 1 − garbage.
    `white` must be above `black`. `out` may be `pixels`.
    """
    if not white > black:
        raise ValueError(f"white ({white}) must lie above black ({black})")
    key = int(np.argmax(screen))
    others = [channel for channel in range(3) if channel != key]
    excess = np.float32(screen[key] - max(screen[channel] for channel in others))
    subtracted = np.maximum(np.array(screen, dtype=np.float32), np.float32(0.0))

    alpha = pixels[..., 3]
    spread = alpha * excess
    keyable = spread > 0.0
    difference = pixels[..., key] - np.maximum(pixels[..., others[0]], pixels[..., others[1]])
    raw = np.float32(1.0) - np.float32(gain) * difference / np.where(keyable, spread, np.float32(1.0))
    raw = np.where(keyable, np.clip(raw, 0.0, 1.0), np.float32(1.0))
    step = np.clip((raw - np.float32(black)) / np.float32(white - black), 0.0, 1.0)
    matte = step + np.float32(softness) * (step * step * (np.float32(3.0) - np.float32(2.0) * step) - step)

    colour = pixels[..., :3]
    screen_light = ((1.0 - raw) * alpha)[..., None] * subtracted
    front = colour - np.minimum(screen_light, np.maximum(colour, 0.0))
    front *= np.where(raw > 0.0, matte / np.where(raw > 0.0, raw, np.float32(1.0)), np.float32(0.0))[..., None]
    _despill(front, key, others, despill, average)
    covered = alpha * matte
    if core is not None:
        whole = colour.copy()
        _despill(whole, key, others, despill, average)
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


def _despill(colour: Pixels, key: int, others: list[int], amount: float, average: bool) -> None:
    """Takes light of the key channel out of `colour`, in place, where there is more of it than of the others."""
    first, second = colour[..., others[0]], colour[..., others[1]]
    limit = (first + second) * np.float32(0.5) if average else np.maximum(first, second)
    colour[..., key] -= np.float32(amount) * np.maximum(colour[..., key] - limit, 0.0)
