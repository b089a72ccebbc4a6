from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from artifex.nodes import Frame, Window
from services.graph.nodes.effect.distortion import Distortion
from tests.unit.services.graph.nodes.applied import applied
from tests.unit.services.graph.nodes.oracles.distortion import (
    BARREL,
    COMPARISONS,
    CUSHION,
    TILTED,
    bent,
    plate,
    slope_map,
)
from tests.unit.services.graph.nodes.transforms import SIZE, WHOLE, blob, check_edges, check_proxies, check_tiles
from tests.unit.services.graph.support import Context, node, picture

WAYS: dict[str, dict[str, Any]] = {
    "barrel": {"kind": "lens", **BARREL},
    "barrel undone": {"kind": "undo_lens", **BARREL},
    "cushion": {"kind": "lens", **CUSHION},
    "cushion undone": {"kind": "undo_lens", **CUSHION},
    "tilted": {"kind": "lens", **TILTED},
    "rings": {"kind": "ripple", "amplitude": 2.0, "wavelength": 13.0, "phase": 40.0, "falloff": 40.0},
    "lines": {"kind": "ripple", "waves": "lines", "angle": 25.0, "amplitude": 1.5, "wavelength": 11.0},
}


@pytest.mark.parametrize("comparison", COMPARISONS, ids=str)
def test_it_agrees_with_others(comparison: Any) -> None:
    assert comparison.error() <= comparison.tolerance


@pytest.mark.parametrize("params", [BARREL, CUSHION, TILTED], ids=["barrel", "cushion", "tilted"])
def test_undoing_a_lens_leaves_what_was_there(params: dict[str, Any]) -> None:
    width, height = 128, 72
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    waves = [np.sin(x / 9) + 1.5, np.cos(y / 7) + 1.5, np.sin((x + y) / 11) + 1.5, np.ones_like(x)]
    smooth = Frame(np.ascontiguousarray(np.stack(waves, axis=-1)))
    there = bent(smooth, (width, height), kind="undo_lens", **params)
    back = bent(there, (width, height), kind="lens", **params).filled(Window(0, 0, width, height))
    # Away from edges, where filters ring.
    kept = ndimage.binary_erosion(back[..., 3] > 0.9999, iterations=5)
    assert kept.mean() > 0.5
    np.testing.assert_allclose(back[kept], smooth.pixels[kept], atol=0.02)


def test_a_barrel_draws_the_corners_in_and_a_cushion_pulls_them_out() -> None:
    middle = {name: bent(blob(*SIZE, 0.85, 0.85, 400.0), kind="lens", k1=k1).filled(WHOLE)[..., 3]
              for name, k1 in (("barrel", -0.4), ("cushion", 0.4))}  # fmt: skip
    x = {name: float((light * np.arange(64)).sum() / light.sum()) for name, light in middle.items()}
    assert x["barrel"] < 0.85 * 64 - 0.5 - 0.5
    assert x["cushion"] > 0.85 * 64 - 0.5 + 0.5


def test_a_phase_that_grows_moves_waves_outwards() -> None:
    one, later = (
        bent(plate(), kind="ripple", waves="lines", amplitude=3.0, wavelength=16.0, phase=phase, center=(center, 0.5))
        for phase, center in ((0.0, 0.5 + 4 / 64), (90.0, 0.5))
    )
    np.testing.assert_allclose(later.filled(WHOLE), one.filled(WHOLE), atol=1e-4)


def test_a_map_that_is_one_everywhere_moves_all_by_the_strength() -> None:
    by = Frame(np.ones((36, 64, 4), np.float32))
    moved = bent(plate(), by=by, kind="displace", strength=(5.0, -3.0), neutral=0.0, filter="nearest").filled(WHOLE)
    expected = np.zeros_like(moved)
    expected[3:, :-5] = plate().pixels[:-3, 5:]
    np.testing.assert_array_equal(moved, expected)


def test_what_the_map_does_not_cover_stays() -> None:
    by = Frame(np.ones((10, 12, 4), np.float32), 20, 10)
    params: dict[str, Any] = {"kind": "displace", "strength": (6.0, 0.0), "neutral": 0.5, "filter": "cubic"}
    result = bent(plate(), by=by, **params).filled(WHOLE)
    away = np.ones(result.shape[:2], np.bool_)
    away[8:22, 18:34] = False
    np.testing.assert_allclose(result[away], plate().pixels[away], atol=1e-6)
    np.testing.assert_allclose(result[11:19, 21:31], plate().pixels[11:19, 24:34], atol=1e-6)
    none = bent(plate(), by=Frame.empty(), **params).filled(WHOLE)
    np.testing.assert_allclose(none, plate().pixels, atol=1e-6)


def test_a_map_counts_as_one_at_most() -> None:
    wild, calm = (Frame(np.full((36, 64, 4), value, np.float32)) for value in (1000.0, 1.0))
    for by in (wild, calm):
        by.pixels[..., 3] = 1.0
    params: dict[str, Any] = {"kind": "displace", "strength": (4.0, 4.0), "neutral": 0.0}
    np.testing.assert_array_equal(bent(plate(), by=wild, **params).pixels, bent(plate(), by=calm, **params).pixels)


def test_without_a_map_it_passes_on() -> None:
    frame = plate()
    np.testing.assert_array_equal(bent(frame, kind="displace").pixels, frame.pixels)


@pytest.mark.parametrize(
    "params",
    [{"kind": "lens"}, {"kind": "undo_lens"}, {"kind": "ripple", "amplitude": 0.0},
     {"kind": "displace", "strength": (0.0, 0.0)}],
)  # fmt: skip
def test_what_bends_nothing_passes_on(params: dict[str, Any]) -> None:
    frame = plate()
    assert bent(frame, **params) is frame


def test_a_map_is_read_only_where_it_is_used() -> None:
    request = Context({}, Distortion.bent, SIZE, Window(10, 10, 5, 5)).request
    lens, displace = node(Distortion, k1=0.1), node(Distortion, kind="displace", strength=(0.5, 0.5))
    assert lens.frames_needed("map", request) == ()
    assert displace.frames_needed("map", request) == (Fraction(0),)
    assert displace.region_needed("map", request) == Window(9, 9, 7, 7)
    assert displace.region_needed("video", request).width < 40


@pytest.mark.parametrize("name", WAYS)
@pytest.mark.parametrize("filter", ["cubic", "box", "nearest"])
def test_any_tile_is_that_part_of_the_whole(name: str, filter: str) -> None:
    check_tiles(node(Distortion, **WAYS[name], filter=filter))


@pytest.mark.parametrize("filter", Distortion.filter.choices)
def test_any_tile_by_a_map_is_that_part_of_the_whole(filter: str) -> None:
    by = Frame(picture(9, 50, 30), 5, 2)
    displace = node(Distortion, kind="displace", strength=(7.0, 5.0), filter=filter)
    frames = {"video": plate(), "map": by}
    whole = applied(displace, frames).filled(WHOLE)
    for tile in (Window(0, 0, 30, 17), Window(30, 5, 9, 20)):
        request = Context({}, Distortion.bent, SIZE, tile).request
        cut = {name: frame.crop(displace.region_needed(name, request)) for name, frame in frames.items()}
        part = applied(displace, cut, region=tile).filled(tile)
        np.testing.assert_allclose(part, whole[tile.inside(WHOLE)], atol=1e-5)


@pytest.mark.parametrize("name", WAYS)
def test_edges(name: str) -> None:
    check_edges(node(Distortion, **WAYS[name]))


@pytest.mark.parametrize("name", WAYS)
def test_a_proxy_shows_what_the_full_picture_does(name: str) -> None:
    in_pixels = {"amplitude", "wavelength", "falloff"}

    def at(size: int) -> Distortion:
        return node(Distortion, **{key: value * size if key in in_pixels else value
                                   for key, value in WAYS[name].items()})  # fmt: skip

    check_proxies(at, 0.05)


def test_a_map_that_is_no_number_spoils_only_its_own_pixels() -> None:
    by = slope_map()
    by.pixels[10, 20, 0] = np.nan
    params: dict[str, Any] = {"kind": "displace", "strength": (8.0, 8.0), "filter": "bilinear"}
    result = bent(plate(), by=by, **params).filled(WHOLE)
    expected = bent(plate(), by=slope_map(), **params).filled(WHOLE)
    assert np.isfinite(result).all()
    assert not result[10, 20].any()
    result[9:12, 19:22] = expected[9:12, 19:22]
    np.testing.assert_array_equal(result, expected)


coefficients = st.floats(-3, 3).map(lambda k: round(k, 3))


@settings(max_examples=60, deadline=None)
@given(*[coefficients] * 5, st.sampled_from(["lens", "undo_lens"]), st.floats(0.1, 3), st.sampled_from(
    Distortion.filter.choices))  # fmt: skip
def test_any_lens_gives_numbers(
    k1: float, k2: float, k3: float, p1: float, p2: float, kind: str, focal: float, filter: str
) -> None:
    result = bent(plate(), kind=kind, k1=k1, k2=k2, k3=k3, p1=p1, p2=p2, focal_length=focal, filter=filter)
    assert np.isfinite(result.pixels).all()
