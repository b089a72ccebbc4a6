"""FileOutput's way out beside the standards' arithmetic: what FFmpeg decodes of files that lose nothing."""

import tempfile
from functools import partial
from pathlib import Path

import av
import numpy as np

from artifex.nodes import Frame
from libs.frames.light_metadata import told_light
from services.graph.domain.compile.catalogue import catalogue
from services.graph.domain.compile.compiler import compile
from services.graph.domain.evaluate.colour import WorkingColour
from services.graph.domain.evaluate.output import SegmentWriter
from tests.unit.services.graph.nodes.oracles.comparison import Comparison, largest
from tests.unit.services.graph.nodes.oracles.pictures import Array, chart
from tests.unit.services.graph.nodes.oracles.viewer import TO_REC709
from tests.unit.services.graph.support import document, output

WIDTH, HEIGHT = 64, 48
_BT2020 = (0.2627, 0.0593)
Point = tuple[float, float]


def written(frame: Frame, profile: str, color: str = "rec709") -> list[Array]:
    """The planes of a frame, as codes, after it was encoded and decoded."""
    nodes = {
        "text": {"type": "TextInput", "params": {"text": "x"}},
        "out": {**output("text"), "params": {"path": "a.mkv", "codec": "ffv1", "profile": profile, "color": color}},
    }
    compiled = compile(document(nodes, width=WIDTH, height=HEIGHT), catalogue(), "", {})
    with tempfile.TemporaryDirectory(prefix="way-out-") as folder:
        path = Path(folder) / "segment"
        with SegmentWriter(path, compiled, WorkingColour("ACEScg"), 1) as segment:
            segment.write(frame)
        with av.open(str(path)) as container:
            decoded = next(container.decode(video=0))
    planes = [np.frombuffer(memoryview(plane), np.uint16).reshape(plane.height, -1) for plane in decoded.planes]
    return [plane[:, :WIDTH].astype(np.float64) for plane in planes]


def shown(frame: Frame) -> Array:
    """R'G'B' over black: BT.709's primaries, BT.1886's 2.4, within what a display has."""
    linear = frame.pixels[..., :3].astype(np.float64) @ TO_REC709.T
    result: Array = np.clip(np.maximum(linear, 0) ** (1 / 2.4), 0, 1)
    return result


def given(frame: Frame, color: str) -> list[Array]:
    """The planes of a frame, as codes, as an encoder of ten bits 4:4:4 is given them; and what the file tells."""
    nodes = {
        "text": {"type": "TextInput", "params": {"text": "x"}},
        "out": {
            **output("text"),
            "params": {"path": "a.mov", "codec": "prores", "profile": "4444", "color": color},
        },
    }
    compiled = compile(document(nodes, width=WIDTH, height=HEIGHT), catalogue(), "", {})
    with tempfile.TemporaryDirectory(prefix="way-out-") as folder:
        path = Path(folder) / "segment"
        with SegmentWriter(path, compiled, WorkingColour("ACEScg"), 1) as segment:
            filled = segment.prepare(frame)
            planes = [plane.astype(np.float64) for plane in filled.planes]
            segment.append(filled)
        told = told_light(path)
    return [*planes, np.array([[told.brightest, told.average]])] if told is not None else planes


def _primaries(red: Point, green: Point, blue: Point) -> Array:
    """From R, G and B of these primaries to X, Y and Z, by SMPTE RP 177; the white is D65."""
    columns = np.array([[x / y, 1.0, (1.0 - x - y) / y] for x, y in (red, green, blue)]).T
    x, y = 0.3127, 0.3290
    scales = np.linalg.solve(columns, np.array([x / y, 1.0, (1.0 - x - y) / y]))
    result: Array = columns * scales
    return result


REC709 = _primaries((0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
REC2020 = np.linalg.inv(_primaries((0.708, 0.292), (0.170, 0.797), (0.131, 0.046))) @ REC709 @ TO_REC709
P3 = np.linalg.inv(_primaries((0.680, 0.320), (0.265, 0.690), (0.150, 0.060))) @ REC709 @ TO_REC709


def linear(frame: Frame, matrix: Array) -> Array:
    result: Array = np.maximum(frame.pixels[..., :3].astype(np.float64) @ matrix.T, 0.0)
    return result


def pq(light: Array) -> Array:
    """SMPTE ST 2084's inverse EOTF of light in cd/m²."""
    raised = np.clip(light / 10_000, 0, 1) ** (2610 / 16384)
    c1, c2, c3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
    result: Array = ((c1 + c2 * raised) / (1 + c3 * raised)) ** (2523 / 4096 * 128)
    return result


def hlg(light: Array) -> Array:
    """BT.2100's OETF of the scene's light, of which 1 is the highest."""
    a = 0.17883277
    b, c = 1 - 4 * a, 0.5 - a * np.log(4 * a)
    high = a * np.log(np.maximum(12 * light - b, 1e-9)) + c
    return np.clip(np.where(light <= 1 / 12, np.sqrt(3 * light), high), 0, 1)


def signal(frame: Frame, color: str) -> Array:
    """R'G'B' over black by the standard that a delivery names."""
    if color == "hdr10":
        return pq(linear(frame, REC2020) * 203)
    if color == "hlg":
        # Reference white, the signal 0.75, is 1.
        white = (np.exp((0.75 - (0.5 - 0.17883277 * np.log(4 * 0.17883277))) / 0.17883277) + 1 - 4 * 0.17883277) / 12
        return hlg(linear(frame, REC2020) * white)
    result: Array = np.clip(linear(frame, P3 if color == "p3" else REC2020) ** (1 / 2.4), 0, 1)
    return result


def _signal_error(color: str) -> float:
    frame = chart(WIDTH, HEIGHT)
    green, blue, red = (plane / 65535 for plane in written(frame, "16bit", color))
    return largest(np.stack([red, green, blue], -1), signal(frame, color))


def _code_error(color: str, weights: Point) -> float:
    """Of luma and chroma, in codes of ten bits."""
    frame = chart(WIDTH, HEIGHT)
    red, green, blue = np.moveaxis(signal(frame, color), -1, 0)
    kr, kb = weights
    luma = kr * red + (1 - kr - kb) * green + kb * blue
    expected = [
        64 + 876 * luma,
        512 + 896 * (blue - luma) / (2 * (1 - kb)),
        512 + 896 * (red - luma) / (2 * (1 - kr)),
    ]
    return max(largest(ours, theirs) for ours, theirs in zip(given(frame, color), expected, strict=False))


def _light_error() -> float:
    """Of MaxCLL and MaxFALL, in cd/m²."""
    frame = chart(WIDTH, HEIGHT)
    light = np.clip(linear(frame, REC2020) * 203, 0, 10_000).max(axis=-1)
    return largest(given(frame, "hdr10")[3], [[light.max(), light.mean()]])


def _rgb_error() -> float:
    frame = chart(WIDTH, HEIGHT)
    green, blue, red = (plane / 65535 for plane in written(frame, "16bit"))
    return largest(np.stack([red, green, blue], -1), shown(frame))


def _ycbcr_error(plane: int) -> float:
    """In parts of the signal's range: a code of 10 bits is 1/876 of luma's, 1/896 of chroma's."""
    frame = chart(WIDTH, HEIGHT)
    red, green, blue = np.moveaxis(shown(frame), -1, 0)
    luma = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    signals = (luma, (blue - luma) / 1.8556, (red - luma) / 1.5748)
    codes = written(frame, "10bit")[plane]
    ours = (codes - 64) / 876 if plane == 0 else (codes - 512) / 896
    return largest(ours, signals[plane])


COMPARISONS = [
    Comparison("FileOutput", "BT.1886 float64, by FFmpeg", "R'G'B' of 16 bits", 2.5e-5, _rgb_error),
    Comparison("FileOutput", "BT.709 float64, by FFmpeg", "Y' of 10 bits", 0.51 / 876, partial(_ycbcr_error, 0)),
    Comparison("FileOutput", "BT.709 float64, by FFmpeg", "Cb of 10 bits", 0.51 / 896, partial(_ycbcr_error, 1)),
    Comparison("FileOutput", "BT.709 float64, by FFmpeg", "Cr of 10 bits", 0.51 / 896, partial(_ycbcr_error, 2)),
    Comparison(
        "FileOutput", "P3-D65 float64, by FFmpeg", "p3, R'G'B' of 16 bits", 2.5e-5, partial(_signal_error, "p3")
    ),
    Comparison(
        "FileOutput", "BT.2020 float64, by FFmpeg", "rec2020, R'G'B'", 2.5e-5, partial(_signal_error, "rec2020")
    ),
    Comparison("FileOutput", "BT.2100 float64, by FFmpeg", "hlg, R'G'B'", 2.5e-5, partial(_signal_error, "hlg")),
    Comparison(
        "FileOutput", "ST 2084 float64", "hdr10, codes of 10 bits", 0.51, partial(_code_error, "hdr10", _BT2020)
    ),
    Comparison("FileOutput", "BT.2100 float64", "hlg, codes of 10 bits", 0.51, partial(_code_error, "hlg", _BT2020)),
    Comparison("FileOutput", "CTA-861.3 float64", "MaxCLL and MaxFALL, cd/m²", 0.51, _light_error),
]
