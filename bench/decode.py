"""What a frame costs between the file and the graph: decoded, and converted to scene-linear float32 RGBA, at 1080p.

The floor is decoding alone, by the same decoder; the ratio is how much more a frame costs until it is light in the
working space. Beside it stands the way that formats take which no kernel reads: libswscale to 16 bits, the matrix in
OpenCV, the curve in OCIO. Times are the processor's, of all threads together, so that what else runs does not enter.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from artifex.nodes import Window
from bench.studio import FRAME_RATE, footage, say
from libs.frames.probe import probe
from libs.frames.video_decoder import VideoDecoder
from libs.frames.video_reader import VideoReader
from libs.kernels import native
from services.graph.domain.evaluate.allocation import keep_freed_memory
from services.graph.domain.evaluate.colour import WorkingColour
from services.graph.domain.evaluate.sources import FileSource, SourceFile

FRAMES = 40
ROUNDS = 3
STRIP = 64
CLAIM = 1.8
CODECS: dict[str, tuple[str, str, str, dict[str, str]]] = {
    "H.264, 4:2:0, 8 bit": ("h264.mp4", "libx264", "yuv420p", {"preset": "veryfast", "crf": "18"}),
    "ProRes 422, 10 bit": ("prores.mov", "prores_ks", "yuv422p10le", {"profile": "2"}),
}


async def run() -> bool:
    say(f"\ndecode: processor ms a frame, 1920x1080 to ACEScg float32 RGBA, kernels {native.variant()}")
    say("| codec | decoded alone | and to light | in strips | by libswscale and OCIO | light : decoded |")
    say("|---|---|---|---|---|---|")
    worst = 0.0
    keep_freed_memory()  # as the process does that renders
    with tempfile.TemporaryDirectory(prefix="artifex-bench-") as folder:
        for codec, (name, encoder, pixel_format, options) in CODECS.items():
            path = Path(folder) / name
            _encode(path, encoder, pixel_format, options)
            ways = {"alone": _alone, "light": _light, "strips": _strips, "slow": _slow}
            took: dict[str, list[float]] = {way: [] for way in ways}
            # By turns, so that a slow minute of the machine meets all of them.
            for _ in range(ROUNDS):
                for way, walk in ways.items():
                    took[way].append(_timed(walk, path))
            alone, light, strips, slow = (statistics.median(took[way]) for way in ways)
            ratio = statistics.median(a / b for a, b in zip(took["light"], took["alone"], strict=True))
            worst = max(worst, ratio)
            say(f"| {codec} | {alone:.1f} | {light:.1f} | {strips:.1f} | {slow:.1f} | {ratio:.2f} |")
    reached = worst <= CLAIM
    say(f"claimed: at most {CLAIM} times decoding alone: {'reached' if reached else 'NOT reached'} ({worst:.2f})")
    return reached


def _timed(walk: Callable[[Path], None], path: Path) -> float:
    """Processor milliseconds a frame."""
    began = time.process_time()
    walk(path)
    return (time.process_time() - began) * 1000 / FRAMES


def _alone(path: Path) -> None:
    decoder = VideoDecoder(path)
    while decoder.next() is not None:
        pass
    decoder.close()


def _light(path: Path) -> None:
    source = FileSource(SourceFile(path, probe(path)), WorkingColour("ACEScg"), 1)
    for frame in range(FRAMES):
        source.picture(Fraction(frame, FRAME_RATE))
    source.close()


def _strips(path: Path) -> None:
    """As a chain of point operations asks for it: what is converted stays in the cache and is overwritten."""
    source = FileSource(SourceFile(path, probe(path)), WorkingColour("ACEScg"), 1)
    for frame in range(FRAMES):
        for top in range(0, 1080, STRIP):
            source.picture(Fraction(frame, FRAME_RATE), Window(0, top, 1920, STRIP))
    source.close()


def _slow(path: Path) -> None:
    colour = WorkingColour("ACEScg")
    with VideoReader(path) as reader:
        for frame in range(FRAMES):
            colour.decoded(reader.frame_at(Fraction(frame, FRAME_RATE)), reader.info.tags.transfer)


def _encode(path: Path, codec: str, pixel_format: str, options: dict[str, str]) -> None:
    """The footage at 1080p with a film's grain, so that it costs what a camera's clip costs to decode."""
    grain = np.random.default_rng(1).integers(-6, 7, (1080, 1920, 3), dtype=np.int16)
    with av.open(str(footage())) as clip, av.open(str(path), "w") as output:
        stream = output.add_stream(codec, rate=FRAME_RATE, options=options)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 1920, 1080, pixel_format
        for number, frame in enumerate(clip.decode(video=0)):
            if number == FRAMES:
                break
            picture = frame.reformat(1920, 1080, "rgb24").to_ndarray().astype(np.int16)
            picture += np.roll(grain, 97 * number, axis=(0, 1))
            grainy = av.VideoFrame.from_ndarray(np.clip(picture, 0, 255).astype(np.uint8), format="rgb24")
            grainy.pts = number
            output.mux(stream.encode(grainy.reformat(format=pixel_format)))
        output.mux(stream.encode(None))
