"""SequenceInput beside FFmpeg's EXR and DPX, OpenColorIO's spaces, and published formulas."""

import atexit
import shutil
import tempfile
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import cache, partial
from pathlib import Path
from typing import Any

import av
import numpy as np
import PyOpenColorIO as ocio
from numpy.typing import NDArray

from artifex.nodes import Frame, Output
from libs.frames.sequence_probe import probe_sequence
from services.graph.domain.evaluate.colour import WorkingColour
from services.graph.domain.evaluate.sources import FileSource, SourceFile
from services.graph.nodes.input.sequence_input import SequenceInput
from tests.support.stills import noise, packed, write_still
from tests.unit.services.graph.nodes.applied import applied
from tests.unit.services.graph.nodes.oracles.comparison import Comparison, largest, largest_relative
from tests.unit.services.graph.support import Context, node

WIDTH, HEIGHT = 64, 36
PRIMARIES = {
    "Linear P3-D65": (0.68, 0.32, 0.265, 0.69, 0.15, 0.06, 0.3127, 0.329),
    "Linear Rec.2020": (0.708, 0.292, 0.17, 0.797, 0.131, 0.046, 0.3127, 0.329),
    "ACES2065-1": (0.7347, 0.2653, 0.0, 1.0, 0.0001, -0.077, 0.32168, 0.33767),
    "Linear AdobeRGB": (0.64, 0.33, 0.21, 0.71, 0.15, 0.06, 0.3127, 0.329),
}
"""CIE x and y as the standards have them."""


@cache
def folder() -> Path:
    """Where files lie until the process ends."""
    made = Path(tempfile.mkdtemp(prefix="stills-"))
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made


def opened(path: Path, colour: WorkingColour | None = None) -> FileSource:
    """A file as the engine opens it; closed when the process ends."""
    source = FileSource(SourceFile(path, probe_sequence(path, path.name)), colour or WorkingColour("ACEScg"), 1)
    atexit.register(source.close)
    return source


def shown(
    source: Any,
    size: tuple[int, int] = (WIDTH, HEIGHT),
    *,
    time: Fraction = Fraction(0),
    output: Output = SequenceInput.video,
    scale: Fraction = Fraction(1),
    **params: Any,
) -> Frame:
    """What the node shows of a source."""
    sequence = node(SequenceInput, asset="assets/a", **params)
    return applied(sequence, {}, size, source=source, time=time, output=output, scale=scale)


def sequence_of(name: str, stills: Sequence[NDArray[np.float32]], first: int = 1, **how: Any) -> Path:
    """Arrays as `name` with four digits, packed."""
    prefix, _, extension = name.partition(".")
    place = Path(tempfile.mkdtemp(dir=folder()))
    files = [
        write_still(place / f"{prefix}.{first + number:04d}.{extension}", samples, **how)
        for number, samples in enumerate(stills)
    ]
    return packed(place / "stills.zip", files)


def exr_by_ffmpeg(still: Path) -> NDArray[np.float32]:
    """The red, green and blue of a file of halves, as FFmpeg decodes it."""
    with av.open(str(still), format="exr_pipe") as container:
        frame = next(container.decode(video=0))
    assert isinstance(frame, av.VideoFrame)
    assert frame.format.name == "gbrapf16le"
    rows = [np.frombuffer(memoryview(plane), np.float16).reshape(frame.height, -1) for plane in frame.planes]
    green, blue, red = (plane[:, : frame.width].astype(np.float32) for plane in rows[:3])
    return np.stack([red, green, blue], -1)


def dpx_by_ffmpeg(codes: NDArray[np.uint16]) -> Path:
    """10-bit codes [height, width, 3] as FFmpeg writes them."""
    context = av.CodecContext.create("dpx", "w")
    assert isinstance(context, av.VideoCodecContext)
    context.width, context.height, context.pix_fmt = codes.shape[1], codes.shape[0], "gbrp10le"
    context.time_base = Fraction(1, 24)
    frame = av.VideoFrame(codes.shape[1], codes.shape[0], "gbrp10le")
    for plane, channel in zip(frame.planes, (1, 2, 0), strict=True):
        rows = np.zeros((codes.shape[0], plane.line_size // 2), np.uint16)
        rows[:, : codes.shape[1]] = codes[..., channel]
        plane.update(rows.tobytes())
    path = Path(tempfile.mkdtemp(dir=folder())) / "film.0001.dpx"
    path.write_bytes(b"".join(bytes(packet) for packet in [*context.encode(frame), *context.encode(None)]))
    return path


def _exr_beside_ffmpeg() -> float:
    samples = noise(1, low=-1.0, high=16.0)
    samples[..., 3] = noise(2)[..., 3]
    still = write_still(Path(tempfile.mkdtemp(dir=folder())) / "x.0001.exr", samples, tags={"compression": "zip"})
    path = packed(still.with_suffix(".zip"), [still])
    return largest(shown(opened(path), space="working").pixels[..., :3], exr_by_ffmpeg(still))


def _dpx_beside_ffmpeg() -> float:
    codes = np.random.default_rng(3).integers(0, 1024, (HEIGHT, WIDTH, 3)).astype(np.uint16)
    path = dpx_by_ffmpeg(codes)
    return largest(shown(opened(path), space="working").pixels[..., :3] * 1023.0, codes)


def _primaries(space: str) -> float:
    samples = noise(4, channels=3, low=-0.5, high=8.0)
    path = sequence_of("x.exr", [samples], tags={"chromaticities": PRIMARIES[space]})
    expected = np.ascontiguousarray(samples)
    config = ocio.Config.CreateFromFile("ocio://studio-config-v4.0.0_aces-v2.0_ocio-v2.5")
    config.getProcessor(space, "ACEScg").getOptimizedCPUProcessor(ocio.OPTIMIZATION_NONE).applyRGB(expected)
    return largest_relative(shown(opened(path)).pixels[..., :3], expected)


def _space(word: str, name: str, extension: str, kind: str) -> float:
    samples = noise(5, channels=3)
    path = sequence_of(f"x.{extension}", [samples], kind=kind)
    steps = {"uint8": 255, "uint16": 65535, "float": 0}[kind]
    expected = np.ascontiguousarray(np.rint(samples * steps) / steps if steps else samples, np.float32)
    config = ocio.Config.CreateFromFile("ocio://studio-config-v4.0.0_aces-v2.0_ocio-v2.5")
    config.getProcessor(name, "ACEScg").getOptimizedCPUProcessor(ocio.OPTIMIZATION_NONE).applyRGB(expected)
    return largest_relative(shown(opened(path), space=word).pixels[..., :3], expected)


def _cineon() -> float:
    """Kodak's formula in float64, in linear Rec.709."""
    codes = np.random.default_rng(6).integers(0, 1024, (HEIGHT, WIDTH, 3)).astype(np.uint16)
    path = dpx_by_ffmpeg(codes)
    black = 10 ** ((95 - 685) * 0.002 / 0.6)
    light = (10 ** ((codes.astype(np.float64) - 685) * 0.002 / 0.6) - black) / (1 - black)
    colour = WorkingColour("Linear Rec.709 (sRGB)")
    sequence = node(SequenceInput, asset="assets/a", space="cineon")
    context = Context({}, SequenceInput.video, (WIDTH, HEIGHT), source=opened(path, colour))
    context.colour = colour
    return largest_relative(sequence.render(context).pixels[..., :3], light)


def _unpremultiplied() -> float:
    """Straight TIFF, and the same stored multiplied: OIIO writes both, the formula is Porter and Duff's."""
    samples = noise(7)
    path = sequence_of("x.tif", [samples], kind="float", tags={"oiio:UnassociatedAlpha": 1})
    expected = samples.astype(np.float64)
    expected[..., :3] *= expected[..., 3:]
    return largest(shown(opened(path), space="working").pixels, expected)


def _halved() -> float:
    samples = noise(8, channels=3, low=0.0, high=16.0)
    path = sequence_of("x.exr", [samples])
    result = shown(opened(path), (32, 18), scale=Fraction(1, 2), space="working").pixels[..., :3]
    mean = samples.astype(np.float64).reshape(18, 2, 32, 2, 3).mean(axis=(1, 3))
    return largest_relative(result, mean)


_CASES: list[tuple[str, str, float, Callable[[], float]]] = [
    ("FFmpeg", "EXR, half", 0.0, _exr_beside_ffmpeg),
    ("FFmpeg", "DPX, 10 bit codes", 1e-4, _dpx_beside_ffmpeg),
    *(("OCIO exact", f"EXR in {space}", 2e-6, partial(_primaries, space)) for space in PRIMARIES),
    (
        "OCIO exact",
        "PNG, 8 bit, display",
        2e-6,
        partial(_space, "display", "Gamma 2.4 Encoded Rec.709", "png", "uint8"),
    ),
    ("OCIO exact", "TIFF, 16 bit, srgb", 2e-6, partial(_space, "srgb", "sRGB Encoded Rec.709 (sRGB)", "tif", "uint16")),
    ("OCIO exact", "TIFF, float, acescct", 2e-4, partial(_space, "acescct", "ACEScct", "tif", "float")),
    ("float64", "DPX, Kodak's logarithm", 2e-6, _cineon),
    ("float64", "TIFF, straight alpha", 1e-7, _unpremultiplied),
    ("float64", "a proxy of a half", 1e-6, _halved),
]
COMPARISONS = [Comparison("SequenceInput", judge, what, tolerance, error) for judge, what, tolerance, error in _CASES]
