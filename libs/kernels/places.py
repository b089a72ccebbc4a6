"""Where pixels of a result are read, for `libs.kernels.warp`: through a lens, and through a mesh."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from libs.kernels import native
from libs.kernels.reference import places as fallback
from libs.kernels.threads import over_rows

Places: TypeAlias = npt.NDArray[np.float64]
"""[height, width, 2]: where each pixel of a picture is read, x first, in the document's pixels."""


@dataclass(frozen=True, slots=True)
class Lens:
    """Brown's and Conrady's model of a lens, around a point of the picture.

    In units of the focal length, from the centre, with r² = x² + y² and c = 1 + k1 r² + k2 r⁴ + k3 r⁶, the point (x, y)
    is seen at (x c + 2 p1 x y + p2 (r² + 2x²), y c + p1 (r² + 2y²) + 2 p2 x y): as OpenCV has it, after D. C. Brown,
    Decentering Distortion of Lenses, 1966.
    """

    x: float
    y: float
    """The centre, in pixels."""
    focal: float
    """Pixels, above 0."""
    k1: float = 0.0
    k2: float = 0.0
    k3: float = 0.0
    p1: float = 0.0
    p2: float = 0.0

    @property
    def fold(self) -> float:
        """The least r² from which on what lies further out is seen further in; infinite where there is none."""
        roots = np.roots([7 * self.k3, 5 * self.k2, 3 * self.k1, 1.0])
        real = roots.real[(np.abs(roots.imag) < 1e-12 * (1 + np.abs(roots.real))) & (roots.real > 0)]
        return float(real.min(initial=np.inf))


def lens_places(
    lens: Lens, origin: tuple[float, float], size: tuple[int, int], *, straighten: bool, threads: int = 1
) -> Places:
    """[height, width, 2] for pixels that begin at `origin`, x first, with centres ½ on; `size` is (height, width).

    Where the lens shows what lies at the pixel, which takes the distortion out of a picture; `straighten`ed, what the
    lens shows at the pixel, which puts it in: by Newton's method, within 1e-10 focal lengths. NaN beyond the fold.
    """
    places = np.empty((*size, 2))
    facts = np.array([*astuple(lens), lens.fold], np.float64)
    x, y = origin[0] + 0.5, origin[1] + 0.5
    library = native.library()
    if library is None:
        fallback.lens(facts, straighten, x, y, places)
        return places

    def rows(first: int, count: int) -> None:
        library.artifex_lens(native.address(facts), straighten, x, y, first, count, size[1], native.address(places))

    over_rows(rows, size[0], threads)
    return places


def mesh_places(
    patches: Places,
    steps: npt.NDArray[np.int32],
    source: tuple[float, float, float, float],
    beyond: float,
    origin: tuple[float, float],
    size: tuple[int, int],
    threads: int = 1,
) -> Places:
    """[height, width, 2] for pixels that begin at `origin`, x first: what a mesh of patches shows at each; NaN outside.

    `patches`, [rows, columns, 4, 4, 2]: of each patch the coefficients of x and y by the power of t, down, and of s,
    across, both from 0 to 1. It is cut in `steps`, [rows, columns, 2], across and down, of pieces, which tell roughly
    where a pixel lies; exactly, within 1e-10 pixels, Newton's method does. The patch (j, i) shows the rectangle from
    (u + i du, v + j dv) to (u + (i + 1) du, v + (j + 1) dv), where `source` is u, v, du and dv. Where patches overlap
    it is the last one, in rows; beyond the outer border they go on for a part `beyond` of themselves, below all others.
    """
    patches = np.ascontiguousarray(patches, np.float64)
    steps = np.ascontiguousarray(steps, np.int32)
    if patches.ndim != 5 or patches.shape[2:] != (4, 4, 2) or steps.shape != (*patches.shape[:2], 2):
        raise ValueError(f"patches are [rows, columns, 4, 4, 2] with steps for each, not {list(patches.shape)}")
    if steps.min(initial=1) < 1:
        raise ValueError("a patch has one step at least")
    if not 0.0 <= beyond <= 1.0:
        raise ValueError(f"a patch goes on for 0 to 1 of itself, not {beyond}")
    places = np.full((*size, 2), np.nan)
    facts = np.array(source, np.float64)
    x, y = origin[0] + 0.5, origin[1] + 0.5
    library = native.library()
    if library is None:
        fallback.mesh(patches, steps, facts, beyond, x, y, places)
        return places

    def rows(first: int, count: int) -> None:
        library.artifex_mesh(
            native.address(patches), native.address(steps), *patches.shape[:2], native.address(facts), beyond, x, y,
            first, count, size[1], native.address(places),
        )  # fmt: skip

    over_rows(rows, size[0], threads)
    return places
