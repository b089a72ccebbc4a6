"""Media files as nodes see them: pictures in the working space, samples in the document's rate."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from artifex.media.v1 import messages_pb2 as media
from artifex.nodes import Frame, Window
from libs.frames.audio_reader import AudioReader
from libs.frames.interpretation import AS_TAGGED, Interpretation
from libs.frames.read_ahead import AHEAD, ReadAhead
from libs.frames.sequence_reader import SequenceReader
from services.graph.domain.evaluate.colour import WorkingColour
from services.graph.domain.evaluate.conversion import FrameConverter


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

    def __init__(
        self,
        file: SourceFile,
        colour: WorkingColour,
        threads: int,
        *,
        behind: int = 0,
        interpretation: Interpretation = AS_TAGGED,
    ) -> None:
        """`behind`: bytes for decoded pictures that were asked for, and may be again."""
        self._file = file
        self._interpretation = interpretation
        self._other: FileSource | None = None
        self._path = Path(file.path)
        self._info = file.info
        self._digest = file.digest
        self._colour = colour
        self._threads = threads
        self._behind = behind
        self._video: tuple[ReadAhead, FrameConverter] | None = None
        self._audio: AudioReader | None = None
        self._stills: SequenceReader | None = None
        self._readers = ExitStack()
        self._opening = threading.Lock()
        self._listening = threading.Lock()

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
        frames, converter = self._video or self._opened()
        return converter.convert(frames.frame_at(time), region)

    def half(self, time: Fraction) -> Callable[[Window], Frame] | None:
        """See `DraftSource.halved`; no node asks for it here, where pictures are exact."""
        frames, converter = self._video or self._opened()
        return converter.halved(frames.frame_at(time))

    def samples(self, start: int, count: int, *, rate: int, channels: int) -> NDArray[np.float32]:
        """See `artifex.nodes.MediaSource.samples`."""
        with self._listening:
            if self._audio is None or self._audio.rate != rate:
                stream = self._info.audio_streams[track].index if (track := self._interpretation.track) else None
                reader = AudioReader(self._path, stream=stream, rate=rate, channels=channels)
                self._audio = self._readers.enter_context(reader)
            return self._audio.read(start, count)

    def interpreted(self, how: Interpretation) -> "FileSource":
        """See `services.graph.nodes.input.interpreted.Interpretable`."""
        with self._opening:
            if self._other is None or self._other._interpretation != how:
                # Only a node asks for it, and one way for all of a render.
                if self._other is not None:
                    self._other.close()
                self._other = FileSource(
                    self._file, self._colour, self._threads, behind=self._behind, interpretation=how
                )
            return self._other

    def stills(self) -> SequenceReader:
        """See `services.graph.nodes.input.sequence_input.StillSource`."""
        with self._opening:
            if self._stills is None:
                reader = SequenceReader(
                    self._path, threads=self._threads, together=self._threads + 1, behind=self._behind
                )
                self._stills = self._readers.enter_context(reader)
            return self._stills

    def close(self) -> None:
        """Closes the readers."""
        self._readers.close()
        if self._other is not None:
            self._other.close()

    def _opened(self) -> tuple[ReadAhead, FrameConverter]:
        with self._opening:
            if self._video is None:
                # Who may use one thread uses one. On several, as many frames are made at a time, and one waits.
                ahead, together = (0, 1) if self._threads == 1 else (AHEAD, self._threads + 1)
                reader = ReadAhead(
                    self._path,
                    threads=self._threads,
                    ahead=ahead,
                    together=together,
                    behind=self._behind,
                    interpretation=self._interpretation,
                )
                frames = self._readers.enter_context(reader)
                self._video = (frames, FrameConverter(frames.info, self._colour))
            return self._video


class DraftSource:
    """A file's pictures for a proxy that passes by: a third of the work, and not quite the same.

    They are averaged over two by two pixels as they are stored, and only then converted to light. Fine contrast becomes
    darker than averaged light is. So they have another key: nothing made of them is taken for the exact picture. The
    file stays open with the source that it was made of. Implements `artifex.nodes.MediaSource`, and
    `services.graph.nodes.placement.Halving`.
    """

    def __init__(self, source: FileSource) -> None:
        self._source = source

    @property
    def key(self) -> str:
        return f"{self._source.key} draft"

    @property
    def path(self) -> Path:
        return self._source.path

    @property
    def info(self) -> media.MediaInfo:
        return self._source.info

    def picture(self, time: Fraction, region: Window | None = None) -> Frame:
        """See `artifex.nodes.MediaSource.picture`; this is exact."""
        return self._source.picture(time, region)

    def interpreted(self, how: Interpretation) -> "DraftSource":
        """See `services.graph.nodes.input.interpreted.Interpretable`."""
        return DraftSource(self._source.interpreted(how))

    def halved(self, time: Fraction) -> Callable[[Window], Frame] | None:
        """What converts a region of the picture at `time` in half its size; None where it cannot be halved so."""
        return self._source.half(time)

    def samples(self, start: int, count: int, *, rate: int, channels: int) -> NDArray[np.float32]:
        """See `artifex.nodes.MediaSource.samples`."""
        return self._source.samples(start, count, rate=rate, channels=channels)


@contextmanager
def open_sources(sources: Sources, colour: WorkingColour, threads: int) -> Iterator[dict[str, FileSource]]:
    """The sources of all nodes, closed when the block ends."""
    opened = {node: FileSource(file, colour, threads) for node, file in sources.items()}
    try:
        yield opened
    finally:
        for source in opened.values():
            source.close()
