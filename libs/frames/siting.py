"""Where a stream's chroma samples lie on its luma grid."""

from __future__ import annotations

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation

from libs.frames.pixels import plane_samples
from libs.kernels import Siting

# Codecs whose decoders say "centre" because the stream or the standard does: JPEG as JFIF has it, MPEG-1, and the video
# usability information of H.264 and HEVC. libswscale also takes it where nothing is said, as in ProRes, DNxHD, VP9 and
# most AV1, whose standards and encoders put chroma on the even columns (AV1 cannot even say "centre").
_SAYS_CENTRE = frozenset({"mjpeg", "mpeg1video", "h264", "hevc"})
_SIDE, _STEP, _FIRST = 32, 12, 20
_SUBSAMPLED = {"yuv420p": (2, 2), "yuv422p": (2, 1)}


def siting_of(frame: VideoFrame, codec: str) -> Siting | None:
    """The siting that a decoded frame is tagged with, "left" where it has none; None for one that is neither "left",
    "center" nor "topleft".

    PyAV does not show the tag, but libswscale heeds it: chroma that rises evenly is spread over a small picture with
    the frame's tags, and lands where the siting says.
    """
    layout = frame.format.components
    if frame.format.is_rgb or len(layout) < 3:
        return "left"
    across, down = (-(-frame.width // layout[1].width), -(-frame.height // layout[1].height))
    name = next((name for name, shrinks in _SUBSAMPLED.items() if shrinks == (across, down)), None)
    if name is None:
        return "left"
    small = frame.reformat(width=_SIDE, height=_SIDE, format=name)
    ramp = (_FIRST + _STEP * np.arange(_SIDE)).astype(np.uint8)
    rows, columns = _SIDE // down, _SIDE // across
    plane_samples(small, 1, np.uint8, (rows, columns))[:] = ramp[:columns]
    plane_samples(small, 2, np.uint8, (rows, columns))[:] = ramp[:rows, None] if down == 2 else _FIRST
    wide = small.reformat(
        format="yuv444p16le",
        src_colorspace=1,
        dst_colorspace=1,
        src_color_range=1,
        dst_color_range=1,
        interpolation=int(Interpolation.BILINEAR | Interpolation.ACCURATE_RND),
    )
    middle = _SIDE // 2
    reached = [float(plane_samples(wide, index, np.uint16, (_SIDE, _SIDE))[middle, middle]) / 256 for index in (1, 2)]
    # At a chroma sample the ramp has that sample's value; half a luma pixel before it, a quarter of a step less.
    between = [_FIRST + _STEP * middle / 2 - value > _STEP / 8 for value in reached]
    if between[0] and (between[1] or down == 1):
        return "center" if codec in _SAYS_CENTRE else "left"
    if between[0]:
        return None
    return "left" if between[1] or down == 1 else "topleft"
