"""Every way to blur that is no Gaussian."""

from fractions import Fraction
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artifex.nodes import Frame, Pixels, Window
from services.graph.nodes.effect.blur import Blur
from tests.unit.services.graph.nodes.applied import applied
from tests.unit.services.graph.nodes.oracles.blur import blurred, correlated, ellipse
from tests.unit.services.graph.nodes.oracles.pictures import HEIGHT, WHOLE, WIDTH, noise
from tests.unit.services.graph.support import Context, node, picture

KINDS: dict[str, dict[str, Any]] = {
    "box": {"size": (3.2, 5.5)},
    "defocus": {"size": (6.3, 4.0)},
    "directional": {"length": 17.0, "angle": 115.0},
    "zoom": {"zoom": 0.3, "center": (0.7, 0.4)},
    "spin": {"spin": 40.0, "center": (0.4, 0.6)},
}
EDGES = Blur.edges.choices
BIGGEST = 4.0
"""Of `noise`."""


def of_kind(kind: str, frame: Frame, region: Window = WHOLE, **params: Any) -> Frame:
    return blurred(frame, region, kind=kind, **{**KINDS[kind], **params})


@pytest.mark.parametrize("edges", EDGES)
@pytest.mark.parametrize("kind", KINDS)
def test_tiles_are_parts_of_the_whole(kind: str, edges: str) -> None:
    frame = noise(4)
    whole = of_kind(kind, frame, edges=edges).filled(WHOLE)
    for region in (Window(0, 0, 20, 20), Window(20, 13, 31, 9), Window(55, 40, 6, 7), Window(30, 20, 1, 1)):
        part = of_kind(kind, frame, region, edges=edges)
        assert region.contains(part.window)
        np.testing.assert_allclose(part.filled(region), whole[region.inside(WHOLE)], atol=5e-6)


@pytest.mark.parametrize("edges", EDGES)
@pytest.mark.parametrize("kind", KINDS)
def test_what_it_asks_for_is_all_that_it_uses(kind: str, edges: str) -> None:
    """With all else gone or wild, the region comes out the same."""
    blur, frame = node(Blur, kind=kind, edges=edges, **KINDS[kind]), noise(5)
    for region in (Window(20, 15, 9, 8), Window(0, 40, 12, 7), Window(-15, -9, 30, 20)):
        needed = blur.region_needed("video", Context({}, Blur.blurred, (WIDTH, HEIGHT), region).request)
        wild = np.full_like(frame.pixels, 1e9)
        part = needed.intersect(WHOLE)
        wild[part.inside(WHOLE)] = frame.pixels[part.inside(WHOLE)]
        expected = of_kind(kind, frame, region, edges=edges).filled(region)
        for other in (frame.crop(needed), Frame(wild)):
            ours = of_kind(kind, other, region, edges=edges).filled(region)
            np.testing.assert_allclose(ours, expected, atol=1e-5)


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(sorted(KINDS)), st.integers(1, 9), st.integers(1, 9), st.integers(-20, 60), st.integers(-20, 50),
    st.sampled_from([Window(0, 0, 1, 1), Window(10, 7, 13, 5), Window(-9, -9, 90, 70), WHOLE]),
)  # fmt: skip
def test_small_pictures_are_as_large_ones_with_nothing_around(
    kind: str, width: int, height: int, x: int, y: int, region: Window
) -> None:
    small = Frame(picture(3, width, height), x, y)
    large = Window(-120, -120, 320, 320)
    ours = of_kind(kind, small, region)
    assert region.contains(ours.window)
    theirs = of_kind(kind, Frame(small.filled(large), large.x, large.y), region)
    np.testing.assert_allclose(ours.filled(region), theirs.filled(region), atol=5e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_a_full_picture_keeps_its_edge_when_that_is_repeated(kind: str) -> None:
    flat = Frame(np.full((HEIGHT, WIDTH, 4), [0.3, 16.0, -0.1, 1.0], np.float32), opaque=True)
    result = of_kind(kind, flat, edges="repeat")
    np.testing.assert_allclose(result.pixels, flat.pixels, rtol=3e-6)
    assert result.opaque
    assert result.pixels[..., 3].min() == result.pixels[..., 3].max() == 1.0
    faded = of_kind(kind, flat)
    assert not faded.opaque
    assert faded.filled(WHOLE)[0, :, 3].min() < 0.95


@pytest.mark.parametrize("kind", ["box", "defocus", "directional"])
def test_it_keeps_the_light_wherever_it_falls(kind: str) -> None:
    frame = Frame(np.abs(picture(6, 5, 5)), 30, 20)
    frame.pixels[2, 2] = [-3.0, 5000.0, 0.0, 1.0]
    result = of_kind(kind, frame, WHOLE.grown(40)).pixels.astype(np.float64)
    np.testing.assert_allclose(result.sum((0, 1)), frame.pixels.astype(np.float64).sum((0, 1)), rtol=1e-4)
    assert result[..., 3].min() >= 0.0


def smooth(width: int, height: int) -> Pixels:
    """A picture without detail, at any size."""
    y, x = np.mgrid[0:height, 0:width]
    u, v = (x + 0.5) / width, (y + 0.5) / height
    planes = [2.0 + 2.0 * np.sin(9 * u + 5 * v), 1.0 + np.cos(11 * v - 4 * u), 16.0 * u * v, np.ones_like(u)]
    result: Pixels = np.stack(planes, -1).astype(np.float32)
    return result


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("down", [2, 4])
def test_a_proxy_is_blurred_by_the_true_size(kind: str, down: int) -> None:
    """The smaller picture blurred at its scale, beside the whole made smaller; within a hundredth of the brightest."""
    params = {"size": (12.6, 20.0), "length": 40.0, "angle": 30.0, "zoom": 0.3, "spin": 30.0}
    blur = node(Blur, kind=kind, edges="repeat", **params)
    whole = applied(blur, {"video": Frame(smooth(192, 128))}, (192, 128)).pixels
    size = (192 // down, 128 // down)
    proxy = applied(blur, {"video": Frame(smooth(*size))}, size, scale=Fraction(1, down)).pixels
    expected = cv2.resize(whole, size, interpolation=cv2.INTER_AREA)
    np.testing.assert_allclose(proxy, expected, atol=0.16)


@pytest.mark.parametrize("kind", KINDS)
def test_thin_and_empty_pictures(kind: str) -> None:
    for size in ((1, 1), (1, 9), (7, 1)):
        frame = Frame(np.ones((size[1], size[0], 4), np.float32))
        result = applied(node(Blur, kind=kind, edges="repeat", **KINDS[kind]), {"video": frame}, size)
        np.testing.assert_allclose(result.pixels, 1.0, atol=1e-5)
    assert of_kind(kind, Frame.empty()).window.empty
    assert of_kind(kind, Frame(picture(1, 4, 4), 1000, 1000)).window.empty
    assert of_kind(kind, Frame(picture(1, 4, 4), 1000, 1000), edges="repeat").window.empty
    assert of_kind(kind, noise(1), Window(0, 0, 0, 0)).window.empty


@pytest.mark.parametrize("kind", KINDS)
def test_a_pixel_that_is_no_number_spoils_only_what_it_reaches(kind: str) -> None:
    """What is summed in runs spoils its tile, which ends; all else only what reads the pixel."""
    size = (500, 400)
    pixels = picture(9, *size)
    pixels[200, 250] = np.nan
    result = applied(node(Blur, kind=kind, **KINDS[kind]), {"video": Frame(pixels)}, size).pixels
    rows, columns = np.nonzero(np.isnan(result).any(-1))
    assert rows.size
    assert np.abs(rows - 200).max() <= 60
    assert np.abs(columns - 250).max() <= 170


@pytest.mark.parametrize(
    ("params", "nothing"),
    [
        ({"kind": "box"}, {"size": (0.0, 0.0)}),
        ({"kind": "defocus"}, {"size": (0.0, 0.0)}),
        ({"kind": "directional"}, {"length": 0.0}),
        ({"kind": "zoom"}, {"zoom": 0.0}),
        ({"kind": "spin"}, {"spin": 0.0}),
    ],
)
def test_no_blur_passes_the_picture_on(params: dict[str, Any], nothing: dict[str, Any]) -> None:
    frame = noise(8)
    assert blurred(frame, **params, **nothing) is frame
    assert blurred(frame, **params) is not frame
    assert blurred(frame, **params, mix=0.0) is frame
    # The sizes of other kinds do not count.
    others = {"size": (0.0, 0.0), "length": 0.0, "zoom": 0.0, "spin": 0.0}
    mine = {name: value for name, value in KINDS[params["kind"]].items() if name in others}
    assert blurred(frame, **params, **{**others, **mine}) is not frame


@pytest.mark.parametrize("kind", ["box", "defocus", "directional"])
def test_what_is_smaller_than_a_pixel_changes_little(kind: str) -> None:
    frame = noise(9)
    tiny: dict[str, Any] = {"size": (0.3, 0.2), "length": 1e-4, "zoom": 1e-6, "spin": 1e-6}
    np.testing.assert_allclose(blurred(frame, kind=kind, **tiny).filled(WHOLE), frame.pixels, atol=1e-3)


@pytest.mark.parametrize("size", [(0.0, 3.0), (3.0, 0.0)])
def test_a_disc_of_one_size_is_a_line(size: tuple[float, float]) -> None:
    frame = noise(10)
    ours = of_kind("defocus", frame, size=size).filled(WHOLE)
    thin = tuple(max(side, 1e-3) for side in size)
    np.testing.assert_allclose(ours, correlated(frame, ellipse(*thin)), atol=2e-5)


def test_mix_and_mask_go_from_the_picture_to_the_blur() -> None:
    frame = noise(7)
    mask = Frame(np.random.default_rng(1).uniform(0, 1, (20, 30, 1)).astype(np.float32), 5, 9)
    whole = of_kind("zoom", frame).filled(WHOLE).astype(np.float64)
    blur = node(Blur, kind="zoom", mix=0.6, **KINDS["zoom"])
    ours = applied(blur, {"video": frame, "mask": mask}, (WIDTH, HEIGHT)).filled(WHOLE)
    np.testing.assert_allclose(ours, frame.pixels + 0.6 * mask.filled(WHOLE) * (whole - frame.pixels), atol=2e-6)
    nothing = applied(blur, {"video": frame, "mask": Frame.empty(1)}, (WIDTH, HEIGHT)).filled(WHOLE)
    np.testing.assert_array_equal(nothing, frame.pixels)


@pytest.mark.parametrize("kind", KINDS)
def test_its_cost_grows_with_its_size(kind: str) -> None:
    request = Context({}, Blur.blurred, (WIDTH, HEIGHT)).request
    small = node(Blur, kind=kind, size=(4.0, 4.0), length=4.0, zoom=0.05, spin=5.0).cost(request)
    assert node(Blur, kind=kind, size=(40.0, 40.0), length=40.0, zoom=0.5, spin=50.0).cost(request) > small > 0.0
