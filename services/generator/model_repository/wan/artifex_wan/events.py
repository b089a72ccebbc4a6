"""The answers to a request, each one decoupled response: an EVENT (JSON), some with BYTES beside it.

    {"kind": "resumed", "step": 6}                     a checkpoint was taken up; six steps need not be made
    {"kind": "step", "step": 7, "steps": 12, "expert": "low_noise", "seconds_left": 3.1}
    {"kind": "preview", "step": 8, "width": 64, "height": 64, "offset": 0}  BYTES: of one frame, RGB
    {"kind": "checkpoint", "step": 8, "offset": 0, "size": 90112}  BYTES: of the checkpoint, from `offset` on
    {"kind": "frames", "offset": 0}                    BYTES: of the clip, from `offset` on
    {"kind": "kept", "size": 90112}                    a piece of a checkpoint to resume from has arrived
    {"kind": "done", "device": "cpu", "dtype": "float32", "weights_digest": "...", "seconds": 4.2,
     "sampler": "unipc", "sigmas": [...], "load": {...}, "versions": {"torch": "...", ...},
     "step_cache": null, or {"cache": "first_block", "passes": 80, "taken_over": 31, "times": 1.61},
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
import queue
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import triton_python_backend_utils as pb_utils

BLOCK_BYTES: Final = 1_000_000
_MOST_WAITING: Final = 16
"""Events on their way at once, at most: with frames, as many megabytes."""
_LOOK_SECONDS: Final = 0.05
"""From one look for a caller who went away to the next. Triton answers in half a millisecond, which a quick step is not
to wait for."""
_Event = tuple[str, npt.NDArray[np.uint8] | None, Mapping[str, object]]
"""Its kind, its bytes and its values."""


class Responder:
    """Sends the events of one request, in order, on a thread: Triton takes each one a while, and the model works on.

    `send` waits where many events are on their way, so that a clip never piles up.
    """

    def __init__(self, request: Any) -> None:
        self._sender = request.get_response_sender()
        self._waiting: queue.Queue[_Event | None] = queue.Queue(_MOST_WAITING)
        self._failure: BaseException | None = None
        self._cancelled = bool(self._sender.is_cancelled())
        self._looked = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="events", daemon=True)
        self._thread.start()

    def is_cancelled(self) -> bool:
        """Whether the caller went away; known within a twentieth of a second."""
        return self._cancelled

    def send(self, kind: str, data: npt.NDArray[np.uint8] | None = None, **values: object) -> None:
        """`data` is not to be changed afterwards. Raises what became of an event before."""
        if self._failure is not None:
            raise self._failure
        self._waiting.put((kind, data, values))

    def flush(self) -> None:
        """Wait until all are out. Raises what became of them."""
        self._waiting.join()
        if self._failure is not None:
            raise self._failure

    def finish(self, kind: str, **values: object) -> None:
        """Send the event that ends the stream, and its end with it, once all others are out."""
        self._waiting.put(None)
        self._thread.join()
        self._sender.send(_response(kind, None, values), flags=pb_utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL)

    def _run(self) -> None:
        while (event := self._next()) is not None:
            try:
                # What follows on a lost one would be misunderstood.
                if self._failure is None:
                    self._sender.send(_response(*event))
            except Exception as error:  # noqa: BLE001 - told to whoever sends the next
                self._failure = error
            finally:
                self._waiting.task_done()

    def _next(self) -> _Event | None:
        """What is to be sent next; None at the end."""
        while True:
            if time.monotonic() - self._looked >= _LOOK_SECONDS:
                self._look()
            with suppress(queue.Empty):
                return self._waiting.get(timeout=_LOOK_SECONDS)

    def _look(self) -> None:
        try:
            self._cancelled = bool(self._sender.is_cancelled())
        except Exception as error:  # noqa: BLE001 - told to whoever sends the next
            self._failure = error
        self._looked = time.monotonic()


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
