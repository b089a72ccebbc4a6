"""No fringes: an edge that was keyed, moved, blurred or cropped and then laid over a plain colour is a mixture of the
two colours in every pixel, and nothing else: no dark line, no light one, none of another colour."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from artifex.nodes import Frame, Node, Window
from services.graph.nodes.color.color_corrector import ColorCorrector
from services.graph.nodes.color.lut import LUT
from services.graph.nodes.effect.blur import Blur
from services.graph.nodes.effect.chroma_key import ChromaKey
from services.graph.nodes.transform.crop import Crop
from services.graph.nodes.transform.transform2d import Transform2D
from tests.unit.services.graph.nodes.applied import applied
from tests.unit.services.graph.nodes.oracles.chroma_key import mixture, screen
from tests.unit.services.graph.nodes.oracles.lut import look_file
from tests.unit.services.graph.nodes.oracles.merge import merged
from tests.unit.services.graph.support import node

SIZE = (64, 36)
WHOLE = Window(0, 0, *SIZE)
BEHIND = np.array([0.4, 0.4, 0.4])
SUBJECTS = {"warm": np.array([0.9, 0.5, 0.2]), "black": np.zeros(3), "grey": np.full(3, 0.4), "bright": np.full(3, 7.0)}


def disc(colour: NDArray[np.float64]) -> Frame:
    """A disc of one colour whose edge is a ramp of coverage two pixels wide; premultiplied."""
    x, y = np.meshgrid(np.arange(30) + 0.5, np.arange(30) + 0.5)
    alpha = np.clip((12 - np.hypot(x - 15, y - 15)) / 2 + 0.5, 0, 1)[..., None]
    return Frame(np.concatenate([alpha * colour, alpha], -1).astype(np.float32), 17, 3)


def worst(result: Frame, front: NDArray[np.float64]) -> float:
    """How far any pixel, over grey, lies from the straight way between both colours, its own coverage given."""
    background = Frame(np.tile(np.append(BEHIND, 1.0).astype(np.float32), (SIZE[1], SIZE[0], 1)), opaque=True)
    over = merged(result, background).filled(WHOLE).astype(np.float64)[..., :3]
    low, high = np.minimum(front, BEHIND), np.maximum(front, BEHIND)
    outside = np.maximum(np.maximum(low - over, over - high), 0)
    # On the way between the two colours there is one coverage for all three channels.
    way = front - BEHIND
    if np.abs(way).max() < 1e-9:
        return float(outside.max())
    part = ((over - BEHIND) @ way) / (way @ way)
    beside = np.abs(over - BEHIND - part[..., None] * way)
    return float(max(outside.max(), beside.max()))


# The cubic and Lanczos ring by design, in colour and coverage alike: what they give is compared for its hue below.
MOVES: list[Node] = [
    node(Transform2D, rotate=13.0, scale=(1.1, 0.9), translate=(0.3, 0.7), filter="bilinear"),
    node(Transform2D, rotate=13.0, translate=(0.3, 0.7), filter="nearest"),
    node(Transform2D, scale=(0.2, 0.3), filter="bilinear"),
    node(Blur, size=(3.0, 2.0)),
    node(Crop, top_left=(20.3, 8.8), bottom_right=(40.1, 30.4), units="px"),
    node(Crop, top_left=(20.3, 8.8), bottom_right=(40.1, 30.4), units="px", softness=5.0),
]


@pytest.mark.parametrize("subject", SUBJECTS)
@pytest.mark.parametrize("mover", MOVES, ids=lambda mover: type(mover).__name__)
def test_moved_and_softened_edges_are_mixtures(mover: Node, subject: str) -> None:
    colour = SUBJECTS[subject]
    result = applied(mover, {"video": disc(colour)}, SIZE)
    assert 0.05 < result.pixels[..., 3].max() <= 1.0 + 1e-6
    assert worst(result, colour) < 2e-6 * max(1.0, colour.max())


@pytest.mark.parametrize("method", ["cubic", "mitchell", "lanczos4"])
def test_filters_that_ring_give_no_other_colour(method: str) -> None:
    """Colour and coverage ring together: over black, the edge has the subject's hue everywhere."""
    colour = SUBJECTS["warm"]
    result = applied(node(Transform2D, rotate=13.0, filter=method), {"video": disc(colour)}, SIZE).pixels
    red = result[..., :1].astype(np.float64)
    np.testing.assert_allclose(result[..., 1:3], red * colour[1:] / colour[0], atol=2e-6)


@pytest.mark.parametrize("subject", ["black", "grey", "bright"])
def test_keyed_edges_are_mixtures(subject: str) -> None:
    """Grey things before a green screen, whose edges the lens has mixed: over grey nothing of the screen is left."""
    colour = SUBJECTS[subject]
    alpha = disc(colour).filled(WHOLE)[..., 3:].astype(np.float64)
    pixels = np.concatenate([alpha * colour + (1 - alpha) * screen(), np.ones_like(alpha)], -1)
    result = applied(node(ChromaKey), {"video": Frame(pixels.astype(np.float32), opaque=True)}, SIZE)
    np.testing.assert_allclose(result.pixels[..., 3:], alpha, atol=5e-6)
    assert worst(result, colour) < 2e-5


def test_what_a_matte_multiplied_in_would_give_is_a_fringe() -> None:
    """The measure finds what it is for: keeping the pixel and multiplying it by the matte leaves a dark line."""
    colour = SUBJECTS["grey"]
    alpha = disc(colour).filled(WHOLE)[..., 3:].astype(np.float64)
    mixed = alpha * colour + (1 - alpha) * screen()
    mixed[..., 1] = np.minimum(mixed[..., 1], np.maximum(mixed[..., 0], mixed[..., 2]))
    multiplied = np.concatenate([mixed * alpha, alpha], -1).astype(np.float32)
    assert worst(Frame(multiplied), colour) > 0.02


def test_random_hair_over_grey_is_between_hair_and_grey() -> None:
    frame, front = mixture(11)
    keyed = applied(node(ChromaKey), {"video": frame}, (frame.window.width, frame.window.height))
    behind = Frame(np.full_like(frame.pixels, 0.4), opaque=True)
    behind.pixels[..., 3] = 1.0
    over = merged(keyed, behind, size=(frame.window.width, frame.window.height)).pixels[..., :3]
    coverage = front[..., 3:]
    hair = front[..., :3] / np.where(coverage > 0, coverage, 1)
    hair = np.where(coverage > 0, hair, 0.4)
    assert (over >= np.minimum(hair, 0.4) - 2e-5).all()
    assert (over <= np.maximum(hair, 0.4) + 2e-5).all()


GRADES: list[tuple[type[Node], dict[str, Any]]] = [
    (ColorCorrector, {"offset": (0.1, 0.0, 0.05, 1.0), "gamma": (1.5, 1.5, 1.5, 1.0)}),
    (LUT, {"asset": "assets/a"}),
    (LUT, {"asset": "assets/a", "mix": 0.4}),
]


@pytest.mark.parametrize(("kind", "params"), GRADES)
def test_graded_edges_are_mixtures_of_the_graded_colour(kind: type[Node], params: dict[str, Any]) -> None:
    """Colour that is changed premultiplied would change differently at every coverage."""
    colour = SUBJECTS["warm"]
    solid = Frame(np.append(colour, 1.0).astype(np.float32)[None, None])
    grade = node(kind, **params)
    whole = applied(grade, {"video": solid}, SIZE, source=look_file("cube")).pixels[0, 0, :3].astype(np.float64)
    edge = applied(grade, {"video": disc(colour)}, SIZE, source=look_file("cube"))
    assert worst(edge, whole) < 2e-5
