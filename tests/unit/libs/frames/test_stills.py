"""Single pictures: lossless where the format is, upright, alpha straight."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from libs.frames.containers import Limits
from libs.frames.errors import MediaUnreadable, MediaUnsupported
from libs.frames.stills import read_image, write_jpeg, write_png


@pytest.mark.parametrize("channels", [3, 4])
def test_png_keeps_every_bit_and_straight_alpha(tmp_path: Path, channels: int) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (9, 7, channels)).astype(np.uint8)
    write_png(tmp_path / "p.png", picture)
    got = read_image(tmp_path / "p.png")
    assert got.dtype == np.float32
    assert np.array_equal(np.rint(got[..., :channels] * 255), picture)
    with av.open(str(tmp_path / "p.png"), "r") as container:  # libav reads the same bytes
        other = next(container.decode(video=0)).to_ndarray(format="rgba" if channels == 4 else "rgb24")
    assert np.array_equal(other, picture)
    write_png(tmp_path / "f.png", got)
    assert np.array_equal(read_image(tmp_path / "f.png"), got)


def test_jpeg_keeps_the_picture(tmp_path: Path) -> None:
    picture = np.zeros((64, 96, 3), np.float32)
    picture[..., 0], picture[:32, :, 1] = 0.75, 0.5
    write_jpeg(tmp_path / "p.jpg", picture, quality=95)
    assert np.abs(read_image(tmp_path / "p.jpg")[..., :3] - picture)[4:28].max() < 0.03


def test_wrong_files_are_typed_errors(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(b"no picture")
    with pytest.raises(MediaUnreadable):
        read_image(tmp_path / "x.png")
    with pytest.raises(FileNotFoundError):
        read_image(tmp_path / "absent.png")
    write_png(tmp_path / "p.png", np.zeros((10, 10, 3), np.uint8))
    with pytest.raises(MediaUnsupported):
        read_image(tmp_path / "p.png", Limits(max_pixels=50))
    with pytest.raises(OSError, match="cannot write"):
        write_png(tmp_path / "no" / "folder.png", np.zeros((4, 4, 3), np.uint8))
