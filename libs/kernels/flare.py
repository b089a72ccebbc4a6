"""Light that a lens scatters."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from libs.kernels import checks, native
from libs.kernels.reference import flare as fallback
from libs.kernels.threads import over_rows
from libs.kernels.types import Pixels

__all__ = ["MOST_BLADES", "Flare", "Ghost", "Glow", "Ring", "Streak", "flare"]

MOST_BLADES: Final = 16

Rgb = tuple[float, float, float]
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Ghost:
    """A picture of the aperture: a polygon, for each channel with its own middle and size."""

    middles: tuple[Point, Point, Point]
    radius: Rgb
    """From the middle to the corners."""
    strength: Rgb
    edge: float
    """Pixels in which it fades out, inwards from the radius."""
    hollow: float
    """From 0, equally bright everywhere, to 1, dark in the middle."""


@dataclass(frozen=True, slots=True)
class Ring:
    middle: Point
    radius: Rgb
    strength: Rgb
    width: float
    """To each side of the radius."""


@dataclass(frozen=True, slots=True)
class Streak:
    """A line through a point."""

    middle: Point
    direction: Point
    """Of length 1."""
    length: Rgb
    """To each side."""
    strength: Rgb
    width: float
    """To each side."""


@dataclass(frozen=True, slots=True)
class Glow:
    middle: Point
    radius: Rgb
    strength: Rgb
    core: float
    """Where it has fallen to half."""


@dataclass(frozen=True, slots=True)
class Flare:
    """All that is seen, in the document's pixels, where a pixel's centre is at +½. Lengths are above 0."""

    ghosts: Sequence[Ghost] = ()
    rings: Sequence[Ring] = ()
    streaks: Sequence[Streak] = ()
    glows: Sequence[Glow] = ()
    blades: int = 6
    """Sides of the polygon, 3 to 16."""
    turn: float = 0.0
    """Radians that its first corner is turned from above, clockwise as seen."""
    roundness: float = 0.0
    """From 0, a polygon, to 1, a disc."""

    def normals(self) -> list[Point]:
        """Of the sides, divided by how near they are to the middle of a polygon whose corners are at 1."""
        near = math.cos(math.pi / self.blades)
        angles = [self.turn + (2 * side + 1) * math.pi / self.blades for side in range(self.blades)]
        return [(math.sin(angle) / near, -math.cos(angle) / near) for angle in angles]


def flare(pixels: Pixels, origin: tuple[int, int], of: Flare, threads: int = 1) -> Pixels:
    """Adds the light of `of` to `pixels`, [height, width, 4], in place; alpha stays. `origin`: its first pixel, x, y.

    With bump(x) = (1 − x²)³ within 1 and 0 beyond, and r the distance to the middle:

        ghost   s(u) (1 − hollow + hollow (d/R)²),  u = (R − d)/edge within 0 and 1, s(u) = u²(3 − 2u);
                d is roundness · r and, for the rest, the distance at which a side of the polygon is met
        ring    bump((r − R) / width)
        streak  bump(across / width) bump(along / length) / (1 + 64 (along/length)²)
        glow    bump(r / R) / (1 + (r/core)²)

    each times its strength. ValueError for blades that there are not, and for pixels that cannot be written
    where they are.
    """
    pixels = checks.result(pixels, (*pixels.shape[:2], 4))
    if not 3 <= of.blades <= MOST_BLADES:
        raise ValueError(f"an aperture has 3 to {MOST_BLADES} blades, not {of.blades}")
    if pixels.size == 0:
        return pixels
    library = native.library()
    if library is None:
        fallback.flare(pixels, origin, of)
        return pixels
    ghosts = (_Ghost * len(of.ghosts))(*[_ghost(each) for each in of.ghosts])
    rings = (_Ring * len(of.rings))(*[_Ring(*each.middle, each.radius, each.strength, each.width) for each in of.rings])
    streaks = (_Streak * len(of.streaks))(
        *[_Streak(*each.middle, *each.direction, each.length, each.strength, each.width) for each in of.streaks]
    )
    glows = (_Glow * len(of.glows))(*[_Glow(*each.middle, each.radius, each.strength, each.core) for each in of.glows])
    normals = of.normals()
    given = _Flare(
        *[ctypes.addressof(each) for each in (ghosts, rings, streaks, glows)],
        *[len(each) for each in (ghosts, rings, streaks, glows)],
        tuple(x for x, _ in normals),
        tuple(y for _, y in normals),
        of.blades,
        of.roundness,
    )

    def rows(first: int, count: int) -> None:
        library.artifex_flare(
            native.address(pixels),
            native.stride(pixels),
            pixels.shape[1],
            *origin,
            first,
            count,
            ctypes.addressof(given),
        )

    over_rows(rows, pixels.shape[0], threads)
    return pixels


def _ghost(of: Ghost) -> _Ghost:
    across, down = zip(*of.middles, strict=True)
    return _Ghost(across, down, of.radius, of.strength, of.edge, of.hollow)


_F: Final[Any] = ctypes.c_float
_RGB: Final[Any] = ctypes.c_float * 3


class _Ghost(ctypes.Structure):
    """`ghost` of src/flare.c; the others likewise."""

    _fields_ = (("x", _RGB), ("y", _RGB), ("radius", _RGB), ("strength", _RGB), ("edge", _F), ("hollow", _F))


class _Ring(ctypes.Structure):
    _fields_ = (("x", _F), ("y", _F), ("radius", _RGB), ("strength", _RGB), ("width", _F))


class _Streak(ctypes.Structure):
    _fields_ = (
        *((name, _F) for name in ("x", "y", "along_x", "along_y")),
        ("length", _RGB),
        ("strength", _RGB),
        ("width", _F),
    )


class _Glow(ctypes.Structure):
    _fields_ = (("x", _F), ("y", _F), ("radius", _RGB), ("strength", _RGB), ("core", _F))


class _Flare(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("ghosts", "rings", "streaks", "glows")),
        *((name, ctypes.c_int64) for name in ("ghost_count", "ring_count", "streak_count", "glow_count")),
        ("blade_x", _F * MOST_BLADES),
        ("blade_y", _F * MOST_BLADES),
        ("blades", ctypes.c_int64),
        ("roundness", _F),
    )
