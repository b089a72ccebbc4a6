"""What runs inside the decoder's child process: everything that opens a file, called with a JSON request.

It reads users' files, so it may crash, hang or be killed at any time.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from google.protobuf import json_format

from libs.frames.decoded import decoded_seconds
from libs.frames.errors import MediaError, MediaUnsupported
from libs.frames.join import join_segments
from libs.frames.looks import look_format, probe_look
from libs.frames.payload import video_payload
from libs.frames.probe import from_rational, probe
from libs.frames.stills import write_jpeg
from libs.frames.video_reader import VideoReader

Progress = Callable[[dict[str, Any]], None]


def run(request: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Do what `request["kind"]` says: "probe", "thumbnail" or "assemble"; see the functions below."""
    cv2.setNumThreads(1)
    try:
        return _KINDS[request["kind"]](request)
    except MediaError as error:
        raise error.of(request["name"]) from error


def _probe(request: dict[str, Any]) -> dict[str, Any]:
    """`path`. Answers `media`, the JSON of a MediaInfo."""
    kind = look_format(request["name"])
    media = probe(request["path"]) if kind is None else probe_look(request["path"], kind)
    return {"media": json_format.MessageToDict(media)}


def _thumbnail(request: dict[str, Any]) -> dict[str, Any]:
    """`path`, `milliseconds`, `width` in pixels; `output`, the JPEG to write."""
    with VideoReader(request["path"]) as reader:
        picture = reader.frame_at(Fraction(request["milliseconds"], 1000))
        aspect = reader.info.sample_aspect_ratio
    height, width = picture.shape[:2]
    across = request["width"]
    down = max(round(across * height / (width * aspect)), 1)
    # Over black, as a player would show it.
    opaque = np.ascontiguousarray(picture[..., :3] * picture[..., 3:])
    small = across < width or down < height
    resized = cv2.resize(opaque, (across, down), interpolation=cv2.INTER_AREA if small else cv2.INTER_CUBIC)
    write_jpeg(request["output"], np.asarray(resized, np.float32))
    return {}


def _assemble(request: dict[str, Any]) -> dict[str, Any]:
    """`segments`, `audio` (paths, or null), `output`, `frame_rate` ("24000/1001"), `frame_count`; answers `media`."""
    output = Path(request["output"])
    rate = Fraction(request["frame_rate"])
    wanted = request["frame_count"]
    joined = join_segments(request["segments"], request["audio"], output, rate)
    media = probe(output)
    # Who rendered a segment has decoded it, so what is left to prove is that the movie holds the very same packets.
    payload = video_payload(output)
    stream = media.video_streams[0]
    problems = []
    if payload != joined.payload:
        problems.append("its pictures are not those of the segments")
    if payload.packets != wanted or stream.frame_count != wanted:
        problems.append(f"it holds {payload.packets} frames, and {wanted} were asked for")
    if stream.variable_frame_rate or from_rational(stream.frame_rate) != rate:
        problems.append(f"its frame rate is {from_rational(stream.frame_rate)} instead of {rate}")
    if request["audio"] is not None:
        # The decoder gives whole codec frames, so what is heard is at least the declared length.
        heard = decoded_seconds(output)
        if not media.audio_streams or heard is None or heard < wanted / rate - Fraction(1, 1000):
            problems.append("its sound is missing or too short")
    elif media.audio_streams:
        problems.append("it holds sound that nobody asked for")
    if problems:
        raise MediaUnsupported(request["name"], f"the segments make no such movie: {'; '.join(problems)}")
    return {"media": json_format.MessageToDict(media)}


_KINDS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "probe": _probe,
    "thumbnail": _thumbnail,
    "assemble": _assemble,
}
