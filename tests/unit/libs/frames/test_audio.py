"""Sound read and written to the sample, at any rate, from any direction."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import pytest
from av.audio.frame import AudioFrame
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from libs.frames.audio_reader import AudioReader
from libs.frames.audio_writer import AudioWriter
from libs.frames.errors import MediaUnreadable
from libs.frames.resample import Resampler
from tests.support.footage import bunny
from tests.unit.libs.frames.clips import make, numbered

Samples = npt.NDArray[np.float32]


def noise(count: int, channels: int = 2, seed: int = 0) -> Samples:
    return np.random.default_rng(seed).uniform(-0.9, 0.9, (channels, count)).astype(np.float32)


def encode(path: Path, samples: Samples, *, codec: str, rate: int = 48000, format_: str = "fltp") -> Path:
    """By libav's own encoder and muxer."""
    layout = {1: "mono", 2: "stereo", 6: "5.1"}[samples.shape[0]]
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=rate, layout=layout)
        resampler = av.AudioResampler(format=format_, layout=layout, rate=rate)
        block = AudioFrame.from_ndarray(np.ascontiguousarray(samples), format="fltp", layout=layout)
        block.sample_rate, block.pts = rate, 0
        for frame in (*resampler.resample(block), *resampler.resample(None)):
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(
    ("name", "codec", "format_", "error"),
    [
        ("a.wav", "pcm_s16le", "s16", 1.6 / 65536),
        ("a24.wav", "pcm_s24le", "s32", 1e-6),
        ("f.wav", "pcm_f32le", "flt", 0.0),
        ("a.flac", "flac", "s16", 1.6 / 65536),
        ("a.mkv", "flac", "s16", 1.6 / 65536),
        ("a.mov", "pcm_s16le", "s16", 1.6 / 65536),
    ],
)
def test_lossless_sound_comes_back_sample_by_sample(
    tmp_path: Path, name: str, codec: str, format_: str, error: float
) -> None:
    samples = noise(60_001)
    with AudioReader(encode(tmp_path / name, samples, codec=codec, format_=format_)) as reader:
        assert np.abs(reader.read(0, 60_001) - samples).max() <= error
        for start, count in ((50_000, 700), (0, 10), (12_345, 20_000), (59_000, 1001)):
            assert np.abs(reader.read(start, count) - samples[:, start : start + count]).max() <= error
        around = reader.read(-100, 300)
        assert not around[:, :100].any(), "silence before the beginning"
        assert np.abs(around[:, 100:] - samples[:, :200]).max() <= error
        after = reader.read(60_000, 500)
        assert after[:, :1].any()
        assert not after[:, 1:].any(), "silence after the end"


@pytest.mark.parametrize(
    ("name", "codec", "rate"),
    [
        ("a.m4a", "aac", 48000),
        ("a44.mp4", "aac", 44100),
        ("a.mkv", "aac", 48000),
        ("a.webm", "libopus", 48000),
        ("a.mp3", "libmp3lame", 48000),
    ],
)
def test_lossy_sound_keeps_its_place(tmp_path: Path, name: str, codec: str, rate: int) -> None:
    # Chirps have one place where they correlate; SciPy says by how much what was decoded is shifted.
    time = np.arange(rate * 3) / rate
    chirp = (0.5 * signal.chirp(time, 200, 3, 6000)).astype(np.float32)
    path = encode(tmp_path / name, np.stack([chirp, chirp]), codec=codec, rate=rate)
    with AudioReader(path, rate=rate) as reader:
        for start in (0, rate, 2 * rate, rate // 3):
            got = reader.read(start, rate // 2)[0]
            shift = signal.correlate(got, chirp[start : start + rate // 2], mode="full", method="fft")
            assert int(shift.argmax()) - (rate // 2 - 1) == 0, start


@given(st.lists(st.tuples(st.integers(0, 250_000), st.integers(1, 5000)), min_size=1, max_size=5))
@settings(max_examples=4, deadline=None)
@pytest.mark.parametrize("rate", [48000, 44100])
def test_any_walk_reads_the_same_samples(rate: int, walk: list[tuple[int, int]]) -> None:
    with AudioReader(bunny(), rate=rate) as whole, AudioReader(bunny(), rate=rate) as walker:
        everything = whole.read(0, 260_000)
        for start, count in walk:
            assert np.array_equal(walker.read(start, count), everything[:, start : start + count])


def test_mono_is_doubled_and_more_channels_are_mixed_as_ffmpeg_does(tmp_path: Path) -> None:
    mono = noise(5000, 1)
    with AudioReader(encode(tmp_path / "mono.wav", mono, codec="pcm_f32le", format_="flt")) as reader:
        assert np.array_equal(reader.read(0, 5000), np.concatenate([mono, mono]))
    six = noise(5000, 6) * 0.2
    path = encode(tmp_path / "six.wav", six, codec="pcm_f32le", format_="flt")
    with AudioReader(path) as reader:
        # ITU-R BS.775: centre and surrounds at -3 dB, the low-frequency channel left out.
        left = six[0] + np.sqrt(0.5) * (six[2] + six[4])
        right = six[1] + np.sqrt(0.5) * (six[2] + six[5])
        assert np.abs(reader.read(0, 5000) - np.stack([left, right])).max() < 1e-5
    with AudioReader(path, channels=6) as reader:
        assert np.array_equal(reader.read(0, 5000), six)


@pytest.mark.parametrize(("rate_in", "rate_out"), [(44100, 48000), (48000, 44100), (96000, 48000), (22050, 48000)])
def test_other_rates_agree_with_the_sine_itself(tmp_path: Path, rate_in: int, rate_out: int) -> None:
    def tone(rate: int, count: int) -> npt.NDArray[np.float64]:
        time = np.arange(count) / rate
        return np.asarray(0.4 * np.sin(2 * np.pi * 997 * time) + 0.3 * np.cos(2 * np.pi * 8000 * time))

    mono = tone(rate_in, rate_in).astype(np.float32)[None]
    path = encode(tmp_path / "t.wav", mono, codec="pcm_f32le", format_="flt", rate=rate_in)
    with AudioReader(path, rate=rate_out, channels=1) as reader:
        got = reader.read(0, rate_out)[0]
    inner = slice(rate_out // 50, -rate_out // 50)
    assert np.abs(got - tone(rate_out, rate_out))[inner].max() < 2e-4


def test_the_resampler_agrees_with_scipys_and_lets_nothing_fold_back() -> None:
    rng = np.random.default_rng(5)
    band = signal.firwin(255, 15000, fs=44100)
    source = signal.lfilter(band, 1, rng.normal(0, 0.2, 44100)).astype(np.float32)[None]
    resampler = Resampler(44100, 48000)
    first, needed = resampler.needed(2000, 40_000)
    ours = resampler.apply(source[:, first : first + needed], 2000, 40_000)[0]
    theirs = signal.resample_poly(source[0].astype(np.float64), 160, 147, window=("kaiser", 12.0))[2000:42_000]
    assert np.sqrt(np.mean((ours - theirs) ** 2)) < 2e-3 * np.sqrt(np.mean(theirs**2))

    high = np.sin(2 * np.pi * 23_000 * np.arange(48_000) / 48_000).astype(np.float32)[None]
    down = Resampler(48000, 44100)
    first, needed = down.needed(1000, 20_000)
    assert np.abs(down.apply(high[:, first : first + needed], 1000, 20_000)).max() < 1e-3


def test_what_is_written_is_heard_at_its_sample(tmp_path: Path) -> None:
    clicks = np.zeros((2, 100_333), np.float32)
    places = list(range(0, 100_000, 9973))
    clicks[:, places] = 0.9
    with AudioWriter(tmp_path / "a.m4a", bitrate=320_000) as writer:
        for start in range(0, clicks.shape[1], 1601):
            writer.write(clicks[:, start : start + 1601])
        assert writer.sample_count == 100_333
    with AudioReader(tmp_path / "a.m4a") as reader:
        got = reader.read(0, 120_000)
        assert [int(np.abs(got[0, max(p - 50, 0) : p + 50]).argmax()) + max(p - 50, 0) for p in places] == places
        assert not got[:, 100_333:].any(), "exactly as long as what was written"
        # libav's demuxer says the same; it rounds to the milliseconds of the edit list.
        assert reader.info.duration is not None
        assert abs(reader.info.duration - Fraction(100_333, 48_000)) < Fraction(1, 1000)


def test_sound_is_in_sync_with_its_pictures_wherever_their_clock_starts(tmp_path: Path) -> None:
    sound = np.zeros((1, 48_000), np.float32)
    sound[0, 24_000] = 0.9
    video = make(tmp_path / "v.mp4", [numbered(index) for index in range(24)], b_frames=3)
    clicks = encode(tmp_path / "a.wav", sound, codec="pcm_f32le", format_="flt")
    path = tmp_path / "both.mov"
    delay = Fraction(1, 4)  # the pictures begin later on the container's clock, so the click comes sooner
    with av.open(str(video), "r") as pictures, av.open(str(clicks), "r") as noises, av.open(str(path), "w") as out:
        to_video = out.add_stream_from_template(pictures.streams.video[0])
        to_audio = out.add_stream_from_template(noises.streams.audio[0])
        for source, target, offset in ((pictures, to_video, delay), (noises, to_audio, Fraction(0))):
            for packet in source.demux():
                if packet.dts is None or packet.pts is None:
                    continue
                moved = int(offset / packet.time_base)
                packet.pts, packet.dts, packet.stream = packet.pts + moved, packet.dts + moved, target
                out.mux(packet)
    with AudioReader(path, channels=1) as reader:
        got = reader.read(0, 48_000)
        assert int(got.argmax()) == 12_000


def test_files_without_sound_are_typed_errors(tmp_path: Path) -> None:
    silent = make(tmp_path / "silent.mp4", [numbered(0)] * 3)
    with pytest.raises(MediaUnreadable):
        AudioReader(silent)
    with pytest.raises(ValueError, match="channels"):
        AudioReader(bunny(), channels=3)
    with pytest.raises(ValueError, match="samples"), AudioWriter(tmp_path / "x.m4a") as writer:
        writer.write(noise(100, 1))
