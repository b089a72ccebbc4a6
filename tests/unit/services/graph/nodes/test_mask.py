import math
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artifex.nodes import Frame, Window
from services.graph.nodes.composite.mask import Mask
from services.graph.nodes.shapes.outlines import SHAPES
from tests.unit.services.graph.nodes.oracles.mask import CENTER, masked, turned, whole
from tests.unit.services.graph.nodes.oracles.pictures import HEIGHT, WHOLE, WIDTH, noise
from tests.unit.services.graph.support import Context, node, picture

KEYS = ("luma", "red", "alpha")
SMALL: dict[str, Any] = {"center": CENTER, "size": (30.0, 24.0)}
TILES = (Window(0, 0, 20, 20), Window(17, 13, 31, 9), Window(40, 30, 21, 17), Window(-9, 5, 80, 3))


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(Mask.source.choices), st.sampled_from([(0.0, 0.0), (0.0, 0.4), (3.0, 0.0), (2.0, 5.0)]),
    st.booleans(), st.floats(-180, 180), st.sampled_from(Mask.combine.choices), st.sampled_from(TILES),
)  # fmt: skip
def test_tiles_are_parts_of_the_whole(
    source: str, feather: tuple[float, float], invert: bool, rotate: float, combine: str, tile: Window
) -> None:
    params: dict[str, Any] = {**SMALL, "source": source, "feather": feather, "invert": invert, "rotate": rotate,
                              "combine": combine, "opacity": 0.9, "radius": 5.0}  # fmt: skip
    frames = {"video": noise(1), "mask": Frame(noise(2).pixels[5:30, 9:50, 3:].copy(), 9, 5)}
    everywhere = WHOLE.grown(40)
    expected = masked(frames, everywhere, **params).filled(everywhere)
    part = masked(frames, tile, **params)
    assert tile.contains(part.window)
    # A key's feather is a Gaussian, whose sums are in another order.
    within = 2e-5 if source in KEYS and feather != (0.0, 0.0) else 0.0
    np.testing.assert_allclose(part.filled(tile), expected[tile.inside(everywhere)], atol=within)


@pytest.mark.parametrize("x", [30.0, 30.125, 30.4, 30.77])
def test_the_area_is_that_of_the_shape_wherever_it_stands(x: float) -> None:
    areas = {
        "ellipse": math.pi * 10 * 8,
        "rectangle": 20 * 16 - (4 - math.pi) * 3**2,
        "polygon": 5 / 2 * math.sin(math.tau / 5) * 10 * 8,
        "star": 5 * math.sin(math.tau / 10) * 10 * 8 * 0.5,
    }
    for source, area in areas.items():
        ours = whole(source=source, center=(x / WIDTH, 0.5), size=(20.0, 16.0), radius=3.0)
        assert ours.sum() == pytest.approx(area, rel=2e-4), source


def test_shapes_that_are_one() -> None:
    turned = whole(source="ellipse", center=CENTER, size=(20.0, 30.0), rotate=90.0)
    np.testing.assert_allclose(turned, whole(source="ellipse", **{**SMALL, "size": (30.0, 20.0)}), atol=2e-5)
    disc = whole(source="rectangle", center=CENTER, size=(24.0, 24.0), radius=999.0)
    np.testing.assert_allclose(disc, whole(source="ellipse", center=CENTER, size=(24.0, 24.0)), atol=5e-4)
    star = whole(source="star", **SMALL, inner=1.0, corners=4)
    np.testing.assert_allclose(star, whole(source="polygon", **SMALL, corners=8), atol=1e-6)
    square = whole(source="rectangle", center=(0.5, 0.5), size=(21.0, 11.0))
    assert set(np.unique(square)) == {0.0, 1.0}
    assert square.sum() == 21 * 11


def test_a_feather_reaches_inwards_and_outwards_as_far_as_it_says() -> None:
    plain = whole(source="ellipse", **SMALL)
    inwards, outwards = (whole(source="ellipse", **SMALL, feather=soft) for soft in ((6.0, 0.0), (0.0, 6.0)))
    assert not inwards[plain == 0.0].any()
    assert (outwards[plain == 1.0] == 1.0).all()
    row = whole(source="rectangle", center=(0.5, 0.5), size=(21.0, 99.0), feather=(4.0, 6.0))[HEIGHT // 2]
    distance = 20.0 - (np.arange(WIDTH) + 0.5)
    np.testing.assert_allclose(row[:30], np.clip((6.0 - distance) / 10.0, 0.0, 1.0)[:30], atol=1e-6)


def test_a_smooth_feather_is_a_smoothstep() -> None:
    u = whole(source="star", **SMALL, feather=(3.0, 4.0))
    smooth = whole(source="star", **SMALL, feather=(3.0, 4.0), falloff="smooth")
    np.testing.assert_allclose(smooth, u * u * (3 - 2 * u), atol=1e-6)


def test_a_feather_grows_from_none_without_a_jump() -> None:
    widths = np.linspace(0.0, 2.0, 41)
    masks = [whole(source="star", **SMALL, rotate=11.0, feather=(width / 2, width / 2)) for width in widths]
    steps = [np.abs(later - earlier).max() for earlier, later in pairwise(masks)]
    assert max(steps) < 0.03
    assert np.abs(masks[0] - masks[-1]).max() > 0.1


@pytest.mark.parametrize("size", [(0.2, 20.0), (20.0, 0.05), (1.0, 14.0), (30.0, 20.0)])
def test_rings_end_where_they_are_nothing(size: tuple[float, float]) -> None:
    """A step is a pixel long at least, which of a thin ellipse is many times its own width."""
    shape: dict[str, Any] = {"source": "radial_gradient", "center": CENTER, "size": size, "rotate": 20.0}
    ends, goes_on = (whole(**shape, stops=((0.0, 1.0), (1.0, 0.0), *more)) for more in ((), ((1000.0, 0.0),)))
    np.testing.assert_array_equal(ends, goes_on)


@pytest.mark.parametrize("source", ["ellipse", "alpha"])
@pytest.mark.parametrize("side", [(1.0, 0.0), (0.0, 1.0), (0.5, 0.5)])
def test_the_narrowest_feather_covers_what_it_should(source: str, side: tuple[float, float]) -> None:
    """Of a pixel of softness half on the side where it is, from none on, and without a jump: also in a proxy."""
    radius, widths = 14.3, np.linspace(0.0, 1.5, 31)
    x, y = turned(0.0)
    alpha = np.clip(radius + 0.5 - np.hypot(x, y), 0.0, 1.0).astype(np.float32)
    frames = {"video": Frame(np.repeat(alpha[..., None], 4, -1))}
    shape: dict[str, Any] = {"source": source, "center": CENTER, "size": (2 * radius, 2 * radius)}
    masks = [whole(frames, **shape, feather=(side[0] * width, side[1] * width)) for width in widths]
    assert max(np.abs(later - earlier).max() for earlier, later in pairwise(masks)) < 0.06
    gained = [(mask - masks[0]).sum() / (2.0 * np.pi * radius) for mask in masks]
    # A key's edges are as wide as their pixels are, which adds a little.
    np.testing.assert_allclose(gained, (side[1] - side[0]) / 2.0 * widths, atol=0.09)


PROXIED: list[tuple[dict[str, Any], float]] = [
    *[({"source": source, "size": (60.0, 44.0), "rotate": 20.0, "radius": 8.0}, 2e-3) for source in SHAPES],
    *[({"source": source, "size": (60.0, 44.0), "rotate": 20.0, "feather": (6.0, 10.0)}, 0.06) for source in SHAPES],
    ({"source": "linear_gradient", "start": (0.1, 0.2), "end": (0.9, 0.7)}, 6e-3),
    ({"source": "radial_gradient", "size": (80.0, 60.0), "rotate": 30.0}, 0.02),
    ({"source": "alpha", "feather": (6.0, 10.0)}, 0.05),
]


@pytest.mark.parametrize(("params", "tolerance"), PROXIED, ids=lambda value: str(value)[:60])
@pytest.mark.parametrize("factor", [2, 4])
def test_a_proxy_is_the_full_mask_made_small(params: dict[str, Any], tolerance: float, factor: int) -> None:
    mask, size = node(Mask, **params), (96, 64)
    disc = np.hypot(*np.meshgrid(np.arange(96) - 47.5, np.arange(64) - 31.5)) < 20.0
    full = np.repeat(disc[..., None], 4, axis=2).astype(np.float32)
    small = _averaged(full, factor)

    def made(pixels: Any, size: tuple[int, int], scale: Fraction) -> Any:
        context = Context({"video": Frame(pixels)}, Mask.made, size)
        context.request = context.request._replace(scale=scale)
        return mask.render(context).filled(Window(0, 0, *size))

    expected = _averaged(made(full, size, Fraction(1)), factor)
    ours = made(small, (96 // factor, 64 // factor), Fraction(1, factor))
    np.testing.assert_allclose(ours, expected, atol=tolerance)


def _averaged(pixels: Any, factor: int) -> Any:
    height, width, channels = pixels.shape
    return pixels.reshape(height // factor, factor, width // factor, factor, channels).mean((1, 3)).astype(np.float32)


def test_inverted_it_is_there_as_far_as_anything_is_kept() -> None:
    context = Context({}, Mask.made, (WIDTH, HEIGHT), Window(-1000, -1000, 2000, 2000))
    inverted = node(Mask, **SMALL, invert=True, opacity=0.5).render(context)
    assert inverted.window == context.request.surroundings
    np.testing.assert_allclose(inverted.filled(WHOLE)[..., 0], 0.5 - 0.5 * whole(**SMALL), atol=1e-6)
    assert inverted.pixels[0, 0, 0] == 0.5


def test_a_shape_costs_only_its_own_size() -> None:
    assert WHOLE.contains(masked(**SMALL, region=WHOLE.grown(30)).window)
    assert masked(center=(5.0, 5.0)).window.empty
    for size in ((0.0, 30.0), (30.0, 0.0)):
        for source in (*SHAPES, "radial_gradient"):
            assert masked(source=source, size=size, feather=(3.0, 3.0)).window.empty


@pytest.mark.parametrize("combine", Mask.combine.choices)
def test_with_nothing_below_and_with_nothing_of_its_own(combine: str) -> None:
    alone = whole(**SMALL)
    np.testing.assert_array_equal(whole(**SMALL, combine=combine), alone)
    none = {"mask": Frame.empty(1)}
    expected = alone if combine in ("union", "difference") else np.zeros_like(alone)
    np.testing.assert_array_equal(whole(none, **SMALL, combine=combine), expected)
    below = Frame(noise(3).pixels[..., 3:].copy())
    kept = np.zeros_like(below.pixels) if combine == "intersect" else below.pixels
    np.testing.assert_array_equal(whole({"mask": below}, size=(0.0, 0.0), combine=combine), kept[..., 0])


def test_gradients_hold_their_ends_and_take_stops_in_any_order() -> None:
    stops = ((0.75, 0.1), (0.25, 0.9))
    ours = whole(source="linear_gradient", start=(0.0, 0.5), end=(1.0, 0.5), stops=stops)
    at = (np.arange(WIDTH) + 0.5) / WIDTH
    np.testing.assert_allclose(ours, np.tile(np.interp(at, [0.25, 0.75], [0.9, 0.1]), (HEIGHT, 1)), atol=1e-6)
    smooth = whole(source="linear_gradient", start=(0.0, 0.5), end=(1.0, 0.5), falloff="smooth")
    np.testing.assert_allclose(smooth[0], 1 - at * at * (3 - 2 * at), atol=1e-6)


def test_gradients_without_a_length_are_all_behind_their_end() -> None:
    point: dict[str, Any] = {"source": "linear_gradient", "start": (0.4, 0.4), "end": (0.4, 0.4)}
    assert masked(**point).window.empty
    assert (whole(**point, stops=((0.0, 1.0), (1.0, 0.25))) == 0.25).all()
    assert (whole(source="radial_gradient", size=(0.0, 9.0), stops=((0.0, 1.0), (1.0, 0.5))) == 0.5).all()
    for narrow in (1e-6, 2e-9, 1e-30):
        rings = whole(source="radial_gradient", size=(narrow, 1000.0), stops=((0.0, 1.0), (1.0, 0.5)))
        assert (rings == 0.5).all(), narrow
    assert (whole(source="radial_gradient", **SMALL, stops=((0.5, 0.75),)) == 0.75).all()


def test_keys_of_light_beyond_white_below_black_and_of_no_number() -> None:
    pixels = np.zeros((HEIGHT, WIDTH, 4), np.float32)
    pixels[10, 10], pixels[10, 11], pixels[10, 12], pixels[10, 13] = 16.0, -2.0, np.nan, np.inf
    video = {"video": Frame(pixels)}
    bright = masked(video, source="luma", range=(1.0, 1e6)).filled(WHOLE)[..., 0]
    assert np.argwhere(bright == 1.0).tolist() == [[10, 10]]
    assert np.argwhere(np.isnan(bright)).tolist() == [[10, 12]]
    dark = masked(video, source="luma", range=(-1e6, -1.0)).filled(WHOLE)[..., 0]
    assert np.argwhere(dark == 1.0).tolist() == [[10, 11]]
    pixels[10, 13] = 0.0
    soft = masked(video, source="alpha", feather=(2.0, 2.0)).filled(WHOLE)[..., 0]
    spoilt = np.argwhere(np.isnan(soft))
    assert spoilt.size
    assert np.abs(spoilt - (10, 12)).max() <= 2 * 5


def test_what_lies_outside_of_a_picture_is_black() -> None:
    small = {"video": Frame(np.ones((5, 6, 4), np.float32), 20, 20)}
    assert whole(small, source="luma", range=(-1.0, 0.5)).sum() == WIDTH * HEIGHT - 30
    assert masked(small, source="luma").window == Window(20, 20, 6, 5)
    for frames in ({}, {"video": Frame.empty()}):
        assert masked(frames, source="luma").window.empty
        assert masked(frames, source="alpha", feather=(3.0, 3.0)).window.empty
        assert (whole(frames, source="luma", units="stops", range=(-200.0, -9.0)) == 1.0).all()


@pytest.mark.parametrize("source", KEYS)
def test_what_it_asks_for_is_all_that_it_uses(source: str) -> None:
    """With all else made wild, the region comes out the same."""
    mask, region = node(Mask, source=source, feather=(2.0, 3.0), softness=(0.5, 0.5)), Window(20, 15, 9, 8)
    needed = mask.region_needed("video", Context({}, Mask.made, (WIDTH, HEIGHT), region).request)
    frame = noise(5)
    wild = np.full_like(frame.pixels, 1e6)
    part = needed.intersect(WHOLE)
    wild[part.inside(WHOLE)] = frame.pixels[part.inside(WHOLE)]
    params: dict[str, Any] = {"source": source, "feather": (2.0, 3.0), "softness": (0.5, 0.5)}
    expected = masked({"video": frame}, region, **params).filled(region)
    for other in (frame.crop(needed), Frame(wild)):
        np.testing.assert_allclose(masked({"video": other}, region, **params).filled(region), expected, atol=2e-5)


def test_what_it_reads() -> None:
    request = Context({}, Mask.made).request
    shape, key, soft = node(Mask), node(Mask, source="luma"), node(Mask, source="luma", feather=(4.0, 0.0))
    assert shape.frames_needed("video", request) == ()
    assert shape.frames_needed("mask", request) == key.frames_needed("video", request) == (request.time,)
    assert [mask.pointwise(request) for mask in (shape, key, soft)] == [True, True, False]
    assert soft.region_needed("mask", request) == key.region_needed("video", request) == request.region
    assert node(Mask, feather=(4.0, 4.0)).pointwise(request)


@pytest.mark.parametrize("source", Mask.source.choices)
def test_tiny_documents(source: str) -> None:
    for size in ((1, 1), (1, 9), (7, 1)):
        frames = {"video": Frame(np.abs(picture(1, *size)))}
        context = Context(frames, Mask.made, size)
        for soft in ((0.0, 0.0), (1.5, 2.5)):
            made = node(Mask, source=source, size=(0.8, 3.0), feather=soft).render(context)
            assert np.isfinite(made.pixels).all()
            assert made.channels == 1
            assert made.pixels.min(initial=0.0) >= 0.0
            assert made.pixels.max(initial=0.0) <= 1.0
    context = Context({}, Mask.made, region=Window(0, 0, 0, 0))
    assert node(Mask, source=source).render(context).window.empty
