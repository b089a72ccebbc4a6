"""FileOutput's way out beside the standards' arithmetic: what FFmpeg decodes of files that lose nothing."""

import tempfile
from functools import partial
from pathlib import Path

import av
import numpy as np

from artifex.nodes import Frame
from services.graph.domain.compile.catalogue import catalogue
from services.graph.domain.compile.compiler import compile
from services.graph.domain.evaluate.colour import WorkingColour
from services.graph.domain.evaluate.output import SegmentWriter
from tests.unit.services.graph.nodes.oracles.comparison import Comparison, largest
from tests.unit.services.graph.nodes.oracles.pictures import Array, chart
from tests.unit.services.graph.nodes.oracles.viewer import TO_REC709
from tests.unit.services.graph.support import document, output

WIDTH, HEIGHT = 64, 48


def written(frame: Frame, profile: str) -> list[Array]:
    """The planes of a frame, as codes, after it was encoded and decoded."""
    nodes = {
        "text": {"type": "TextInput", "params": {"text": "x"}},
        "out": {**output("text"), "params": {"path": "a.mkv", "codec": "ffv1", "profile": profile}},
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
]
