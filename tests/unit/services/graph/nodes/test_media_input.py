from contextlib import AbstractContextManager
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from artifex.media.v1 import messages_pb2 as media
from artifex.nodes import Frame, MediaSource, Output, Request, Window
from libs.frames.audio_reader import AudioReader
from libs.frames.probe import probe
from services.graph.domain.evaluate.colour import WorkingColour
from services.graph.domain.evaluate.sources import DraftSource, FileSource, SourceFile, open_sources
from services.graph.nodes.input.media_input import MediaInput
from services.graph.nodes.placement import upright_size
from tests.unit.libs.frames.clips import decode_all, make, number_of, numbered, swscale_rgb
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


def opened(path: Path) -> AbstractContextManager[dict[str, FileSource]]:
    return open_sources({"n": SourceFile(path, probe(path))}, WorkingColour("Linear Rec.709 (sRGB)"), 1)


def shows(source: MediaSource, time: Fraction) -> int:
    """The number of the picture that is rendered at `time`."""
    clip = node(MediaInput, asset="assets/a", fit="none")
    context = Context({}, MediaInput.video, (96, 64), time=time, source=source)
    # Back to video: linear Rec.709 to a signal in which the bars' grey levels lie around a half.
    return number_of(np.maximum(clip.render(context).pixels, 0) ** np.float32(1 / 2.4))


@pytest.mark.parametrize("name", ["ntsc.mp4", "ntsc.mkv", "ntsc.mov"])
@pytest.mark.parametrize("document_rate", [Fraction(24000, 1001), Fraction(24), Fraction(60000, 1001), Fraction(50)])
def test_film_rate_footage_is_frame_exact_in_documents_of_any_rate(
    tmp_path: Path, name: str, document_rate: Fraction
) -> None:
    """Matroska counts milliseconds, so its times are rounded; frame n still lasts from n / rate to (n + 1) / rate."""
    rate = Fraction(24000, 1001)
    path = make(tmp_path / name, [numbered(number) for number in range(48)], fps=rate)
    with opened(path) as sources:
        for frame in range(int(48 / rate * document_rate)):
            time = frame / document_rate
            assert shows(sources["n"], time) == (time * rate).__floor__(), frame
        # Just before a frame's time it is not shown yet, however near.
        for number in (1, 2, 13, 47):
            assert shows(sources["n"], number / rate - Fraction(1, 10**9)) == number - 1
            assert shows(sources["n"], number / rate) == number


def test_a_clock_that_is_a_tick_late_neither_drops_nor_repeats_a_frame(tmp_path: Path) -> None:
    times = [3600 * number + (number % 3 - 1 if number else 0) for number in range(20)]
    path = make(
        tmp_path / "jitter.mkv", [numbered(number) for number in range(20)], fps=Fraction(25), times=times,
        time_base=Fraction(1, 90000),
    )  # fmt: skip
    with opened(path) as sources:
        assert not sources["n"].info.video_streams[0].variable_frame_rate
        assert [shows(sources["n"], Fraction(n, 25)) for n in range(20)] == list(range(20))


def test_a_variable_rate_shows_the_latest_frame_not_after_the_time(tmp_path: Path) -> None:
    times = [0, 10, 15, 100, 101, 400, 1000]
    path = make(tmp_path / "vfr.mp4", [numbered(n) for n in range(7)], times=times, time_base=Fraction(1, 1000))
    with opened(path) as sources:
        assert sources["n"].info.video_streams[0].variable_frame_rate
        for milliseconds in (0, 9, 10, 14, 15, 99, 100, 101, 102, 399, 400, 999, 50):
            expected = max(number for number, time in enumerate(times) if time <= milliseconds)
            assert shows(sources["n"], Fraction(milliseconds, 1000)) == expected, milliseconds


def noise(seed: int, width: int = 96, height: int = 64, channels: int = 3) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), dtype=np.uint8)


CLIPS: dict[str, dict[str, Any]] = {
    "h264.mp4": {},
    "turned.mp4": {"rotation": 90},
    "upside_down.mp4": {"rotation": 180},
    "mirrored.mp4": {"rotation": 270, "mirrored": True},
    "prores.mov": {"codec": "prores_ks", "pixel_format": "yuva444p10le", "options": {"profile": "4444"}},
    "master.mkv": {"codec": "ffv1", "pixel_format": "bgr0"},
    "masked.mkv": {"codec": "ffv1", "pixel_format": "bgra"},
    "grey.mkv": {"codec": "ffv1", "pixel_format": "gray"},
}


@pytest.mark.parametrize("name", CLIPS)
def test_strips_and_windows_have_the_pixels_of_the_whole(tmp_path: Path, name: str) -> None:
    clip = node(MediaInput, asset="assets/a", fit="none")
    channels = 4 if name in ("prores.mov", "masked.mkv") else 3
    path = make(tmp_path / name, [noise(seed, channels=channels) for seed in range(3)], **CLIPS[name])
    with opened(path) as sources:
        size = upright_size(sources["n"].info)

        def rendered(region: Window | None, output: Output = MediaInput.video) -> Frame:
            context = Context({}, output, size, region, Fraction(1, 24), sources["n"])
            assert clip.pointwise(context.request)
            return clip.render(context)

        whole = rendered(None)
        assert whole.window == Window(0, 0, *size)
        assert whole.opaque == (channels == 3)
        np.testing.assert_array_equal(rendered(None, MediaInput.mask).pixels, whole.pixels[..., 3:])
        for region in (
            Window(0, 16, size[0], 32), Window(0, 33, size[0], 1), Window(17, 5, 22, 20), Window(31, 0, 1, 64),
            Window(-50, 40, 90, 500), Window(1, 1, 3, 3),
        ):  # fmt: skip
            part = rendered(region)
            assert part.window == whole.window.intersect(region)
            # Vector units round the ends of lines in another order.
            np.testing.assert_allclose(part.pixels, whole.crop(region).pixels, rtol=2e-6, atol=2e-7)
        assert rendered(Window(1000, 0, 5, 5)).window.empty


@pytest.mark.parametrize("scale", [Fraction(1, 4), Fraction(1, 2), Fraction(2, 3), Fraction(5, 8), Fraction(9, 17)])
def test_a_proxy_is_the_whole_picture_averaged(scale: Fraction) -> None:
    """The oracle averages the full picture at once: OpenCV's area interpolation, and NumPy's mean of blocks."""
    colour = WorkingColour("ACEScg")
    clip = node(MediaInput, asset="assets/a")
    with open_sources({"n": SourceFile(footage(), footage_info())}, colour, 1) as sources:
        source = sources["n"]
        width, height = round(1280 * scale), round(720 * scale)
        request = Request(
            Fraction(1), Fraction(25), width, height, Window(0, 0, width, height), MediaInput.video, source, scale
        )
        context = Context({}, MediaInput.video, (width, height), time=Fraction(1), source=source)
        context.request = request
        assert not clip.pointwise(request)
        small = clip.render(context)
        assert small.window == request.format
        assert small.opaque
        whole = source.picture(Fraction(1)).pixels
        expected = cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA)
        np.testing.assert_allclose(small.pixels, expected, atol=2e-6)
        if scale == Fraction(1, 4):
            box = whole.reshape(180, 4, 320, 4, 4).astype(np.float64).mean(axis=(1, 3))
            np.testing.assert_allclose(small.pixels, box, atol=2e-6)


def test_a_draft_of_a_proxy_is_near_and_is_never_taken_for_it() -> None:
    """On the demo's footage: within half a code of the 256 on average, and 3 for 99 in a hundred."""
    colour = WorkingColour("ACEScg")
    clip = node(MediaInput, asset="assets/a")
    with open_sources({"n": SourceFile(footage(), footage_info(), "digest")}, colour, 1) as sources:
        exact, draft = sources["n"], DraftSource(sources["n"])

        def proxy(source: MediaSource, scale: Fraction) -> NDArray[np.float32]:
            width, height = round(1280 * scale), round(720 * scale)
            context = Context({}, MediaInput.video, (width, height), time=Fraction(1), source=source)
            context.request = Request(
                Fraction(1), Fraction(25), width, height, Window(0, 0, width, height), MediaInput.video, source, scale
            )
            frame = clip.render(context)
            assert (frame.window, frame.opaque) == (context.request.format, True)
            return frame.pixels

        def codes(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
            encoded = pixels.copy()
            colour.encode(encoded)
            return 255 * encoded[..., :3].clip(0, 1)

        for scale in (Fraction(1, 2), Fraction(1, 4), Fraction(1, 7)):
            difference = np.abs(codes(proxy(draft, scale)) - codes(proxy(exact, scale)))
            assert 0 < difference.mean() < 0.5
            assert np.percentile(difference, 99) < 3
        for scale in (Fraction(3, 4), Fraction(1, 3)):
            np.testing.assert_array_equal(proxy(draft, scale), proxy(exact, scale))
        np.testing.assert_array_equal(draft.picture(Fraction(1)).pixels, exact.picture(Fraction(1)).pixels)
        assert draft.key != exact.key


def test_times_that_show_one_frame_have_one_fingerprint() -> None:
    described = info(seconds=Fraction(2), frame_count=48)
    described.video_streams[0].frame_rate.numerator = 24
    described.video_streams[0].frame_rate.denominator = 1
    clip = node(MediaInput, asset="assets/a")

    def fingerprint(time: Fraction) -> object:
        return clip.fingerprint(Context({}, MediaInput.video, time=time, source=Numbered(described)).request)

    assert fingerprint(Fraction(1, 24)) == fingerprint(Fraction(1, 13))
    assert fingerprint(Fraction(1, 24)) != fingerprint(Fraction(2, 24))
    assert fingerprint(Fraction(47, 24)) == fingerprint(Fraction(5)), "held on its last frame"
