"""The answers to a request, each one decoupled response: an EVENT (JSON), some with BYTES beside it.

    {"kind": "resumed", "step": 6}                     a checkpoint was taken up; six steps need not be made
    {"kind": "step", "step": 7, "steps": 12, "expert": "low_noise", "seconds_left": 3.1}
    {"kind": "preview", "step": 8, "width": 64, "height": 64, "offset": 0}  BYTES: of one frame, RGB
    {"kind": "checkpoint", "step": 8, "offset": 0, "size": 90112}  BYTES: of the checkpoint, from `offset` on
    {"kind": "frames", "offset": 0}                    BYTES: of the clip, from `offset` on
    {"kind": "kept", "size": 90112}                    a piece of a checkpoint to resume from has arrived
    {"kind": "done", "device": "cpu", "dtype": "float32", "weights_digest": "...", "seconds": 4.2,
     "sampler": "unipc", "sigmas": [...], "load": {...}, "versions": {"torch": "...", ...},
     "stages": {"denoise": {"seconds": 3.9, "peak_bytes": 0}, ...}, ...}
    {"kind": "cancelled"}
    {"kind": "refused", "field": "width", "description": "must be ..."}
    {"kind": "out_of_memory", "stage": "denoise"}      or "load", "encode", "decode"
    {"kind": "failed", "error_id": "..."}              the trace is in Triton's log, under the id

No BYTES are longer than BLOCK_BYTES. `frames` follow the last step; exactly one of `kept` and the four below it ends a
stream.
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

    def send(self, kind: str, data: npt.NDArray[np.uint8] | None = None, **values: object) -> None:
        self._sender.send(_response(kind, data, values))

    def finish(self, kind: str, **values: object) -> None:
        """Send the event that ends the stream, and its end with it."""
        self._sender.send(_response(kind, None, values), flags=pb_utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL)


def _response(kind: str, data: npt.NDArray[np.uint8] | None, values: Mapping[str, object]) -> Any:
    event = json.dumps({"kind": kind, **values}).encode()
    tensors = [pb_utils.Tensor("EVENT", np.array([event], dtype=np.object_))]
    if data is not None:
        tensors.append(pb_utils.Tensor("BYTES", data))
    return pb_utils.InferenceResponse(tensors)


def blocks(data: npt.NDArray[np.uint8]) -> Iterator[tuple[int, npt.NDArray[np.uint8]]]:
    """The bytes in order, as (offset, bytes) of at most BLOCK_BYTES."""
    flat = data.reshape(-1)
    for offset in range(0, flat.size, BLOCK_BYTES):
        yield offset, flat[offset : offset + BLOCK_BYTES]
