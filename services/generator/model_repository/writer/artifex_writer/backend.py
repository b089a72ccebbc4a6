"""What Triton's Python backend calls.

A request is JSON, {"messages": [{"role": "user", "content": "..."}], "max_tokens": 700}: a chat that the model is to
answer. The answer is one EVENT, JSON too:

    {"kind": "done", "text": "...", "writer": "qwen2.5-1.5b-instruct 0123456789ab", "tokens": 231, "seconds": 9.1}
    {"kind": "cancelled"}
    {"kind": "failed", "error_id": "..."}              the trace is in Triton's log, under the id
"""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
import uuid
from pathlib import Path
from typing import Any

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")

import numpy as np
import torch
import triton_python_backend_utils as pb_utils

from artifex_process.orphan import die_with_parent
from artifex_process.tracing import Tracing
from artifex_writer.chat import Chat, Stopped


class WriterBackend:
    """Requests are answered one at a time, in order; Triton queues the others."""

    def initialize(self, args: dict[str, str]) -> None:
        die_with_parent()
        parameters = json.loads(args["model_config"])["parameters"]
        values = {key: entry["string_value"] for key, entry in parameters.items()}
        torch.set_num_threads(int(values["threads"]))
        device = values["device"]
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        self._writer = values["writer"]
        self._tracing = Tracing(values["otlp_endpoint"])
        self._chat = Chat(Path(values["weights"]), device)

    def execute(self, requests: list[Any]) -> list[Any]:
        return [self._response(request) for request in requests]

    def _response(self, request: Any) -> Any:
        try:
            event = self._answer(request)
        except Stopped:
            event = {"kind": "cancelled"}
        except Exception:  # noqa: BLE001 - the boundary: the caller gets an id, the log the trace
            error_id = uuid.uuid4().hex
            print(f"request failed, error_id={error_id}\n{traceback.format_exc()}", file=sys.stderr, flush=True)  # noqa: T201
            event = {"kind": "failed", "error_id": error_id}
        data = np.array([json.dumps(event).encode()], dtype=np.object_)
        return pb_utils.InferenceResponse([pb_utils.Tensor("EVENT", data)])

    def _answer(self, request: Any) -> dict[str, object]:
        asked = json.loads(_text(request, "REQUEST"))
        began = time.monotonic()
        with self._tracing.request("write prompt", _text(request, "TRACEPARENT"), writer=self._writer):
            text, tokens = self._chat.answer(asked["messages"], int(asked["max_tokens"]), request.is_cancelled)
        seconds = time.monotonic() - began
        return {"kind": "done", "text": text, "writer": self._writer, "tokens": tokens, "seconds": seconds}

    def finalize(self) -> None:
        self._tracing.close()


def _text(request: Any, name: str) -> str:
    value: bytes = pb_utils.get_input_tensor_by_name(request, name).as_numpy().reshape(-1)[0]
    return value.decode()
