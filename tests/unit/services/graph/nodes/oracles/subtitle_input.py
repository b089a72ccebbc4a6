"""SubtitleInput's times beside those that FFmpeg's demuxers find."""

import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import av

from libs.frames.subtitles import read_subtitles
from tests.unit.services.graph.nodes.oracles.comparison import Comparison, largest

COUNT = 200


def _stamp(milliseconds: int, comma: str) -> str:
    seconds, thousandths = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{comma}{thousandths:03}"


def _times_error(kind: str) -> float:
    """In seconds, of when cues begin and end."""
    comma = "," if kind == "srt" else "."
    times = [(number * 31_337, number * 31_337 + 1 + number * 7) for number in range(COUNT)]
    blocks = [f"{_stamp(start, comma)} --> {_stamp(end, comma)}\ncue" for start, end in times]
    if kind == "srt":
        blocks = [f"{number}\n{block}" for number, block in enumerate(blocks, 1)]
    with tempfile.TemporaryDirectory(prefix="subtitles-") as folder:
        path = Path(folder) / f"a.{kind}"
        path.write_text("\n\n".join(["WEBVTT", *blocks] if kind == "vtt" else blocks) + "\n")
        ours = [(float(cue.start), float(cue.end)) for cue in read_subtitles(path, kind)]
        with av.open(str(path)) as container:
            packets: list[Any] = [packet for packet in container.demux(container.streams.subtitles[0]) if packet.size]
    base = packets[0].time_base
    return largest(ours, [(float(p.pts * base), float((p.pts + p.duration) * base)) for p in packets])


COMPARISONS = [
    Comparison("SubtitleInput", "FFmpeg", "times of SubRip, s", 0.0, partial(_times_error, "srt")),
    Comparison("SubtitleInput", "FFmpeg", "times of WebVTT, s", 0.0, partial(_times_error, "vtt")),
]
