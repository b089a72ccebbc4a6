"""MediaInput beside FFmpeg's swscale: footage to light and back to the display's code."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation

from artifex.nodes import Frame
from libs.frames.interpretation import Interpretation, Pictures
from libs.frames.probe import probe
from services.graph.domain.evaluate.colour import WorkingColour
from services.graph.domain.evaluate.sources import SourceFile, open_sources
from services.graph.nodes.input.media_input import MediaInput
from services.graph.nodes.input.retiming import frames_within
from tests.unit.libs.frames.interlaced import RATE, by_ffmpeg, make_interlaced, middles
from tests.unit.libs.frames.interlaced import read as pictures
from tests.unit.services.graph.nodes.applied import applied
from tests.unit.services.graph.nodes.oracles.comparison import Comparison, largest
from tests.unit.services.graph.nodes.oracles.pictures import Array
from tests.unit.services.graph.support import footage, node

COLOUR = WorkingColour("ACEScg")
INDEX = 5


def read(seconds: Fraction) -> Frame:
    """The demo's footage at a time, as the node gives it."""
    info = probe(footage())
    with open_sources({"n": SourceFile(footage(), info)}, COLOUR, 1) as sources:
        size = (info.video_streams[0].width, info.video_streams[0].height)
        return applied(node(MediaInput, asset="assets/a"), {}, size, source=sources["n"], time=seconds)


def decoded() -> VideoFrame:
    """The same frame as FFmpeg decodes it."""
    with av.open(str(footage())) as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number == INDEX:
                return frame
    raise ValueError(f"the footage has no frame {INDEX}")


def shown() -> Array:
    """The frame as the node gives it, encoded for the display again."""
    pixels = read(Fraction(INDEX, 25)).pixels.copy()
    COLOUR.encode(pixels)
    return pixels[..., :3].astype(np.float64)


def _swscale_error() -> float:
    """Where it has not clipped a colour: its codes have 8 bits."""
    method = Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
    found = decoded().reformat(format="rgb24", src_colorspace="ITU709", interpolation=method | Interpolation.BITEXACT)
    theirs = found.to_ndarray().astype(np.float64) / 255
    whole = ((theirs > 0.02) & (theirs < 0.98)).all(-1)
    return largest(shown()[whole], theirs[whole])


def _luma_error() -> float:
    """BT.709's luma of R'G'B' is the file's own Y' again, in codes from 16 to 235."""
    pixels = shown()
    theirs = (decoded().to_ndarray()[: pixels.shape[0]].astype(np.float64) - 16) / 219
    whole = ((pixels > 0.02) & (pixels < 0.98)).all(-1)
    return largest((pixels @ np.array([0.2126, 0.7152, 0.0722]))[whole], theirs[whole])


def by_tmix(rate: int, document: int, common: int, frames: int) -> Array:
    """FFmpeg's mean of what a clip of numbers shows: repeated to a common rate, mixed over a span, then thinned out."""
    span, step = common // min(rate, document), common // document
    graph = av.filter.Graph()
    source = graph.add_buffer(width=16, height=16, format="gray16le", time_base=Fraction(1, rate))  # type: ignore[arg-type]
    chain = [
        source,
        graph.add("fps", f"fps={common}:round=up"),
        graph.add("tmix", f"frames={span}"),
        graph.add("buffersink"),
    ]
    graph.link_nodes(*chain).configure()
    means: list[float] = []
    for number in range(48):
        frame = VideoFrame.from_ndarray(np.full((16, 16), 1000 * number, np.uint16), format="gray16le")
        frame.pts, frame.time_base = number, Fraction(1, rate)
        graph.push(frame)
        while True:
            try:
                mixed = graph.pull()
            except (av.BlockingIOError, av.EOFError):
                break
            assert isinstance(mixed, VideoFrame)
            means.append(mixed.to_ndarray()[0, 0] / 1000)
    return np.array(means[span - 1 :: step][:frames])


def _blend(rate: int, document: int, common: int) -> Callable[[], float]:
    """In frames, over the first 30."""

    def error() -> float:
        theirs = by_tmix(rate, document, common, 30)
        span = max(Fraction(1, rate), Fraction(1, document))
        ours = [
            sum(weight * float(at * rate - Fraction(1, 2)) for at, weight in
                frames_within(Fraction(number, document), span, Fraction(rate), 48, None))
            for number in range(len(theirs))
        ]  # fmt: skip
        return largest(ours, theirs)

    return error


def _bwdif(mode: Pictures) -> float:
    """In codes, over a clip but for its ends, which versions of FFmpeg take in different ways."""
    how, fields = Interpretation(deinterlace=mode), 2 if mode == "field" else 1
    with TemporaryDirectory() as folder:
        clip = make_interlaced(Path(folder) / "clip.mov")
        theirs = by_ffmpeg(clip, f"mode=send_{mode}:deint=interlaced")
        ours = pictures(clip, how, middles(len(theirs), fields * RATE))
    return largest(ours[fields:-fields], theirs[fields:-fields])


_RETIMED = [
    Comparison("MediaInput", "FFmpeg fps and tmix", "24 frames a second blended into 25", 1e-9, _blend(24, 25, 600)),
    Comparison("MediaInput", "FFmpeg fps and tmix", "50 frames a second blended into 25", 1e-9, _blend(50, 25, 50)),
    Comparison("MediaInput", "FFmpeg fps and tmix", "30 frames a second blended into 24", 1e-9, _blend(30, 24, 120)),
]

COMPARISONS = [
    Comparison("MediaInput", "FFmpeg swscale, 8 bit", "real footage, to light and back", 0.5001 / 255 + 5e-5,
               _swscale_error),
    Comparison("MediaInput", "the file's own luma", "real footage, to light and back", 2e-5, _luma_error),
    *_RETIMED,
    Comparison("MediaInput", "FFmpeg bwdif", "a picture of each frame, codes of 8 bits", 0.0, lambda: _bwdif("frame")),
    Comparison("MediaInput", "FFmpeg bwdif", "a picture of each field, codes of 8 bits", 0.0, lambda: _bwdif("field")),
]  # fmt: skip
