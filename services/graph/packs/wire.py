"""What passes between the engine and a pack's process: small JSON messages, and pixels through shared memory.

A message is a JSON object behind its length, four bytes, big-endian; JSON and never pickle, since neither side trusts
the other to run code in it. Arrays lie in an arena, an anonymous file that both sides map; messages name their place.
The engine makes the arena; who speaks has it to itself until the answer, and may make it larger.
"""

from __future__ import annotations

import json
import mmap
import os
import socket
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

_HEADER = struct.Struct(">I")
_MAX_MESSAGE = 16 << 20
_ALIGN = 64

Message = dict[str, Any]


class Closed(Exception):
    """The other side is gone."""


def send(channel: socket.socket, message: Message) -> None:
    """Raises Closed, or ValueError for a message of more than 16 MiB or with numbers that JSON lacks."""
    body = json.dumps(message, separators=(",", ":"), allow_nan=False).encode()
    if len(body) > _MAX_MESSAGE:
        raise ValueError("a message to or from a node pack is limited to 16 MiB")
    try:
        channel.sendall(_HEADER.pack(len(body)) + body)
    except (BrokenPipeError, ConnectionError) as error:
        raise Closed from error


def receive(channel: socket.socket) -> Message:
    """The next message. Raises Closed, also for one that is no message, and TimeoutError as the channel has it."""
    (length,) = _HEADER.unpack(_exactly(channel, _HEADER.size))
    if length > _MAX_MESSAGE:
        raise Closed
    try:
        message = json.loads(_exactly(channel, length))
    except ValueError as error:
        raise Closed from error
    if not isinstance(message, dict):
        raise Closed
    return message


def _exactly(channel: socket.socket, size: int) -> bytes:
    parts = bytearray()
    while len(parts) < size:
        try:
            part = channel.recv(min(size - len(parts), 1 << 20))
        except ConnectionError as error:
            raise Closed from error
        if not part:
            raise Closed
        parts += part
    return bytes(parts)


class Arena:
    """Shared memory for float32 arrays. Not safe to share between threads."""

    def __init__(self, descriptor: int) -> None:
        """`descriptor`: of the anonymous file, which the arena closes."""
        self._descriptor = descriptor
        self._map: mmap.mmap | None = None
        self._used = 0

    @classmethod
    def create(cls) -> Arena:
        """A new, empty one."""
        return cls(os.memfd_create("node-pack", os.MFD_CLOEXEC))

    @property
    def descriptor(self) -> int:
        return self._descriptor

    def clear(self) -> None:
        """Forget what was put; arrays that were got must not be used any more."""
        self._used = 0

    def put(self, array: NDArray[np.float32]) -> Message:
        """Copy an array in; what names it in a message."""
        place = self._reserve(array.nbytes)
        np.ndarray(array.shape, np.float32, self._mapped(), place)[...] = array
        return {"at": place, "shape": list(array.shape)}

    def get(self, named: Message) -> NDArray[np.float32]:
        """A copy of a named array. Raises ValueError for a place outside."""
        at, shape = int(named["at"]), tuple(int(side) for side in named["shape"])
        size = int(np.prod(shape, dtype=np.int64)) * 4
        if at < 0 or min(shape, default=0) < 0 or at + size > os.fstat(self._descriptor).st_size:
            raise ValueError("the array lies outside of the shared memory")
        return np.ndarray(shape, np.float32, self._mapped(), at).copy() if size else np.zeros(shape, np.float32)

    def close(self) -> None:
        """Repeatable."""
        if self._map is not None:
            self._map.close()
            self._map = None
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _reserve(self, size: int) -> int:
        place = -(-self._used // _ALIGN) * _ALIGN
        self._used = place + size
        if self._used > os.fstat(self._descriptor).st_size:
            os.ftruncate(self._descriptor, max(self._used, 1))
        return place

    def _mapped(self) -> mmap.mmap:
        size = os.fstat(self._descriptor).st_size
        if self._map is None or len(self._map) < size:
            # The other side may have made the file larger; an older map goes with the last array on it.
            self._map = mmap.mmap(self._descriptor, max(size, 1))
        return self._map
