"""What runs inside the decoder's child process: everything that opens a file, called with a JSON request.

It reads users' files, so it may crash, hang or be killed at any time.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from google.protobuf import json_format

from artifex.media.v1.messages_pb2 import VideoStream
from libs.frames.codecs.sounds import SOUNDS
from libs.frames.codecs.stills import STILL_ENDINGS
from libs.frames.deliveries import LightLevel
from libs.frames.errors import MediaError, MediaUnsupported
from libs.frames.join import join_segments
from libs.frames.looks import look_format, probe_look
from libs.frames.loudness import Sound, difference, measure
from libs.frames.payload import video_payload
from libs.frames.probe import from_rational, probe
from libs.frames.sequence_index import is_sequence
from libs.frames.sequence_picture import sequence_picture
from libs.frames.sequence_probe import probe_sequence
from libs.frames.stills import write_jpeg
from libs.frames.subtitles import probe_subtitles, subtitle_format
from libs.frames.video_reader import VideoReader
from services.media.adapters.stills_child import assemble_stills

Progress = Callable[[dict[str, Any]], None]

LOUDNESS_TOLERANCE = 0.1
"""In LU: by how much a movie's sound may be louder or softer than what was rendered for it."""

# Opus begins 7 ms early, and AAC may end a frame late; both are told to players.
_SLACK = Fraction(1, 40)
# AAC is decoded in whole frames, the last one's silence included.
_CODEC_FRAME = 1024


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
    subtitles = subtitle_format(request["name"])
    if kind is not None:
        media = probe_look(request["path"], kind)
    elif subtitles is not None:
        media = probe_subtitles(request["path"], subtitles)
    elif is_sequence(request["path"]):
        media = probe_sequence(request["path"], request["name"])
    else:
        media = probe(request["path"])
    return {"media": json_format.MessageToDict(media)}


def _thumbnail(request: dict[str, Any]) -> dict[str, Any]:
    """`path`, `milliseconds`, `width` in pixels; `output`, the JPEG to write."""
    time = Fraction(request["milliseconds"], 1000)
    if is_sequence(request["path"]):
        picture, aspect = sequence_picture(request["path"], time)
    else:
        with VideoReader(request["path"]) as reader:
            picture = reader.frame_at(time)
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
    """`segments`, `audio` (paths, or null), `output`, `container`, `frame_rate` ("24000/1001"), `frame_count`, and
    `words` for the movie's own metadata; answers `media`, and `loudness` ("-23.1 LUFS", "silence", or empty for a movie
    without sound)."""
    if request["container"] in STILL_ENDINGS:
        return {"media": json_format.MessageToDict(assemble_stills(request)), "loudness": ""}
    if request["container"] in SOUNDS:
        return _assemble_sound(request)
    output = Path(request["output"])
    rate = Fraction(request["frame_rate"])
    wanted = request["frame_count"]
    joined = join_segments(
        request["segments"], request["audio"], output, rate, request["container"], words=request["words"]
    )
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
    if abs(from_rational(media.duration) - wanted / rate) > _SLACK:
        problems.append(f"it lasts {float(from_rational(media.duration)):.3f} s instead of {float(wanted / rate):.3f}")
    problems.extend(_unlit(stream, joined.light))
    loudness = ""
    if request["audio"] is None:
        if media.audio_streams:
            problems.append("it holds sound that nobody asked for")
    else:
        heard = measure(output)
        loudness = str(heard.loudness)
        problems.extend(_unlike(heard, measure(request["audio"]), wanted / rate))
    if problems:
        raise MediaUnsupported(request["name"], f"the segments make no such movie: {'; '.join(problems)}")
    return {"media": json_format.MessageToDict(media), "loudness": loudness}


def _assemble_sound(request: dict[str, Any]) -> dict[str, Any]:
    """The sound alone, which is the file that its worker wrote."""
    if request["segments"] or request["audio"] is None:
        raise MediaUnsupported(request["name"], "a file for sound holds no pictures, and nothing else is to be joined")
    output = Path(request["output"])
    shutil.copyfile(request["audio"], output)
    media = probe(output)
    heard = measure(output)
    needed = round(request["frame_count"] / Fraction(request["frame_rate"]) * heard.rate)
    # What cannot tell where the first sample is has the encoder's delay before it.
    spare = _CODEC_FRAME if SOUNDS[request["container"]].exact else 3 * _CODEC_FRAME
    if media.video_streams or len(media.audio_streams) != 1:
        raise MediaUnsupported(request["name"], "it is no file of one sound")
    if not needed <= heard.samples < needed + spare:
        raise MediaUnsupported(request["name"], f"its sound is {heard.samples} samples long instead of {needed}")
    return {"media": json_format.MessageToDict(media), "loudness": str(heard.loudness)}


def _unlit(stream: VideoStream, light: LightLevel | None) -> Iterator[str]:
    """What is wrong with what a movie says of its light, next to what its segments say."""
    told = stream.content_light
    if light is None:
        if stream.HasField("content_light"):
            yield "it tells how bright it is, and its segments do not"
    elif (told.max_content_light, told.max_frame_average_light) != light.rounded():
        heard = f"{told.max_content_light} and {told.max_frame_average_light}"
        yield f"it tells of {heard} cd/m², and its segments of {' and '.join(map(str, light.rounded()))}"
    elif not stream.HasField("mastering_display"):
        yield "it does not tell on what display it was judged"


def _unlike(heard: Sound, rendered: Sound, duration: Fraction) -> Iterator[str]:
    """What is wrong with a movie's sound, next to what was rendered for it."""
    needed = round(duration * heard.rate)
    if not needed <= heard.samples < needed + _CODEC_FRAME:
        yield f"its sound is {heard.samples} samples long instead of {needed}"
    if difference(heard.loudness, rendered.loudness) > LOUDNESS_TOLERANCE:
        yield f"its sound is of {heard.loudness}, and of {rendered.loudness} was rendered"


_KINDS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "probe": _probe,
    "thumbnail": _thumbnail,
    "assemble": _assemble,
}
