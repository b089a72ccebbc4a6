"""Keys, media types and thumbnails: the rules without a store."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artifex.common.v1.types_pb2 import Rational
from artifex.media.v1.messages_pb2 import AudioStream, MediaInfo, VideoStream
from libs.chassis.errors import InvalidArgument
from libs.chassis.objects.store import checked_key
from services.media.domain.keys import assembly_origin, new_part_key, segment_key, thumbnail_key
from services.media.domain.media_types import media_type_of
from services.media.domain.thumbnails import thumbnail_milliseconds, thumbnail_width


@pytest.mark.parametrize(
    ("format_", "name", "video", "expected"),
    [
        ("mov,mp4,m4a,3gp,3g2,mj2", "a.mp4", True, "video/mp4"),
        ("mov,mp4,m4a,3gp,3g2,mj2", "A.MOV", True, "video/quicktime"),
        ("mov,mp4,m4a,3gp,3g2,mj2", "a.bin", False, "audio/mp4"),
        ("matroska,webm", "a.webm", True, "video/webm"),
        ("matroska,webm", "a.webm", False, "audio/webm"),
        ("matroska,webm", "a.mkv", True, "video/matroska"),
        ("wav", "a.wav", False, "audio/wav"),
        ("png_pipe", "a.png", True, "image/png"),
        ("nut", "a.nut", True, "application/octet-stream"),
    ],
)
def test_media_types(format_: str, name: str, video: bool, expected: str) -> None:
    media = MediaInfo(
        format=format_, video_streams=[VideoStream()] if video else [], audio_streams=[] if video else [AudioStream()]
    )
    assert media_type_of(media, name) == expected


def clip(rotation: int = 0) -> MediaInfo:
    return MediaInfo(
        video_streams=[
            VideoStream(width=1280, height=720, rotation=rotation, duration=Rational(numerator=11, denominator=2))
        ]
    )


@given(st.integers(0, 100), st.sampled_from([24.0, 23.976, 25.0, 59.94, 120.0]))
def test_a_frames_own_time_shows_that_frame(index: int, rate: float) -> None:
    milliseconds = thumbnail_milliseconds(clip(), min(index / rate, 5.5))
    assert min(index / rate, 5.5) * 1000 - 1e-3 <= milliseconds < (index + 1) / rate * 1000 + 1e-3


def test_times_and_widths_stay_within_the_picture() -> None:
    assert thumbnail_milliseconds(clip(), 1e9) == thumbnail_milliseconds(clip(), 1e308) == 5500
    assert thumbnail_width(clip(), 0) == 320
    assert thumbnail_width(clip(), 2000) == 1280
    assert thumbnail_width(clip(90), 2000) == 720


def test_keys_are_the_object_stores() -> None:
    checked_key(segment_key("studio", "renderJobs/01j-2", "d" * 64))
    checked_key(new_part_key("studio", "01j", 0))
    checked_key(thumbnail_key("studio", "01j", 41, 320))
    assert new_part_key("studio", "u", 5) != new_part_key("studio", "u", 5)
    assert segment_key("studio", "renderJobs/01j", "d") == "tenants/studio/jobs/01j/d"
    assert assembly_origin("renderJobs/a", "t") != assembly_origin("renderJobs/b", "t")
    for job in ("generations/x", "renderJobs/", "renderJobs/a/../../b", "x"):
        with pytest.raises(InvalidArgument):
            segment_key("studio", job, "d")
