"""Assembling sequences of stills, inside the decoder's child process."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

from artifex.media.v1.messages_pb2 import MediaInfo
from artifex.stills import open_archive, pattern_of
from libs.frames.errors import MediaUnsupported
from libs.frames.join_stills import join_stills
from libs.frames.probe import to_rational
from libs.frames.sequence_probe import probe_sequence


def assemble_stills(request: dict[str, Any]) -> MediaInfo:
    """`segments`, `output`, `frame_rate`, `frame_count`, as of a movie; `name` is the pattern of the stills.

    Every still is copied by its checksum, and of each the header is read again. Raises MediaUnsupported where they are
    not those that were asked for.
    """
    output, name, wanted = Path(request["output"]), request["name"], request["frame_count"]
    pattern = pattern_of(name)
    if pattern is None:
        raise MediaUnsupported(name, "this is no pattern of stills")
    if request["audio"] is not None:
        raise MediaUnsupported(name, "stills have no sound")
    joined = join_stills(request["segments"], output, pattern)
    with open_archive(output) as (_, members):
        if members != joined:
            raise MediaUnsupported(name, "the segments make no such sequence: its stills are not theirs")
    media = probe_sequence(output, name)
    stream, sequence = media.video_streams[0], media.sequence
    if not sequence.still_count == stream.frame_count == wanted:
        found = f"it holds {sequence.still_count} stills of {stream.frame_count} numbers"
        raise MediaUnsupported(name, f"the segments make no such sequence: {found}, and {wanted} were asked for")
    # Few kinds of stills tell it; what renders them knows.
    rate = Fraction(request["frame_rate"])
    stream.frame_rate.CopyFrom(to_rational(rate))
    stream.time_base.CopyFrom(to_rational(1 / rate))
    stream.duration.CopyFrom(to_rational(wanted / rate))
    media.duration.CopyFrom(stream.duration)
    return media
