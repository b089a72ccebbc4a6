"""The answers to a request, each one decoupled response: an EVENT (JSON), some with FRAMES beside it.

    {"kind": "step", "step": 3, "steps": 8}
    {"kind": "frames", "offset": 0}                    FRAMES: clip bytes from `offset`, at most BLOCK_BYTES
    {"kind": "done", "device": "cpu", "dtype": "float32", "weights_digest": "...", "frame_count": 33, "bytes": 3649536}
    {"kind": "cancelled"}
    {"kind": "refused", "field": "width", "description": "must be ..."}
    {"kind": "failed", "error_id": "..."}              the trace is in Triton's log, under the id

`step` repeats; `frames` follow the last step; exactly one of the last four ends the stream.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import triton_python_backend_utils as pb_utils

BLOCK_BYTES = 1_000_000


class Responder:
    """Sends the events of one request."""

    def __init__(self, request: Any) -> None:
        self._sender = request.get_response_sender()

    def is_cancelled(self) -> bool:
        return bool(self._sender.is_cancelled())

    def send(self, kind: str, frames: npt.NDArray[np.uint8] | None = None, **values: object) -> None:
        self._sender.send(_response(kind, frames, values))

    def finish(self, kind: str, **values: object) -> None:
        """Send the event that ends the stream, and its end with it."""
        self._sender.send(_response(kind, None, values), flags=pb_utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL)


def _response(kind: str, frames: npt.NDArray[np.uint8] | None, values: Mapping[str, object]) -> Any:
    event = json.dumps({"kind": kind, **values}).encode()
    tensors = [pb_utils.Tensor("EVENT", np.array([event], dtype=np.object_))]
    if frames is not None:
        tensors.append(pb_utils.Tensor("FRAMES", frames))
    return pb_utils.InferenceResponse(tensors)


def blocks(clip: npt.NDArray[np.uint8]) -> Iterator[tuple[int, npt.NDArray[np.uint8]]]:
    """The clip's bytes in order, as (offset, bytes) of at most BLOCK_BYTES."""
    flat = clip.reshape(-1)
    for offset in range(0, flat.size, BLOCK_BYTES):
        yield offset, flat[offset : offset + BLOCK_BYTES]
