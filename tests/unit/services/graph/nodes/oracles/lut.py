"""LUT beside FFmpeg's lut3d and lut1d, and OpenImageIO's file transform."""

import atexit
import shutil
import tempfile
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
import PyOpenColorIO as ocio
from numpy.typing import NDArray

from artifex.media.v1 import messages_pb2 as media
from artifex.nodes import Frame, Window
from services.graph.nodes.color.lut import LUT
from tests.unit.services.graph.nodes.applied import applied
from tests.unit.services.graph.nodes.oracles import ffmpeg
from tests.unit.services.graph.nodes.oracles.comparison import Comparison, largest, largest_relative
from tests.unit.services.graph.nodes.oracles.pictures import HEIGHT, WIDTH, Array, array, buffer, noise, straight
from tests.unit.services.graph.support import node

EDGE = 17


class LookFile:
    """A look as the engine opens it. Implements `artifex.nodes.MediaSource`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.key = str(path)
        self.info = media.MediaInfo(format=path.suffix[1:], look=media.Look())

    def picture(self, time: Any, region: Window | None = None) -> Frame:
        raise AssertionError("a look has no picture")

    def samples(self, start: int, count: int, *, rate: int, channels: int) -> NDArray[np.float32]:
        raise AssertionError("a look has no sound")


def lattice(edge: int = EDGE) -> Array:
    """A strong look on a lattice, [red, green, blue, 3]: a twist of the channels, a curve, and a kink."""
    axis = np.linspace(0, 1, edge)
    r, g, b = np.meshgrid(axis, axis, axis, indexing="ij")
    table = np.stack(
        [0.8 * r**0.8 + 0.2 * g * b, g**1.3 * (1 - 0.3 * r) + 0.1 * b, np.where(b > 0.5, 1.0, 0.6 * b)], -1
    )
    result: Array = np.clip(table, 0, 1)
    return result


def cube(table: Array) -> str:
    """A table as a .cube file: red runs fastest."""
    edge = table.shape[0]
    rows = table.transpose(2, 1, 0, 3).reshape(-1, 3)
    return f"LUT_3D_SIZE {edge}\n" + "".join(f"{r:.9f} {g:.9f} {b:.9f}\n" for r, g, b in rows)


def curves(entries: int = 33) -> Array:
    """Three curves, [entries, 3]."""
    x = np.linspace(0, 1, entries)
    return np.stack([x**0.6, x**1.8, 1 - 0.8 * x], -1)


def texts() -> dict[str, str]:
    """Files of every format by their extension, and a 1D .cube as "curves.cube"; all of one look."""
    table, lines = lattice(), curves()
    rows = table.transpose(2, 1, 0, 3).reshape(-1, 3)
    flat = [(r, g, b) for r in range(EDGE) for g in range(EDGE) for b in range(EDGE)]
    shaper = "2\n0 1\n0 1\n" * 3
    return {
        "cube": cube(table),
        "curves.cube": "LUT_1D_SIZE 33\n" + "".join(f"{r:.9f} {g:.9f} {b:.9f}\n" for r, g, b in lines),
        "spi3d": f"SPILUT 1.0\n3 3\n{EDGE} {EDGE} {EDGE}\n" + "".join(
            f"{r} {g} {b} " + " ".join(f"{x:.9f}" for x in table[r, g, b]) + "\n" for r, g, b in flat),
        "spi1d": "Version 1\nFrom 0.0 1.0\nLength 33\nComponents 3\n{\n"
        + "".join(f" {r:.9f} {g:.9f} {b:.9f}\n" for r, g, b in lines) + "}\n",
        "3dl": " ".join(str(round(i * 1023 / (EDGE - 1))) for i in range(EDGE)) + "\n" + "".join(
            " ".join(str(round(x * 4095)) for x in table[r, g, b]) + "\n" for r, g, b in flat),
        "csp": f"CSPLUTV100\n3D\n\n{shaper}\n{EDGE} {EDGE} {EDGE}\n"
        + "".join(f"{r:.9f} {g:.9f} {b:.9f}\n" for r, g, b in rows),
        "clf": '<?xml version="1.0" encoding="UTF-8"?>\n<ProcessList id="look" compCLFversion="3">'
        f'<LUT3D inBitDepth="32f" outBitDepth="32f" interpolation="tetrahedral"><Array dim="{EDGE} {EDGE} {EDGE} 3">\n'
        + "".join(" ".join(f"{x:.9f}" for x in table[r, g, b]) + "\n" for r, g, b in flat)
        + "</Array></LUT3D></ProcessList>\n",
    }  # fmt: skip


@cache
def _folder() -> Path:
    """Where the files lie until the process ends."""
    folder = Path(tempfile.mkdtemp(prefix="looks-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@cache
def look_file(name: str) -> LookFile:
    """One of `texts` as a file."""
    path = _folder() / (name if "." in name else f"look.{name}")
    path.write_text(texts()[name], encoding="utf-8")
    return LookFile(path)


def looked(frame: Frame, source: LookFile, **params: Any) -> Frame:
    size = (max(1, frame.window.right), max(1, frame.window.bottom))
    return applied(node(LUT, asset="assets/look", **params), {"video": frame}, size, source=source)


def inside(seed: int) -> Frame:
    """Opaque noise within what a table holds."""
    pixels = np.random.default_rng(seed).uniform(0, 1, (HEIGHT, WIDTH, 4)).astype(np.float32)
    pixels[..., 3] = 1.0
    return Frame(pixels, opaque=True)


def _against_ffmpeg(name: str, filter_name: str, ours: str, theirs: str) -> float:
    frame, source = inside(1), look_file(name)
    result = looked(frame, source, input_space="working", interpolation=ours).pixels[..., :3]
    expected = ffmpeg.filtered(frame.pixels[..., :3], filter_name, f"file={source.path}:interp={theirs}")
    return largest(result, expected)


def _against_openimageio(name: str) -> float:
    """Premultiplied pixels, with alpha; their own division and multiplication."""
    frame, source = noise(3), look_file(name)
    expected = array(oiio.ImageBufAlgo.ociofiletransform(buffer(frame.pixels), str(source.path), unpremult=True))
    return largest_relative(looked(frame, source, input_space="working").pixels, expected)


def _in_display_space(space: str, name: str) -> float:
    """The conversions there and back by OpenColorIO's processors between the spaces, in three separate passes."""
    frame, source = noise(4, alpha=False), look_file("cube")
    config = ocio.Config.CreateFromFile("ocio://studio-config-v4.0.0_aces-v2.0_ocio-v2.5")
    pixels = np.ascontiguousarray(frame.pixels[..., :3])
    exact = ocio.OPTIMIZATION_LOSSLESS
    config.getProcessor("ACEScg", name).getOptimizedCPUProcessor(exact).applyRGB(pixels)
    pixels = np.ascontiguousarray(ffmpeg.filtered(pixels, "lut3d", f"file={source.path}:interp=tetrahedral"))
    config.getProcessor(name, "ACEScg").getOptimizedCPUProcessor(exact).applyRGB(pixels)
    return largest_relative(looked(frame, source, input_space=space).pixels[..., :3], pixels)


def _mixed() -> float:
    frame, source = noise(5), look_file("cube")
    whole = straight(looked(frame, source).pixels)[..., :3]
    before = straight(frame.pixels)
    expected = (before[..., :3] + 0.3 * (whole - before[..., :3])) * before[..., 3:]
    return largest(looked(frame, source, mix=0.3).pixels[..., :3], expected)


def _spaces() -> list[tuple[str, str]]:
    return [("display", "Gamma 2.4 Encoded Rec.709"), ("acescct", "ACEScct"), ("logc4", "ARRI LogC4"),
            ("slog3", "S-Log3 S-Gamut3.Cine"), ("log3g10", "Log3G10 REDWideGamutRGB")]  # fmt: skip


# FFmpeg takes a .3dl's 4095 for 4095/4096, and OpenColorIO for 1. OCIO's fast powers are good to 2·10⁻⁵ of a code, of
# which a logarithm makes more in light.
COMPARISONS = [
    Comparison("LUT", "FFmpeg lut3d", "17³ .cube, tetrahedral", 2e-6,
               partial(_against_ffmpeg, "cube", "lut3d", "tetrahedral", "tetrahedral")),
    Comparison("LUT", "FFmpeg lut3d", "17³ .cube, trilinear", 2e-6,
               partial(_against_ffmpeg, "cube", "lut3d", "trilinear", "trilinear")),
    Comparison("LUT", "FFmpeg lut3d", "17³ .3dl, tetrahedral", 3e-4,
               partial(_against_ffmpeg, "3dl", "lut3d", "tetrahedral", "tetrahedral")),
    Comparison("LUT", "FFmpeg lut3d", "17³ .csp, tetrahedral", 2e-6,
               partial(_against_ffmpeg, "csp", "lut3d", "tetrahedral", "tetrahedral")),
    Comparison("LUT", "FFmpeg lut1d", "1D .cube, linear", 2e-6,
               partial(_against_ffmpeg, "curves.cube", "lut1d", "tetrahedral", "linear")),
    *(Comparison("LUT", "OpenImageIO ociofiletransform", f".{name}, premultiplied", 2e-6,
                 partial(_against_openimageio, name)) for name in ("spi3d", "spi1d", "clf")),
    *(Comparison("LUT", "OCIO exact, FFmpeg lut3d", f"made for {space}", 1e-3, partial(_in_display_space, space, name))
      for space, name in _spaces()),
    Comparison("LUT", "float64", "mixed in by 0.3", 2e-5, _mixed),
]  # fmt: skip
