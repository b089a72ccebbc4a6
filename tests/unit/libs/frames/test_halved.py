"""Pictures in half their size, averaged as they are stored: against libswscale's spread chroma and NumPy's means."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation
from numpy.typing import NDArray

from libs.frames.colour_tags import ColourTags
from libs.frames.planes import planes_of
from libs.frames.siting import siting_of
from tests.unit.libs.frames.clips import decode_all, make

TAGS = ColourTags(matrix="bt709")


def coloured(width: int = 96, height: int = 64) -> NDArray[np.uint8]:
    """Soft blots of strong colours: chroma that changes from sample to sample, and that encoders keep."""
    random = np.random.default_rng(7).uniform(size=(height // 4 + 1, width // 4 + 1, 3))
    wide = np.kron(random, np.ones((4, 4, 1)))[:height, :width]
    for axis in (0, 1):
        wide = (wide + np.roll(wide, 1, axis) + np.roll(wide, 2, axis)) / 3
    return np.asarray(np.rint(wide * 255), np.uint8)


def averaged(frame: VideoFrame) -> list[NDArray[Any]]:
    """Y, Cb and Cr, in codes of the frame's depth: chroma spread by libswscale, which heeds the frame's siting."""
    wide = frame.reformat(
        format="yuv444p16le",
        src_colorspace=1,
        dst_colorspace=1,
        src_color_range=1,
        dst_color_range=1,
        interpolation=int(Interpolation.BILINEAR | Interpolation.ACCURATE_RND),
    )
    step = 2.0 ** (16 - frame.format.components[0].bits)
    codes = wide.to_ndarray().astype(np.float64) / step
    means = codes.reshape(frame.height // 2, 2, frame.width // 2, 2, 3).mean(axis=(1, 3))
    return list(means.transpose(2, 0, 1))


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv422p", "yuv444p", "yuv420p10le", "yuv422p10le"])
@pytest.mark.parametrize("location", [0, 1, 2], ids=["left", "center", "topleft"])
def test_codes_are_averaged_with_chroma_where_it_lies(tmp_path: Path, pixel_format: str, location: int) -> None:
    options = {"qp": "1", "x264-params": f"chromaloc={location}"}
    path = make(tmp_path / "a.mp4", [coloured()], pixel_format=pixel_format, options=options)
    frame = decode_all(path)[0]
    assert frame.format.name == pixel_format
    planes = planes_of(frame, TAGS, siting_of(frame, "h264"))
    assert planes is not None
    half = planes.halved()
    assert half is not None
    assert (half.width, half.height, half.siting) == (48, 32, planes.siting)
    for made, expected in zip(half.samples, averaged(frame), strict=True):
        assert made.shape == (32, 48)
        # libswscale fades chroma to nothing at some edges; rounding is half a code, and its own another half.
        difference = np.abs(made.astype(np.float64) - expected)[2:-2, 2:-2]
        assert difference.max() <= 1.25


def test_planes_of_rgb_are_averaged_and_what_shares_a_plane_is_not(tmp_path: Path) -> None:
    picture = coloured()
    source = VideoFrame.from_ndarray(picture, format="rgb24")
    planes = planes_of(source.reformat(format="gbrp"), TAGS, "left")
    assert planes is not None
    half = planes.halved()
    assert half is not None
    assert half.format == "gbrp"
    means = picture.reshape(32, 2, 48, 2, 3).mean(axis=(1, 3))
    for made, channel in zip(half.samples, (1, 2, 0), strict=True):
        assert np.abs(made - means[..., channel]).max() <= 0.5
    for format, size in (("nv12", (96, 64)), ("rgb24", (96, 64)), ("yuva420p", (96, 64)), ("yuv420p", (94, 63))):
        whole = planes_of(source.reformat(*size, format=format), TAGS, "left")
        assert whole is not None
        assert whole.halved() is None
