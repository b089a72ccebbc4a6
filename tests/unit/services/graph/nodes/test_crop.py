from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artifex.nodes import EVERYWHERE, Frame, Window
from services.graph.nodes.transform.crop import Crop
from tests.unit.services.graph.nodes.applied import applied
from tests.unit.services.graph.nodes.oracles.crop import cropped
from tests.unit.services.graph.nodes.oracles.pictures import WHOLE, noise
from tests.unit.services.graph.nodes.transforms import check_edges, check_proxies
from tests.unit.services.graph.support import Context, node, picture

sides = st.floats(-20, 80).map(lambda x: round(x * 8) / 8)


@settings(max_examples=60, deadline=None)
@given(sides, sides, sides, sides)
def test_each_pixel_keeps_the_part_that_the_box_covers(left: float, top: float, right: float, bottom: float) -> None:
    frame = noise(1)
    result = cropped(frame, top_left=(left, top), bottom_right=(right, bottom)).filled(WHOLE)

    def part(count: int, low: float, high: float) -> Any:
        first = np.arange(count, dtype=np.float64)
        return np.clip(np.minimum(first + 1, high) - np.maximum(first, low), 0, 1)

    covered = part(WHOLE.height, top, bottom)[:, None] * part(WHOLE.width, left, right)[None, :]
    np.testing.assert_allclose(result, frame.pixels * covered[..., None], atol=1e-6)


def test_parts_of_the_document_and_pixels_mean_the_same() -> None:
    frame = Frame(picture(2, 64, 36))
    inside = {"top_left": (0.25, 0.25), "bottom_right": (0.75, 0.5), "units": "fraction"}
    parts = applied(node(Crop, **inside), {"video": frame})
    pixels = applied(node(Crop, top_left=(16.0, 9.0), bottom_right=(48.0, 18.0), units="px"), {"video": frame})
    assert parts.window == pixels.window == Window(16, 9, 32, 9)
    np.testing.assert_array_equal(parts.pixels, pixels.pixels)


def test_an_opaque_picture_stays_opaque_inside_whole_pixels_only() -> None:
    frame = Frame(picture(3, 64, 36, alpha=False), opaque=True)
    box: dict[str, Any] = {"units": "px", "top_left": (3.0, 3.0), "bottom_right": (20.0, 20.0)}
    assert applied(node(Crop, **box), {"video": frame}).opaque
    assert not applied(node(Crop, **box, softness=2.0), {"video": frame}).opaque
    assert not applied(node(Crop, **{**box, "top_left": (3.5, 3.0)}), {"video": frame}).opaque


def test_it_passes_on_what_lies_inside_the_box() -> None:
    frame = Frame(picture(4, 64, 36))
    assert applied(node(Crop), {"video": frame}) is frame
    crop = node(Crop, top_left=(10.0, 10.0), bottom_right=(30.0, 30.0), units="px")
    asked = Context({}, Crop.cropped, region=Window(10, 10, 20, 20)).request
    assert crop.identity(asked) == "video"
    for region in (Window(9, 10, 20, 20), EVERYWHERE):
        assert crop.identity(Context({}, Crop.cropped, region=region).request) is None
    assert node(Crop, softness=1.0).identity(asked) is None
    assert node(Crop, transform="corner").identity(asked) is None


def test_only_the_box_is_asked_for() -> None:
    crop = node(Crop, top_left=(10.5, 8.0), bottom_right=(20.5, 12.0), units="px")
    assert crop.region_needed("video", Context({}, Crop.cropped).request) == Window(10, 8, 11, 4)
    moved = node(Crop, top_left=(10.5, 8.0), bottom_right=(20.5, 12.0), units="px", transform="corner")
    assert moved.region_needed("video", Context({}, Crop.cropped).request) == Window(10, 8, 11, 4)
    corner = Context({}, Crop.cropped, region=Window(0, 0, 5, 5)).request
    assert moved.region_needed("video", corner) == Window(10, 8, 5, 4)


@pytest.mark.parametrize("transform", Crop.transform.choices)
def test_a_region_is_a_part_of_the_whole(transform: str) -> None:
    crop = node(Crop, top_left=(5.3, 4.6), bottom_right=(40.2, 30.9), units="px", softness=3.0, transform=transform)
    frames = {"video": Frame(picture(5, 64, 36))}
    document = Window(0, 0, 64, 36)
    whole = applied(crop, frames).filled(document)
    for region in (Window(0, 0, 64, 9), Window(7, 9, 11, 20), Window(30, 25, 34, 11)):
        part = applied(crop, frames, region=region)
        assert region.contains(part.window)
        # Where it is resampled, the sums of a place are rounded with where the region begins.
        tolerance = 2e-6 if transform == "frame" else 0.0
        np.testing.assert_allclose(part.filled(region), whole[region.inside(document)], rtol=0, atol=tolerance)


@pytest.mark.parametrize("part", [0.07, 0.29, 0.57])
def test_parts_of_the_document_that_are_whole_pixels_are_these(part: float) -> None:
    """0.29 · 100 is a hair less than 29, and 0.07 · 100 a hair more than 7."""
    frame = Frame(picture(5, 100, 20))
    result = applied(node(Crop, top_left=(part, 0.0), transform="corner"), {"video": frame}, (100, 20))
    np.testing.assert_array_equal(result.pixels, frame.pixels[:, round(100 * part) :])


def test_nearest_takes_the_same_pixel_in_every_tile() -> None:
    """0.72 pixels of the box for each of the frame: centres of some lie on borders, up to rounding."""
    size, whole, frame = (100, 100), Window(0, 0, 100, 100), Frame(picture(3, 100, 100))
    for top_left, bottom_right in (((0.23, 0.18), (0.95, 0.83)), ((0.13, 0.33), (0.85, 0.92))):
        crop = node(Crop, top_left=top_left, bottom_right=bottom_right, transform="frame", filter="nearest")
        expected = applied(crop, {"video": frame}, size).filled(whole)
        for x in range(90):
            tile = Window(x, 69, 10, 10)
            part = applied(crop, {"video": frame}, size, region=tile).filled(tile)
            np.testing.assert_array_equal(part, expected[tile.inside(whole)])


def test_the_fade_is_at_most_half_the_box() -> None:
    white = Frame(np.ones((36, 64, 4), np.float32))
    crop = node(Crop, top_left=(10.0, 0.0), bottom_right=(30.0, 36.0), units="px", softness=10_000.0)
    result = applied(crop, {"video": white}).filled(Window(0, 0, 64, 36))[18]
    assert result[20, 0] == pytest.approx(result[:, 0].max())
    np.testing.assert_allclose(result[10:20, 0], result[29:19:-1, 0], atol=1e-6)
    assert (np.diff(result[9:20, 3]) > 0).all()
    # Premultiplied: colour fades with alpha.
    np.testing.assert_array_equal(result[..., 0], result[..., 3])


def test_a_proxy_is_cropped_where_the_full_picture_is() -> None:
    crop = node(Crop, top_left=(8.0, 4.0), bottom_right=(40.0, 20.0), units="px")
    half = applied(crop, {"video": Frame(picture(6, 32, 18))}, (32, 18), scale=Fraction(1, 2))
    assert half.window == Window(4, 2, 16, 8)


def test_empty_boxes_and_pictures() -> None:
    frame = Frame(picture(7, 64, 36))
    for low, high in (((9.0, 9.0), (9.0, 20.0)), ((20.0, 20.0), (9.0, 9.0)), ((5.7, 5.7), (5.2, 5.2)),
                      ((500.0, 0.0), (600.0, 36.0))):  # fmt: skip
        assert not cropped(frame, (64, 36), top_left=low, bottom_right=high).pixels.any()
    assert applied(node(Crop, softness=3.0), {"video": Frame.empty()}).window.empty
    one = applied(node(Crop, transform="corner"), {"video": Frame(picture(8, 1, 1))}, (1, 1))
    np.testing.assert_array_equal(one.pixels, picture(8, 1, 1))


@pytest.mark.parametrize("filter", [name for name in Crop.filter.choices if name != "mitchell"])
def test_a_box_as_large_as_the_frame_fills_it_as_it_is(filter: str) -> None:
    frame = Frame(picture(9, 64, 36), -8, -5)
    crop = node(Crop, top_left=(-8.0, -5.0), bottom_right=(56.0, 31.0), units="px", transform="frame", filter=filter)
    np.testing.assert_allclose(applied(crop, {"video": frame}).filled(Window(0, 0, 64, 36)), frame.pixels, atol=1e-5)


@pytest.mark.parametrize("filter", Crop.filter.choices)
def test_a_box_that_fills_the_frame_has_no_soft_border(filter: str) -> None:
    white = Frame(np.ones((36, 64, 4), np.float32))
    crop = node(Crop, top_left=(10.3, 8.6), bottom_right=(30.2, 21.1), units="px", transform="frame", filter=filter)
    result = applied(crop, {"video": white}, region=EVERYWHERE)
    assert result.window == Window(0, 0, 64, 36)
    np.testing.assert_allclose(result.pixels, 1.0, atol=1e-5)
    soft = node(Crop, **{**crop.values, "softness": 4.0})
    faded = applied(soft, {"video": white}).filled(Window(0, 0, 64, 36))[..., 3]
    assert faded[18, 0] < 0.2
    assert faded[18, 32] == pytest.approx(1.0, abs=2e-3)


def test_filling_the_frame_shows_the_same_in_a_proxy() -> None:
    check_proxies(lambda size: node(Crop, top_left=(0.4, 0.2), bottom_right=(0.9, 0.7), transform="frame"), 0.05)
    check_edges(node(Crop, top_left=(0.2, 0.1), bottom_right=(0.8, 0.9), transform="frame"))


def test_boxes_that_are_nothing_fill_nothing() -> None:
    frame = Frame(picture(7, 64, 36))
    for low, high in (((0.5, 0.5), (0.5, 0.8)), ((0.8, 0.8), (0.5, 0.5))):
        crop = node(Crop, top_left=low, bottom_right=high, transform="frame")
        assert applied(crop, {"video": frame}).window.empty
