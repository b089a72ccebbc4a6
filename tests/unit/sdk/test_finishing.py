"""The graph that makes a movie of a generated clip, and finishes it for a large screen."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

import cv2
import numpy as np
import pytest

from artifex.common.v1 import types_pb2 as common
from artifex.finishing import CINEMA, UNTOUCHED, Finish, clip_document, finish_of
from artifex.generator.v1 import messages_pb2 as generator
from artifex.media.v1 import messages_pb2 as media
from artifex.nodes import Window
from docs.gallery.__main__ import read_example
from services.graph.domain.compile.catalogue import catalogue
from services.graph.domain.compile.checking import check
from services.graph.domain.compile.compiler import compile, compile_checked, validate_checked
from services.graph.domain.documents.document import parse_document
from services.graph.domain.evaluate.colour import WorkingColour
from services.graph.domain.evaluate.pull import FramePuller
from services.graph.domain.evaluate.sources import SourceFile, open_sources
from tests.unit.services.graph.support import document, footage, footage_info, output


def clip(width: int, height: int, frames: int = 81, rate: tuple[int, int] = (16, 1)) -> media.Asset:
    return media.Asset(
        name="assets/clip",
        media=media.MediaInfo(
            format="matroska,webm",
            duration=common.Rational(numerator=frames * rate[1], denominator=rate[0]),
            video_streams=[
                media.VideoStream(
                    codec="ffv1",
                    width=width,
                    height=height,
                    pixel_format="bgr0",
                    frame_count=frames,
                    frame_rate=common.Rational(numerator=rate[0], denominator=rate[1]),
                    duration=common.Rational(numerator=frames * rate[1], denominator=rate[0]),
                )
            ],
        ),
    )


@pytest.mark.parametrize(
    ("size", "finish", "shown"),
    [
        ((832, 480), UNTOUCHED, (832, 480)),
        ((63, 47), UNTOUCHED, (62, 46)),
        ((1280, 720), CINEMA, (1920, 1080)),
        ((1280, 704), CINEMA, (1920, 1056)),
        ((480, 832), CINEMA, (622, 1080)),
        ((64, 64), CINEMA, (512, 512)),
        ((2560, 1440), CINEMA, (2560, 1440)),
    ],
)
def test_the_movie_is_as_large_as_the_clip_or_as_its_finish_has_it(
    size: tuple[int, int], finish: Finish, shown: tuple[int, int]
) -> None:
    found: dict[str, Any] = json.loads(clip_document(clip(*size), finish))
    assert (found["settings"]["width"], found["settings"]["height"]) == shown
    larger = finish is CINEMA and size[0] < 1920
    assert ("enlarged" in found["nodes"]) == larger
    # Sharpening and grade are the same at any size.
    assert ({"sharp", "graded"} <= found["nodes"].keys()) == (finish is CINEMA)


@pytest.mark.parametrize("finish", [UNTOUCHED, CINEMA])
@pytest.mark.parametrize("rate", [(16, 1), (24000, 1001)])
def test_the_engine_takes_it_and_renders_every_frame_once(finish: Finish, rate: tuple[int, int]) -> None:
    given = clip(1280, 704, 41, rate)
    checked = check(parse_document(clip_document(given, finish)), catalogue())
    assert validate_checked(checked, {given.name: given.media}) == []
    compiled = compile_checked(checked, "", dict.fromkeys(checked.assets, given.media))
    assert (compiled.frame_count, compiled.fps) == (41, Fraction(*rate))
    assert compiled.unused == ()


def test_a_network_is_asked_for_by_its_name_and_what_changes_nothing_is_left_out() -> None:
    nodes, last = Finish(model="x4plus", sharpening=0, saturation=1, contrast=1).nodes("shot", 640, 360, prefix="a-")
    assert nodes == {
        "a-enlarged": {
            "type": "Upscaler",
            "inputs": {"video": "shot"},
            "params": {"factor": 3.0, "method": "real-esrgan", "model": "x4plus"},
        }
    }
    assert last == "a-enlarged"
    assert UNTOUCHED.nodes("plate.video", 1280, 720) == ({}, "plate.video")


def test_a_preset_is_finished_as_it_says() -> None:
    cinema = generator.GenerationSpec(preset=generator.GENERATION_PRESET_CINEMA)
    assert finish_of(cinema) is CINEMA
    assert finish_of(generator.GenerationSpec(preset=generator.GENERATION_PRESET_PRODUCTION)) is UNTOUCHED
    assert CINEMA.told(1280, 704) == "then enlarged, sharpened, graded, to 1920x1056"
    assert Finish(sharpening=0).told(1920, 1080) == "then graded, to 1920x1080"


def test_the_gallery_shows_a_shot_with_its_finish_around_it() -> None:
    example = read_example("T2VGenerator")
    assert example is not None
    nodes, settings = example.document["nodes"], example.document["settings"]
    shot = nodes["shown"]["params"]
    finish = Finish(width=640, height=360)
    behind, last = finish.nodes("shown", shot["width"], shot["height"])
    assert {name: nodes[name] for name in nodes if name not in ("shown", "out")} == behind
    assert nodes["out"]["inputs"] == {"video": last}
    assert (settings["width"], settings["height"]) == finish.size(shot["width"], shot["height"])


def finished(finish: Finish) -> np.ndarray:
    """The middle of a frame of the footage, as it is finished: scene-linear light."""
    info = footage_info()
    stream = info.video_streams[0]
    behind, last = finish.nodes("plate.video", stream.width, stream.height)
    nodes = {"plate": {"type": "MediaInput", "params": {"asset": "assets/plate"}}, **behind, "out": output(last)}
    compiled = compile(document(nodes, width=stream.width, height=stream.height), catalogue(), "", {"plate": info})
    with open_sources({"plate": SourceFile(footage(), info)}, WorkingColour("ACEScg"), 1) as sources:
        puller = FramePuller(compiled, sources, WorkingColour("ACEScg"))
        return puller.frame(60, Window(400, 200, 320, 240)).filled(Window(400, 200, 320, 240))


def test_sharpening_adds_what_a_blur_takes_away_and_the_grade_widens_contrast() -> None:
    plain = finished(UNTOUCHED)
    sharp = finished(Finish(width=1, height=1, contrast=1, saturation=1))
    # The oracle: a Gaussian of one pixel by OpenCV, well within the edges.
    blurred = cv2.GaussianBlur(plain, (0, 0), 1.0, borderType=cv2.BORDER_REPLICATE)
    expected = plain + 0.5 * (plain - blurred)
    inner = np.s_[12:-12, 12:-12, :3]
    np.testing.assert_allclose(sharp[inner], expected[inner], atol=2e-3)
    assert np.abs(np.diff(sharp[inner], axis=1)).mean() > 1.1 * np.abs(np.diff(plain[inner], axis=1)).mean()
    assert sharp[inner].mean() == pytest.approx(plain[inner].mean(), rel=0.01)
    np.testing.assert_array_equal(sharp[..., 3], 1)
    graded = finished(Finish(width=1, height=1, sharpening=0))
    assert graded[..., :3].std() > plain[..., :3].std()
