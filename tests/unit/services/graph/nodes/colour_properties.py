"""What holds for every node that changes colour alone, whatever its change is."""

from collections.abc import Callable
from typing import Any

import numpy as np
import PyOpenColorIO as ocio

from artifex.nodes import Frame, Node, Window
from services.graph.domain.evaluate.colour import WorkingColour, config
from services.graph.domain.evaluate.colour_program import program_of
from tests.unit.services.graph.nodes.oracles.colour import changed
from tests.unit.services.graph.nodes.oracles.pictures import chart, noise, straight
from tests.unit.services.graph.support import Context, node, picture

Property = Callable[..., None]


def alpha_is_kept_and_what_is_transparent_stays_so(kind: type[Node], **params: Any) -> None:
    frame = chart()
    result = changed(kind, frame, **params)
    np.testing.assert_array_equal(result.pixels[..., 3], frame.pixels[..., 3])
    assert result.window == frame.window
    assert not result.pixels[frame.pixels[..., 3] == 0].any()


def colour_is_changed_straight(kind: type[Node], **params: Any) -> None:
    frame = noise(6)
    opaque = straight(frame.pixels)
    opaque[..., 3] = 1.0
    expected = changed(kind, Frame(opaque.astype(np.float32), opaque=True), **params).pixels[..., :3]
    result = straight(changed(kind, frame, **params).pixels)[..., :3]
    seen = frame.pixels[..., 3] > 0.05
    size = np.maximum(1.0, np.abs(expected[seen]).max(-1, keepdims=True))
    # A rounding of a logarithm is a dozen of light, and curves may be steep.
    assert (np.abs(result[seen] - expected[seen]) / size).max() < 1e-4


def tiles_are_parts_of_the_whole(kind: type[Node], **params: Any) -> None:
    frame = noise(3)
    whole = changed(kind, frame, **params).pixels
    for region in (Window(0, 0, 61, 9), Window(7, 9, 30, 20), Window(60, 46, 1, 1)):
        tile = changed(kind, frame.crop(region), **params).pixels
        np.testing.assert_allclose(tile, whole[region.inside(frame.window)], rtol=1e-5, atol=1e-6)


def what_is_finite_stays_so(kind: type[Node], **params: Any) -> None:
    """Light from far below black to what no camera sees."""
    numbers = [0.0, -0.0, 1e-30, -1e-7, 0.18, -3.0, 16.0, -500.0, 65504.0, -65504.0]
    rgb = np.stack(np.meshgrid(numbers, numbers, numbers, indexing="ij"), -1).reshape(1, -1, 3)
    pixels = np.concatenate([rgb, np.ones((1, rgb.shape[1], 1))], -1).astype(np.float32)
    assert np.isfinite(changed(kind, Frame(pixels, opaque=True), **params).pixels).all()


def a_pixel_that_is_no_number_spoils_no_other(kind: type[Node], **params: Any) -> None:
    pixels = picture(5, 6, 4)
    spoilt = pixels.copy()
    spoilt[1, 2, :3] = [np.nan, np.inf, -np.inf]
    clean, result = (changed(kind, Frame(array), **params).pixels for array in (pixels, spoilt))
    others = np.ones((4, 6), bool)
    others[1, 2] = False
    np.testing.assert_array_equal(result[others], clean[others])
    assert result[1, 2, 3] == pixels[1, 2, 3]


def one_pixel_and_none(kind: type[Node], **params: Any) -> None:
    assert changed(kind, Frame(picture(1, 1, 1)), **params).pixels.shape == (1, 1, 4)
    assert changed(kind, Frame.empty(), **params).window.empty
    far = Frame(picture(1, 3, 5), -40, 1000)
    assert changed(kind, far, **params).window == far.window


def mix_goes_from_the_picture_to_the_change(kind: type[Node], **params: Any) -> None:
    if "mix" not in kind.schema.parameters:
        return
    frame = noise(9)
    before, whole = straight(frame.pixels), straight(changed(kind, frame, **params).pixels)
    result = straight(changed(kind, frame, **params, mix=0.3).pixels)
    seen = frame.pixels[..., 3] > 0.05
    expected = before[seen] + 0.3 * (whole[seen] - before[seen])
    size = np.maximum(1.0, np.abs(whole[seen]).max(-1, keepdims=True))
    assert (np.abs(result[seen] - expected) / size).max() < 1e-4
    request = Context({}, next(iter(kind.schema.outputs.values()))).request
    assert node(kind, **params, mix=0.0).identity(request) == "video"
    assert node(kind, **params, mix=0.5).grade(WorkingColour("ACEScg"), None) is None


def it_is_a_point_operation_that_joins_its_neighbours(kind: type[Node], **params: Any) -> None:
    request = Context({}, next(iter(kind.schema.outputs.values()))).request
    assert node(kind, **params).pointwise(request)
    assert node(kind, **params).grade(WorkingColour("ACEScg"), None)
    assert node(kind, **params).identity(request) is None


PROPERTIES: list[Property] = [
    alpha_is_kept_and_what_is_transparent_stays_so,
    colour_is_changed_straight,
    tiles_are_parts_of_the_whole,
    what_is_finite_stays_so,
    a_pixel_that_is_no_number_spoils_no_other,
    one_pixel_and_none,
    mix_goes_from_the_picture_to_the_change,
    it_is_a_point_operation_that_joins_its_neighbours,
]


def runs_in_the_kernel(kind: type[Node], **params: Any) -> bool:
    """Whether the colour kernel knows all that the change is made of."""
    transforms = node(kind, **params).grade(WorkingColour("ACEScg"), None)
    assert transforms is not None
    return program_of(config().getProcessor(ocio.GroupTransform(list(transforms)))) is not None
