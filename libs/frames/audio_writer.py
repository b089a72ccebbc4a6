"""Writing sound to the sample, in the codecs of `libs.frames.codecs.audio`."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

import av
import numpy as np
import numpy.typing as npt
from av.audio.fifo import AudioFifo
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import OutputContainer

from libs.frames.codecs import AUDIO_CODECS
from libs.frames.codecs.sounds import SOUNDS

LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}


class AudioWriter:
    """Samples in order; sample n of what was written is heard at n / rate. Close it, or use it in a `with`.

    The encoder's delay is written as an edit list or a codec delay, which every reader here and every player skips.
    FLAC and PCM keep 24 bits of each sample, rounded to the nearest. The file is complete only after `close`. Memory is
    one codec frame.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        rate: int = 48000,
        channels: int = 2,
        codec: str = "aac",
        bitrate: int = 192_000,
        container: str = "",
    ) -> None:
        """`rate` in samples a second, 48,000 for Opus; `channels` 1, 2, 6 (5.1) or 8 (7.1); `codec` by its name.

        `bitrate` is in bits a second for all channels; of use to AAC and Opus. `container` is one of
        `libs.frames.codecs.sounds`; without it the file is the codec's own carrier.
        """
        if channels not in LAYOUTS:
            raise ValueError(f"{channels} channels cannot be written; use 1, 2, 6 or 8")
        self._codec = AUDIO_CODECS[codec]
        if codec == "opus" and rate != 48000:
            raise ValueError(f"Opus is written at 48,000 samples a second, not at {rate}")
        self._layout = LAYOUTS[channels]
        self._channels = channels
        self._rate = rate
        self._count = 0
        file = SOUNDS.get(container)
        self._container: OutputContainer | None = av.open(
            f"file:{path}",
            mode="w",
            format=file.format if file else self._codec.carrier,
            container_options={"fflags": "+bitexact", **(file.options if file else {})},
        )
        self._stream = cast(AudioStream, self._container.add_stream(self._codec.encoder, rate=rate))
        context = self._stream.codec_context
        context.layout = self._layout
        context.format = self._codec.sample_format
        if not self._codec.lossless:
            context.bit_rate = bitrate
        context.time_base = Fraction(1, rate)
        context.thread_count = 1
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
        """Append samples [channels, n] in -1..1; more is clipped, unless the codec keeps floats.

        Raises ValueError for another number of channels.
        """
        if self._container is None:
            raise ValueError("the writer is closed")
        if samples.ndim != 2 or samples.shape[0] != self._channels:
            raise ValueError(f"expected [{self._channels}, n] samples, not {samples.shape}")
        if not samples.shape[1]:
            return
        frame = self._frame(samples if self._codec.floats else np.clip(samples, -1.0, 1.0))
        frame.sample_rate = self._rate
        frame.time_base = Fraction(1, self._rate)
        frame.pts = self._count
        self._count += samples.shape[1]
        self._fifo.write(frame)
        self._encode(partial=False)

    def close(self) -> None:
        """Finish the file. Repeatable."""
        container = self._container
        if container is None:
            return
        try:
            if self._count:
                self._encode(partial=True)
                container.mux(self._stream.encode(None))
        finally:
            self._container = None
            container.close()

    def _frame(self, samples: npt.NDArray[np.float32]) -> AudioFrame:
        kind = self._codec.sample_format
        if self._codec.lossless and not self._codec.floats:
            steps = 1 << (self._codec.bits - 1)
            codes = np.rint(samples.astype(np.float64) * steps)
            # The encoder takes the upper bits of a 32-bit word.
            word = np.minimum(codes, steps - 1).astype(np.int32) << (32 - self._codec.bits)
            return AudioFrame.from_ndarray(_packed(word), format=kind, layout=self._layout)
        block = np.ascontiguousarray(samples, dtype=np.float32)
        return AudioFrame.from_ndarray(block if kind == "fltp" else _packed(block), format=kind, layout=self._layout)

    def _encode(self, *, partial: bool) -> None:
        assert self._container is not None
        # Of sound that is not compressed, any number of samples is a frame.
        size = self._stream.codec_context.frame_size or 1024
        while self._fifo.samples >= size or (partial and self._fifo.samples):
            frame = self._fifo.read(size, partial=partial)
            if frame is None:
                return
            self._container.mux(self._stream.encode(frame))


def _packed(samples: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """[channels, n] as [1, n * channels], a sample of each channel by turns."""
    return np.ascontiguousarray(samples.T).reshape(1, -1)
