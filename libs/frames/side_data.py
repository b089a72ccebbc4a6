"""What decoders give beside a frame's samples."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from av.video.frame import VideoFrame


def side_data(frame: VideoFrame) -> list[Any] | None:
    """All of it, each with its `type` and as bytes; None where it cannot be listed.

    PyAV lists nothing of a frame that has something of a kind it has no name for: Exif is one, and 3D displays.
    """
    try:
        # PyAV's own types take it for text.
        return list(cast(Iterable[Any], frame.side_data))
    except ValueError:
        return None
