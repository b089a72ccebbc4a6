"""The picture that a generation goes on from: what of the graph it is, and its bytes."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from libs.chassis.errors import FailedPrecondition, Internal
from libs.frames.probe import probe
from libs.frames.video_reader import VideoReader
from services.graph.domain.compile.captures import Place
from services.graph.domain.evaluate import plans
from services.graph.domain.evaluate.capture import capture, capture_key
from services.graph.domain.evaluate.sources import SourceFile, Sources
from tests.unit.libs.frames.clips import make
from tests.unit.services.graph.support import document, footage, footage_info, output

FOOTAGE = {"clip": SourceFile(footage(), footage_info(), "c0ffee")}
CLIP: dict[str, Any] = {"type": "MediaInput", "params": {"asset": "assets/a"}}
T2V: dict[str, Any] = {"type": "T2VGenerator", "params": {"prompt": "p", "frames": 5, "fps": 25}}


def shot(of: str, **params: Any) -> dict[str, Any]:
    return {"type": "I2VGenerator", "inputs": {"image": of}, "params": {"prompt": "p", **params}}


def planned(nodes: dict[str, Any], sources: Sources, **settings: Any) -> Any:
    return plans.plan(document({**nodes, "out": output("shot")}, **settings), "", sources)


def taken(made: Any, sources: Sources, path: Path, *, threads: int = 1) -> NDArray[np.uint8]:
    assert capture(made, sources, Place("shot", "first"), {}, path, threads) == "image/png"
    # Read as the generator reads what it is given.
    with VideoReader(path) as reader:
        codes = reader.frame_at(Fraction(0)) * 255.0
    assert (codes[..., 3] == 255).all()
    return np.asarray(np.rint(codes[..., :3]), np.uint8)


@pytest.mark.parametrize("colorspace", ["ACEScg", "Linear Rec.709 (sRGB)"])
def test_a_shot_goes_on_from_the_very_codes_of_another(tmp_path: Path, colorspace: str) -> None:
    random = np.random.default_rng(5)
    pictures = [random.integers(0, 256, (48, 64, 3), dtype=np.uint8) for _ in range(5)]
    path = make(tmp_path / "a.mkv", pictures, codec="ffv1", pixel_format="bgr0", fps=Fraction(25))
    sources = {"a": SourceFile(path, probe(path), "ab")}
    # The document is larger: the shot gives itself, not what is around it.
    made = planned(
        {"a": T2V, "shot": shot("a", image_time="4/25")}, sources, width=320, height=180, colorspace=colorspace
    )
    first = taken(made, sources, tmp_path / "first.png")
    np.testing.assert_array_equal(first, pictures[4])
    assert (tmp_path / "first.png").read_bytes() == _again(made, sources, tmp_path / "again.png")


def _again(made: Any, sources: Sources, path: Path) -> bytes:
    taken(made, sources, path, threads=2)
    return path.read_bytes()


def test_footage_gives_the_whole_frame_as_the_document_shows_it(tmp_path: Path) -> None:
    made = planned({"clip": CLIP, "shot": shot("clip", image_time=2)}, FOOTAGE, width=1280, height=720)
    picture = taken(made, FOOTAGE, tmp_path / "a.png")
    with VideoReader(footage()) as reader:
        shown = reader.frame_at(Fraction(2))[..., :3] * 255.0
    assert picture.shape == (720, 1280, 3)
    # The oracle spreads chroma by another rule, which shows at edges of colour and nowhere else.
    difference = np.abs(picture - shown)
    assert difference.mean() < 0.5
    assert np.percentile(difference, 99) < 3.0


def test_what_is_transparent_is_black(tmp_path: Path) -> None:
    half = {"type": "Merge", "inputs": {"a": "clip", "b": "black"}, "params": {"mix": 0.5}}
    black = {"type": "TextInput", "params": {"text": ""}}
    made = planned({"clip": CLIP, "black": black, "half": half, "shot": shot("half")}, FOOTAGE)
    whole = planned({"clip": CLIP, "shot": shot("clip")}, FOOTAGE)
    dark, bright = (taken(each, FOOTAGE, tmp_path / "x.png").astype(float) for each in (made, whole))
    # Half the light, by the gamma of 2.4; at 255 there may have been more.
    inside = bright < 255
    np.testing.assert_allclose(dark[inside], bright[inside] * 0.5 ** (1 / 2.4), atol=1.0)
    assert inside.mean() > 0.9


def test_what_lies_in_the_document_is_taken_with_what_is_around_it(tmp_path: Path) -> None:
    title = {"type": "TextInput", "params": {"text": "Artifex", "size": 24}}
    picture = taken(planned({"title": title, "shot": shot("title")}, {}, width=320, height=180), {}, tmp_path / "x.png")
    assert picture.shape == (180, 320, 3)
    assert picture.max() == 255
    assert not picture[:20].any()
    assert not picture[-20:].any()


@pytest.mark.parametrize("of", ["empty", "muted"])
def test_where_nothing_is_seen_there_is_nothing_to_go_on_from(tmp_path: Path, of: str) -> None:
    nodes = {
        "empty": {"type": "TextInput", "params": {"text": ""}},
        "muted": {**CLIP, "mute": True},
        "shot": shot(of, image_time=1),
    }
    sources = FOOTAGE if of == "clip" else {"muted": FOOTAGE["clip"]}
    with pytest.raises(FailedPrecondition, match='on the input "image" of node "shot" in frame 25') as caught:
        taken(planned(nodes, sources), sources, tmp_path / "x.png")
    assert caught.value.metadata["node"] == "shot"


def test_a_key_needs_the_media_that_the_picture_shows(tmp_path: Path) -> None:
    made = planned({"a": T2V, "shot": shot("a")}, {})
    with pytest.raises(Internal, match="not there yet"):
        capture_key(made, {}, Place("shot", "first"))
    path = make(tmp_path / "a.mkv", [np.zeros((48, 64, 3), np.uint8)], codec="ffv1", pixel_format="bgr0")
    assert len(capture_key(made, {"a": SourceFile(path, probe(path), "ab")}, Place("shot", "first"))) == 64
    with pytest.raises(Internal, match="no last picture"):
        capture_key(made, {}, Place("shot", "last"))
