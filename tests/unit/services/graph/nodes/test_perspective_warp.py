from typing import Any

import numpy as np
import pytest

from artifex.nodes import Frame, Window
from libs.kernels import mesh_places
from services.graph.nodes.transform.mesh import patches_of
from services.graph.nodes.transform.perspective_warp import PerspectiveWarp
from tests.unit.services.graph.nodes.applied import applied
from tests.unit.services.graph.nodes.oracles.perspective_warp import COMPARISONS, bent, wavy
from tests.unit.services.graph.nodes.transforms import SIZE, WHOLE, check_edges, check_proxies, check_tiles
from tests.unit.services.graph.support import Context, node, picture

REGULAR = tuple((x / 3, y / 3) for y in range(4) for x in range(4))


@pytest.mark.parametrize("comparison", COMPARISONS, ids=str)
def test_it_agrees_with_others(comparison: Any) -> None:
    assert comparison.error() <= comparison.tolerance


@pytest.mark.parametrize("patches", PerspectiveWarp.patches.choices)
@pytest.mark.parametrize("filter", PerspectiveWarp.filter.choices)
def test_points_that_have_moved_by_nothing_move_nothing(patches: str, filter: str) -> None:
    frame = Frame(picture(1, *SIZE))
    request = Context({}, PerspectiveWarp.bent, SIZE, Window(-5, -5, 80, 50)).request
    mesh = node(PerspectiveWarp, patches=patches, filter=filter)
    assert mesh.identity(request) is None
    assert mesh.identity(request._replace(region=WHOLE)) == "video"
    made = applied(mesh, {"video": frame}, region=request.region)
    # Mitchell's filter is soft also where nothing moves.
    if filter != "mitchell":
        np.testing.assert_allclose(made.filled(WHOLE), frame.pixels, atol=2e-5)
    outside = made.filled(request.region)
    assert np.abs(outside[:3]).max() == np.abs(outside[:, -3:]).max() == 0.0


def test_what_lies_outside_of_the_frame_is_cut_off() -> None:
    frame = Frame(np.ones((60, 100, 4), np.float32), -10, -10)
    points = tuple((x * 0.5 + 0.25, y * 0.5 + 0.25) for x, y in REGULAR)
    result = bent(frame, points=points, filter="bilinear")
    assert result.pixels[..., 3].sum() == pytest.approx(64 * 36 / 4, rel=0.02)


@pytest.mark.parametrize("patches", PerspectiveWarp.patches.choices)
def test_a_mesh_made_smaller_is_averaged(patches: str) -> None:
    """Stripes of one pixel, to a quarter of the size: grey, and a soft edge."""
    stripes = np.ones((36, 64, 4), np.float32)
    stripes[:, ::2, :3] = 0.0
    points = tuple((x / 4 + 0.3, y / 4 + 0.3) for x, y in REGULAR)
    result = bent(Frame(stripes), points=points, patches=patches, filter="bilinear").filled(WHOLE)
    middle = result[13:17, 22:32]
    np.testing.assert_allclose(middle[..., 3], 1.0, atol=1e-5)
    np.testing.assert_allclose(middle[..., 0], 0.5, atol=1e-3)
    assert 0.02 < result[12, 18, 3] < 0.98


def test_smooth_patches_bend_where_straight_ones_break() -> None:
    points = [list(point) for point in REGULAR]
    points[5][1] += 0.2
    row = Frame(np.zeros((36, 64, 4), np.float32))
    row.pixels[12] = 1.0
    heights = {}
    for patches in ("smooth", "straight"):
        made = bent(row, points=tuple(map(tuple, points)), patches=patches, filter="bilinear").filled(WHOLE)[..., 3]
        weights = made[:, 14:30].astype(np.float64)
        heights[patches] = (weights * np.arange(36)[:, None]).sum(axis=0) / weights.sum(axis=0)
    bends = {name: np.abs(np.diff(height, 2)).max() for name, height in heights.items()}
    assert bends["smooth"] < 0.6 * bends["straight"]


def test_where_it_folds_the_later_patch_lies_above() -> None:
    frame = Frame(np.ones((36, 64, 4), np.float32))
    frame.pixels[:, 32:, :3] = 0.25
    points = ((0.1, 0.0), (0.9, 0.0), (0.3, 0.0), (0.1, 1.0), (0.9, 1.0), (0.3, 1.0))
    result = bent(frame, points=points, rows=2, columns=3, patches="straight").filled(WHOLE)
    np.testing.assert_allclose(result[18, 40, 0], 0.25, atol=1e-4)
    np.testing.assert_allclose(result[18, 10, 0], 1.0, atol=1e-4)


@pytest.mark.parametrize(("rows", "columns", "larger"), [(4, 4, 1.3), (2, 5, 0.7), (3, 3, 0.3)])
@pytest.mark.parametrize("patches", PerspectiveWarp.patches.choices)
def test_any_tile_is_that_part_of_the_whole(rows: int, columns: int, larger: float, patches: str) -> None:
    points = wavy(rows, columns, 0.05, larger)
    for filter in ("cubic", "box", "lanczos4"):
        check_tiles(node(PerspectiveWarp, rows=rows, columns=columns, points=points, patches=patches, filter=filter))


def test_a_fold_is_shown_to_its_very_edge() -> None:
    """Its furthest point lies between those at which patches are looked at."""
    points = tuple((x, y) for y in (0.0, 1.0) for x in (0.1, 0.9, 0.3))
    size, steps = (3840, 24), np.full((1, 2, 2), 64, np.int32)
    fold = patches_of(np.array(points).reshape(2, 3, 2) * size, smooth=True)
    places = mesh_places(fold, steps, (0.0, 0.0, 1920.0, 24.0), 0.25, (0.0, 0.0), size[::-1])
    covered = np.flatnonzero(np.isfinite(places[..., 0]).any(axis=0))
    shown = bent(Frame(np.ones((24, 3840, 4), np.float32)), size, points=points, rows=2, columns=3, filter="bilinear")
    assert covered[-1] == np.flatnonzero(shown.filled(Window(0, 0, *size))[12, :, 3])[-1]


def test_it_reads_what_its_patches_show() -> None:
    request = Context({}, PerspectiveWarp.bent, (640, 360), Window(20, 20, 60, 50)).request
    needed = node(PerspectiveWarp, points=REGULAR, columns=4, rows=4).region_needed("video", request)
    assert needed.contains(Window(18, 18, 64, 54))
    assert needed.width < 240
    assert needed.height < 140


@pytest.mark.parametrize("filter", ["cubic", "box"])
def test_a_tile_of_a_mesh_that_comes_round_again_is_that_part_of_the_whole(filter: str) -> None:
    """A ring of more than one turn: along its end, places step from one end of the picture to the other."""
    size, frame, points = (640, 360), Frame(picture(7, 640, 360)), []
    for down in np.linspace(0, 1, 3):
        for across in np.linspace(0, 1, 32):
            angle, radius = np.radians(60 + 420 * across), 60 + 100 * down - 20 * across
            points.append(((320 + radius * np.cos(angle)) / 640, (180 + radius * np.sin(angle)) / 360))
    ring = node(PerspectiveWarp, rows=3, columns=32, points=tuple(points), filter=filter, patches="straight")
    whole = applied(ring, {"video": frame}, size)
    for x in range(360, 420, 20):
        for y in range(270, 330, 20):
            tile = Window(x, y, 20, 20)
            needed = ring.region_needed("video", Context({}, PerspectiveWarp.bent, size, tile).request)
            part = applied(ring, {"video": frame.crop(needed)}, size, region=tile).filled(tile)
            np.testing.assert_allclose(part, whole.crop(tile).filled(tile), atol=1e-5)


def test_edges() -> None:
    check_edges(node(PerspectiveWarp, points=wavy(4, 4, 0.05, 1.1)))
    check_edges(node(PerspectiveWarp, points=((0.5, 0.5),) * 16))
    assert bent(Frame(picture(1, *SIZE)), points=((2.0, 2.0),) * 16).window.empty


def test_a_proxy_shows_what_the_full_picture_does() -> None:
    check_proxies(lambda _: node(PerspectiveWarp, points=wavy(4, 4, 0.04, 1.1)), 0.05)


def test_points_are_as_many_as_rows_and_columns_say() -> None:
    assert not list(node(PerspectiveWarp).misfits(64, 36))
    ((name, remedy),) = node(PerspectiveWarp, rows=5).misfits(64, 36)
    assert name == "points"
    assert remedy == "5 rows of 4 are 20 points; it has 16"
