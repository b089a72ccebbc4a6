from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from artifex.nodes import Frame, Window
from services.graph.nodes.composite.alpha_ops import AlphaOps
from tests.unit.services.graph.nodes.applied import applied
from tests.unit.services.graph.nodes.oracles.alpha_ops import worked
from tests.unit.services.graph.support import Context, node, picture

SIZE = (64, 36)
WHOLE = Window(0, 0, *SIZE)
POINTS = ("premultiply", "unpremultiply", "invert", "clamp", "levels", "threshold")
EDGES: list[dict[str, Any]] = [
    {"operation": "erode", "size": 2.3},
    {"operation": "dilate", "size": 2.3},
    {"operation": "dilate", "size": 5.0, "shape": "square", "edges": "black"},
    {"operation": "erode", "size": 4.0, "edges": "black", "colour": "keep"},
]


def flat(alpha: NDArray[np.float64], colour: float = 0.5) -> Frame:
    """One straight colour under an alpha [height, width]; premultiplied."""
    pixels = np.stack([alpha * colour, alpha * 2.0, alpha * -0.1, alpha], -1)
    return Frame(pixels.astype(np.float32))


def disc(size: tuple[int, int], radius: float) -> Frame:
    """A disc of true coverage in the middle."""
    x, y = np.meshgrid(np.arange(size[0]) + 0.5 - size[0] / 2, np.arange(size[1]) + 0.5 - size[1] / 2)
    return flat(np.clip(radius - np.hypot(x, y) + 0.5, 0, 1))


CURVES: list[tuple[dict[str, Any], Any]] = [
    ({"operation": "invert"}, lambda a: 1 - a),
    ({"operation": "clamp", "black": 0.2, "white": 0.7}, lambda a: np.clip(a, 0.2, 0.7)),
    ({"operation": "levels", "black": 0.2, "white": 0.7}, lambda a: np.clip((a - 0.2) / 0.5, 0, 1)),
    ({"operation": "levels", "gamma": 2.2}, lambda a: np.clip(a, 0, 1) ** (1 / 2.2)),
    ({"operation": "threshold", "level": 0.4}, lambda a: 1.0 * (a >= np.float32(0.4))),
    ({"operation": "threshold", "level": 0.4, "softness": 0.5}, lambda a: np.clip((a - 0.4) / 0.5 + 0.5, 0, 1)),
]


@pytest.mark.parametrize(("params", "curve"), CURVES)
def test_alpha_follows_its_curve_and_colour_follows_alpha(params: dict[str, Any], curve: Any) -> None:
    pixels = picture(1, 30, 20)
    pixels[..., 3] = np.maximum(pixels[..., 3], 0.01)
    wide = pixels.astype(np.float64)
    result = worked(Frame(pixels), size_=(30, 20), **params).pixels
    expected = curve(wide[..., 3:])
    np.testing.assert_allclose(result[..., 3:], expected, atol=1e-6)
    np.testing.assert_allclose(result[..., :3], wide[..., :3] / wide[..., 3:] * expected, rtol=2e-5, atol=2e-6)
    kept = worked(Frame(pixels), size_=(30, 20), colour="keep", **params).pixels
    np.testing.assert_array_equal(kept[..., :3], pixels[..., :3])
    np.testing.assert_array_equal(kept[..., 3], result[..., 3])
    mask = worked(Frame(pixels), size_=(30, 20), output=AlphaOps.mask, **params)
    np.testing.assert_array_equal(mask.pixels[..., 0], result[..., 3])


def test_alpha_beyond_its_range_is_clipped_by_what_says_so() -> None:
    frame = Frame(np.array([[[0.2, 0.2, 0.2, -0.5], [3.0, 3.0, 3.0, 1.5]]], np.float32))
    for operation, expected in (("clamp", [0, 1]), ("levels", [0, 1]), ("threshold", [0, 1]), ("invert", [1.5, -0.5])):
        np.testing.assert_array_equal(worked(frame, operation, (2, 1)).pixels[0, :, 3], expected)


def test_multiplying_and_dividing_undo_each_other() -> None:
    frame = Frame(picture(2, 20, 10))
    straight = worked(frame, "unpremultiply", (20, 10))
    np.testing.assert_allclose(worked(straight, "premultiply", (20, 10)).pixels, frame.pixels, rtol=3e-7)
    nothing = Frame(np.array([[[0.5, 0.5, 0.5, 0.0]]], np.float32))
    np.testing.assert_array_equal(worked(nothing, "unpremultiply", (1, 1)).pixels, nothing.pixels)
    assert not worked(nothing, "premultiply", (1, 1)).pixels.any()
    opaque = Frame(picture(3, 9, 9, alpha=False), opaque=True)
    for operation in ("premultiply", "unpremultiply", "clamp", "levels"):
        result = worked(opaque, operation, (9, 9))
        assert result.opaque
        np.testing.assert_array_equal(result.pixels, opaque.pixels)


def test_what_becomes_one_of_nothing_reaches_as_far_as_pictures_are_kept() -> None:
    frame, everywhere = Frame(picture(1, 8, 6), 10, 10), Window(-900, -900, 2000, 2000)
    kept = Window(-64, -64, 192, 164)
    for params in (
        {"operation": "invert"},
        {"operation": "clamp", "black": 0.25},
        {"operation": "threshold", "level": 0.0},
    ):
        result = worked(frame, size_=SIZE, region=everywhere, **params)
        assert result.window == kept
        assert result.pixels[0, 0, 3] == (0.25 if params["operation"] == "clamp" else 1.0)
        assert worked(Frame.empty(), size_=SIZE, **params).window == WHOLE
    for operation in ("premultiply", "clamp", "levels", "threshold", "erode", "dilate"):
        assert worked(Frame.empty(), operation, SIZE).window.empty
        assert worked(Frame.empty(), operation, SIZE, output=AlphaOps.mask).channels == 1
    assert worked(frame, "levels", SIZE, region=everywhere).window == frame.window


@pytest.mark.parametrize("size", [0.4, 1.0, 2.5, 6.2])
def test_an_edge_moves_by_its_size_and_its_colour_with_it(size: float) -> None:
    frame = disc(SIZE, 9.0)
    for operation, sign in (("dilate", 1), ("erode", -1)):
        result = worked(frame, operation, SIZE, size=size).pixels.astype(np.float64)
        assert np.sqrt(result[..., 3].sum() / np.pi) == pytest.approx(9.0 + sign * size, abs=0.12)
        straight = result[..., 3:] * np.array([0.5, 2.0, -0.1])
        np.testing.assert_allclose(result[..., :3], straight, atol=3e-6)


def test_what_a_dilation_adds_has_the_colour_beside_it() -> None:
    """Red left, blue right: each side grows in its own colour."""
    pixels = np.zeros((36, 64, 4), np.float32)
    pixels[10:26, 20:32] = [1.0, 0.0, 0.0, 1.0]
    pixels[10:26, 32:44] = [0.0, 0.0, 4.0, 1.0]
    result = worked(Frame(pixels), "dilate", SIZE, size=3.0).pixels
    np.testing.assert_array_equal(result[10:26, 20:44], pixels[10:26, 20:44])
    np.testing.assert_allclose(result[18, 17:20], np.tile([1.0, 0.0, 0.0, 1.0], (3, 1)), atol=1e-4)
    np.testing.assert_allclose(result[18, 44:47], np.tile([0.0, 0.0, 4.0, 1.0], (3, 1)), atol=1e-4)


def test_what_leaves_the_frame_is_not_worn_away_there() -> None:
    whole = Frame(np.ones((36, 64, 4), np.float32), opaque=True)
    np.testing.assert_array_equal(worked(whole, "erode", SIZE, size=5.0).pixels, whole.pixels)
    eaten = worked(whole, "erode", SIZE, size=5.0, edges="black").pixels
    np.testing.assert_array_equal(eaten[..., 3].astype(bool), np.pad(np.ones((26, 54), bool), 5))
    grown = worked(Frame(whole.pixels[:6, :6].copy(), 20, 10), "dilate", SIZE, size=3.0, edges="black")
    assert grown.window == Window(17, 7, 12, 12)


@pytest.mark.parametrize("params", [{"operation": "erode", "size": 0.0}, {"operation": "dilate", "size": 0.0}])
def test_no_size_passes_the_picture_on(params: dict[str, Any]) -> None:
    frame = Frame(picture(1, 9, 9))
    assert worked(frame, size_=(9, 9), **params).pixels is frame.pixels
    mask = worked(frame, size_=(9, 9), output=AlphaOps.mask, **params)
    np.testing.assert_array_equal(mask.pixels, frame.pixels[..., 3:])


@pytest.mark.parametrize(("params", "curve"), CURVES)
def test_a_matte_takes_the_place_of_alpha(params: dict[str, Any], curve: Any) -> None:
    frame, matte = Frame(picture(1, 30, 20)), Frame(picture(2, 30, 20)[..., 3:].copy())
    expected = curve(matte.pixels.astype(np.float64))
    result = worked(frame, size_=(30, 20), matte=matte, **params).pixels.astype(np.float64)
    np.testing.assert_allclose(result[..., 3:], expected, atol=1e-6)
    straight = frame.pixels[..., :3].astype(np.float64) / frame.pixels[..., 3:]
    np.testing.assert_allclose(result[..., :3], straight * expected, rtol=1e-5, atol=1e-5)
    white = worked(None, size_=(30, 20), matte=matte, **params).pixels
    np.testing.assert_allclose(white, np.repeat(expected, 4, -1), atol=1e-6)
    mask = worked(None, size_=(30, 20), matte=matte, output=AlphaOps.mask, **params)
    np.testing.assert_allclose(mask.pixels, expected, atol=1e-6)


@pytest.mark.parametrize("params", EDGES)
def test_a_mask_alone_is_moved_as_a_pictures_alpha_is(params: dict[str, Any]) -> None:
    frame = disc(SIZE, 9.0)
    matte = Frame(frame.pixels[..., 3:].copy())
    expected = worked(frame, size_=SIZE, output=AlphaOps.mask, **params)
    result = worked(None, size_=SIZE, matte=matte, output=AlphaOps.mask, **params)
    assert result.window == expected.window
    np.testing.assert_array_equal(result.pixels, expected.pixels)
    # Of an opaque picture what the matte gains is the picture itself.
    plate = Frame(picture(3, *SIZE, alpha=False), opaque=True)
    cut = worked(plate, size_=SIZE, matte=matte, **{**params, "colour": "follow"})
    np.testing.assert_array_equal(cut.filled(WHOLE)[..., 3:], expected.filled(WHOLE))
    np.testing.assert_allclose(
        cut.filled(WHOLE)[..., :3], plate.pixels[..., :3] * expected.filled(WHOLE), rtol=1e-5, atol=1e-6
    )


def test_a_matte_multiplies_what_came_in_straight() -> None:
    straight, matte = Frame(picture(1, 9, 7, alpha=False), opaque=True), Frame(picture(2, 9, 7)[..., 3:].copy())
    result = worked(straight, "premultiply", (9, 7), matte=matte)
    np.testing.assert_allclose(result.pixels[..., :3], straight.pixels[..., :3] * matte.pixels, rtol=1e-6)
    np.testing.assert_array_equal(result.pixels[..., 3:], matte.pixels)
    back = worked(result, "unpremultiply", (9, 7), matte=matte).pixels
    np.testing.assert_allclose(back[..., :3], straight.pixels[..., :3], rtol=1e-6)
    assert worked(None, "premultiply", (9, 7)).window.empty
    assert worked(None, "erode", (9, 7)).window.empty


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from(EDGES), st.integers(-20, 60), st.integers(-20, 34),
    st.sampled_from([Window(0, 0, 20, 36), Window(17, 9, 13, 21), Window(-9, -9, 30, 30), Window(60, 30, 4, 6)]),
)  # fmt: skip
def test_tiles_are_parts_of_the_whole(params: dict[str, Any], x: int, y: int, region: Window) -> None:
    ops = node(AlphaOps, **params)
    frame = Frame(picture(3, 30, 17), x, y)
    wide = Window(-40, -40, 150, 120)
    whole = applied(ops, {"video": frame}, SIZE, region=wide)
    request = Context({}, AlphaOps.changed, SIZE, region).request
    assert not ops.pointwise(request)
    part = applied(ops, {"video": frame.crop(ops.region_needed("video", request))}, SIZE, region=region)
    assert region.contains(part.window)
    np.testing.assert_allclose(part.filled(region), whole.filled(wide)[region.inside(wide)], atol=2e-5)


@pytest.mark.parametrize("operation", POINTS)
def test_points_are_points_bit_for_bit(operation: str) -> None:
    ops = node(AlphaOps, operation=operation, black=0.1, white=0.8, softness=0.3, gamma=1.4)
    frame = Frame(picture(3, 40, 21), 5, 6)
    assert ops.pointwise(Context({}, AlphaOps.changed).request)
    for output in (AlphaOps.changed, AlphaOps.mask):
        whole = applied(ops, {"video": frame}, output=output).filled(WHOLE)
        for region in (Window(0, 0, 64, 7), Window(0, 7, 64, 16), Window(20, 9, 3, 5)):
            part = applied(ops, {"video": frame}, region=region, output=output)
            assert region.contains(part.window)
            np.testing.assert_array_equal(part.filled(region), whole[region.inside(WHOLE)])


@pytest.mark.parametrize("params", [{"operation": "erode", "size": 6.0}, {"operation": "dilate", "size": 7.0}])
@pytest.mark.parametrize("part", [2, 4])
def test_a_proxy_shows_the_same_edge(params: dict[str, Any], part: int) -> None:
    """Beside the full picture, made small. An edge is a pixel wide in each, so that a proxy's is as much softer."""
    whole = worked(disc((128, 96), 30.0), size_=(128, 96), **params).pixels
    small = (128 // part, 96 // part)
    proxy = worked(disc(small, 30.0 / part), size_=small, scale=Fraction(1, part), **params).pixels
    mean = whole.reshape(small[1], part, small[0], part, 4).mean((1, 3))
    np.testing.assert_allclose(proxy[..., 3], mean[..., 3], atol=0.26)
    radii = [np.sqrt(pixels[..., 3].sum() / np.pi) for pixels in (proxy, mean)]
    assert radii[0] == pytest.approx(radii[1], abs=0.1)


def test_a_pixel_that_is_no_number_stays_near() -> None:
    pixels = picture(1, 64, 36)
    spoilt = pixels.copy()
    spoilt[18, 32] = np.nan
    for operation, reach in (*((name, 0) for name in POINTS), ("erode", 2), ("dilate", 12)):
        clean, result = (worked(Frame(each), operation, SIZE, size=2.0).pixels for each in (pixels, spoilt))
        rows, columns = np.indices((36, 64))
        far = np.maximum(np.abs(rows - 18), np.abs(columns - 32)) > reach
        np.testing.assert_array_equal(result[far], clean[far])
        assert np.isfinite(clean).all()


def test_one_pixel_odd_sizes_and_the_input_stays() -> None:
    for size in ((1, 1), (1, 7), (5, 1)):
        frame = Frame(picture(4, *size))
        before = frame.pixels.copy()
        for operation in AlphaOps.operation.choices:
            assert worked(frame, operation, size).filled(frame.window).shape == (size[1], size[0], 4)
        np.testing.assert_array_equal(frame.pixels, before)
