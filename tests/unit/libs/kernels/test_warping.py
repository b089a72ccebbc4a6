"""Reading where a map says and averaging where it shrinks, against OpenImageIO's resize and SciPy's sampling."""

from functools import partial
from typing import Any, get_args

import numpy as np
import numpy.typing as npt
import OpenImageIO as oiio
import pytest
from scipy import ndimage

from libs.kernels import Filter, Halves, Matrix, project, resample, warp, warping
from tests.unit.libs.kernels.pictures import by_reference, noise

pytestmark = pytest.mark.usefixtures("variant")

FILTERS: tuple[Filter, ...] = get_args(Filter)
ORIGIN = (0.0, 0.0)

MAPS: dict[str, Matrix] = {
    "a third": np.diag([3.0, 3.0, 1.0]),
    "flat": np.array([[2.6, 0.0, 1.3], [0.0, 0.7, 0.4], [0.0, 0.0, 1.0]]),
    "turn": np.array([[1.9, 0.8, -2.0], [-0.8, 1.9, 3.0], [0.0, 0.0, 1.0]]),
    "floor": np.array([[1.0, 0.1, 2.0], [0.0, 3.0, 1.0], [0.0, -0.02, 1.0]]),
}
"""Maps of the result to the picture, which all shrink somewhere."""


def places(matrix: Matrix, height: int, width: int, x: int = 0, y: int = 0) -> npt.NDArray[np.float64]:
    """Where a matrix reads a result of that size, and the pixels around it; not a number behind the horizon."""
    across, down = np.meshgrid(np.arange(x - 1, x + width + 1) + 0.5, np.arange(y - 1, y + height + 1) + 0.5)
    u, v, w = np.einsum("ij,jhw->ihw", matrix, np.stack([across, down, np.ones_like(across)]))
    with np.errstate(all="ignore"):
        return np.where(w > 0.0, np.stack([u / w, v / w]), np.nan).transpose(1, 2, 0)


@pytest.mark.parametrize(
    ("filter", "theirs", "width"),
    [("box", "box", 1.0), ("bilinear", "triangle", 2.0), ("cubic", "catmull-rom", 4.0), ("mitchell", "mitchell", 4.0)],
)
@pytest.mark.parametrize("channels", [1, 4])
def test_shrinks_as_openimageio_does(filter: Filter, theirs: str, width: float, channels: int) -> None:
    pixels = noise(96, 120, channels)
    spec = oiio.ImageSpec(120, 96, channels, "float")
    buffer = oiio.ImageBuf(spec)
    buffer.set_pixels(spec.roi, pixels)
    roi = oiio.ROI(0, 40, 0, 32, 0, 1, 0, channels)
    resized = oiio.ImageBufAlgo.resize(buffer, filtername=theirs, filterwidth=width, roi=roi)
    expected = np.asarray(resized.get_pixels(oiio.FLOAT)).reshape(32, 40, channels)
    got = project(pixels, MAPS["a third"], (32, 40), ORIGIN, ORIGIN, filter)
    # Theirs stops at the edge, ours fades.
    np.testing.assert_allclose(got[4:-4, 4:-4], expected[4:-4, 4:-4], atol=2e-5)


@pytest.mark.parametrize("name", MAPS)
@pytest.mark.parametrize("filter", FILTERS)
def test_agrees_with_numpy(name: str, filter: Filter) -> None:
    for channels in (1, 4):
        for height, width in ((1, 1), (33, 41)):
            pixels = noise(height, width, channels, seed=3)
            for kernel in (
                partial(project, pixels, MAPS[name], (12, 14), (-2.0, -1.0), (1.0, 2.0), filter, threads=2),
                partial(warp, pixels, places(MAPS[name], 12, 14, -2, -1), (1.0, 2.0), filter, threads=2),
            ):
                np.testing.assert_allclose(kernel(), by_reference(kernel), atol=5e-6)


@pytest.mark.parametrize("filter", FILTERS)
def test_a_map_of_places_reads_as_its_matrix(filter: Filter) -> None:
    pixels = noise(80, 90, seed=4)
    for name in ("turn", "a third"):
        by_matrix = project(pixels, MAPS[name], (30, 31), (-3.0, -4.0), ORIGIN, filter)
        by_places = warp(pixels, places(MAPS[name], 30, 31, -3, -4), ORIGIN, filter)
        np.testing.assert_allclose(by_places, by_matrix, atol=5e-6)


@pytest.mark.parametrize(("filter", "order"), [("nearest", 0), ("bilinear", 1)])
def test_where_nothing_shrinks_it_is_scipys_sampling(filter: Filter, order: int) -> None:
    pixels = noise(33, 41, 4, seed=2)
    y, x = np.mgrid[-1:51, -1:48] + 0.5
    at = np.stack([x * 0.8 + 2.5 * np.sin(y / 9) + 0.013, y * 0.7 + 1.5 * np.cos(x / 8) - 0.017], axis=-1)
    got = warp(pixels, at, ORIGIN, filter)
    inner = at[1:-1, 1:-1]
    for channel in range(4):
        wide = pixels[..., channel].astype(np.float64)
        expected = ndimage.map_coordinates(
            wide, [inner[..., 1] - 0.5, inner[..., 0] - 0.5], order=order, mode="grid-constant", prefilter=False
        )
        np.testing.assert_allclose(got[..., channel], expected, atol=3e-6)


@pytest.mark.parametrize("filter", [name for name in FILTERS if name != "box"])
def test_what_does_not_shrink_is_resampled_as_it_is(filter: Filter) -> None:
    matrix = np.array([[0.6, 0.3, -2.0], [-0.25, 0.7, 3.0], [0.0, 0.0, 1.0]])
    pixels = noise(30, 40, seed=5)
    plain = resample(pixels, matrix, (44, 36), (-2.0, -2.0), ORIGIN, filter)
    np.testing.assert_allclose(project(pixels, matrix, (44, 36), (-2.0, -2.0), ORIGIN, filter), plain, atol=2e-6)


@pytest.mark.parametrize("filter", FILTERS)
@pytest.mark.parametrize("name", MAPS)
def test_a_flat_picture_stays_flat(filter: Filter, name: str) -> None:
    got = project(np.full((300, 300, 4), 0.5, np.float32), MAPS[name], (8, 8), (3.0, 1.0), (-100.0, -100.0), filter)
    np.testing.assert_allclose(got, 0.5, atol=1e-6)


@pytest.mark.parametrize("filter", [name for name in FILTERS if name != "nearest"])
def test_what_is_finer_than_a_pixel_becomes_grey(filter: Filter) -> None:
    """A checkerboard, shrunk by 16: by halves, since the map is of places."""
    board = (np.indices((640, 640)).sum(axis=0) % 2).astype(np.float32)[..., None]
    got = warp(board, places(np.diag([16.0, 16.0, 1.0]), 40, 40), ORIGIN, filter)
    np.testing.assert_allclose(got[8:-8, 8:-8], 0.5, atol=1e-3)


@pytest.mark.parametrize("filter", FILTERS)
def test_halves_do_not_depend_on_what_is_read(filter: Filter) -> None:
    """Of a picture cut to what the result needs, it is the same: halves lie on the document's grid."""
    pixels, at = noise(500, 500, 1, seed=6), places(np.diag([11.0, 9.0, 1.0]), 6, 7, 20, 20)
    whole = warp(pixels, at, ORIGIN, filter)
    left, top = 133, 97
    part = warp(np.ascontiguousarray(pixels[top:321, left:401]), at, (float(left), float(top)), filter)
    np.testing.assert_allclose(part, whole, atol=2e-6)


@pytest.mark.parametrize("channels", [1, 2, 4])
def test_a_pictures_halves_are_made_once_for_all_of_its_strips(channels: int, monkeypatch: pytest.MonkeyPatch) -> None:
    pixels, at = noise(300, 300, channels, seed=6), places(np.diag([11.0, 9.0, 1.0]), 24, 20)
    whole = warp(pixels, at, ORIGIN, "cubic")
    made, make = [], warping._halves

    def counted(*given: Any) -> list[warping.Level]:
        made.append(given)
        return make(*given)

    monkeypatch.setattr(warping, "_halves", counted)
    halves = Halves()
    for top in range(0, 24, 8):
        strip = warp(pixels, at[top : top + 10], ORIGIN, "cubic", halves=halves)
        np.testing.assert_array_equal(strip, whole[top : top + 8])
    assert len(made) == 1


@pytest.mark.parametrize("filter", FILTERS)
def test_parts_and_threads_are_as_the_whole(filter: Filter) -> None:
    pixels = noise(90, 70, seed=5)
    for name in MAPS:
        whole = project(pixels, MAPS[name], (24, 26), ORIGIN, ORIGIN, filter)
        part = project(pixels, MAPS[name], (9, 11), (5.0, 7.0), ORIGIN, filter, threads=3)
        np.testing.assert_allclose(part, whole[7:16, 5:16], atol=1e-5)
        warped = warp(pixels, places(MAPS[name], 24, 26), ORIGIN, filter)
        np.testing.assert_array_equal(warp(pixels, places(MAPS[name], 24, 26), ORIGIN, filter, threads=3), warped)
        np.testing.assert_array_equal(warp(pixels, places(MAPS[name], 9, 11, 5, 7), ORIGIN, filter), warped[7:16, 5:16])


@pytest.mark.parametrize("hole", [np.nan, np.inf, -1e300])
def test_holes_are_transparent_and_no_neighbours(hole: float) -> None:
    pixels, at = noise(40, 40, seed=7), places(np.diag([0.9, 0.9, 1.0]), 20, 20)
    expected = warp(pixels, at, ORIGIN, "cubic")
    at[8:12, 8:12] = hole
    got = warp(pixels, at, ORIGIN, "cubic")
    assert not got[7:11, 7:11].any()
    got[7:11, 7:11] = expected[7:11, 7:11]
    np.testing.assert_allclose(got, expected, atol=1e-6)
    alone = np.full((3, 3, 2), hole)
    alone[1, 1] = 5.5, 6.5
    np.testing.assert_allclose(warp(pixels, alone, ORIGIN, "cubic")[0, 0], pixels[6, 5], atol=1e-6)


@pytest.mark.parametrize("filter", FILTERS)
def test_what_is_not_finite_stays_within_the_filter(filter: Filter) -> None:
    pixels = noise(60, 60, seed=6)
    pixels[31, 30, 2] = np.nan
    got = project(pixels, MAPS["turn"], (40, 40), (-5.0, -5.0), ORIGIN, filter)
    spoiled = np.argwhere(np.isnan(got))
    assert filter == "nearest" or len(spoiled)
    assert set(spoiled[:, 2].tolist()) <= {2}
    points = np.c_[spoiled[:, 1] - 4.5, spoiled[:, 0] - 4.5, np.ones(len(spoiled))] @ MAPS["turn"].T
    assert np.abs(points[:, :2] - (30.5, 31.5)).max(initial=0) <= 4.0 * np.hypot(1.9, 0.8) + 0.5


def test_far_and_empty() -> None:
    pixels = noise(5, 5)
    huge: Any = np.array([[1e30, 0.0, 0.0], [0.0, 1e-30, np.pi], [0.0, 0.0, 1.0]])
    assert np.isfinite(project(pixels, huge, (4, 4), ORIGIN, ORIGIN, "cubic")).all()
    assert np.isfinite(warp(pixels, np.full((6, 6, 2), 1e30), ORIGIN, "box")).all()
    assert warp(pixels, np.zeros((2, 9, 2)), ORIGIN, "cubic").shape == (0, 7, 4)
    assert not warp(np.zeros((0, 3, 4), np.float32), np.zeros((4, 4, 2)), ORIGIN, "cubic").any()
    with pytest.raises(ValueError, match=r"places are \[height \+ 2"):
        warp(pixels, np.zeros((4, 4)), ORIGIN, "cubic")
    with pytest.raises(ValueError, match="no filter 'sinc'"):
        warp(pixels, np.zeros((4, 4, 2)), ORIGIN, "sinc")  # type: ignore[arg-type]
