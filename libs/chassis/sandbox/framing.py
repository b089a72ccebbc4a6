"""The words between a sandbox and its child: a JSON object behind its length, four bytes, big-endian.

JSON and never pickle: the child works on files of strangers, and what it says must not be able to run code here. In a
session the bodies are bytes whose meaning the two sides agree on, under the same rule.
"""

import json
import struct
from typing import Any, BinaryIO

HEADER = struct.Struct(">I")
MAX_FRAME = 64 * 1024 * 1024
CRASH_OUT_OF_MEMORY = 97  # exit status with which a child tells that it ran out of memory


def encode(message: dict[str, Any]) -> bytes:
    """One frame; raises TypeError for what JSON cannot say and ValueError for more than 64 MiB."""
    return pack(json.dumps(message, separators=(",", ":"), allow_nan=False).encode())


def pack(body: bytes) -> bytes:
    """One frame; raises ValueError for more than 64 MiB."""
    if len(body) > MAX_FRAME:
        raise ValueError("a sandbox message is limited to 64 MiB; pass large data as files")
    return HEADER.pack(len(body)) + body


def read(stream: BinaryIO) -> dict[str, Any] | None:
    """The next frame of a blocking stream; None at its end."""
    body = read_body(stream)
    if body is None:
        return None
    message: dict[str, Any] = json.loads(body)
    return message


def read_body(stream: BinaryIO) -> bytes | None:
    """The next frame's body; None at the stream's end, also where it ends within a frame."""
    header = stream.read(HEADER.size)
    if len(header) < HEADER.size:
        return None
    (length,) = HEADER.unpack(header)
    body = stream.read(length)
    return body if len(body) == length else None
