"""Our frames against two other decoder stacks: FFmpeg's own tool, and OpenCV with the FFmpeg that it is built with.

The tool tells each frame's time and the MD5 of its samples, so equal sums are bit-equal planes. Its RGB is compared
with ours within libswscale's rounding.
"""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import imageio_ffmpeg
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.frames.probe import probe
from libs.frames.read_ahead import Decoded, ReadAhead
from libs.frames.video_reader import VideoReader
from libs.kernels import Power, yuv_to_linear
from tests.unit.libs.frames.clips import make, number_of

COUNT, WIDTH, HEIGHT = 48, 160, 90
FILM = Fraction(24000, 1001)
VARIABLE = [0, 33, 40, 75, 108, 142, 300, 301, 333, 367, *range(400, 400 + 38 * 41, 41)]

CLIPS: dict[str, dict[str, Any]] = {
    "h264.mp4": {"fps": FILM, "b_frames": 3},
    "h264_open_gop.mkv": {
        "options": {"x264-params": "open-gop=1:b-pyramid=normal:bframes=3:scenecut=0:keyint=12"},
        "b_frames": 3,
    },
    "h264_601_full.mp4": {"pixel_format": "yuvj420p", "matrix": 6, "range_": 2},
    "h264_422.mov": {"pixel_format": "yuv422p", "options": {"preset": "ultrafast"}},
    "hevc10.mp4": {
        "codec": "libx265",
        "pixel_format": "yuv420p10le",
        "matrix": 9,
        "options": {"preset": "ultrafast", "x265-params": "log-level=none:keyint=12:pools=none:frame-threads=1"},
    },
    "vp9.webm": {"codec": "libvpx-vp9", "options": {"deadline": "realtime", "cpu-used": "8", "b": "1M"}},
    "av1.mkv": {"codec": "libsvtav1", "options": {"preset": "12", "crf": "30", "svtav1-params": "lp=1"}},
    "prores.mov": {"codec": "prores_ks", "pixel_format": "yuv422p10le", "fps": FILM},
    "vfr.mp4": {"times": VARIABLE, "time_base": Fraction(1, 1000)},
    "vfr.mkv": {"times": VARIABLE, "time_base": Fraction(1, 1000), "b_frames": 2},
    "phone_90.mp4": {"rotation": 90},
    "phone_180.mov": {"rotation": 180},
    "phone_270.mp4": {"rotation": 270, "codec": "libx265", "options": {"x265-params": "log-level=none:pools=none"}},
}


@cache
def scene(number: int) -> npt.NDArray[np.uint8]:
    """The number in wide bars below, smooth colours that move above: chroma that tells matrices and sitings apart."""
    x, y = np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT))
    waves = [np.sin((x * (1 + channel) + 5 * number) / 17 + channel) * np.cos(y / 13 - channel) for channel in range(3)]
    picture = np.rint(127.5 + 110 * np.stack(waves, axis=-1)).astype(np.uint8)
    for bit in range(8):
        picture[45:, bit * 20 : bit * 20 + 20] = 220 if number >> bit & 1 else 30
    return picture


@dataclass(frozen=True)
class Clip:
    path: Path
    arguments: dict[str, Any]
    frames: list[tuple[Fraction, str]]
    """What FFmpeg's tool says: each frame's time in seconds from the first, and the MD5 of its samples."""

    @property
    def matrix(self) -> str:
        return {1: "bt709", 6: "smpte170m", 9: "bt2020nc"}[self.arguments.get("matrix", 1)]

    @property
    def format(self) -> str:
        return str(self.arguments.get("pixel_format", "yuv420p"))


def tool(*arguments: str) -> bytes:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-noautorotate", *arguments]
    return subprocess.run(command, capture_output=True, check=True, timeout=60).stdout


def tools_frames(path: Path, pixel_format: str) -> list[tuple[Fraction, str]]:
    """By the framemd5 muxer: `stream, dts, pts, duration, size, hash`, in ticks of the `#tb` that heads it."""
    text = tool(
        "-i", str(path), "-map", "0:v:0", "-copyts", "-fps_mode", "passthrough", "-enc_time_base", "demux",
        "-c:v", "rawvideo", "-pix_fmt", pixel_format, "-f", "framemd5", "-",
    ).decode()  # fmt: skip
    (base,) = [Fraction(line.split()[-1]) for line in text.splitlines() if line.startswith("#tb 0:")]
    rows = [line.replace(" ", "").split(",") for line in text.splitlines() if line and not line.startswith("#")]
    first = int(rows[0][2])
    return [((int(row[2]) - first) * base, row[5]) for row in rows]


@pytest.fixture(scope="module")
def clip_named(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Clip]:
    folder = tmp_path_factory.mktemp("agreement")

    @cache
    def made(name: str) -> Clip:
        arguments = CLIPS[name]
        path = make(folder / name, [scene(number) for number in range(COUNT)], **arguments)
        return Clip(path, arguments, tools_frames(path, arguments.get("pixel_format", "yuv420p")))

    return made


@pytest.fixture(scope="module", params=CLIPS)
def clip(request: pytest.FixtureRequest, clip_named: Callable[[str], Clip]) -> Clip:
    return clip_named(request.param)


def md5(decoded: Decoded) -> str:
    """Of the samples as `rawvideo` lays them out: plane after plane, without padding."""
    assert decoded.planes is not None
    return hashlib.md5(b"".join(np.ascontiguousarray(plane).tobytes() for plane in decoded.planes.samples)).hexdigest()


def test_number_times_and_samples_of_the_frames_are_ffmpegs(clip: Clip) -> None:
    assert len(clip.frames) == COUNT
    with VideoReader(clip.path) as reader:
        assert [time for time, _ in reader.frames()] == [time for time, _ in clip.frames]
    with ReadAhead(clip.path) as frames:
        assert [md5(frames.frame_at(time)) for time, _ in clip.frames] == [digest for _, digest in clip.frames]
    assert len({digest for _, digest in clip.frames}) == COUNT, "no two frames are alike, so an exchange is seen"
    stream = probe(clip.path).video_streams[0]
    assert stream.frame_count == COUNT
    assert stream.variable_frame_rate == ("times" in clip.arguments)


@settings(max_examples=8, deadline=None)
@given(st.data())
def test_seeks_land_on_the_exact_frame_from_both_directions(clip: Clip, data: st.DataObject) -> None:
    walk = data.draw(st.lists(st.integers(0, COUNT - 1), min_size=2, max_size=8))
    with ReadAhead(clip.path, threads=data.draw(st.sampled_from([1, 2]))) as frames:
        for index in walk:
            time, digest = clip.frames[index]
            assert md5(frames.frame_at(time)) == digest
            # Up to the next frame it is this one; the last millisecond is left out, as some clocks have no finer ticks.
            after = clip.frames[index + 1][0] if index + 1 < COUNT else time + 1
            assert md5(frames.frame_at(max(time, after - Fraction(1, 999)))) == digest


def test_rgb_is_libswscales_by_the_same_matrix_and_range(clip: Clip) -> None:
    """The tool is left to read matrix and range from the stream itself; chroma is sited left, as ours."""
    with ReadAhead(clip.path) as frames:
        assert frames.info.tags.matrix == clip.matrix
        wanted = (0, 7, COUNT - 1)
        decoded = [frames.frame_at(clip.frames[index][0]).planes for index in wanted]
    select = "+".join(f"eq(n,{index})" for index in wanted)
    scale = "scale=in_h_chr_pos=0:flags=bilinear+accurate_rnd+full_chroma_int+full_chroma_inp"
    raw = tool(
        "-i", str(clip.path), "-map", "0:v:0", "-fps_mode", "passthrough",
        "-vf", f"select='{select}',{scale}:out_range=pc,format=gbrp16le", "-f", "rawvideo", "-",
    )  # fmt: skip
    green, blue, red = np.frombuffer(raw, "<u2").reshape(len(wanted), 3, HEIGHT, WIDTH).swapaxes(0, 1) / 65535.0
    for planes, oracle in zip(decoded, np.stack([red, green, blue], axis=-1), strict=True):
        assert planes is not None
        assert (planes.matrix, planes.full_range) == (clip.matrix, clip.arguments.get("range_", 1) == 2)
        ours = yuv_to_linear(
            list(planes.samples), format=planes.format, matrix=planes.matrix, full_range=planes.full_range,
            siting=planes.siting, transfer=Power(1.0), to_working=np.eye(3), clip=True,
        )  # fmt: skip
        error = np.abs(ours[..., :3] - oracle) * 255
        assert error.max() < 1.2, "an 8-bit step, and what its own tables round"
        assert abs(float((ours[..., :3] - oracle).mean())) * 255 < 0.6


@pytest.mark.parametrize("name", [name for name in CLIPS if not name.startswith("av1")])
def test_opencv_shows_the_same_pictures(clip_named: Callable[[str], Clip], name: str) -> None:
    """It turns pictures upright by itself, and ignores the matrix, so only greys are compared: the bars' means. Its
    FFmpeg has no decoder for AV1 that works without a graphics card."""
    clip = clip_named(name)
    capture = cv2.VideoCapture(str(clip.path), cv2.CAP_FFMPEG)
    theirs: list[npt.NDArray[Any]] = []
    times: list[float] = []
    while True:
        read, picture = capture.read()
        if not read:
            break
        theirs.append(picture)
        times.append(capture.get(cv2.CAP_PROP_POS_MSEC))
    capture.release()
    assert len(theirs) == COUNT
    expected = [float(time) * 1000 for time, _ in clip.frames]
    assert np.abs(np.array(times) - times[0] - expected).max() < 1.0
    turns = clip.arguments.get("rotation", 0) // 90
    with VideoReader(clip.path) as reader:
        for index, picture in enumerate(theirs):
            ours = reader.frame_at(clip.frames[index][0])[..., :3]
            assert picture.shape == ours.shape
            assert number_of(np.rot90(ours, turns)[45:]) == index
            difference = np.rot90(ours - picture / 255.0, turns)[55:85].mean(axis=2)
            bars = [float(difference[:, bit * 20 + 5 : bit * 20 + 15].mean()) for bit in range(8)]
            assert np.abs(bars).max() * 255 < 1.5
