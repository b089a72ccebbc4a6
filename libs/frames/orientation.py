"""Bringing pictures upright: the display matrix that cameras write instead of turning the pixels."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from av.sidedata.sidedata import Type
from av.video.frame import VideoFrame

from libs.frames.side_data import side_data


@dataclass(frozen=True)
class Orientation:
    """Mirror left to right first, then turn clockwise by 0, 90, 180 or 270 degrees."""

    mirrored: bool = False
    clockwise: int = 0

    @property
    def swaps_sides(self) -> bool:
        return self.clockwise in (90, 270)

    def apply(self, picture: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """The picture [height, width, channels] brought upright, contiguous."""
        if self.mirrored:
            picture = picture[:, ::-1]
        if self.clockwise:
            picture = np.rot90(picture, k=-(self.clockwise // 90))
        return np.ascontiguousarray(picture)

    def stored(self, x: int, y: int, width: int, height: int, size: tuple[int, int]) -> tuple[int, int, int, int]:
        """Where a rectangle of the upright picture lies in the picture as it is stored, `size` (width, height)."""
        stored_width, stored_height = size
        if self.clockwise == 90:
            x, y, width, height = y, stored_height - x - width, height, width
        elif self.clockwise == 180:
            x, y = stored_width - x - width, stored_height - y - height
        elif self.clockwise == 270:
            x, y, width, height = stored_width - y - height, x, height, width
        return (stored_width - x - width if self.mirrored else x), y, width, height

    def shown(self, x: int, y: int, width: int, height: int, size: tuple[int, int]) -> tuple[int, int, int, int]:
        """Where a rectangle of the picture as it is stored, `size` (width, height), lies in the upright one."""
        stored_width, stored_height = size
        x = stored_width - x - width if self.mirrored else x
        if self.clockwise == 90:
            return stored_height - y - height, x, height, width
        if self.clockwise == 180:
            return stored_width - x - width, stored_height - y - height, width, height
        if self.clockwise == 270:
            return y, stored_width - x - width, height, width
        return x, y, width, height


UPRIGHT = Orientation()
_EXIF = {
    2: Orientation(mirrored=True),
    3: Orientation(clockwise=180),
    4: Orientation(mirrored=True, clockwise=180),
    5: Orientation(mirrored=True, clockwise=270),
    6: Orientation(clockwise=90),
    7: Orientation(mirrored=True, clockwise=90),
    8: Orientation(clockwise=270),
}


def orientation_of_exif(told: object) -> Orientation:
    """The orientation that a still's tag of that name asks for (Exif, 4.6.5: 1 to 8); upright for anything else."""
    return _EXIF.get(told, UPRIGHT) if isinstance(told, int) else UPRIGHT


def orientation_of(frame: VideoFrame) -> Orientation:
    """The orientation in a decoded frame's display matrix; upright when it has none or a skewed one."""
    beside = side_data(frame)
    if beside is None:
        # PyAV's own reading of the angle works all the same.
        return Orientation(clockwise=round(-frame.rotation / 90) * 90 % 360)
    for item in beside:
        if item.type is Type.DISPLAYMATRIX:
            return orientation_of_matrix(struct.unpack("=9i", bytes(item)))
    return UPRIGHT


def orientation_of_matrix(matrix: Sequence[int]) -> Orientation:
    """The orientation that a display matrix asks for: nine numbers in libavutil's order, 16.16 fixed point."""
    a, b, _, c, d = matrix[:5]
    # Row vectors in 16.16: x' = a*x + c*y, y' = b*x + d*y, with y pointing down.
    return _BY_SIGNS.get((_sign(a), _sign(b), _sign(c), _sign(d)), UPRIGHT)


def _sign(value: int) -> int:
    return 0 if abs(value) < 0x1000 else (1 if value > 0 else -1)


_BY_SIGNS = {
    (1, 0, 0, 1): UPRIGHT,
    (0, 1, -1, 0): Orientation(clockwise=90),
    (-1, 0, 0, -1): Orientation(clockwise=180),
    (0, -1, 1, 0): Orientation(clockwise=270),
    (-1, 0, 0, 1): Orientation(mirrored=True),
    # Mirrored as (x, y) -> (-x, y), then turned: clockwise (x, y) -> (-y, x).
    (0, -1, -1, 0): Orientation(mirrored=True, clockwise=90),
    (1, 0, 0, -1): Orientation(mirrored=True, clockwise=180),
    (0, 1, 1, 0): Orientation(mirrored=True, clockwise=270),
}
