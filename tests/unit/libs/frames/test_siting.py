"""Where chroma lies: by the stream's own tag, as encoders write it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from libs.frames.siting import siting_of
from tests.unit.libs.frames.clips import decode_all, make


@pytest.mark.parametrize(
    ("tag", "expected"), [("", "left"), ("0", "left"), ("1", "center"), ("2", "topleft"), ("3", None)]
)
def test_the_tag_of_h264_is_found(tmp_path: Path, tag: str, expected: str | None) -> None:
    # The numbers of H.264's chroma_sample_loc_type; 3 is above the middle of two columns.
    options = {"x264-params": f"chromaloc={tag}"} if tag else {}
    picture = np.random.default_rng(1).integers(0, 256, (64, 96, 3), dtype=np.uint8)
    (frame,) = decode_all(make(tmp_path / "a.mp4", [picture], options=options))
    before = frame.to_ndarray()
    assert siting_of(frame, "h264") == expected
    assert np.array_equal(frame.to_ndarray(), before), "the frame is left alone"


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("a.mov", {"codec": "prores_ks", "pixel_format": "yuv422p10le"}, "left"),
        ("a.avi", {"codec": "mjpeg", "pixel_format": "yuvj420p", "range_": 2}, "center"),
        ("a.mpg", {"codec": "mpeg1video", "options": {"b": "2M"}}, "center"),
        ("a.mkv", {"codec": "ffv1", "pixel_format": "yuv420p10le"}, "left"),
        ("b.mkv", {"codec": "ffv1", "pixel_format": "yuv444p"}, "left"),
        ("c.mkv", {"codec": "ffv1", "pixel_format": "bgr0"}, "left"),
    ],
)
def test_what_codecs_without_a_tag_mean(tmp_path: Path, name: str, arguments: dict[str, Any], expected: str) -> None:
    path = make(
        tmp_path / name,
        [np.full((65, 97, 3) if "ffv1" in arguments.values() else (64, 96, 3), 90, np.uint8)],
        **arguments,
    )
    frame = decode_all(path)[0]
    assert siting_of(frame, arguments["codec"]) == expected
