"""Many small pictures drawn into one."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from libs.kernels import checks, native
from libs.kernels.reference import sprites as fallback
from libs.kernels.threads import over_rows
from libs.kernels.types import Pixels

__all__ = ["SPRITE", "draw_sprites"]

SPRITE: Final = np.dtype(
    [
        ("x", "f8"),
        ("y", "f8"),
        ("inner", "f4"),
        ("outer", "f4"),
        ("colour", "f4", (4,)),
        ("cosine", "f4"),
        ("sine", "f4"),
        ("across", "f4"),
        ("down", "f4"),
        ("level", "i4"),
        ("unused", "i4"),
    ]
)
"""One sprite; `sprite` of src/sprites.c."""

Sprites = npt.NDArray[Any]
"""[n] of `SPRITE`."""


def draw_sprites(
    pixels: Pixels,
    origin: tuple[int, int],
    sprites: Sprites,
    levels: Sequence[Pixels] = (),
    *,
    over: bool,
    threads: int = 1,
) -> Pixels:
    """Draws `sprites` in their order into `pixels`, [height, width, 4], in place: over what is there, or added to it.

    `x` and `y` are a sprite's middle in the document, whose first pixel of `pixels` is at `origin`, x first; what it
    covers is multiplied by `colour`, premultiplied. Without `levels` it is a disc: full up to `inner` pixels from the
    middle, nothing from `outer` on, and u²(3 − 2u) between. With them, it is the picture `levels[level]`, premultiplied
    RGBA: a way (dx, dy) from the middle leads to (across · (cosine · dx + sine · dy), down · (cosine · dy − sine · dx))
    of its pixels from its middle, where it is read bilinearly; `outer` is as far as it can reach. A part of a picture
    is drawn as in the whole, to the bit. ValueError for levels that there are not, and for pixels that cannot be
    written where they are.
    """
    pixels = checks.result(pixels, (*pixels.shape[:2], 4))
    if sprites.dtype != SPRITE or sprites.ndim != 1:
        raise ValueError(f"sprites are a vector of SPRITE, not {sprites.dtype} {list(sprites.shape)}")
    levels = [checks.picture(level, "a level", 4) for level in levels]
    if levels and sprites.size and not 0 <= sprites["level"].min() <= sprites["level"].max() < len(levels):
        raise ValueError(f"a sprite's level is one of {len(levels)}")
    if pixels.size == 0 or sprites.size == 0:
        return pixels
    library = native.library()
    if library is None:
        fallback.draw_sprites(pixels, origin, sprites, levels, over=over)
        return pixels
    sprites = np.ascontiguousarray(sprites)
    given = (_Level * len(levels))(
        *[_Level(native.address(level), native.stride(level), *level.shape[:2]) for level in levels]
    )

    def rows(first: int, count: int) -> None:
        library.artifex_sprites(
            native.address(pixels),
            native.stride(pixels),
            pixels.shape[1],
            *origin,
            first,
            count,
            native.address(sprites),
            sprites.size,
            ctypes.addressof(given) if levels else None,
            int(over),
        )

    over_rows(rows, pixels.shape[0], threads)
    return pixels


class _Level(ctypes.Structure):
    """`level` of src/sprites.c."""

    _fields_ = (
        ("pixels", ctypes.c_void_p),
        ("stride", ctypes.c_int64),
        ("height", ctypes.c_int64),
        ("width", ctypes.c_int64),
    )
