from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from artifex.nodes import Frame, Window
from services.graph.domain.compile.compiler import compile
from services.graph.domain.evaluate.colour import WorkingColour
from services.graph.domain.evaluate.pull import FramePuller
from services.graph.nodes.transform.transform2d import Transform2D
from tests.unit.services.graph.domain.evaluate.random_graphs import CATALOGUE
from tests.unit.services.graph.nodes.applied import applied
from tests.unit.services.graph.nodes.oracles.transform2d import MOVES, by_scipy, moved
from tests.unit.services.graph.support import Context, document, node, output, picture


@pytest.mark.parametrize("params", MOVES.values(), ids=MOVES)
def test_bilinear_agrees_with_scipy(params: dict[str, Any]) -> None:
    frame = Frame(picture(1, 21, 17), 11, 7)
    result = moved(frame, filter="bilinear", **params).filled(Window(0, 0, 64, 36))
    np.testing.assert_allclose(result, by_scipy(frame, (64, 36), 1, **params), atol=4e-6)


def keys_weights(t: float) -> list[float]:
    """Keys 1981, equation 4, with a = −½, at distances 1 + t, t, 1 − t, 2 − t."""
    a = -0.5

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
    np.testing.assert_allclose(result[9, 10:30, 1], expected, atol=4e-6)


@settings(max_examples=40, deadline=None)
@given(st.integers(-90, 90), st.integers(-60, 60), st.sampled_from(Transform2D.filter.choices))
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


@pytest.mark.parametrize("method", Transform2D.filter.choices)
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
    for scale in ((0.0, 1.0), (1e-170, 0.0), (1e-170, 1e-170)):
        assert moved(Frame(picture(1, 4, 4)), scale=scale, rotate=10.0).window.empty
    assert moved(Frame.empty(), rotate=10.0).window.empty
    assert moved(Frame(picture(1, 4, 4)), translate=(1e5, 0.0)).window.empty


@pytest.mark.parametrize("params", [{}, {"rotate": 720.0}, {"pivot": (0.2, 0.1), "filter": "nearest"}])
def test_a_picture_that_is_not_moved_passes_through(params: dict[str, Any]) -> None:
    frame = Frame(picture(1, 4, 4))
    assert moved(frame, **params) is frame


@pytest.mark.parametrize("params", MOVES.values(), ids=MOVES)
def test_a_proxy_moves_as_the_full_picture(params: dict[str, Any]) -> None:
    """The middle of a blob lies at half the place on a picture of half the size."""

    def middle(width: int, height: int, scale: Fraction) -> NDArray[np.float64]:
        x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
        blob = np.exp(-((x / width - 0.6) ** 2 + (y / height - 0.4) ** 2) * 60)[..., None]
        frame = Frame(np.repeat(blob, 4, -1).astype(np.float32))
        region = Window(-width, -height, 3 * width, 3 * height)
        result = applied(node(Transform2D, **params), {"video": frame}, (width, height), region=region, scale=scale)
        light = result.pixels[..., 1].astype(np.float64)
        rows, columns = np.mgrid[0 : light.shape[0], 0 : light.shape[1]] + 0.5
        return np.array(
            [(columns * light).sum() / light.sum() + result.x, (rows * light).sum() / light.sum() + result.y]
        )

    whole, half = middle(64, 36, Fraction(1)), middle(32, 18, Fraction(1, 2))
    np.testing.assert_allclose(half, whole / 2, atol=0.05)


def test_a_pixel_that_is_no_number_spoils_only_its_surroundings() -> None:
    pixels = picture(5, 30, 20)
    spoilt = pixels.copy()
    spoilt[10, 15] = np.nan
    result = moved(Frame(spoilt, 10, 8), rotate=20.0, filter="cubic").pixels
    assert 0 < np.isnan(result).any(-1).sum() <= 5 * 5


def test_its_motion_is_the_documented_map() -> None:
    request = Context({}, Transform2D.moved, (64, 36)).request
    turn = node(Transform2D, rotate=90.0, translate=(3.0, 4.0), scale=(2.0, 1.0))
    motion = turn.motion(Window(10, 20, 10, 10), request)
    assert motion.filter == "cubic"
    # The pivot (15, 25) moves by the translation; the point 1 to its right comes to lie 2 below it.
    np.testing.assert_allclose(motion.matrix @ [15, 25, 1], [18, 29, 1], atol=1e-12)
    np.testing.assert_allclose(motion.matrix @ [16, 25, 1], [18, 31, 1], atol=1e-12)


def test_a_shutter_opens_around_the_frames_time() -> None:
    request = Context({}, Transform2D.moved, (64, 36), time=Fraction(2)).request
    half = node(Transform2D, shutter=180.0, shutter_samples=2)
    assert half.moments(request) == [2 - Fraction(1, 8) / 25, 2 + Fraction(1, 8) / 25]
    later = node(Transform2D, shutter=360.0, shutter_phase=180.0, shutter_samples=4)
    assert later.moments(request) == [2 + Fraction(n, 8) / 25 for n in (1, 3, 5, 7)]
    assert node(Transform2D).moments(request) == ()
    assert half.moments(request._replace(time=Fraction(0))) == [0, Fraction(1, 8) / 25]


def test_an_expression_is_asked_of_no_time_before_the_document() -> None:
    assert keyed(0, shutter=180, translate={"expr": ["100 * sqrt(t)", "0"]}).sum() > 7


def keyed(index: int, scale: Fraction = Fraction(1), **params: Any) -> NDArray[np.float32]:
    """A white bar of 8 pixels that moves by 12 a frame, in a document of 25 a second."""
    nodes = {
        "plate": {"type": "Plate", "params": {"opacity": 1, "speed": 0}},
        "bar": {"type": "Crop", "inputs": {"video": "plate"}, "params": {"units": "px", "bottom_right": [8, 36]}},
        "x": {"type": "Transform2D", "inputs": {"video": "bar"},
              "params": {"translate": {"keys": [[0, [0, 0]], [1, [300, 0]]]}, "filter": "box", **params}},
        "out": output("x"),
    }  # fmt: skip
    compiled = compile(document(nodes), CATALOGUE, "", {})
    puller = FramePuller(compiled, {}, WorkingColour("ACEScg"), scale=scale)
    return puller.frame(index).filled(puller.format)[puller.format.height // 2, :, 3]


def test_what_moves_is_blurred_by_as_far_as_it_moves() -> None:
    sharp, blurred = keyed(2), keyed(2, shutter=180, shutter_samples=64)
    assert np.count_nonzero(sharp) == 8
    # 8 pixels, drawn over 6: a trapezium of 14 at its foot and 2 at its top.
    assert np.count_nonzero(blurred > 1e-3) == pytest.approx(14, abs=1)
    assert np.count_nonzero(blurred > 0.999) == pytest.approx(2, abs=1)
    assert blurred.sum() == pytest.approx(8.0, abs=1e-3)
    places = np.arange(64) + 0.5
    assert (blurred * places).sum() / 8 == pytest.approx((sharp * places).sum() / 8, abs=0.1)
    late = keyed(2, shutter=180, shutter_phase=90, shutter_samples=64)
    assert (late * places).sum() / 8 == pytest.approx((sharp * places).sum() / 8 + 3, abs=0.1)


def test_a_proxy_is_blurred_as_far() -> None:
    half = keyed(2, Fraction(1, 2), shutter=180, shutter_samples=64)
    full = keyed(2, shutter=180, shutter_samples=64).reshape(32, 2).mean(axis=1)
    np.testing.assert_allclose(half, full, atol=0.05)


def test_what_stands_still_is_not_blurred() -> None:
    """After its last key nothing moves: the picture is the one without a shutter, bit for bit."""
    np.testing.assert_array_equal(keyed(2, shutter=180, translate=[3.5, 0.25]), keyed(2, translate=[3.5, 0.25]))
    still = node(Transform2D, shutter=180.0, shutter_samples=2)
    still.then = (node(Transform2D), node(Transform2D))
    assert still.identity(Context({}, Transform2D.moved).request) == "video"
    still.then = (node(Transform2D), node(Transform2D, rotate=1.0))
    assert still.identity(Context({}, Transform2D.moved).request) is None
