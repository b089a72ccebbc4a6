import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage

from artifex.nodes import Frame, Window
from services.graph.nodes.transform.transform2d import Transform2D
from tests.unit.services.graph.support import Context, node, picture


def moved(frame: Frame, size: tuple[int, int] = (64, 36), region: Window | None = None, **params: Any) -> Frame:
    return node(Transform2D, **params).render(Context({"video": frame}, Transform2D.moved, size, region))


def forward(window: Window, size: tuple[int, int], **p: Any) -> NDArray[np.float64]:
    """The docstring's map, as a matrix on points (x, y, 1)."""
    base = window if p.get("pivot_of", "input") == "input" else Window(0, 0, *size)
    pivot = p.get("pivot", (0.5, 0.5))
    px, py = base.x + pivot[0] * base.width, base.y + pivot[1] * base.height
    tx, ty = p.get("translate", (0.0, 0.0))
    sx, sy = p.get("scale", (1.0, 1.0))
    angle = math.radians(p.get("rotate", 0.0))
    c, s = math.cos(angle), math.sin(angle)
    linear = np.array([[c * sx, -s * sy], [s * sx, c * sy]])
    offset = np.array([px + tx, py + ty]) - linear @ np.array([px, py])
    return np.block([[linear, offset[:, None]], [np.zeros((1, 2)), np.ones((1, 1))]])


def scipy_oracle(frame: Frame, size: tuple[int, int], order: int, **params: Any) -> NDArray[np.float64]:
    """SciPy's resampling of the padded picture, on pixel centres."""
    width, height = size
    inverse = np.linalg.inv(forward(frame.window, size, **params))
    # Centres: document (x + ½, y + ½) in, frame index out; SciPy's axes are rows first.
    linear = inverse[:2, :2][::-1, ::-1]
    shift = inverse @ np.array([0.5, 0.5, 1.0])
    offset = np.array([shift[1] - 0.5 - frame.y, shift[0] - 0.5 - frame.x])
    channels = [
        ndimage.affine_transform(
            frame.pixels[..., channel].astype(np.float64), linear, offset, (height, width), order=order,
            mode="grid-constant", cval=0.0,
        )
        for channel in range(4)
    ]  # fmt: skip
    return np.stack(channels, -1)


MOVES: list[dict[str, Any]] = [
    {"translate": (3.25, -1.5)},
    {"rotate": 30.0},
    {"scale": (1.7, 0.8)},
    {"rotate": -12.5, "scale": (1.2, 1.2), "translate": (5.1, 2.2)},
    {"rotate": 90.0},
    {"scale": (-1.0, 1.0)},
    {"rotate": 20.0, "pivot": (0.0, 0.0), "pivot_of": "frame"},
]


@pytest.mark.parametrize("params", MOVES)
def test_bilinear_agrees_with_scipy(params: dict[str, Any]) -> None:
    smooth = ndimage.gaussian_filter(picture(1, 21, 17), (1, 1, 0))
    frame = Frame(smooth.astype(np.float32), 11, 7)
    result = moved(frame, filter="bilinear", **params).filled(Window(0, 0, 64, 36))
    expected = scipy_oracle(frame, (64, 36), 1, **params)
    # OpenCV places samples to 1/32 pixel in some of its paths; the picture's slope bounds what that costs.
    assert np.abs(result - expected).max() < 0.06
    assert np.abs(result - expected).mean() < 0.004


def keys_weights(t: float) -> list[float]:
    """Keys 1981, equation 4, with a = −0.75, at distances 1 + t, t, 1 − t, 2 − t."""
    a = -0.75

    def near(x: float) -> float:
        return (a + 2) * x**3 - (a + 3) * x**2 + 1

    def far(x: float) -> float:
        return a * x**3 - 5 * a * x**2 + 8 * a * x - 4 * a

    return [far(1 + t), near(t), near(1 - t), far(2 - t)]


def test_cubic_is_that_of_keys() -> None:
    frame = Frame(picture(2, 20, 9), 5, 5)
    result = moved(frame, filter="cubic", translate=(0.25, 0.0)).filled(Window(0, 0, 64, 36))
    row = np.pad(frame.pixels[4, :, 1].astype(np.float64), (5, 39))
    # Output pixel x is read at x − ¼: three quarters of the way from x − 1 to x.
    weights = keys_weights(0.75)
    expected = [sum(w * row[x + k - 2] for k, w in enumerate(weights)) for x in range(10, 30)]
    np.testing.assert_allclose(result[9, 10:30, 1], expected, atol=2e-3)


@settings(max_examples=40, deadline=None)
@given(st.integers(-90, 90), st.integers(-60, 60), st.sampled_from(["nearest", "bilinear", "cubic", "lanczos4"]))
def test_whole_pixels_are_copied_bit_for_bit(dx: int, dy: int, method: str) -> None:
    frame = Frame(picture(3, 12, 10), 20, 10)
    result = moved(frame, translate=(float(dx), float(dy)), filter=method)
    shifted = Frame(frame.pixels, 20 + dx, 10 + dy)
    whole = Window(0, 0, 64, 36)
    np.testing.assert_array_equal(result.filled(whole), shifted.crop(whole).filled(whole))


def test_a_positive_angle_turns_clockwise() -> None:
    pixels = np.zeros((21, 21, 4), np.float32)
    pixels[10, 20] = 1.0
    result = moved(Frame(pixels), size=(21, 21), rotate=90.0, filter="nearest").filled(Window(0, 0, 21, 21))
    assert tuple(np.argwhere(result[..., 3] > 0.5)[0]) == (20, 10)


def test_four_quarter_turns_are_none() -> None:
    frame = Frame(picture(4, 16, 16), 8, 8)
    turned = frame
    for _ in range(4):
        turned = moved(turned, rotate=90.0)
    whole = Window(0, 0, 64, 36)
    np.testing.assert_allclose(turned.filled(whole), frame.filled(whole), atol=1e-4)


def test_edges_have_no_dark_seams() -> None:
    white = np.ones((10, 10, 4), np.float32)
    result = moved(Frame(white, 20, 10), rotate=17.0, scale=(1.3, 1.3), filter="bilinear").pixels
    np.testing.assert_allclose(result[..., 0], result[..., 3], atol=1e-6)
    straight = result[..., :3][result[..., 3] > 0.01] / result[..., 3:][result[..., 3] > 0.01]
    np.testing.assert_allclose(straight, 1.0, atol=1e-4)


@pytest.mark.parametrize("method", ["cubic", "lanczos4"])
def test_coverage_stays_between_nothing_and_all(method: str) -> None:
    result = moved(Frame(np.ones((10, 10, 4), np.float32), 20, 10), rotate=17.0, filter=method).pixels
    assert result[..., 3].min() >= 0.0
    assert result[..., 3].max() <= 1.0


def test_shrinking_far_averages() -> None:
    checker = np.zeros((64, 64, 4), np.float32)
    checker[..., 3] = 1.0
    checker[::2, ::2, :3] = checker[1::2, 1::2, :3] = 1.0
    result = moved(Frame(checker), size=(64, 64), scale=(0.125, 0.125)).filled(Window(28, 28, 8, 8))
    np.testing.assert_allclose(result[2:-2, 2:-2, 0], 0.5, atol=1e-3)


def test_shrinking_keeps_the_light() -> None:
    frame = Frame(np.abs(picture(5, 40, 40)), 10, 10)
    result = moved(frame, size=(64, 64), scale=(0.25, 0.25), filter="bilinear")
    assert result.pixels.sum() == pytest.approx(frame.pixels.sum() / 16, rel=0.02)


def test_it_costs_its_own_window_only() -> None:
    result = moved(Frame(picture(6, 8, 6)), size=(4000, 2000), translate=(3000.5, 1000.5))
    assert result.window.width <= 8 + 6
    assert result.window.height <= 6 + 6


def test_only_the_region_is_made() -> None:
    frame = Frame(picture(7, 64, 36))
    region = Window(10, 5, 7, 9)
    part = moved(frame, rotate=33.0, region=region)
    assert region.contains(part.window)
    whole = moved(frame, rotate=33.0)
    np.testing.assert_allclose(part.filled(region), whole.crop(region).filled(region), atol=1e-5)


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (7, 1)])
def test_thin_pictures(size: tuple[int, int]) -> None:
    result = moved(Frame(np.ones((size[1], size[0], 4), np.float32), 20, 10), rotate=45.0, filter="bilinear")
    assert result.pixels[..., 3].sum() == pytest.approx(size[0] * size[1], rel=0.35)


def test_no_size_is_nothing() -> None:
    assert moved(Frame(picture(1, 4, 4)), scale=(0.0, 1.0)).window.empty
    assert moved(Frame.empty(), rotate=10.0).window.empty
    assert moved(Frame(picture(1, 4, 4)), translate=(1e5, 0.0)).window.empty
