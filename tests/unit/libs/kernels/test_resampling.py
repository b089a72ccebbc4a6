"""Resampling, against OpenImageIO's and OpenCV's resizes and SciPy's spline sampling."""

import math
from functools import partial
from typing import Any, get_args

import cv2
import numpy as np
import numpy.typing as npt
import OpenImageIO as oiio
import pytest
from scipy import ndimage

from libs.kernels import Filter, Matrix, resample
from tests.unit.libs.kernels.pictures import by_reference, noise, strip, untouched

pytestmark = pytest.mark.usefixtures("variant")

FILTERS: tuple[Filter, ...] = get_args(Filter)
ORIGIN = (0.0, 0.0)

SLIGHTLY = np.array([[1.0, 0.0, 0.0117], [0.0, 1.0, 0.0231], [0.0, 0.0, 1.0]])
"""Off the borders between pixels, where rounding decides which is the nearest."""

MAPS: dict[str, Matrix] = {
    "scale": np.diag([0.7, 1.3, 1.0]),
    "mirror": np.array([[-1.0, 0.0, 31.0], [0.0, 1.0, 0.25], [0.0, 0.0, 1.0]]),
    "turn": np.array([[0.9, 0.3, -2.0], [-0.25, 1.1, 3.0], [0.0, 0.0, 1.0]]),
    "quarter turn": np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]),
    "projection": np.array([[0.9, 0.3, -2.0], [-0.25, 1.1, 3.0], [0.002, 0.015, 0.8]]),
    "shifted": np.array([[1.0, 0.0, 3.3], [0.0, 1.0, -2.2], [0.0, 0.0, 1.0]]),
    "outside": np.array([[1.0, 0.0, 500.0], [0.0, 1.0, 0.5], [0.0, 0.0, 1.0]]),
}


def interior(pixels: npt.NDArray[Any], margin: int = 15) -> npt.NDArray[Any]:
    return pixels[margin:-margin, margin:-margin]


@pytest.mark.parametrize(
    ("filter", "theirs"), [("cubic", "catmull-rom"), ("mitchell", "mitchell"), ("bilinear", "triangle")]
)
def test_filters_are_those_of_openimageio(filter: Filter, theirs: str) -> None:
    pixels = noise(40, 50)
    spec = oiio.ImageSpec(50, 40, 4, "float")
    buffer = oiio.ImageBuf(spec)
    buffer.set_pixels(spec.roi, pixels)
    width = 3.0 * (2.0 if filter == "bilinear" else 4.0)
    roi = oiio.ROI(0, 150, 0, 120, 0, 1, 0, 4)
    resized = oiio.ImageBufAlgo.resize(buffer, filtername=theirs, filterwidth=width, roi=roi)
    expected = np.asarray(resized.get_pixels(oiio.FLOAT))
    got = resample(pixels, np.diag([1 / 3, 1 / 3, 1.0]), (120, 150), ORIGIN, ORIGIN, filter)
    np.testing.assert_allclose(interior(got), interior(expected), atol=1e-5)


@pytest.mark.parametrize(("filter", "theirs"), [("lanczos4", cv2.INTER_LANCZOS4), ("bilinear", cv2.INTER_LINEAR)])
@pytest.mark.parametrize("channels", [1, 4])
def test_filters_are_those_of_opencv(filter: Filter, theirs: int, channels: int) -> None:
    pixels = noise(40, 50, channels)
    expected = np.asarray(cv2.resize(pixels, (135, 110), interpolation=theirs)).reshape(110, 135, channels)
    got = resample(pixels, np.diag([50 / 135, 40 / 110, 1.0]), (110, 135), ORIGIN, ORIGIN, filter)
    np.testing.assert_allclose(interior(got), interior(expected), atol=1e-5)


@pytest.mark.parametrize("name", MAPS)
@pytest.mark.parametrize(("filter", "order"), [("nearest", 0), ("bilinear", 1)])
def test_any_map_and_its_soft_edges_are_those_of_scipy(name: str, filter: Filter, order: int) -> None:
    pixels = noise(33, 41, 3, seed=2)
    matrix = MAPS[name] @ SLIGHTLY
    got = resample(pixels, matrix, (50, 47), (-6.0, -8.0), (0.0, 0.0), filter)
    x, y = np.meshgrid(np.arange(47) - 5.5, np.arange(50) - 7.5)
    points = np.einsum("ij,jhw->ihw", matrix, np.stack([x, y, np.ones_like(x)]))
    at = [points[1] / points[2] - 0.5, points[0] / points[2] - 0.5]
    for channel in range(3):
        wide = pixels[..., channel].astype(np.float64)
        expected = ndimage.map_coordinates(wide, at, order=order, mode="grid-constant", prefilter=False)
        np.testing.assert_allclose(got[..., channel], expected, atol=3e-6)


@pytest.mark.parametrize("name", MAPS)
@pytest.mark.parametrize("filter", FILTERS)
def test_agrees_with_numpy(name: str, filter: Filter) -> None:
    for channels in (1, 2, 4):
        for height, width in ((1, 1), (2, 9), (23, 31)):
            pixels, matrix = noise(height, width, channels, seed=3), MAPS[name] @ SLIGHTLY
            kernel = partial(resample, pixels, matrix, (29, 37), (-3.0, -4.0), (1.0, 2.0), filter, threads=2)
            np.testing.assert_allclose(kernel(), by_reference(kernel), atol=3e-6)


@pytest.mark.parametrize("filter", ["nearest", "bilinear", "cubic", "lanczos4"])
def test_whole_pixels_are_copied(filter: Filter) -> None:
    pixels = noise(12, 14, seed=4)
    shift = np.array([[1.0, 0.0, 3.0], [0.0, 1.0, -2.0], [0.0, 0.0, 1.0]])
    got = resample(pixels, shift, (12, 14), ORIGIN, ORIGIN, filter)
    expected = np.zeros_like(pixels)
    expected[2:, :-3] = pixels[:-2, 3:]
    # Lanczos' zeros are zeros up to rounding.
    np.testing.assert_allclose(got, expected, atol=1e-7)


@pytest.mark.parametrize("filter", FILTERS)
@pytest.mark.parametrize("name", ["scale", "turn"])
def test_a_flat_picture_stays_flat(filter: Filter, name: str) -> None:
    got = resample(np.full((60, 60, 4), 0.5, np.float32), MAPS[name], (30, 20), ORIGIN, (-20.0, -20.0), filter)
    np.testing.assert_allclose(got[5:-5, 5:-5], 0.5, atol=1e-6)


@pytest.mark.parametrize("filter", FILTERS)
def test_parts_threads_and_strips_are_as_the_whole(filter: Filter) -> None:
    pixels = noise(40, 30, seed=5)
    for matrix in (MAPS["scale"] @ SLIGHTLY, MAPS["turn"] @ SLIGHTLY):
        whole = resample(pixels, matrix, (44, 36), (-2.0, -2.0), ORIGIN, filter)
        np.testing.assert_array_equal(
            resample(pixels, matrix, (44, 36), (-2.0, -2.0), ORIGIN, filter, threads=5), whole
        )
        source, _ = strip(pixels)
        out, around = strip(np.zeros((20, 36, 4), np.float32))
        part = resample(source, matrix, (20, 36), (-2.0, 7.0), ORIGIN, filter, out=out)
        assert part is out
        np.testing.assert_allclose(part, whole[9:29], atol=2e-6)
        assert untouched(around, 20)


@pytest.mark.parametrize("filter", FILTERS)
def test_what_is_not_finite_stays_within_the_filter(filter: Filter) -> None:
    pixels = noise(30, 30, seed=6)
    pixels[15, 14, 2] = np.nan
    for matrix in (np.diag([0.5, 0.5, 1.0]), MAPS["turn"]):
        got = resample(pixels, matrix, (60, 60), ORIGIN, ORIGIN, filter)
        spoiled = np.argwhere(np.isnan(got))
        assert len(spoiled)
        assert set(spoiled[:, 2].tolist()) == {2}
        points = (np.c_[spoiled[:, 1] + 0.5, spoiled[:, 0] + 0.5, np.ones(len(spoiled))] @ matrix.T)[:, :2]
        assert np.abs(points - (14.5, 15.5)).max() <= 4.0


def test_nothing_is_seen_behind_the_horizon() -> None:
    matrix = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, -0.1, 1.0]])
    got = resample(np.ones((40, 40, 1), np.float32), matrix, (40, 8), ORIGIN, ORIGIN, "bilinear")
    assert got[:2].all()
    assert not got[10:].any()


def test_far_and_empty() -> None:
    pixels = noise(5, 5)
    huge = np.array([[1e30, 0.0, 0.0], [0.0, 1e-30, math.pi], [0.0, 0.0, 1.0]])
    assert np.isfinite(resample(pixels, huge, (4, 4), ORIGIN, ORIGIN, "cubic")).all()
    assert resample(pixels, np.eye(3), (0, 4), ORIGIN, ORIGIN, "cubic").shape == (0, 4, 4)
    assert not resample(np.zeros((0, 3, 4), np.float32), np.eye(3), (2, 2), ORIGIN, ORIGIN, "cubic").any()


def test_what_makes_no_sense_is_refused() -> None:
    pixels = noise(5, 5)
    with pytest.raises(ValueError, match="no filter 'sinc'"):
        resample(pixels, np.eye(3), (4, 4), ORIGIN, ORIGIN, "sinc")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="inverse is a 3x3 matrix of finite numbers"):
        resample(pixels, np.full((3, 3), np.nan), (4, 4), ORIGIN, ORIGIN, "cubic")
    with pytest.raises(ValueError, match="must not overlap"):
        resample(pixels, np.eye(3), (5, 5), ORIGIN, ORIGIN, "cubic", out=pixels)
