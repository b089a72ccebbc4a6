"""Lenses against OpenCV's projectPoints, meshes against SciPy's splines: what is read there lies where it should."""

from functools import partial

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from scipy.interpolate import RegularGridInterpolator

from libs.kernels import Lens, lens_places, mesh_places
from tests.unit.libs.kernels.pictures import by_reference

pytestmark = pytest.mark.usefixtures("variant")

Array = npt.NDArray[np.float64]

LENSES = {
    "barrel": Lens(30.0, 20.0, 60.0, k1=-0.2, k2=0.03),
    "cushion": Lens(30.0, 20.0, 60.0, k1=0.25, k2=0.05, k3=-0.01),
    "off centre": Lens(27.5, 23.0, 55.0, k1=-0.1, k2=0.02, p1=0.01, p2=-0.015),
}


def seen(lens: Lens, points: Array) -> Array:
    """Where OpenCV's camera sees points of the picture's own plane."""
    film = np.array([[lens.focal, 0, lens.x], [0, lens.focal, lens.y], [0, 0, 1.0]])
    space = np.c_[(points - (lens.x, lens.y)) / lens.focal, np.ones(len(points))]
    found, _ = cv2.projectPoints(space, np.zeros(3), np.zeros(3), film,
                                 np.array([lens.k1, lens.k2, lens.p1, lens.p2, lens.k3]))  # fmt: skip
    return np.asarray(found, np.float64).reshape(-1, 2)


def centres(height: int, width: int, x: float = 0.0, y: float = 0.0) -> Array:
    across, down = np.meshgrid(np.arange(width) + 0.5 + x, np.arange(height) + 0.5 + y)
    return np.stack([across, down], axis=-1)


@pytest.mark.parametrize("name", LENSES)
def test_a_lens_is_opencvs(name: str) -> None:
    lens = LENSES[name]
    found = lens_places(lens, (-2.0, 3.0), (40, 60), straighten=False)
    expected = seen(lens, centres(40, 60, -2, 3).reshape(-1, 2)).reshape(40, 60, 2)
    np.testing.assert_allclose(found, expected, atol=1e-10)


@pytest.mark.parametrize("name", LENSES)
def test_straightened_is_where_opencv_comes_from(name: str) -> None:
    lens = LENSES[name]
    found = lens_places(lens, (0.0, 0.0), (40, 60), straighten=True)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(seen(lens, found.reshape(-1, 2)).reshape(40, 60, 2), centres(40, 60), atol=1e-8)


def test_beyond_the_fold_there_is_nothing() -> None:
    lens = Lens(50.0, 0.5, 40.0, k1=-0.25)
    edge = 40 * np.sqrt(lens.fold)
    assert edge == pytest.approx(40 * np.sqrt(4 / 3))
    row = lens_places(lens, (0.0, 0.0), (1, 140), straighten=False)[0, :, 0]
    np.testing.assert_array_equal(np.isfinite(row), np.abs(np.arange(140) + 0.5 - 50) <= edge)
    # The furthest that is seen at all lies at two thirds of that.
    row = lens_places(lens, (0.0, 0.0), (1, 140), straighten=True)[0, :, 0]
    np.testing.assert_array_equal(np.isfinite(row), np.abs(np.arange(140) + 0.5 - 50) < edge * 2 / 3)


@pytest.mark.parametrize("straighten", [False, True])
@pytest.mark.parametrize("name", LENSES)
def test_a_lens_agrees_with_numpy(name: str, straighten: bool) -> None:
    kernel = partial(lens_places, LENSES[name], (-20.0, 7.0), (50, 70), straighten=straighten, threads=2)
    np.testing.assert_allclose(kernel(), by_reference(kernel), atol=1e-8)


def linear_patches(grid: Array) -> Array:
    a, b, c, d = grid[:-1, :-1], grid[:-1, 1:], grid[1:, :-1], grid[1:, 1:]
    patches = np.zeros((*a.shape[:2], 4, 4, 2))
    patches[:, :, 0, 0], patches[:, :, 0, 1] = a, b - a
    patches[:, :, 1, 0], patches[:, :, 1, 1] = c - a, a - b - c + d
    return patches


def wavy(rows: int, columns: int) -> Array:
    """A grid over 60 by 40 pixels whose points are off by a few."""
    x, y = np.meshgrid(np.linspace(3, 57, columns), np.linspace(2, 38, rows))
    return np.stack([x + 2.5 * np.sin(y / 6), y + 2.0 * np.cos(x / 9)], axis=-1)


@pytest.mark.parametrize("count", [1, 3, 8])
def test_a_mesh_of_straight_patches_is_read_where_scipy_lays_it(count: int) -> None:
    grid = wavy(4, 5)
    steps = np.full((3, 4, 2), count, np.int32)
    found = mesh_places(linear_patches(grid), steps, (0.0, 0.0, 1.0, 1.0), 0.0, (0.0, 0.0), (40, 60))
    lay = RegularGridInterpolator((np.arange(4), np.arange(5)), grid)
    known = np.isfinite(found[..., 0])
    assert known.sum() > 1500
    laid = lay(np.clip(found[known][:, ::-1], 0, [3, 4]))
    inside = (found[known] >= 0).all(axis=1) & (found[known] <= [4, 3]).all(axis=1)
    np.testing.assert_allclose(laid[inside], centres(40, 60)[known][inside], atol=1e-8)
    assert inside.mean() > 0.97


def curved_patches() -> Array:
    generator = np.random.default_rng(1)
    patches = generator.uniform(-0.8, 0.8, (2, 2, 4, 4, 2))
    patches[:, :, 0, 0] = np.stack(np.meshgrid([4, 32], [3, 21]), axis=-1)
    patches[:, :, 0, 1] = (25.0, 1.0)
    patches[:, :, 1, 0] = (-1.0, 16.0)
    return patches


def test_a_mesh_agrees_with_numpy() -> None:
    steps = np.array([[[3, 2], [4, 4]], [[1, 2], [5, 3]]], np.int32)
    kernel = partial(mesh_places, curved_patches(), steps, (10.0, 20.0, 30.0, 40.0), 0.3, (-2.0, 1.0), (44, 66),
                     threads=3)  # fmt: skip
    found, expected = kernel(), by_reference(kernel)
    np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
    np.testing.assert_allclose(found, expected, atol=1e-7)


def test_any_part_of_a_mesh_is_as_in_the_whole() -> None:
    steps = np.full((2, 2, 2), 4, np.int32)
    make = partial(mesh_places, curved_patches(), steps, (0.0, 0.0, 1.0, 1.0), 0.25)
    whole = make((-5.0, -5.0), (50, 70))
    np.testing.assert_allclose(make((3.0, 9.0), (11, 13)), whole[14:25, 8:21], atol=1e-9)


def test_the_later_of_two_patches_lies_above() -> None:
    grid = np.array([[[0, 0], [40, 0], [20, 0]], [[0, 20], [40, 20], [20, 20]]], np.float64)
    found = mesh_places(linear_patches(grid), np.full((1, 2, 2), 2, np.int32), (0.0, 0.0, 1.0, 1.0), 0.0,
                        (0.0, 0.0), (20, 40))  # fmt: skip
    assert found[10, 10, 0] == pytest.approx(10.5 / 40)
    assert found[10, 30, 0] == pytest.approx(1 + (40 - 30.5) / 20)


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(ValueError, match="patches are"):
        mesh_places(np.zeros((1, 1, 4, 2)), np.ones((1, 1, 2), np.int32), (0, 0, 1, 1), 0.0, (0, 0), (4, 4))
    with pytest.raises(ValueError, match="one step"):
        mesh_places(np.zeros((1, 1, 4, 4, 2)), np.zeros((1, 1, 2), np.int32), (0, 0, 1, 1), 0.0, (0, 0), (4, 4))
    for beyond in (-0.1, np.nan, 1e300):
        with pytest.raises(ValueError, match="of itself"):
            mesh_places(np.zeros((1, 1, 4, 4, 2)), np.ones((1, 1, 2), np.int32), (0, 0, 1, 1), beyond, (0, 0), (4, 4))
