"""Pictures stand upright, however the camera was held."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import pytest

from libs.frames.orientation import UPRIGHT, Orientation, orientation_of_matrix
from libs.frames.probe import probe
from libs.frames.video_reader import VideoReader
from tests.unit.libs.frames.clips import decode_all, make

# Corners of the stored picture: top left red, top right green, bottom left blue, bottom right white.
CORNERS = {"red": (1, 0, 0), "green": (0, 1, 0), "blue": (0, 0, 1), "white": (1, 1, 1)}


def picture() -> np.ndarray:
    stored = np.zeros((64, 96, 3), np.uint8)
    stored[:32, :48], stored[:32, 48:] = (255, 0, 0), (0, 255, 0)
    stored[32:, :48], stored[32:, 48:] = (0, 0, 255), (255, 255, 255)
    return stored


def corners(shown: np.ndarray) -> list[str]:
    """Names of the colours top left, top right, bottom left and bottom right."""
    height, width = shown.shape[:2]
    found = []
    for y, x in ((8, 8), (8, width - 8), (height - 8, 8), (height - 8, width - 8)):
        found.append(min(CORNERS, key=lambda name: float(np.abs(shown[y, x, :3] - CORNERS[name]).sum())))
    return found


@pytest.mark.parametrize(
    ("rotation", "expected"),
    [
        (0, ["red", "green", "blue", "white"]),
        (90, ["blue", "red", "white", "green"]),
        (180, ["white", "blue", "green", "red"]),
        (270, ["green", "white", "red", "blue"]),
    ],
)
def test_rotated_clips_are_turned_upright(tmp_path: Path, rotation: int, expected: list[str]) -> None:
    path = make(tmp_path / "turned.mp4", [picture()] * 2, rotation=rotation)
    # libav's own reading of what the muxer wrote: counter-clockwise degrees.
    assert -decode_all(path)[0].rotation % 360 == rotation
    with VideoReader(path) as reader:
        assert corners(reader.frame_at(Fraction(0))) == expected
        assert reader.info.rotation == rotation
        assert (reader.info.width, reader.info.height) == ((64, 96) if rotation in (90, 270) else (96, 64))
    stream = probe(path).video_streams[0]
    assert (stream.rotation, stream.width, stream.height) == (rotation, 96, 64)


def test_mirrored_clips_are_mirrored_back(tmp_path: Path) -> None:
    with VideoReader(make(tmp_path / "mirror.mp4", [picture()] * 2, mirrored=True)) as reader:
        assert corners(reader.frame_at(Fraction(0))) == ["green", "red", "white", "blue"]
        assert reader.info.rotation == 0


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("clockwise", [0, 90, 180, 270])
def test_a_display_matrix_moves_points_as_its_orientation_does(mirrored: bool, clockwise: int) -> None:
    # The matrix of ISO 14496-12 maps a point (x, y) to (a x + c y, b x + d y).
    turns = {0: (1, 0, 0, 1), 90: (0, 1, -1, 0), 180: (-1, 0, 0, -1), 270: (0, -1, 1, 0)}
    a, b, c, d = turns[clockwise]
    if mirrored:
        a, b = -a, -b
    orientation = orientation_of_matrix([a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30])
    assert orientation == Orientation(mirrored, clockwise)
    dots = np.zeros((3, 5, 4), np.float32)
    dots[0, 3] = 1  # at (x, y) = (1, -1) from the centre (2, 1)
    shown = orientation.apply(dots)
    y, x = (int(found[0]) for found in np.nonzero(shown[..., 0]))
    height, width = shown.shape[:2]
    assert (x - width // 2, y - height // 2) == (a - c, b - d)
    assert orientation.shown(3, 0, 1, 1, (5, 3)) == (x, y, 1, 1)
    assert orientation.stored(x, y, 1, 1, (5, 3)) == (3, 0, 1, 1)
    assert orientation.stored(*orientation.shown(1, 0, 3, 2, (5, 3)), (5, 3)) == (1, 0, 3, 2)


@pytest.mark.parametrize(("told", "expected"), [(1, "red"), (3, "white"), (6, "blue"), (8, "green")])
def test_a_photograph_stands_as_it_was_taken(tmp_path: Path, told: int, expected: str) -> None:
    """Its Exif is what PyAV has no name for, and then lists nothing of the frame's data."""
    photograph = oiio.ImageBuf(np.ascontiguousarray(picture().astype(np.float32) / 255))
    photograph.specmod().attribute("Orientation", told)
    photograph.specmod().attribute("Exif:FNumber", 2.8)
    assert photograph.write(str(tmp_path / "a.jpg"), "uint8")
    stream = probe(tmp_path / "a.jpg").video_streams[0]
    assert not stream.HasField("mastering_display")
    with VideoReader(tmp_path / "a.jpg") as reader:
        assert corners(reader.frame_at(Fraction(0)))[0] == expected


def test_a_skewed_matrix_is_left_alone() -> None:
    assert orientation_of_matrix([46341, 46341, 0, -46341, 46341, 0, 0, 0, 1 << 30]) == UPRIGHT
