"""The sound of a movie that is joined: packets with exact times, as long as the pictures."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.codec.context import CodecContext, Flags
from av.container import InputContainer
from av.packet import Packet

from libs.frames.codecs import AUDIO_CODECS
from libs.frames.codecs.movies import MOVIES
from libs.frames.errors import MediaUnreadable, MediaUnsupported


class SoundPackets:
    """The packets of a file's sound, timed by counting samples; what the encoder put before the first lies below 0.

    AAC goes on with encoded silence without end, as it can be cut anywhere. Other sound has to be as long as its
    pictures; `check_end` tells.
    """

    def __init__(self, container: InputContainer, path: Path, into: str) -> None:
        """`into`: the movie's container. Raises MediaUnreadable and MediaUnsupported."""
        streams = list(container.streams.audio)
        if not streams:
            raise MediaUnreadable(path, "it holds no sound")
        self.stream: AudioStream = streams[0]
        name = self.stream.codec_context.codec.canonical_name
        if not any(AUDIO_CODECS[codec].stream == name for codec in MOVIES[into].audio):
            raise MediaUnsupported(path, f"sound of {name} does not go into {into}")
        self.rate = self.stream.codec_context.sample_rate
        self._path = path
        self._endless = name == "aac"
        self._position = 0
        self._packets = self._with_silence(container) if self._endless else self._counted(container, name)

    def __iter__(self) -> Iterator[Packet[Any]]:
        return self._packets

    def cut(self, packet: Packet[Any], end: int) -> None:
        """Let AAC end at a sample within this packet, or later."""
        if self._endless:
            packet.duration = min(cast(int, packet.duration), end - cast(int, packet.pts))

    def check_end(self, rest: Packet[Any] | None, end: int) -> None:
        """Raise MediaUnsupported unless the sound ended at a sample. `rest` is what comes next, None for nothing."""
        if self._endless:
            return
        if rest is not None or self._position > end:
            raise MediaUnsupported(self._path, "the sound is longer than the pictures")
        if self._position < end:
            raise MediaUnsupported(self._path, "the sound is shorter than the pictures")

    def _with_silence(self, container: InputContainer) -> Iterator[Packet[Any]]:
        size = self.stream.codec_context.frame_size or 1024
        position: int | None = None
        for packet in container.demux(self.stream):
            if packet.pts is None:
                continue
            # The last packet says to be shorter, but decodes to a whole frame whose tail is silent like what follows.
            packet.duration = size
            position = packet.pts + size
            yield packet
        if position is None:
            raise MediaUnreadable(self._path, "it holds no sound")
        for silent in self._silence():
            yield self._placed(silent, position, size)
            position += size

    def _counted(self, container: InputContainer, name: str) -> Iterator[Packet[Any]]:
        # The samples before the first one that is meant stand in the header (RFC 7845, 5.1).
        skipped = struct.unpack_from("<H", self.stream.codec_context.extradata or bytes(12), 10)[0]
        self._position = -skipped if name == "opus" else 0
        for packet in container.demux(self.stream):
            if packet.size:
                samples = self._samples(packet, name)
                yield self._placed(packet, self._position, samples)
                self._position += samples

    def _samples(self, packet: Packet[Any], name: str) -> int:
        if name.startswith("pcm"):
            sample = AUDIO_CODECS["pcm"].bits // 8
            return packet.size // (sample * self.stream.codec_context.channels)
        return round(cast(int, packet.duration) * packet.time_base * self.rate)

    def _placed(self, packet: Packet[Any], position: int, samples: int) -> Packet[Any]:
        packet.time_base = Fraction(1, self.rate)
        packet.pts = packet.dts = position
        packet.duration = samples
        return packet

    def _silence(self) -> Iterator[Packet[Any]]:
        """Packets of encoded silence with the stream's own settings, without end."""
        like = self.stream.codec_context
        encoder = CodecContext.create("aac", "w")
        encoder.sample_rate, encoder.layout, encoder.format = like.sample_rate, like.layout, "fltp"
        encoder.time_base = Fraction(1, like.sample_rate)
        encoder.flags |= Flags.global_header
        encoder.open()
        if encoder.extradata != like.extradata:
            raise MediaUnsupported(self._path, "the sound is too short, and cannot be filled up in its format")
        silence = np.zeros((like.channels, encoder.frame_size), np.float32)
        while True:
            frame = AudioFrame.from_ndarray(silence, format="fltp", layout=like.layout)
            frame.sample_rate = like.sample_rate
            yield from encoder.encode(frame)
