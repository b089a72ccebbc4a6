"""What a session and its child say to each other: one letter, and a body that depends on it.

To the child
    Q   a request of the client behind its number, eight bytes, big-endian
    J   an object: {"begin": …}, {"assets": …}, {"play": …}, {"stop": …}
    S   an object: which steps of the playback are worth rendering now; unlike the others it interrupts nothing
From the child
    W   a response for the client, to be passed on
    P   a part of a picture, likewise a response; E ends it, with an object
    J   an object: {"assets": [names]}, {"idle": number}, {"failure": …}

Objects are JSON and responses protobuf: whatever the child has become, what it says cannot run code in the service.
"""

from __future__ import annotations

import json
import struct
from typing import Any, Final

from artifex.graph.v1 import preview_pb2

REQUEST: Final = b"Q"
OBJECT: Final = b"J"
STEPS: Final = b"S"
WORD: Final = b"W"
PART: Final = b"P"
END: Final = b"E"

_NUMBER: Final = struct.Struct(">Q")


def pack_object(letter: bytes, value: dict[str, Any]) -> bytes:
    return letter + json.dumps(value, separators=(",", ":"), allow_nan=False).encode()


def pack_request(number: int, request: preview_pb2.PreviewRequest) -> bytes:
    return REQUEST + _NUMBER.pack(number) + request.SerializeToString()


def pack_response(letter: bytes, response: preview_pb2.PreviewResponse) -> bytes:
    return letter + response.SerializeToString()


def unpack_object(body: bytes) -> dict[str, Any]:
    """Of a whole message. Raises ValueError for what is no object."""
    value = json.loads(body[1:])
    if not isinstance(value, dict):
        raise ValueError("not an object")
    return value


def unpack_request(body: bytes) -> tuple[int, preview_pb2.PreviewRequest]:
    (number,) = _NUMBER.unpack_from(body, 1)
    return number, preview_pb2.PreviewRequest.FromString(body[1 + _NUMBER.size :])


def unpack_response(body: bytes) -> preview_pb2.PreviewResponse:
    """Raises `google.protobuf.message.DecodeError`."""
    return preview_pb2.PreviewResponse.FromString(body[1:])
