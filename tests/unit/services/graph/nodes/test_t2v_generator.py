from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from artifex.media.v1 import messages_pb2 as media
from artifex.nodes import Frame, Window
from libs.frames.probe import probe
from services.graph.domain.evaluate.colour import WorkingColour
from services.graph.domain.evaluate.sources import SourceFile, open_sources
from services.graph.nodes.generator.t2v_generator import T2VGenerator
from tests.unit.libs.frames.clips import make
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


def test_a_master_is_played_without_any_loss_and_strip_by_strip(tmp_path: Path) -> None:
    """Shots are kept in FFV1 as 8-bit RGB; the oracle is the picture itself, linearised in float64."""
    random = np.random.default_rng(3)
    pictures = [random.integers(0, 256, (32, 48, 3), dtype=np.uint8) for _ in range(5)]
    path = make(tmp_path / "shot.mkv", pictures, codec="ffv1", pixel_format="bgr0", fps=Fraction(16))
    shot = node(T2VGenerator, prompt="p", width=48, height=32, frames=5, fps=16)
    files = {"n": SourceFile(path, probe(path))}
    with open_sources(files, WorkingColour("Linear Rec.709 (sRGB)"), 1) as sources:

        def rendered(time: Fraction, region: Window) -> Frame:
            context = Context({}, T2VGenerator.video, (64, 36), region, time, sources["n"])
            assert shot.pointwise(context.request)
            return shot.render(context)

        for number in (0, 1, 4, 2):
            expected = (pictures[number] / 255.0) ** 2.4
            whole = rendered(Fraction(number, 16), Window(0, 0, 64, 36))
            assert whole.opaque
            np.testing.assert_allclose(whole.pixels[..., :3], expected, atol=2e-6)
            strip = rendered(Fraction(number, 16), Window(0, 8, 64, 8))
            assert strip.window == Window(0, 8, 48, 8)
            np.testing.assert_allclose(strip.pixels, whole.pixels[8:16], atol=2e-7)


def test_a_proxy_of_a_shot_is_the_shot_averaged(tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    pictures = [random.integers(0, 256, (32, 48, 3), dtype=np.uint8) for _ in range(5)]
    path = make(tmp_path / "shot.mkv", pictures, codec="ffv1", pixel_format="bgr0", fps=Fraction(16))
    shot = node(T2VGenerator, prompt="p", width=48, height=32, frames=5, fps=16)
    with open_sources({"n": SourceFile(path, probe(path))}, WorkingColour("Linear Rec.709 (sRGB)"), 1) as sources:
        context = Context({}, T2VGenerator.video, (32, 18), None, Fraction(0), sources["n"])
        context.request = context.request._replace(scale=Fraction(1, 4))
        assert not shot.pointwise(context.request)
        small = shot.render(context)
    assert small.window == Window(0, 0, 12, 8)
    blocks = ((pictures[0] / 255.0) ** 2.4).reshape(8, 4, 12, 4, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(small.pixels[..., :3], blocks, atol=2e-6)
