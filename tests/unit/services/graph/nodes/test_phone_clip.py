"""What telephones write, all at once: HEVC of 10 bits, HLG in BT.2020, a variable rate, a turn by display matrix."""

import subprocess
from fractions import Fraction
from pathlib import Path

import imageio_ffmpeg
import numpy as np
from numpy.typing import NDArray

from artifex.nodes import Window
from libs.frames.probe import probe
from services.graph.domain.evaluate.colour import WorkingColour
from services.graph.domain.evaluate.sources import SourceFile, open_sources
from services.graph.nodes.input.media_input import MediaInput
from tests.unit.libs.frames.clips import make
from tests.unit.services.graph.support import Context, node

WIDTH, HEIGHT = 96, 64
TIMES = [0, 33, 67, 83, 117, 150, 200, 233, 266, 301]


def pictures() -> list[NDArray[np.uint8]]:
    x, y = np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT))
    waves = [
        np.stack([np.sin((x * (1 + c) + 9 * number) / 23 + c) * np.cos(y / 17 - c) for c in range(3)], axis=-1)
        for number in range(len(TIMES))
    ]
    return [np.rint(127.5 + 90 * wave).astype(np.uint8) for wave in waves]


def planes_by_the_tool(path: Path) -> list[list[NDArray[np.float64]]]:
    """Y, Cb and Cr codes of every frame as stored, by FFmpeg's own decoder."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-noautorotate", "-i", str(path)]
    command += ["-fps_mode", "passthrough", "-pix_fmt", "yuv420p10le", "-f", "rawvideo", "-"]
    raw = subprocess.run(command, capture_output=True, check=True, timeout=60).stdout
    luma, chroma = WIDTH * HEIGHT, WIDTH * HEIGHT // 4
    frames = np.frombuffer(raw, "<u2").astype(np.float64).reshape(len(TIMES), luma + 2 * chroma)
    half = (HEIGHT // 2, WIDTH // 2)
    return [
        [frame[:luma].reshape(HEIGHT, WIDTH), frame[luma : luma + chroma].reshape(half), frame[-chroma:].reshape(half)]
        for frame in frames
    ]


def spread(plane: NDArray[np.float64]) -> NDArray[np.float64]:
    """Chroma on the luma grid: on even columns, half-way between two lines; linear."""
    wide = np.repeat(plane, 2, axis=1)
    wide[:, 1:-1:2] = (plane[:, :-1] + plane[:, 1:]) / 2
    above, below = np.vstack([wide[:1], wide[:-1]]), np.vstack([wide[1:], wide[-1:]])
    tall = np.empty((HEIGHT, WIDTH))
    tall[0::2], tall[1::2] = 0.25 * above + 0.75 * wide, 0.75 * wide + 0.25 * below
    return tall


def light(planes: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Scene light in linear BT.2020, by BT.2100's tables 5 and 6, with HLG's reference white (signal 0.75) at 1."""
    luma, cb, cr = (planes[0] - 64) / 876, (spread(planes[1]) - 512) / 896, (spread(planes[2]) - 512) / 896
    kr, kb = 0.2627, 0.0593
    red, blue = luma + 2 * (1 - kr) * cr, luma + 2 * (1 - kb) * cb
    signal = np.stack([red, (luma - kr * red - kb * blue) / (1 - kr - kb), blue], axis=-1)
    a = 0.17883277
    b, c = 1 - 4 * a, 0.5 - a * np.log(4 * a)
    signal = np.maximum(signal, 0)
    scene = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)
    return np.asarray(scene / ((np.exp((0.75 - c) / a) + b) / 12), np.float64)


def test_every_moment_shows_the_right_frame_upright_in_the_right_light(tmp_path: Path) -> None:
    path = make(
        tmp_path / "phone.mov", pictures(), codec="libx265", pixel_format="yuv420p10le", matrix=9, primaries=9,
        transfer=18, rotation=90, times=TIMES, time_base=Fraction(1, 1000), fps=Fraction(30),
        options={"preset": "ultrafast", "x265-params": "log-level=none:pools=none:frame-threads=1:keyint=5"},
    )  # fmt: skip
    described = probe(path)
    stream = described.video_streams[0]
    assert (stream.color_transfer, stream.color_primaries, stream.color_matrix) == (
        "arib-std-b67",
        "bt2020",
        "bt2020nc",
    )
    assert (stream.rotation, stream.variable_frame_rate, stream.bit_depth) == (90, True, 10)
    expected = [np.rot90(light(planes), -1) for planes in planes_by_the_tool(path)]
    clip = node(MediaInput, asset="assets/a", fit="none")
    with open_sources({"n": SourceFile(path, described)}, WorkingColour("Linear Rec.2020"), 2) as sources:
        for milliseconds in (0, 32, 33, 70, 83, 116, 290, 301, 5000, 199, 40, 1):
            number = max(index for index, time in enumerate(TIMES) if time <= milliseconds)
            context = Context(
                {}, MediaInput.video, (HEIGHT, WIDTH), time=Fraction(milliseconds, 1000), source=sources["n"]
            )
            frame = clip.render(context)
            assert frame.window == Window(0, 0, HEIGHT, WIDTH)
            np.testing.assert_allclose(frame.pixels[..., :3], expected[number], atol=2e-5, rtol=2e-5)
