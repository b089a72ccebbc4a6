import subprocess
from fractions import Fraction
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy as np
import pytest
from numpy.typing import NDArray

from artifex.media.v1 import messages_pb2 as media
from libs.frames.errors import MediaUnsupported
from libs.frames.probe import probe
from services.graph.domain.evaluate.colour import WorkingColour
from services.graph.domain.evaluate.sources import SourceFile, open_sources
from services.graph.nodes.input.audio_input import AudioInput
from services.graph.nodes.input.media_input import MediaInput
from tests.unit.services.graph.nodes.oracles.audio_input import ours
from tests.unit.services.graph.nodes.test_media_input import Numbered
from tests.unit.services.graph.support import Sound, footage_info, node

RATE = 48_000


def described(seconds: Fraction = Fraction(2), tracks: int = 1) -> media.MediaInfo:
    info = media.MediaInfo()
    for _ in range(tracks):
        stream = info.audio_streams.add()
        stream.duration.numerator, stream.duration.denominator = seconds.numerator, seconds.denominator
    return info


def heard(first: int, count: int, values: dict[str, Any] | None = None, **params: Any) -> NDArray[np.float32]:
    clip = node(AudioInput, asset="assets/a", **params)
    return clip.sound(Sound({}, values or {}, count, first, Numbered(described()))).samples


def test_it_lies_where_start_and_trim_say_and_is_silent_outside() -> None:
    sound = heard(0, 4 * RATE, start=Fraction(1, 2), trim=Fraction(1, 4))
    local = np.arange(4 * RATE) - RATE // 2
    expected = np.where((local >= 0) & (local < 7 * RATE // 4), local + RATE // 4, 0)
    np.testing.assert_array_equal(sound, np.stack([expected, expected]).astype(np.float32))


@pytest.mark.parametrize(("before", "after"), [("loop", "silence"), ("silence", "loop"), ("loop", "loop")])
def test_a_loop_repeats_what_is_left_by_the_trim(before: str, after: str) -> None:
    sound = heard(0, 5 * RATE, start=Fraction(1), trim=Fraction(1, 2), before=before, after=after)[0]
    local, length = np.arange(5 * RATE) - RATE, 3 * RATE // 2
    plays = (local >= 0) & (local < length) | (local < 0) & (before == "loop") | (local >= length) & (after == "loop")
    np.testing.assert_array_equal(sound, np.where(plays, local % length + RATE // 2, 0).astype(np.float32))


def test_blocks_of_any_size_are_the_same_samples() -> None:
    params: dict[str, Any] = {"start": Fraction(1, 3), "after": "loop"}
    whole = heard(0, 100_000, **params)
    parts = [heard(at, min(7_777, 100_000 - at), **params) for at in range(0, 100_000, 7_777)]
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), whole)


def test_gain_follows_its_keys_sample_by_sample() -> None:
    fade = np.linspace(-120.0, 0.0, 1000)
    sound = heard(10_000, 1000, {"gain": fade})[0]
    expected = np.arange(10_000, 11_000) * np.where(fade <= -120, 0.0, 10 ** (fade / 20))
    np.testing.assert_allclose(sound, expected, rtol=1e-6)


def test_channels_of_real_sound() -> None:
    left, right = ours()
    for channels, expected in (
        ("left", (left, left)), ("right", (right, right)), ("swap", (right, left)), ("mono", ((left + right) / 2,) * 2),
    ):  # fmt: skip
        np.testing.assert_allclose(ours(channels=channels), np.stack(expected), atol=1e-7)
    assert np.abs(left - right).max() > 1e-3


def test_it_is_in_step_with_media_input_and_lasts_as_long_as_the_sound() -> None:
    info = footage_info()
    clip = node(AudioInput, asset="assets/a", start=Fraction(2), trim=Fraction(1))
    end = clip.extent(info)
    assert end is not None
    assert (
        abs(end - 1 - Fraction(info.audio_streams[0].duration.numerator, info.audio_streams[0].duration.denominator))
        < 1
    )
    assert clip.extent(None) is None
    late = described()
    late.audio_streams[0].start_time.numerator, late.audio_streams[0].start_time.denominator = 3, 2
    video = late.video_streams.add()
    video.start_time.numerator, video.start_time.denominator = 1, 2
    assert node(AudioInput, asset="assets/a").length(late) == 3  # a second behind the first picture
    assert node(MediaInput, asset="assets/a").schema.outputs["audio"].kind == clip.schema.outputs["audio"].kind


@pytest.fixture(scope="module")
def two_tracks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film with two sounds: 440 Hz in stereo, 880 Hz in mono."""
    path = tmp_path_factory.mktemp("tracks") / "tracks.mkv"
    sines = [item for pitch in (440, 880) for item in ("-f", "lavfi", "-i", f"sine=f={pitch}:r={RATE}:d=1")]
    subprocess.run(
        [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-f", "lavfi", "-i", "color=s=64x64:d=1:r=25", *sines,
         "-map", "0", "-map", "1", "-map", "2", "-c:a", "pcm_s16le", "-c:v", "ffv1", str(path)],
        check=True,
    )  # fmt: skip
    return path


def test_a_track_that_is_not_there_is_told_with_the_parameter() -> None:
    clip = node(AudioInput, asset="assets/a", track=3)
    assert list(clip.mismatched(described(tracks=2))) == [
        ("track", "3 is behind the last: the file has 2 tracks of sound")
    ]
    assert not list(clip.mismatched(described(tracks=3)))
    assert not list(clip.mismatched(described(tracks=0)))


def test_tracks_are_told_apart(two_tracks: Path) -> None:
    info = probe(two_tracks)
    assert len(info.audio_streams) == 2
    with open_sources({"n": SourceFile(two_tracks, info)}, WorkingColour("ACEScg"), 1) as sources:

        def pitch(track: int) -> float:
            clip = node(AudioInput, asset="assets/a", track=track)
            sound = clip.sound(Sound({}, {}, RATE, 0, sources["n"])).samples[0]
            return float(np.abs(np.fft.rfft(sound)).argmax())

        assert [pitch(1), pitch(2), pitch(1)] == [440, 880, 440]
        third = node(AudioInput, asset="assets/a", track=3)
        with pytest.raises(MediaUnsupported, match="2 tracks of sound, and track 3"):
            third.sound(Sound({}, {}, 10, 0, sources["n"]))
    assert node(AudioInput, asset="assets/a", track=3).extent(info) == 0
