"""The graph that makes a movie of a generated clip."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

import pytest

from artifex.cli.generate import document
from artifex.common.v1 import types_pb2 as common
from artifex.media.v1 import messages_pb2 as media
from services.graph.domain.compile.catalogue import catalogue
from services.graph.domain.compile.checking import check
from services.graph.domain.compile.compiler import compile_checked, validate_checked
from services.graph.domain.documents.document import parse_document


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
    ("size", "enlarge", "shown"),
    [
        ((832, 480), False, (832, 480)),
        ((63, 47), False, (62, 46)),
        ((1280, 720), True, (1920, 1080)),
        ((1280, 704), True, (1920, 1056)),
        ((480, 832), True, (622, 1080)),
        ((64, 64), True, (512, 512)),
        ((2560, 1440), True, (2560, 1440)),
    ],
)
def test_the_movie_is_as_large_as_the_clip_or_as_the_cinema_is(
    size: tuple[int, int], enlarge: bool, shown: tuple[int, int]
) -> None:
    found: dict[str, Any] = json.loads(document(clip(*size), enlarge=enlarge))
    assert (found["settings"]["width"], found["settings"]["height"]) == shown
    assert ("large" in found["nodes"]) == (enlarge and size[0] < 1920)


@pytest.mark.parametrize("enlarge", [False, True])
@pytest.mark.parametrize("rate", [(16, 1), (24000, 1001)])
def test_the_engine_takes_it_and_renders_every_frame_once(enlarge: bool, rate: tuple[int, int]) -> None:
    given = clip(1280, 704, 41, rate)
    checked = check(parse_document(document(given, enlarge=enlarge)), catalogue())
    assert validate_checked(checked, {given.name: given.media}) == []
    compiled = compile_checked(checked, "", dict.fromkeys(checked.assets, given.media))
    assert (compiled.frame_count, compiled.fps) == (41, Fraction(*rate))
