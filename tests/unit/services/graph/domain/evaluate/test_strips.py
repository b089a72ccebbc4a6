"""Point operations strip by strip: rows, memory, windows, and who is blamed."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar
from unittest.mock import patch

import numpy as np
import PyOpenColorIO as ocio
import pytest

from artifex.nodes import MASK, VIDEO, Float, Frame, Input, Node, Output, RenderContext, Request, Window
from libs.chassis.errors import Cancelled, Internal
from services.graph.domain.compile.catalogue import Catalogue
from services.graph.domain.compile.compiler import compile
from services.graph.domain.evaluate import strips
from services.graph.domain.evaluate.cache import FrameCache
from services.graph.domain.evaluate.colour import WorkingColour
from services.graph.domain.evaluate.pull import FramePuller
from services.graph.nodes import BUILTIN
from tests.unit.services.graph.domain.evaluate.random_graphs import Plate
from tests.unit.services.graph.support import document, output, picture

WIDTH, HEIGHT = 48, 64


class Held(Node):
    """A random picture, smaller than the document, that is no point operation."""

    category = "Test"
    time_dependent = True
    video = Output(VIDEO, "The picture.")
    inset = Float(0.0, doc="Pixels left out on every side.")
    opaque = Float(0.0, doc="1 for alpha 1.")
    last: ClassVar[np.ndarray[Any, Any] | None] = None

    def render(self, context: RenderContext) -> Frame:
        inset = int(self.inset)
        pixels = picture(3, WIDTH - 2 * inset, HEIGHT - 2 * inset, alpha=not self.opaque)
        Held.last = pixels
        return Frame(pixels, inset, inset, opaque=bool(self.opaque))


class Gain(Node):
    """Multiplies, and notes which rows it was asked for."""

    category = "Test"
    video = Input(VIDEO, "In.")
    out = Output(VIDEO, "Out.", name="video")
    gain = Float(2.0, doc="d")
    fails_at = Float(-1e6, doc="The row at which it fails.")
    regions: ClassVar[list[Window]] = []

    def pointwise(self, request: Request) -> bool:
        return True

    def render(self, context: RenderContext) -> Frame:
        region = context.request.region
        Gain.regions.append(region)
        if region.y <= self.fails_at < region.bottom:
            raise ZeroDivisionError("secret")
        frame = context.take(self.video)
        np.multiply(frame.pixels, np.float32(self.gain), out=frame.pixels)
        return Frame(frame.pixels, frame.x, frame.y)


class Invert(Node):
    """1 − c everywhere: also where the input has no pixels."""

    category = "Test"
    video = Input(VIDEO, "In.")
    out = Output(VIDEO, "Out.", name="video")

    def pointwise(self, request: Request) -> bool:
        return True

    def render(self, context: RenderContext) -> Frame:
        region = context.request.region
        return Frame(np.float32(1.0) - context.read(self.video).filled(region), region.x, region.y)


class Coverage(Node):
    """A picture's alpha as a mask."""

    category = "Test"
    video = Input(VIDEO, "In.")
    mask = Output(MASK, "Out.")

    def pointwise(self, request: Request) -> bool:
        return True

    def render(self, context: RenderContext) -> Frame:
        frame = context.read(self.video)
        return Frame(np.ascontiguousarray(frame.pixels[..., 3:]), frame.x, frame.y)


TYPES = Catalogue([*BUILTIN, Plate, Held, Gain, Invert, Coverage])
COLOUR = WorkingColour("ACEScg")


@pytest.fixture(autouse=True)
def _forget() -> None:
    Gain.regions.clear()


def puller(nodes: dict[str, Any], **given: Any) -> FramePuller:
    compiled = compile(document({**nodes, "out": output("x")}, width=WIDTH, height=HEIGHT), TYPES, "", {})
    return FramePuller(compiled, {}, COLOUR, **{"cache": FrameCache(0), **given})


def gain(source: str, by: float = 2.0, **params: float) -> dict[str, Any]:
    return {"type": "Gain", "inputs": {"video": source}, "params": {"gain": by, **params}}


def rows_of(size: int) -> Any:
    return patch.multiple(strips, FEWEST_ROWS=size, MOST_ROWS=size)


def test_all_nodes_are_done_on_one_strip_before_the_next() -> None:
    nodes = {"h": {"type": "Held"}, "a": gain("h"), "b": gain("a"), "x": gain("b")}
    with rows_of(16):
        frame = puller(nodes).frame(0)
    assert [(region.y, region.height) for region in Gain.regions] == [
        (top, 16) for top in range(0, HEIGHT, 16) for _ in range(3)
    ]
    np.testing.assert_array_equal(frame.pixels, picture(3, WIDTH, HEIGHT) * 8)


def test_an_input_that_nobody_else_needs_becomes_the_result() -> None:
    frame = puller({"h": {"type": "Held"}, "a": gain("h"), "x": gain("a")}).frame(0)
    assert Held.last is not None
    assert np.shares_memory(frame.pixels, Held.last)


def test_an_input_that_others_need_is_left_alone() -> None:
    nodes = {"h": {"type": "Held"}, "a": gain("h"),
             "s": {"type": "Transform2D", "inputs": {"video": "h"}, "params": {"translate": [3, 0]}},
             "x": {"type": "Merge", "inputs": {"a": "a", "b": "s"}, "params": {"operation": "plus"}}}  # fmt: skip
    frame = puller(nodes).frame(0)
    expected = np.zeros((HEIGHT, WIDTH + 3, 4), np.float32)
    expected[:, 3:] += picture(3, WIDTH, HEIGHT)
    expected[:, :WIDTH] += picture(3, WIDTH, HEIGHT) * 2
    expected[..., 3] = np.minimum(expected[..., 3], 1.0)
    np.testing.assert_allclose(frame.pixels, expected[:, :WIDTH], atol=1e-6)


def test_a_result_that_is_read_outside_ends_the_group() -> None:
    nodes = {"h": {"type": "Held"}, "a": gain("h"), "b": gain("a", 3.0),
             "blur": {"type": "Blur", "inputs": {"video": "a"}, "params": {"size": 2}},
             "x": {"type": "Merge", "inputs": {"a": "b", "b": "blur"}}}  # fmt: skip
    with rows_of(16):
        puller(nodes).frame(0)
    # The blur wants more rows of "a" than there are; those beyond are strips of their own.
    tops = [region.y for region in Gain.regions if 0 <= region.y < HEIGHT]
    assert tops == [*range(0, HEIGHT, 16), *range(0, HEIGHT, 16)]


@pytest.mark.parametrize("rows", [5, 64])
def test_a_small_picture_keeps_its_window(rows: int) -> None:
    with rows_of(rows):
        frame = puller({"h": {"type": "Held", "params": {"inset": 9}}, "x": gain("h")}).frame(0)
    assert frame.window == Window(9, 9, WIDTH - 18, HEIGHT - 18)
    np.testing.assert_array_equal(frame.pixels, picture(3, WIDTH - 18, HEIGHT - 18) * 2)


def test_what_a_node_makes_beyond_its_inputs_is_there() -> None:
    nodes = {"h": {"type": "Held", "params": {"inset": 9}}, "x": {"type": "Invert", "inputs": {"video": "h"}}}
    with rows_of(5):
        frame = puller(nodes).frame(0)
    expected = np.zeros((HEIGHT, WIDTH, 4), np.float32)
    expected[9:-9, 9:-9] = picture(3, WIDTH - 18, HEIGHT - 18)
    np.testing.assert_array_equal(frame.pixels, 1 - expected)


def test_masks_go_through_strips_as_well() -> None:
    merge = {"type": "Merge", "inputs": {"a": "h", "b": "h", "mask": "m"}, "params": {"operation": "stencil"}}
    nodes = {"h": {"type": "Held"}, "m": {"type": "Coverage", "inputs": {"video": "h"}}, "x": merge}
    with rows_of(7):
        frame = puller(nodes).frame(0)
    source = picture(3, WIDTH, HEIGHT)
    alpha = source[..., 3:]
    np.testing.assert_allclose(frame.pixels, source + alpha * (source * (1 - alpha) - source), atol=1e-5)


def test_opaque_pictures_stay_opaque_only_if_every_strip_is() -> None:
    plate = {"type": "Plate", "params": {"opacity": 1.0}}
    graded = {"p": plate, "x": {"type": "ColorCorrector", "inputs": {"video": "p"}, "params": {"gamma": 1.3}}}
    cut = {"p": plate, "h": {"type": "Held"}, "x": {"type": "Merge", "inputs": {"a": "p", "b": "h"}, "params": {
        "operation": "stencil"}}}  # fmt: skip
    with rows_of(7):
        frame = puller(graded).frame(0)
        assert frame.opaque
        assert (frame.pixels[..., 3] == 1.0).all()
        assert not puller(cut).frame(0).opaque


@pytest.mark.parametrize("opaque", [0, 1])
def test_grades_in_a_row_are_what_ocio_makes_of_them_on_straight_colour(opaque: int) -> None:
    nodes = {"h": {"type": "Held", "params": {"opaque": opaque}},
             "a": {"type": "ColorCorrector", "inputs": {"video": "h"}, "params": {"exposure": 0.5, "lift": 0.02}},
             "g": gain("a", 1.0),
             "b": {"type": "ColorCorrector", "inputs": {"video": "g"}, "params": {"gain": [1.1, 0.9, 1.0]}},
             "x": {"type": "ColorCorrector", "inputs": {"video": "b"}, "params": {"contrast": 1.2}}}  # fmt: skip
    with rows_of(9):
        frame = puller(nodes).frame(0)
    source = picture(3, WIDTH, HEIGHT, alpha=not opaque)
    alpha = source[..., 3:].astype(np.float64)
    straight = (source[..., :3] / alpha).astype(np.float32)
    compiled = compile(
        document({**nodes, "out": output("x")}, width=WIDTH, height=HEIGHT), TYPES, "", {}, optimise=False
    )
    for step in compiled.steps:
        transforms = step.at(0).grade(COLOUR, None)  # type: ignore[arg-type]
        if transforms is not None:
            processor = ocio.Config.CreateRaw().getProcessor(ocio.GroupTransform(list(transforms)))
            processor.getOptimizedCPUProcessor(ocio.OPTIMIZATION_NONE).applyRGB(straight)
    expected = np.concatenate([straight * alpha, alpha], axis=2)
    scale = np.maximum(1.0, np.abs(expected))
    assert (np.abs(frame.pixels - expected) / scale).max() < 3e-4
    np.testing.assert_array_equal(frame.pixels[..., 3], source[..., 3])


def test_what_is_transparent_stays_so_under_a_grade() -> None:
    nodes = {"h": {"type": "Held", "params": {"inset": 20}}, "g": gain("h", 0.0),
             "x": {"type": "ColorCorrector", "inputs": {"video": "g"}, "params": {"offset": 0.3}}}  # fmt: skip
    assert not puller(nodes).frame(0).pixels.any()


def test_who_fails_in_the_middle_of_a_group_is_named() -> None:
    nodes = {"h": {"type": "Held"}, "a": gain("h"), "b": gain("a", 2.0, fails_at=40), "x": gain("b")}
    with rows_of(16), pytest.raises(Internal, match=r'node "b" \(Gain\) failed at frame 7') as raised:
        puller(nodes).frame(7)
    assert raised.value.metadata == {"node": "b", "frame": "7", "inputs": "video 48x16x4 at 0,32"}
    assert "secret" not in str(raised.value)


def test_it_is_given_up_between_strips() -> None:
    unwanted = threading.Event()

    class AfterThree:
        def is_set(self) -> bool:
            return len(Gain.regions) >= 3

    with rows_of(8), pytest.raises(Cancelled):
        puller({"h": {"type": "Held"}, "x": gain("h")}).frame(0, cancel=AfterThree())
    assert len(Gain.regions) == 3
    unwanted.set()
    with pytest.raises(Cancelled):
        puller({"h": {"type": "Held"}, "x": gain("h")}).frame(0, cancel=unwanted)
    assert len(Gain.regions) == 3


def test_strips_run_side_by_side() -> None:
    meeting = threading.Barrier(2, timeout=30)

    class Meets(Gain):
        """Waits for another strip."""

        def render(self, context: RenderContext) -> Frame:
            meeting.wait()
            return super().render(context)

    types = Catalogue([*BUILTIN, Held, Meets])
    nodes = {"h": {"type": "Held"}, "x": {"type": "Meets", "inputs": {"video": "h"}}, "out": output("x")}
    compiled = compile(document(nodes, width=WIDTH, height=HEIGHT), types, "", {})
    with ThreadPoolExecutor(2) as executor, rows_of(16):
        frame = FramePuller(compiled, {}, COLOUR, cache=FrameCache(0), strips=executor, threads=2).frame(0)
    np.testing.assert_array_equal(frame.pixels, picture(3, WIDTH, HEIGHT) * 2)
