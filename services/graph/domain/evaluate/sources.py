"""Media files as nodes see them: pictures in the working space, samples in the document's rate."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from artifex.media.v1 import messages_pb2 as media
from artifex.nodes import Frame, Window
from libs.frames.audio_reader import AudioReader
from libs.frames.video_reader import VideoReader
from services.graph.domain.evaluate.colour import WorkingColour


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A node's media: the local file, what is known of it, and its content's digest, or "" where nobody knows it."""

    path: Path
    info: media.MediaInfo
    digest: str = ""


Sources = Mapping[str, SourceFile]
"""By node."""


class FileSource:
    """One file; its readers open when they are first needed. Implements `artifex.nodes.MediaSource`."""

    def __init__(self, file: SourceFile, colour: WorkingColour, threads: int) -> None:
        self._path = Path(file.path)
        self._info = file.info
        self._digest = file.digest
        self._colour = colour
        self._threads = threads
        self._video: VideoReader | None = None
        self._audio: AudioReader | None = None
        self._readers = ExitStack()

    @property
    def key(self) -> str:
        return self._digest or str(self._path)

    @property
    def path(self) -> Path:
        return self._path

    @property
    def info(self) -> media.MediaInfo:
        return self._info

    def picture(self, time: Fraction, region: Window | None = None) -> Frame:
        """See `artifex.nodes.MediaSource.picture`."""
        if self._video is None:
            self._video = self._readers.enter_context(VideoReader(self._path, threads=self._threads))
        info = self._video.info
        encoded = self._video.frame_at(time)
        pixels = self._colour.decoded(encoded, info.tags.transfer, info.tags.primaries)
        if info.has_alpha:
            pixels[..., :3] *= pixels[..., 3:]
        frame = Frame(pixels, opaque=not info.has_alpha)
        return frame if region is None else frame.crop(region)

    def samples(self, start: int, count: int, *, rate: int, channels: int) -> NDArray[np.float32]:
        """See `artifex.nodes.MediaSource.samples`."""
        if self._audio is None or self._audio.rate != rate:
            self._audio = self._readers.enter_context(AudioReader(self._path, rate=rate, channels=channels))
        return self._audio.read(start, count)

    def close(self) -> None:
        """Closes the readers."""
        self._readers.close()


@contextmanager
def open_sources(sources: Sources, colour: WorkingColour, threads: int) -> Iterator[dict[str, FileSource]]:
    """The sources of all nodes, closed when the block ends."""
    opened = {node: FileSource(file, colour, threads) for node, file in sources.items()}
    try:
        yield opened
    finally:
        for source in opened.values():
            source.close()
