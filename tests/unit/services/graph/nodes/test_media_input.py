from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from artifex.media.v1 import messages_pb2 as media
from artifex.nodes import Frame, Window
from libs.frames.audio_reader import AudioReader
from services.graph.domain.evaluate.colour import WorkingColour
from services.graph.domain.evaluate.sources import SourceFile, open_sources
from services.graph.nodes.input.media_input import MediaInput
from tests.unit.libs.frames.clips import decode_all, swscale_rgb
from tests.unit.services.graph.support import Context, Sound, footage, footage_info, node


def info(width: int = 64, height: int = 36, seconds: Fraction = Fraction(2), **stream: Any) -> media.MediaInfo:
    result = media.MediaInfo()
    video = result.video_streams.add(width=width, height=height, **stream)
    video.duration.numerator, video.duration.denominator = seconds.numerator, seconds.denominator
    return result


class Numbered:
    """Media whose picture at t holds t, and whose sample n is n."""

    key = "numbered"
    path = Path("numbered")

    def __init__(self, described: media.MediaInfo, size: tuple[int, int] = (64, 36)) -> None:
        self.info = described
        self.size = size

    def picture(self, time: Fraction, region: Window | None = None) -> Frame:
        return Frame(np.full((self.size[1], self.size[0], 4), float(time), np.float32), opaque=True)

    def samples(self, start: int, count: int, *, rate: int, channels: int) -> NDArray[np.float32]:
        return np.tile(np.arange(start, start + count, dtype=np.float32), (channels, 1))


def shown(time: Fraction, source: Numbered, size: tuple[int, int] = (64, 36), **params: Any) -> Frame:
    context = Context({}, MediaInput.video, size, time=time, source=source)
    return node(MediaInput, asset="assets/a", **params).render(context)


@pytest.mark.parametrize(
    ("params", "time", "expected"),
    [
        ({}, "1/2", 0.5),
        ({"start": Fraction(1)}, "3/2", 0.5),
        ({"trim": Fraction(1, 2)}, "1", 1.5),
        ({}, "5", 2.0),
        ({"after": "loop"}, "5", 1.0),
        ({"after": "loop", "trim": Fraction(1, 2)}, "2", 1.0),
        ({"start": Fraction(1), "before": "hold"}, "0", 0.0),
        ({"start": Fraction(1), "before": "hold", "trim": Fraction(1, 4)}, "0", 0.25),
        ({"start": Fraction(1), "before": "loop"}, "1/2", 1.5),
        ({"start": Fraction(1)}, "0", None),
        ({"after": "black"}, "2", None),
    ],
)
def test_times_follow_start_trim_and_what_is_outside(params: dict[str, Any], time: str, expected: float | None) -> None:
    frame = shown(Fraction(time), Numbered(info()), **params)
    if expected is None:
        assert frame.window.empty
    else:
        assert frame.pixels[0, 0, 0] == np.float32(expected)


@pytest.mark.parametrize(
    ("fit", "size", "aspect", "window"),
    [
        ("fit", (64, 36), (1, 1), Window(0, 0, 64, 36)),
        ("fit", (32, 32), (1, 1), Window(14, 0, 36, 36)),
        ("fit", (100, 10), (1, 1), Window(0, 15, 64, 6)),
        ("fill", (32, 32), (1, 1), Window(0, 0, 64, 36)),
        ("stretch", (10, 50), (1, 1), Window(0, 0, 64, 36)),
        ("none", (10, 50), (1, 1), Window(0, 0, 10, 36)),
        ("none", (10, 20), (2, 1), Window(0, 0, 20, 20)),
        ("fit", (16, 18), (2, 1), Window(0, 0, 64, 36)),
        ("fit", (1, 1), (1, 1), Window(14, 0, 36, 36)),
    ],
)
def test_fit_places_the_picture(fit: str, size: tuple[int, int], aspect: tuple[int, int], window: Window) -> None:
    described = info(*size)
    described.video_streams[0].sample_aspect_ratio.numerator = aspect[0]
    described.video_streams[0].sample_aspect_ratio.denominator = aspect[1]
    frame = shown(Fraction(1), Numbered(described, size), fit=fit)
    assert frame.crop(Window(0, 0, 64, 36)).window == window
    assert frame.pixels[..., 3].min() == frame.pixels[..., 3].max() == 1.0


def test_a_turned_picture_has_turned_pixels() -> None:
    described = info(20, 10, rotation=90)
    described.video_streams[0].sample_aspect_ratio.numerator = 2
    described.video_streams[0].sample_aspect_ratio.denominator = 1
    assert shown(Fraction(1), Numbered(described, (10, 20)), fit="none").window == Window(0, 0, 5, 20)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(-3 * 48_000, 6 * 48_000), st.integers(1, 5 * 48_000), st.sampled_from(["hold", "black", "loop"]),
    st.sampled_from(["hold", "black", "loop"]), st.sampled_from([Fraction(0), Fraction(1, 2), Fraction(1, 3)]),
)  # fmt: skip
def test_samples_follow_the_same_rules(start: int, count: int, before: str, after: str, trim: Fraction) -> None:
    begin, offset = Fraction(1, 2), round(trim * 48_000)
    clip = node(MediaInput, asset="assets/a", start=begin, trim=trim, before=before, after=after)
    sound = clip.sound(Sound({}, {}, count, start, Numbered(info()))).samples
    local = np.arange(start, start + count) - 24_000
    length = 2 * 48_000 - offset
    inside = (local >= 0) & (local < length)
    loops = ((local < 0) & (before == "loop")) | ((local >= length) & (after == "loop"))
    expected = np.where(inside, local + offset, np.where(loops, local % length + offset, 0))
    np.testing.assert_array_equal(sound[0], expected.astype(np.float32))


def test_real_footage_is_within_libswscales_rounding() -> None:
    """Linearised, encoded again, and compared with libswscale's own RGB of the decoder's frames."""
    colour = WorkingColour("ACEScg")
    clip = node(MediaInput, asset="assets/a")
    with open_sources({"n": SourceFile(footage(), footage_info())}, colour, 1) as sources:
        for number, frame in enumerate(decode_all(footage())[:78]):
            if number not in (0, 1, 77):
                continue
            time = Fraction(number, 25)
            pixels = clip.render(Context({}, MediaInput.video, (1280, 720), time=time, source=sources["n"])).pixels
            colour.encode(pixels)
            assert np.abs(np.clip(pixels[..., :3], 0, 1) - swscale_rgb(frame)).max() * 255 < 1.0


def test_real_sound_passes_unchanged() -> None:
    clip = node(MediaInput, asset="assets/a")
    with (
        open_sources({"n": SourceFile(footage(), footage_info())}, WorkingColour("ACEScg"), 1) as sources,
        AudioReader(footage()) as reader,
    ):
        ours = clip.sound(Sound({}, {}, 10_000, 50_000, sources["n"])).samples
        np.testing.assert_array_equal(ours, reader.read(50_000, 10_000))
    assert ours.any()


def test_the_mask_is_alpha() -> None:
    context = Context({}, MediaInput.mask, time=Fraction(1), source=Numbered(info()))
    mask = node(MediaInput, asset="assets/a").render(context)
    assert mask.pixels.shape == (36, 64, 1)
    assert mask.pixels.min() == 1.0


def test_the_fingerprint_knows_that_a_held_picture_is_the_same() -> None:
    clip = node(MediaInput, asset="assets/a")

    def fingerprint(time: int) -> object:
        context = Context({}, MediaInput.video, time=Fraction(time), source=Numbered(info()))
        return clip.fingerprint(context.request)

    assert fingerprint(5) == fingerprint(6)
    assert fingerprint(0) != fingerprint(1)
