"""Assembly as the decoder's child does it: what makes a movie, and what is noticed before it is called one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from libs.frames.audio_writer import AudioWriter
from libs.frames.codecs import VideoSettings
from libs.frames.codecs.movies import MOVIES
from libs.frames.deliveries import LightLevel
from libs.frames.errors import MediaUnsupported
from libs.frames.join import Joined, join_segments
from libs.frames.video_writer import VideoWriter
from services.media.adapters import decoder_child
from tests.support.footage import pattern

FRAMES = 36


def sound(path: Path, level: float, count: int = FRAMES * 2000) -> Path:
    samples = np.random.default_rng(1).normal(0, 1, (2, count)).astype(np.float32) * np.float32(level)
    with AudioWriter(path) as writer:
        writer.write(samples)
    return path


@pytest.fixture
def request_(tmp_path: Path) -> dict[str, Any]:
    with VideoWriter(tmp_path / "segment", 96, 64, Fraction(24)) as writer:
        for index in range(FRAMES):
            writer.write(pattern(index, 96, 64))
    return {
        "kind": "assemble",
        "name": "out.mp4",
        "segments": [str(tmp_path / "segment")],
        "audio": str(sound(tmp_path / "sound", 0.1)),
        "output": str(tmp_path / "out.mp4"),
        "container": "mp4",
        "frame_rate": "24/1",
        "frame_count": FRAMES,
        "words": {},
    }


def run(request: dict[str, Any]) -> dict[str, Any]:
    return decoder_child.run(request, lambda progress: None)


def test_it_says_how_loud_the_movie_is(request_: dict[str, Any], tmp_path: Path) -> None:
    # White noise of 0.1 in two channels is of -13.9 LUFS; AAC keeps what lies below its band's end.
    assert run(request_)["loudness"] in ("-15.0 LUFS", "-15.1 LUFS", "-15.2 LUFS")
    assert run({**request_, "audio": str(sound(tmp_path / "silent", 0))})["loudness"] == "silence"
    assert run({**request_, "audio": None})["loudness"] == ""


@pytest.mark.parametrize("level", [0.0, 0.07, 0.102])
def test_a_movie_that_is_louder_or_softer_than_what_was_rendered_is_none(
    request_: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, level: float
) -> None:
    other = sound(tmp_path / "other", level)

    def join(segments: Sequence[Path], audio: Path, *rest: Any, **words: Any) -> Joined:
        return join_segments(segments, other, *rest, **words)

    monkeypatch.setattr(decoder_child, "join_segments", join)
    with pytest.raises(MediaUnsupported, match="LUFS was rendered"):
        run(request_)


@pytest.mark.parametrize(
    ("told", "asked", "said"),
    [
        (LightLevel(400, 40), LightLevel(500, 40), "tells of 400 and 40 cd/m², and its segments of 500 and 40"),
        (LightLevel(400, 40), None, "its segments do not"),
        (None, LightLevel(1, 1), "tells of 0 and 0 cd/m²"),
    ],
)
def test_a_movie_that_tells_of_another_light_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: LightLevel | None, asked: LightLevel | None, said: str
) -> None:
    settings = VideoSettings("h265", "10bit", color="hdr10" if told else "hlg")
    with VideoWriter(tmp_path / "segment", 96, 64, Fraction(24), settings) as writer:
        filled = writer.blank()
        filled.light = told or filled.light
        writer.append(filled)
    request: dict[str, Any] = {
        "kind": "assemble",
        "name": "out.mp4",
        "segments": [str(tmp_path / "segment")],
        "audio": None,
        "output": str(tmp_path / "out.mp4"),
        "container": "mp4",
        "frame_rate": "24/1",
        "frame_count": 1,
        "words": {},
    }
    assert run(request)["media"]["videoStreams"][0].get("contentLight", {}).get("maxContentLight") == (
        400 if told else None
    )
    monkeypatch.setattr(
        decoder_child,
        "join_segments",
        lambda *arguments, **words: replace(join_segments(*arguments, **words), light=asked),
    )
    with pytest.raises(MediaUnsupported, match=said):
        run(request)


@pytest.mark.parametrize("container", list(MOVIES))
@pytest.mark.parametrize("rate", ["24000/1001", "119/7", "240/1"])
def test_a_single_frame_is_a_movie_in_every_container(tmp_path: Path, container: str, rate: str) -> None:
    fps = Fraction(rate)
    with VideoWriter(tmp_path / "one", 64, 64, fps, VideoSettings("vp9" if container == "webm" else "h264")) as writer:
        writer.write(pattern(0, 64, 64))
    with AudioWriter(tmp_path / "sound", codec=MOVIES[container].audio[0]) as sounds:
        sounds.write(np.full((2, round(48000 / fps)), 0.1, np.float32))
    answer = run(
        {
            "kind": "assemble",
            "name": f"out.{container}",
            "segments": [str(tmp_path / "one")],
            "audio": str(tmp_path / "sound"),
            "output": str(tmp_path / f"out.{container}"),
            "container": container,
            "frame_rate": rate,
            "frame_count": 1,
            "words": {},
        }
    )
    assert answer["loudness"] == "silence", "too short to be measured"
    assert answer["media"]["videoStreams"][0]["frameCount"] == "1"


def test_frames_that_are_missing_or_of_another_rate_are_noticed(request_: dict[str, Any]) -> None:
    with pytest.raises(MediaUnsupported, match="36 frames, and 37 were asked for"):
        run({**request_, "frame_count": 37})
    with pytest.raises(MediaUnsupported, match="do not follow each other at 25"):
        run({**request_, "frame_rate": "25/1"})
