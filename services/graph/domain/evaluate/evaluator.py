"""Renders a range of frames, or the sound, of a document to a file.

Both functions run to their end in the calling thread and are meant for a child process that can be killed: the files
they read come from users. The same document, sources, range and number of threads give the same bytes.
"""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from artifex.nodes import Frame, MediaSource, Pixels, Window, sample_at
from libs.chassis.errors import Internal, OutOfRange
from libs.frames.audio_writer import AudioWriter
from libs.frames.decoded import decoded_frames
from libs.frames.video_writer import H264Quality, VideoWriter
from services.graph.domain.compile.catalogue import catalogue
from services.graph.domain.compile.compiler import Compiled, compile
from services.graph.domain.documents.model import CHANNELS, SAMPLE_RATE, Document
from services.graph.domain.evaluate.allocation import keep_freed_memory
from services.graph.domain.evaluate.colour import WorkingColour
from services.graph.domain.evaluate.mixdown import SoundPuller
from services.graph.domain.evaluate.pull import FramePuller
from services.graph.domain.evaluate.sources import Sources, open_sources

BLOCK: Final = SAMPLE_RATE
"""Samples mixed at once: a second."""

Progress = Callable[[int], None]
"""Takes the number of frames done so far."""


def render_frames(
    document: Document,
    output_node: str,
    sources: Sources,
    first: int,
    count: int,
    out_path: Path,
    threads: int,
    progress: Progress,
) -> None:
    """Frames `first` to `first + count` as one segment at `out_path`, complete and proved by decoding when it returns.

    `sources` holds, by node, the local file and description of every asset and every generated clip. `threads` is for
    decoding, resampling and encoding each. `progress` is called after every frame. Raises GraphInvalid, OutOfRange,
    the errors of libs.frames for media that cannot be read, and Internal naming the node and the frame.
    """
    compiled = _compile(document, output_node, sources)
    if first < 0 or count < 1 or first + count > compiled.frame_count:
        raise OutOfRange(f"frames {first} to {first + count} are not within the document's {compiled.frame_count}")
    cv2.setNumThreads(max(1, threads))
    keep_freed_memory()
    colour = WorkingColour(document.settings.colorspace)
    sink = compiled.sink.values
    quality = H264Quality(crf=sink["quality"], preset=sink["preset"])
    with (
        open_sources(sources, colour, threads) as opened,
        VideoWriter(
            out_path, compiled.width, compiled.height, compiled.fps, quality=quality, threads=threads
        ) as writer,
    ):
        files: dict[str, MediaSource] = dict(opened)
        puller = FramePuller(compiled, files, colour)
        for done in range(count):
            writer.write(display_pixels(puller.frame(first + done), compiled, colour))
            progress(done + 1)
    decoded = decoded_frames(out_path, threads=threads)
    if decoded != count:
        raise Internal(f"of {count} frames that were encoded, {decoded} decode")


def render_audio(document: Document, output_node: str, sources: Sources, out_path: Path, progress: Progress) -> None:
    """The whole sound at `out_path`, exactly as long as the frames. Errors as of `render_frames`."""
    compiled = _compile(document, output_node, sources)
    colour = WorkingColour(document.settings.colorspace)
    total = sample_at(compiled.frame_count / compiled.fps, SAMPLE_RATE)
    bitrate = compiled.sink.values["audio_bitrate"] * 1000
    with (
        open_sources(sources, colour, threads=1) as opened,
        AudioWriter(out_path, rate=SAMPLE_RATE, channels=CHANNELS, bitrate=bitrate) as writer,
    ):
        files: dict[str, MediaSource] = dict(opened)
        puller = SoundPuller(compiled, files)
        for start in range(0, total, BLOCK):
            end = min(start + BLOCK, total)
            writer.write(puller.block(start, end - start).samples)
            progress(int(Fraction(end, SAMPLE_RATE) * compiled.fps))


def display_pixels(frame: Frame, compiled: Compiled, colour: WorkingColour) -> Pixels:
    """The output's pixels, [height, width, 4], over black and display-encoded; may change the frame's own.

    What is not a number is black, so that one bad pixel upstream cannot spoil its neighbours in the encoder.
    """
    pixels = frame.filled(Window(0, 0, compiled.width, compiled.height))
    if not np.isfinite(pixels.sum()):
        pixels = np.nan_to_num(pixels, nan=0.0, posinf=1e6, neginf=-1e6)
    colour.encode(pixels)
    return pixels


def _compile(document: Document, output_node: str, sources: Sources) -> Compiled:
    return compile(document, catalogue(), output_node, {node: file.info for node, file in sources.items()})
