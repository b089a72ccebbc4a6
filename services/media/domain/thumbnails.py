"""Which thumbnail answers a request: times and widths are rounded, so that the cache stays small."""

from __future__ import annotations

import math

from artifex.media.v1.messages_pb2 import MediaInfo

DEFAULT_WIDTH = 320
UNTOLD_RATE = 24
"""Frames a second of stills that do not say, for looking at them: what renders them has its own."""


def thumbnail_milliseconds(media: MediaInfo, seconds: float) -> int:
    """The time to show, within the clip; rounded up, so that a frame's own time still shows that frame."""
    stream = media.video_streams[0]
    if stream.duration.numerator:
        end = stream.duration.numerator * 1000 // max(stream.duration.denominator, 1)
    else:
        # Stills that tell no rate.
        end = stream.frame_count * 1000 // UNTOLD_RATE
    return max(math.ceil(min(seconds * 1000 - 1e-6, end)), 0)


def thumbnail_width(media: MediaInfo, width: int) -> int:
    """Pixels across: what was asked for, 320 when nothing was, and never more than the upright picture has."""
    stream = media.video_streams[0]
    across = stream.height if stream.rotation in (90, 270) else stream.width
    return max(min(width or DEFAULT_WIDTH, across), 1)
