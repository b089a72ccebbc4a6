"""The compressed pictures of a file, told apart without decoding them.

What was decoded once need not be decoded again after its packets were copied: equal packets behind equal decoder
settings, from a keyframe on, are equal pictures.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
from av.packet import Packet

from libs.frames.containers import DEFAULT_LIMITS, Limits, open_input, picture_streams
from libs.frames.errors import MediaUnreadable


@dataclass(frozen=True)
class Payload:
    """How many packets there are, and the SHA-256 of their bytes in decoding order."""

    packets: int
    digest: str


class PayloadHash:
    """Sums up packets as they pass."""

    def __init__(self) -> None:
        self._packets = 0
        self._hash = hashlib.sha256()

    def add(self, packet: Packet[Any]) -> None:
        self._packets += 1
        self._hash.update(memoryview(packet))

    def result(self) -> Payload:
        return Payload(self._packets, self._hash.hexdigest())


def video_payload(path: Path | str, limits: Limits = DEFAULT_LIMITS) -> Payload:
    """The payload of the first video stream, read packet by packet. Raises MediaUnreadable."""
    path = Path(path)
    passed = PayloadHash()
    with open_input(path, limits) as container:
        streams = picture_streams(container)
        try:
            for packet in container.demux(streams[0]) if streams else ():
                if packet.size:
                    passed.add(packet)
        except av.FFmpegError as error:
            raise MediaUnreadable(path, f"its video cannot be read ({error.strerror})") from error
    return passed.result()
