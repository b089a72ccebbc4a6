from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from artifex.media.v1 import messages_pb2 as media
from artifex.nodes import Frame, Window
from services.graph.nodes.generator.t2v_generator import T2VGenerator
from tests.unit.services.graph.support import Context, node


class Shot:
    """A clip whose picture at t holds t."""

    key = "shot"
    path = Path("shot")
    info = media.MediaInfo(video_streams=[media.VideoStream(width=32, height=16)])

    def picture(self, time: Fraction, region: Window | None = None) -> Frame:
        return Frame(np.full((16, 32, 4), float(time), np.float32))

    def samples(self, start: int, count: int, *, rate: int, channels: int) -> Any:
        raise AssertionError("a shot has no sound")


def test_the_spec_says_all_that_the_parameters_say() -> None:
    shot = node(
        T2VGenerator, prompt="rain", negative_prompt="blur", seed=7, width=320, height=192, frames=17, fps=24, steps=4,
        guidance=5.0, guidance_2=2.5, flow_shift=5.0, model="models/wan22-nano-t2v",
    )  # fmt: skip
    spec = shot.materialise()
    assert (spec.prompt, spec.negative_prompt, spec.seed, spec.model) == ("rain", "blur", 7, "models/wan22-nano-t2v")
    assert (spec.width, spec.height, spec.frame_count, spec.steps) == (320, 192, 17, 4)
    assert Fraction(spec.frame_rate.numerator, spec.frame_rate.denominator) == 24
    assert (spec.guidance_scale, spec.guidance_scale_2, spec.flow_shift) == (5.0, 2.5, 5.0)


@pytest.mark.parametrize(
    ("params", "time", "expected"),
    [
        ({}, "1/2", 8.5 / 16),
        ({}, "129/256", 8.5 / 16),
        ({}, "9", 16.5 / 16),
        ({"after": "loop"}, "9/8", 1.5 / 16),
        ({"start": Fraction(2)}, "1", None),
    ],
)
def test_it_plays_like_a_clip(params: dict[str, Any], time: str, expected: float | None) -> None:
    shot = node(T2VGenerator, prompt="p", frames=17, fps=16, **params)
    frame = shot.render(Context({}, T2VGenerator.video, time=Fraction(time), source=Shot()))
    if expected is None:
        assert frame.window.empty
    else:
        assert frame.pixels[0, 0, 0] == np.float32(expected)
        assert (frame.window.x, frame.window.y, frame.window.width) == (0, 0, 32)


def test_it_lasts_as_long_as_its_frames() -> None:
    assert node(T2VGenerator, prompt="p", start=Fraction(1)).extent(None) == 1 + Fraction(81, 16)
