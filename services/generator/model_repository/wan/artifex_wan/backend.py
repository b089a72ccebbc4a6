"""One loaded model: what Triton's Python backend calls."""

from __future__ import annotations

import json
import os
import sys
import traceback
import uuid
from pathlib import Path
from typing import Any

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")

import torch
import triton_python_backend_utils as pb_utils
from diffusers import DiffusionPipeline
from diffusers.utils import logging as diffusers_logging

from artifex_wan.denoise import Cancelled, generate
from artifex_wan.events import Responder, blocks
from artifex_wan.orphan import die_with_parent
from artifex_wan.spec import Limits, Spec, SpecError
from artifex_wan.tracing import Tracing


class WanBackend:
    """Requests are answered one at a time, in order; Triton queues the others."""

    def initialize(self, args: dict[str, str]) -> None:
        die_with_parent()
        parameters = json.loads(args["model_config"])["parameters"]
        values = {key: entry["string_value"] for key, entry in parameters.items()}
        torch.set_num_threads(int(values["threads"]))
        self._digest = values["weights_digest"]
        self._limits = Limits.from_card(json.loads(values["card"]))
        self._device = values["device"]
        if self._device == "auto":
            self._device = "cuda" if torch.cuda.is_available() else "cpu"
        self._dtype = torch.bfloat16 if self._device == "cuda" else torch.float32
        self._tracing = Tracing(values["otlp_endpoint"])
        self._model = args["model_name"]
        self._pipeline = self._load(Path(values["weights"]))

    def _load(self, weights: Path) -> Any:
        diffusers_logging.disable_progress_bar()
        pipeline = DiffusionPipeline.from_pretrained(
            weights,
            local_files_only=True,
            # The VAE loses detail below float32.
            dtype={"default": self._dtype, "vae": torch.float32},
        )
        pipeline.set_progress_bar_config(disable=True)
        return pipeline.to(self._device)

    def execute(self, requests: list[Any]) -> None:
        for request in requests:
            responder = Responder(request)
            try:
                self._answer(request, responder)
            except Cancelled:
                responder.finish("cancelled")
            except SpecError as error:
                responder.finish("refused", field=error.field, description=error.description)
            except Exception:  # noqa: BLE001 - the boundary: the caller gets an id, the log the trace
                error_id = uuid.uuid4().hex
                print(f"request failed, error_id={error_id}\n{traceback.format_exc()}", file=sys.stderr, flush=True)  # noqa: T201
                responder.finish("failed", error_id=error_id)

    def _answer(self, request: Any, responder: Responder) -> None:
        def check_cancelled() -> None:
            if responder.is_cancelled():
                raise Cancelled

        with self._tracing.request(f"generate {self._model}", _text(request, "TRACEPARENT"), device=self._device):
            spec = Spec.parse(_text(request, "REQUEST"), self._limits)
            clip = generate(
                self._pipeline,
                spec,
                text_tokens=self._limits.text_tokens,
                on_step=lambda done: responder.send("step", step=done, steps=spec.steps),
                check_cancelled=check_cancelled,
                span=self._tracing.span,
            )
            for offset, block in blocks(clip):
                check_cancelled()
                responder.send("frames", block, offset=offset)
            responder.finish(
                "done",
                device=self._device,
                dtype=str(self._dtype).removeprefix("torch."),
                weights_digest=self._digest,
                frame_count=spec.frame_count,
                bytes=clip.size,
            )

    def finalize(self) -> None:
        self._tracing.close()


def _text(request: Any, name: str) -> str:
    value: bytes = pb_utils.get_input_tensor_by_name(request, name).as_numpy().reshape(-1)[0]
    return value.decode()
