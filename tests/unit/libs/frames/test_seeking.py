"""Clips of every structure that encoders make, walked at random: each frame is the one that straight decoding gives.

The oracle is libav decoding the file once from its beginning, with none of our seeking.
"""

from __future__ import annotations

import itertools
import tempfile
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

from av.video.frame import VideoFrame
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.frames.planes import planes_of
from libs.frames.read_ahead import ReadAhead
from tests.unit.libs.frames.clips import decode_all, make, numbered

HOMES = {
    "libx264": ("mp4", "mkv", "mov", "ts", "flv", "nut", "h264"),
    "mpeg2video": ("ts", "mkv", "mpg", "mov"),
    "mpeg4": ("mp4", "mkv", "avi", "nut"),
    "ffv1": ("mkv", "nut", "avi"),
    "libvpx": ("webm",),
    "wmv2": ("asf",),
    "mjpeg": ("avi", "mov"),
}
KEEPS_ANY_TIME = ("mp4", "mkv", "mov", "nut")


@st.composite
def clips(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """A file's ending and what `make` takes: codec, groups of pictures, references and times at random."""
    codec = draw(st.sampled_from(sorted(HOMES)))
    ending = draw(st.sampled_from(HOMES[codec]))
    # libav itself does not know a transport stream of a few packets for what it is.
    count = draw(st.integers(20 if ending in ("ts", "mpg", "h264") else 1, 70))
    arguments: dict[str, Any] = {"codec": codec, "keyframes": draw(st.integers(1, 20)), "count": count}
    if codec == "libx264":
        bits = {
            "open-gop": draw(st.integers(0, 1)),
            "bframes": draw(st.integers(0, 4)),
            "b-pyramid": draw(st.sampled_from(["none", "normal"])),
            "intra-refresh": draw(st.sampled_from([0, 0, 1])),
            "scenecut": 0,
            "keyint": arguments["keyframes"],
        }
        text = ":".join(f"{name}={value}" for name, value in bits.items())
        arguments["options"] = {"preset": "ultrafast", "x264-params": text}
    elif codec in ("mpeg2video", "mpeg4"):
        arguments |= {"b_frames": draw(st.integers(0, 2)), "options": {"b": "2M"}}
    elif codec == "mjpeg":
        arguments |= {"pixel_format": "yuvj420p", "range_": 2}
    elif codec == "wmv2":
        arguments["options"] = {"b": "2M"}
    elif codec == "libvpx":
        arguments["options"] = {"deadline": "realtime", "cpu-used": "8", "b": "1M"}
    else:
        arguments["pixel_format"] = "bgr0"
    if codec in ("libx264", "ffv1") and ending in KEEPS_ANY_TIME and draw(st.booleans()):
        gaps = draw(st.lists(st.integers(2, 300), min_size=count, max_size=count))
        arguments |= {"times": [0, *itertools.accumulate(gaps)][:count], "time_base": Fraction(1, 1000)}
    else:
        arguments["fps"] = draw(st.sampled_from([Fraction(24), Fraction(24000, 1001), Fraction(25), Fraction(30)]))
    return ending, arguments


def time_of(frame: VideoFrame, first: VideoFrame) -> Fraction:
    return ((frame.pts or 0) - (first.pts or 0)) * cast(Fraction, frame.time_base)


@given(clips(), st.lists(st.integers(0, 1 << 20), min_size=3, max_size=12), st.sampled_from([1, 3]))
@settings(max_examples=40, deadline=None)
def test_every_walk_through_every_clip_meets_the_frames_of_straight_decoding(
    clip: tuple[str, dict[str, Any]], walk: list[int], threads: int
) -> None:
    ending, arguments = clip
    pictures = [numbered(number % 256) for number in range(arguments.pop("count"))]
    with tempfile.TemporaryDirectory() as folder:
        path = make(Path(folder) / f"clip.{ending}", pictures, **arguments)
        straight = decode_all(path)
        times = [time_of(frame, straight[0]) for frame in straight]
        if straight[0].pts is None:
            times = [index / arguments["fps"] for index in range(len(straight))]
        with ReadAhead(path, threads=threads) as frames:
            for place in walk:
                time = times[place % len(straight)]
                # Of frames that a container dates alike, the last is shown.
                index = max(number for number, other in enumerate(times) if other <= time)
                planes = frames.frame_at(time).planes
                expected = planes_of(straight[index], frames.info.tags, frames.info.siting)
                assert planes is not None
                assert expected is not None
                for ours, theirs in zip(planes.samples, expected.samples, strict=True):
                    assert (ours == theirs).all(), (index, time)
