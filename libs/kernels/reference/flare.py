"""Light that a lens scatters, shape by shape."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from libs.kernels.types import Pixels

if TYPE_CHECKING:
    from libs.kernels.flare import Flare, Ghost

Numbers = npt.NDArray[np.float64]


def flare(pixels: Pixels, origin: tuple[int, int], of: Flare) -> None:
    height, width = pixels.shape[:2]
    x = origin[0] + 0.5 + np.arange(width, dtype=np.float64)[None, :]
    y = origin[1] + 0.5 + np.arange(height, dtype=np.float64)[:, None]
    for channel in range(3):
        light = np.zeros((height, width))
        for ghost in of.ghosts:
            light += ghost.strength[channel] * _ghost(of, ghost, channel, x, y)
        for ring in of.rings:
            r = np.hypot(x - ring.middle[0], y - ring.middle[1])
            light += ring.strength[channel] * _bump((r - ring.radius[channel]) / ring.width)
        for streak in of.streaks:
            dx, dy = x - streak.middle[0], y - streak.middle[1]
            along = (dx * streak.direction[0] + dy * streak.direction[1]) / streak.length[channel]
            across = (dy * streak.direction[0] - dx * streak.direction[1]) / streak.width
            light += streak.strength[channel] * _bump(across) * _bump(along) / (1.0 + 64.0 * along * along)
        for glow in of.glows:
            r = np.hypot(x - glow.middle[0], y - glow.middle[1])
            light += glow.strength[channel] * _bump(r / glow.radius[channel]) / (1.0 + (r / glow.core) ** 2)
        pixels[..., channel] += light.astype(np.float32)


def _ghost(of: Flare, ghost: Ghost, channel: int, x: Numbers, y: Numbers) -> Numbers:
    dx, dy = x - ghost.middles[channel][0], y - ghost.middles[channel][1]
    far = np.max([dx * normal_x + dy * normal_y for normal_x, normal_y in of.normals()], axis=0)
    far += of.roundness * (np.hypot(dx, dy) - far)
    radius = ghost.radius[channel]
    u = np.clip((radius - far) / ghost.edge, 0.0, 1.0)
    lit: Numbers = u * u * (3.0 - 2.0 * u) * (1.0 - ghost.hollow + ghost.hollow * (far / radius) ** 2)
    return lit


def _bump(x: Numbers) -> Numbers:
    rest: Numbers = np.maximum(1.0 - x * x, 0.0)
    return rest**3
