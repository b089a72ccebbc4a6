"""Writing sound as AAC in MP4, to the sample."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import numpy as np
import numpy.typing as npt
from av.audio.fifo import AudioFifo
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import OutputContainer

LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}


class AudioWriter:
    """Samples in order; sample n of what was written is heard at n / rate. Close it, or use it in a `with`.

    The encoder's delay is written as an edit list, which every reader here and every player skips. The file is complete
    only after `close`. Memory is one codec frame.
    """

    def __init__(self, path: Path | str, *, rate: int = 48000, channels: int = 2, bitrate: int = 192_000) -> None:
        """`rate` in samples a second; `channels` 1, 2, 6 (5.1) or 8 (7.1); `bitrate` in bits a second for all."""
        if channels not in LAYOUTS:
            raise ValueError(f"{channels} channels cannot be written; use 1, 2, 6 or 8")
        self._layout = LAYOUTS[channels]
        self._channels = channels
        self._rate = rate
        self._count = 0
        self._container: OutputContainer | None = av.open(
            f"file:{path}", mode="w", format="mp4", container_options={"fflags": "+bitexact"}
        )
        self._stream: AudioStream = self._container.add_stream("aac", rate=rate)
        self._stream.codec_context.layout = self._layout
        self._stream.codec_context.bit_rate = bitrate
        self._stream.codec_context.time_base = Fraction(1, rate)
        self._stream.codec_context.thread_count = 1
        self._fifo = AudioFifo()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        elif self._container is not None:
            container, self._container = self._container, None
            container.close()

    @property
    def sample_count(self) -> int:
        """How many samples of each channel were written."""
        return self._count

    def write(self, samples: npt.NDArray[np.float32]) -> None:
        """Append samples [channels, n] in -1..1; more is clipped. Raises ValueError for another number of channels."""
        if self._container is None:
            raise ValueError("the writer is closed")
        if samples.ndim != 2 or samples.shape[0] != self._channels:
            raise ValueError(f"expected [{self._channels}, n] samples, not {samples.shape}")
        if not samples.shape[1]:
            return
        block = np.ascontiguousarray(np.clip(samples, -1.0, 1.0), dtype=np.float32)
        frame = AudioFrame.from_ndarray(block, format="fltp", layout=self._layout)
        frame.sample_rate = self._rate
        frame.time_base = Fraction(1, self._rate)
        frame.pts = self._count
        self._count += block.shape[1]
        self._fifo.write(frame)
        self._encode(self._stream.codec_context.frame_size or 1024, partial=False)

    def close(self) -> None:
        """Finish the file. Repeatable."""
        container = self._container
        if container is None:
            return
        try:
            if self._count:
                self._encode(self._stream.codec_context.frame_size or 1024, partial=True)
                container.mux(self._stream.encode(None))
        finally:
            self._container = None
            container.close()

    def _encode(self, size: int, *, partial: bool) -> None:
        assert self._container is not None
        while self._fifo.samples >= size or (partial and self._fifo.samples):
            frame = self._fifo.read(size, partial=partial)
            if frame is None:
                return
            self._container.mux(self._stream.encode(frame))
