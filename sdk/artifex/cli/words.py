"""How things are said to people."""

from __future__ import annotations

import re
from datetime import UTC
from fractions import Fraction
from typing import Any, Final

import click
from google.protobuf.timestamp_pb2 import Timestamp

from artifex.common.v1 import types_pb2 as common
from artifex.graph.v1 import messages_pb2 as graph
from artifex.media.v1 import messages_pb2 as media

_UNITS: Final = {"": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}
_MOST_BYTES: Final = 2**63 - 1
"""What the API can be told."""


class Bytes(click.ParamType[int]):
    """Bytes: 24GB, 80GiB or a plain number."""

    name = "bytes"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        found = re.fullmatch(r"(\d{1,20}(?:\.\d{1,20})?)\s*([a-zA-Z]*)", str(value))
        size = int(Fraction(found[1]) * _UNITS.get(found[2].upper(), 0)) if found else 0
        if not 0 < size <= _MOST_BYTES:
            self.fail(f"{value!r} is no number of bytes, such as 24GB or 80GiB", param, ctx)
        return size


def rate_text(rate: common.Rational) -> str:
    """A frame rate as people write it: 24, 23.976."""
    return f"{rate.numerator / max(1, rate.denominator):.3f}".rstrip("0").rstrip(".")


def size_text(size: int) -> str:
    """Bytes in the largest fitting unit."""
    value, units = float(size), ["B", "KiB", "MiB", "GiB", "TiB"]
    while value >= 1024 and len(units) > 1:
        value, units = value / 1024, units[1:]
    return f"{value:.0f} {units[0]}" if units[0] == "B" else f"{value:.1f} {units[0]}"


def gigabytes_text(size: int) -> str:
    """Bytes as the makers of devices count them: 24 GB, 17.6 GB."""
    return f"{size / 1e9:.1f} GB".replace(".0 GB", " GB")


def seconds_text(seconds: float) -> str:
    """A length of time as people say it: 9 s, 4 min 20 s, 2 h 5 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s" if whole >= 10 or whole == seconds else f"{seconds:.1f} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def time_text(time: Timestamp) -> str:
    """A time of day on this machine's clock."""
    return f"{time.ToDatetime(tzinfo=UTC).astimezone():%Y-%m-%d %H:%M:%S}"


def asset_summary(asset: media.Asset) -> str:
    """What an asset holds: "1280x720 24 fps 132 frames h264, aac 6 ch", "cube look, 33³ points",
    "1920x1080 96 frames exr, 1001-1096", "srt subtitles, 812 cues"."""
    parts = [
        f"{stream.width}x{stream.height} "
        + (f"{rate_text(stream.frame_rate)} fps " if stream.frame_rate.numerator else "")
        + f"{stream.frame_count} frames {stream.codec}"
        for stream in asset.media.video_streams[:1]
    ]
    if asset.media.HasField("sequence"):
        stills = asset.media.sequence
        lacks = asset.media.video_streams[0].frame_count - stills.still_count
        parts.append(f"{stills.first_frame}-{stills.last_frame}" + (f" without {lacks}" if lacks else ""))
    parts += [f"{stream.codec} {stream.channels} ch" for stream in asset.media.audio_streams[:1]]
    if asset.media.HasField("look"):
        look = asset.media.look
        parts.append(f"{asset.media.format} look")
        parts += [f"{look.grid_size}³ points"] if look.grid_size else []
        parts += [f"curves of {look.curve_size}"] if look.curve_size else []
    if asset.media.HasField("subtitles"):
        parts.append(f"{asset.media.format} subtitles, {asset.media.subtitles.cue_count} cues")
    return ", ".join(parts)


def state_text(job: graph.RenderJob) -> str:
    return graph.RenderJob.State.Name(job.state).removeprefix("STATE_").lower()


def seconds_between(start: Timestamp, end: Timestamp) -> float:
    return (end.ToNanoseconds() - start.ToNanoseconds()) / 1e9
