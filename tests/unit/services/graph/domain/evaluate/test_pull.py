"""The evaluator's promises, on small node types made for it."""

from collections.abc import Hashable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, ClassVar
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from artifex.media.v1 import messages_pb2 as media
from artifex.nodes import IMAGE, VIDEO, Float, Frame, Input, Node, Output, RenderContext, Request, Window
from libs.chassis.errors import Cancelled, Internal, InvalidArgument
from services.graph.domain.compile.catalogue import Catalogue
from services.graph.domain.compile.compiler import compile
from services.graph.domain.evaluate.cache import FrameCache
from services.graph.domain.evaluate.colour import WorkingColour
from services.graph.domain.evaluate.disk_cache import DiskCache
from services.graph.domain.evaluate.pull import FramePuller, Keep
from services.graph.nodes import BUILTIN
from services.graph.nodes.composite.merge import Merge
from services.graph.nodes.output.file_output import FileOutput
from tests.unit.services.graph.support import document, output


class Ramp(Node):
    """Each pixel holds the time and the level."""

    category = "Test"
    time_dependent = True
    video = Output(VIDEO, "The picture.")
    level = Float(0.0, doc="d")
    made: ClassVar[list[Fraction]] = []

    def fingerprint(self, request: Request) -> Hashable:
        return (self.level, request.time)

    def render(self, context: RenderContext) -> Frame:
        Ramp.made.append(context.request.time)
        pixels = np.full((36, 64, 4), float(context.request.time) + self.level, np.float32)
        return Frame(pixels)


class Solid(Node):
    """The same at every time."""

    category = "Test"
    video = Output(VIDEO, "The picture.")
    image = Output(IMAGE, "The same as an image.")
    level = Float(0.5, doc="d")
    made: ClassVar[list[float]] = []

    def render(self, context: RenderContext) -> Frame:
        Solid.made.append(self.level)
        return Frame(np.full((36, 64, 4), self.level, np.float32))


class AddInPlace(Node):
    """Takes its input and changes it."""

    category = "Test"
    video = Input(VIDEO, "In.")
    added = Output(VIDEO, "Out.", name="video")
    amount = Float(1.0, doc="d")

    def render(self, context: RenderContext) -> Frame:
        frame = context.take(self.video)
        frame.pixels[:] += self.amount
        return frame


class Pass(Node):
    """Hands on what it reads."""

    category = "Test"
    video = Input(VIDEO, "In.")
    same = Output(VIDEO, "Out.", name="video")

    def render(self, context: RenderContext) -> Frame:
        return context.read(self.video)


class Sum(Node):
    """Adds two, one of them as it was a second before."""

    category = "Test"
    a = Input(VIDEO, "In.")
    b = Input(VIDEO, "In, a second before.")
    total = Output(VIDEO, "Out.", name="video")

    def frames_needed(self, name: str, request: Request) -> Sequence[Fraction]:
        return (request.time - 1,) if name == "b" else (request.time,)

    def render(self, context: RenderContext) -> Frame:
        time = context.request.time
        return Frame(context.read(self.a).pixels + context.read(self.b, time - 1).pixels)


class Fails(Node):
    """Fails."""

    category = "Test"
    video = Input(VIDEO, "In.")
    out = Output(VIDEO, "Out.")
    typed = Float(0.0, doc="d")

    def render(self, context: RenderContext) -> Frame:
        if self.typed:
            raise InvalidArgument("the file is broken")
        raise ZeroDivisionError("secret")


TYPES = Catalogue([Ramp, Solid, AddInPlace, Pass, Sum, Fails, FileOutput, Merge])


def puller(nodes: dict[str, Any], last: str = "x", cache_bytes: int = 1 << 24) -> FramePuller:
    compiled = compile(document({**nodes, "out": output(last)}, fps=1, duration=100), TYPES, "", {})
    return FramePuller(compiled, {}, WorkingColour("ACEScg"), cache=FrameCache(cache_bytes))


def add(source: str, amount: Any = 1.0) -> dict[str, Any]:
    return {"type": "AddInPlace", "inputs": {"video": source}, "params": {"amount": amount}}


@pytest.fixture(autouse=True)
def _forget() -> None:
    Ramp.made.clear()
    Solid.made.clear()


def test_a_chain_is_evaluated_at_its_time() -> None:
    pull = puller({"r": {"type": "Ramp"}, "x": add("r", {"keys": [[0, 0], [10, 10]]})})
    assert pull.frame(4).pixels[0, 0, 0] == 8.0
    assert pull.frame(2).pixels[0, 0, 0] == 4.0


def test_changing_in_place_reaches_no_other_reader() -> None:
    nodes = {"r": {"type": "Ramp"}, "p": {"type": "Pass", "inputs": {"video": "r"}},
             "a": add("r", 10), "b": add("p", 100), "x": {"type": "Sum", "inputs": {"a": "a", "b": "b"}}}  # fmt: skip
    assert puller(nodes).frame(5).pixels[0, 0, 0] == (5 + 10) + (4 + 100)


def test_the_callers_frame_is_its_own() -> None:
    pull = puller({"x": {"type": "Solid"}})
    pull.frame(0).pixels[:] = 99
    assert pull.frame(1).pixels[0, 0, 0] == 0.5


def test_what_never_changes_is_made_once() -> None:
    pull = puller({"s": {"type": "Solid"}, "g": add("s"), "r": {"type": "Ramp"},
                   "x": {"type": "Sum", "inputs": {"a": "g", "b": "r"}}})  # fmt: skip
    values = [pull.frame(index).pixels[0, 0, 0] for index in range(1, 6)]
    assert values == [1.5 + index - 1 for index in range(1, 6)]
    assert len(Solid.made) == 1


def test_a_result_that_comes_twice_is_kept() -> None:
    pull = puller({"s": {"type": "Solid", "params": {"level": {"keys": [[0, 1], [3, 4]]}}}, "x": add("s")})
    for index in range(10):
        assert pull.frame(index).pixels[0, 0, 0] == 2 + min(index, 3)
    assert Solid.made == [1.0, 2.0, 3.0, 4.0, 4.0]


def test_a_time_that_two_frames_read_is_computed_for_each() -> None:
    pull = puller({"r": {"type": "Ramp"}, "x": {"type": "Sum", "inputs": {"a": "r", "b": "r"}}})
    assert pull.frame(7).pixels[0, 0, 0] == 7 + 6
    assert sorted(Ramp.made) == [6, 7]


def test_an_input_that_is_not_needed_is_not_made() -> None:
    pull = puller({"r": {"type": "Ramp"}, "s": {"type": "Solid"},
                   "x": {"type": "Merge", "inputs": {"a": "r", "b": "s"}, "params": {"mix": 0}}})  # fmt: skip
    pull.frame(3)
    assert Ramp.made == []


def test_a_failure_names_node_and_frame_and_no_internals() -> None:
    with pytest.raises(Internal) as raised:
        puller({"r": {"type": "Ramp"}, "x": {"type": "Fails", "inputs": {"video": "r"}}}).frame(3)
    assert raised.value.metadata == {"node": "x", "frame": "3", "inputs": "video 64x36x4 at 0,0"}
    assert 'node "x" (Fails) failed at frame 3; its inputs: video 64x36x4 at 0,0' in str(raised.value)
    assert "secret" not in str(raised.value)


def test_a_typed_failure_stays_what_it_is() -> None:
    nodes = {"r": {"type": "Ramp"}, "x": {"type": "Fails", "inputs": {"video": "r"}, "params": {"typed": 1}}}
    with pytest.raises(InvalidArgument, match="broken") as raised:
        puller(nodes).frame(3)
    assert raised.value.metadata == {"node": "x", "frame": "3", "inputs": "video 64x36x4 at 0,0"}


def test_ten_thousand_nodes_deep_is_no_recursion() -> None:
    nodes: dict[str, Any] = {"n0": {"type": "Ramp"}}
    nodes.update({f"n{n}": add(f"n{n - 1}") for n in range(1, 10_000)})
    assert puller(nodes, "n9999").frame(1).pixels[0, 0, 0] == 10_000


@st.composite
def graphs(draw: st.DrawFn) -> tuple[dict[str, Any], str]:
    """Random graphs whose nodes read any earlier ones."""
    size = draw(st.integers(1, 14))
    nodes: dict[str, Any] = {"n0": {"type": "Ramp"}, "n1": {"type": "Solid"}}
    for index in range(2, 2 + size):
        earlier = st.integers(0, index - 1).map("n{}".format)
        kind = draw(st.sampled_from(["add", "animated", "pass", "sum", "merge"]))
        a, b = draw(earlier), draw(earlier)
        if kind == "add":
            nodes[f"n{index}"] = add(a, draw(st.integers(-3, 3)))
        elif kind == "animated":
            nodes[f"n{index}"] = add(a, {"keys": [[0, 0], [2, 3, "step"], [4, 1, "ease_in"]]})
        elif kind == "pass":
            nodes[f"n{index}"] = {"type": "Pass", "inputs": {"video": a}}
        elif kind == "sum":
            nodes[f"n{index}"] = {"type": "Sum", "inputs": {"a": a, "b": b}}
        else:
            nodes[f"n{index}"] = {"type": "Merge", "inputs": {"a": a, "b": b}, "params": {"operation": "screen"}}
    return nodes, f"n{1 + size}"


@settings(max_examples=60, deadline=None)
@given(graphs(), st.lists(st.integers(0, 8), min_size=1, max_size=6))
def test_cached_and_cold_alone_and_in_order_are_bit_equal(graph: tuple[dict[str, Any], str], order: list[int]) -> None:
    nodes, last = graph
    warm, small = puller(nodes, last), puller(nodes, last, cache_bytes=20_000)
    for index in order:
        alone = puller(nodes, last, cache_bytes=0).frame(index).pixels
        np.testing.assert_array_equal(warm.frame(index).pixels, alone)
        np.testing.assert_array_equal(small.frame(index).pixels, alone)


class Bypass(Node):
    """Passes its second input on while its amount is 0."""

    category = "Test"
    a = Input(VIDEO, "In.")
    b = Input(VIDEO, "In.")
    out = Output(VIDEO, "Out.", name="video")
    amount = Float(0.0, doc="d")

    def identity(self, request: Request) -> str | None:
        return "b" if self.amount == 0.0 else None

    def render(self, context: RenderContext) -> Frame:
        return Frame(context.read(self.b).pixels + np.float32(self.amount))


class Spread(Node):
    """Needs ten pixels more on every side, and tells what it got."""

    category = "Test"
    video = Input(VIDEO, "In.")
    out = Output(VIDEO, "Out.", name="video")
    wanted: ClassVar[list[Window]] = []

    def region_needed(self, name: str, request: Request) -> Window:
        return request.region.grown(10)

    def render(self, context: RenderContext) -> Frame:
        Spread.wanted.append(context.request.region)
        return context.read(self.video)


class Asked(Node):
    """Notes what it is asked for."""

    category = "Test"
    video = Output(VIDEO, "Out.")
    requests: ClassVar[list[Request]] = []

    def render(self, context: RenderContext) -> Frame:
        Asked.requests.append(context.request)
        return Frame.empty()


class Broken(Node):
    """Fails while it is asked what it needs."""

    category = "Test"
    video = Input(VIDEO, "In.")
    out = Output(VIDEO, "Out.", name="video")

    def frames_needed(self, name: str, request: Request) -> Sequence[Fraction]:
        raise ZeroDivisionError("secret")


MORE = Catalogue([*TYPES.values(), Bypass, Spread, Asked, Broken])


def more(nodes: dict[str, Any], last: str = "x", **given: Any) -> FramePuller:
    compiled = compile(document({**nodes, "out": output(last)}, fps=1, duration=100), MORE, "", {}, optimise=False)
    return FramePuller(compiled, {}, WorkingColour("ACEScg"), **{"cache": FrameCache(1 << 24), **given})


def test_what_passes_an_input_on_makes_nothing_and_needs_nothing_else() -> None:
    nodes = {"r": {"type": "Ramp"}, "s": {"type": "Solid"},
             "p": {"type": "Bypass", "inputs": {"a": "r", "b": "s"}},
             "q": {"type": "Bypass", "inputs": {"a": "r", "b": "p"}},
             "x": {"type": "Sum", "inputs": {"a": "q", "b": "s"}}}  # fmt: skip
    assert more(nodes).frame(5).pixels[0, 0, 0] == 0.5 + 0.5
    assert Ramp.made == []
    assert len(Solid.made) == 1, "the same result under the same key"


def test_a_frame_that_is_passed_on_can_be_changed_by_nobody() -> None:
    nodes = {"r": {"type": "Ramp"}, "p": {"type": "Bypass", "inputs": {"a": "r", "b": "r"}}, "a": add("p", 10),
             "b": add("r", 100), "x": {"type": "Sum", "inputs": {"a": "a", "b": "b"}}}  # fmt: skip
    assert more(nodes).frame(5).pixels[0, 0, 0] == (5 + 10) + (4 + 100)


def test_the_graph_may_end_in_what_only_passes_on() -> None:
    nodes = {"r": {"type": "Ramp"}, "x": {"type": "Bypass", "inputs": {"a": "r", "b": "r"}}}
    pull = more(nodes)
    pull.frame(3).pixels[:] = 99
    assert pull.frame(3).pixels[0, 0, 0] == 3


def test_regions_grow_on_the_way_up_and_join() -> None:
    Asked.requests.clear()
    Spread.wanted.clear()
    nodes = {"a": {"type": "Asked"}, "p": {"type": "Spread", "inputs": {"video": "a"}},
             "q": {"type": "Spread", "inputs": {"video": "p"}},
             "x": {"type": "Merge", "inputs": {"a": "a", "b": "q"}}}  # fmt: skip
    more(nodes).frame(0, Window(5, 5, 8, 4))
    assert Spread.wanted == [Window(-5, -5, 28, 24), Window(5, 5, 8, 4)]
    assert [request.region for request in Asked.requests] == [Window(-15, -15, 48, 44)]


def test_a_proxy_is_asked_for_in_its_own_pixels() -> None:
    Asked.requests.clear()
    pull = more({"x": {"type": "Asked"}}, scale=Fraction(1, 4))
    assert pull.format == Window(0, 0, 16, 9)
    pull.frame(0)
    (request,) = Asked.requests
    assert (request.width, request.height, request.region, request.scale) == (16, 9, pull.format, Fraction(1, 4))


def test_scales_sizes_rates_and_spaces_share_a_cache_and_no_frames() -> None:
    cache = FrameCache(1 << 24)
    made: list[float] = []
    for settings_ in ({}, {"width": 62}, {"fps": 2}, {"colorspace": "ACES2065-1"}):
        whole = document({"x": {"type": "Solid"}, "out": output("x")}, **{"fps": 1, "duration": 9, **settings_})
        for scale in (Fraction(1), Fraction(1, 2)):
            for _ in range(2):
                colour = WorkingColour(whole.settings.colorspace)
                FramePuller(compile(whole, MORE, "", {}), {}, colour, cache=cache, scale=scale).frame(1)
            made.append(len(Solid.made))
    assert made == list(range(1, 9))


def test_a_second_puller_finds_what_the_first_has_kept() -> None:
    cache = FrameCache(1 << 24)
    nodes = {"s": {"type": "Solid"}, "g": add("s"), "r": {"type": "Ramp"},
             "x": {"type": "Sum", "inputs": {"a": "g", "b": "r"}}}  # fmt: skip
    more(nodes, cache=cache).frame(1)
    more({**nodes, "y": add("x", 5)}, "y", cache=cache).frame(2)
    assert len(Solid.made) == 1
    # The same document, looked at again: the frame itself is there.
    for _ in range(2):
        more(nodes, cache=cache, keep=Keep.COSTLY).frame(7)
    assert sorted(Ramp.made) == [0, 1, 6]


def test_a_time_that_the_next_frame_reads_again_is_kept() -> None:
    class Window3(Sum):
        """The mean of three."""

        def frames_needed(self, name: str, request: Request) -> Sequence[Fraction]:
            return [request.time + shift for shift in (-1, 0, 1)] if name == "a" else ()

        def render(self, context: RenderContext) -> Frame:
            time = context.request.time
            pixels = [context.read(self.a, time + shift).pixels for shift in (-1, 0, 1)]
            return Frame((pixels[0] + pixels[1] + pixels[2]) / np.float32(3))

    nodes = {"r": {"type": "Ramp"}, "x": {"type": "Window3", "inputs": {"a": "r", "b": "r"}}, "out": output("x")}
    compiled = compile(document(nodes, fps=1, duration=100), Catalogue([*MORE.values(), Window3]), "", {})
    pull = FramePuller(compiled, {}, WorkingColour("ACEScg"), cache=FrameCache(1 << 24))
    for index in range(5, 9):
        assert pull.frame(index).pixels[0, 0, 0] == index
    assert Ramp.made == [4, 5, 6, 7, 8, 9]


def test_what_the_last_step_reads_is_kept_on_disk_if_it_was_dear(tmp_path: Path) -> None:
    nodes = {"r": {"type": "Ramp"}, "a": add("r"), "x": add("a", 5)}
    with patch.multiple("services.graph.domain.evaluate.pull", DISK_PAYS=0.0, DISK_LEAST=0.0):
        more(nodes, disk=DiskCache(tmp_path, 1 << 24)).frame(3)
        assert len(list(tmp_path.iterdir())) == 1
        # Another process, after the last node's parameter has changed.
        again = more({**nodes, "x": add("a", 6)}, disk=DiskCache(tmp_path, 1 << 24)).frame(3)
    assert again.pixels[0, 0, 0] == 3 + 1 + 6
    assert Ramp.made == [3]
    more(nodes, disk=DiskCache(tmp_path / "cheap", 1 << 24)).frame(3)
    assert list((tmp_path / "cheap").iterdir()) == [], "what costs nothing is not worth a file"


def test_who_fails_before_anything_is_made_is_named_too() -> None:
    nodes = {"r": {"type": "Ramp"}, "b": {"type": "Broken", "inputs": {"video": "r"}}, "x": add("b")}
    with pytest.raises(Internal, match=r'node "b" \(Broken\) failed at frame 4') as raised:
        more(nodes).frame(4)
    assert raised.value.metadata == {"node": "b", "frame": "4"}


def test_it_is_told_what_is_about_to_be_evaluated() -> None:
    told: list[list[str]] = []
    nodes = {"r": {"type": "Ramp"}, "s": {"type": "Solid"}, "a": add("r"),
             "m": {"type": "Merge", "inputs": {"a": "s", "b": "a"}},
             "x": {"type": "Merge", "inputs": {"a": "s", "b": "m"}}}  # fmt: skip
    more(nodes, watch=lambda nodes: told.append(list(nodes))).frame(1)
    assert told[-1] == ["m", "x"]
    assert sorted(name for names in told for name in names) == ["a", "m", "r", "s", "x"]


def test_a_frame_is_given_up_between_nodes() -> None:
    class Once:
        """Set once something has been made."""

        def is_set(self) -> bool:
            return bool(Ramp.made)

    with pytest.raises(Cancelled):
        more({"r": {"type": "Ramp"}, "x": add("r")}).frame(1, cancel=Once())
    assert Ramp.made == [1]


class Reads(Node):
    """Shows its media, as a point operation."""

    category = "Test"
    time_dependent = True
    video = Output(VIDEO, "Out.")

    def pointwise(self, request: Request) -> bool:
        return True

    def fingerprint(self, request: Request) -> Hashable:
        return request.time

    def render(self, context: RenderContext) -> Frame:
        source = context.request.source
        assert source is not None
        return source.picture(context.request.time, context.request.region)


class Clip:
    """Implements `artifex.nodes.MediaSource`, as far as pictures go."""

    key = "digest"
    path = Path("clip")
    info = media.MediaInfo()

    def __init__(self) -> None:
        self.decoded: list[Fraction] = []

    def picture(self, time: Fraction, region: Window | None = None) -> Frame:
        self.decoded.append(time)
        return Frame(np.full((36, 64, 4), float(time), np.float32))

    def samples(self, start: int, count: int, *, rate: int, channels: int) -> NDArray[np.float32]:
        raise NotImplementedError


@pytest.mark.parametrize(("keep", "decoded"), [(Keep.COSTLY, 1), (Keep.REPEATED, 3)])
def test_a_viewer_decodes_once_however_often_the_grade_is_changed(keep: Keep, decoded: int) -> None:
    clip, cache = Clip(), FrameCache(1 << 24)
    types = Catalogue([Reads, *BUILTIN])
    for exposure in (1, 2, 3):
        grade = {"type": "ColorCorrector", "inputs": {"video": "c"}, "params": {"exposure": exposure}}
        nodes = {"c": {"type": "Reads"}, "x": grade, "out": output("x")}
        compiled = compile(document(nodes, fps=1, duration=100), types, "", {})
        pull = FramePuller(compiled, {"c": clip}, WorkingColour("ACEScg"), cache=cache, keep=keep)
        # Alpha is 3 as well: colour is divided by it, doubled so many times, and multiplied again.
        assert pull.frame(3).pixels[0, 0, 0] == pytest.approx(3 * 2**exposure, rel=1e-4)
    assert len(clip.decoded) == decoded
