"""One loaded model: what Triton's Python backend calls.

A request is JSON, {"spec": {...}, "resume": "UPLOAD"}: a clip (see spec.py), and the upload of the checkpoint that it
goes on from, or "". Checkpoints come before it, in requests of their own: {"piece": "UPLOAD", "offset": 0}.
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
from diffusers import DiffusionPipeline
from diffusers.utils import logging as diffusers_logging

from artifex_wan.decode import decoded, still
from artifex_wan.denoise import Run, begun, resumed
from artifex_wan.events import Responder, blocks
from artifex_wan.orphan import die_with_parent
from artifex_wan.pieces import Pieces
from artifex_wan.spec import Limits, Spec, SpecError
from artifex_wan.tracing import Tracing


class Cancelled(Exception):
    """The caller went away; work stopped at the next step, or between two latent frames of the decode."""


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
        self._pieces = Pieces()
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
            except torch.OutOfMemoryError:
                torch.cuda.empty_cache()
                responder.finish("out_of_memory")
            except Exception:  # noqa: BLE001 - the boundary: the caller gets an id, the log the trace
                error_id = uuid.uuid4().hex
                print(f"request failed, error_id={error_id}\n{traceback.format_exc()}", file=sys.stderr, flush=True)  # noqa: T201
                responder.finish("failed", error_id=error_id)

    def _answer(self, request: Any, responder: Responder) -> None:
        asked = json.loads(_text(request, "REQUEST"))
        if "piece" in asked:
            data = pb_utils.get_input_tensor_by_name(request, "PIECE").as_numpy().tobytes()
            responder.finish("kept", size=self._pieces.keep(str(asked["piece"]), int(asked["offset"]), data))
            return
        with self._tracing.request(f"generate {self._model}", _text(request, "TRACEPARENT"), device=self._device):
            spec = Spec.parse(json.dumps(asked["spec"]), self._limits)
            began = time.monotonic()
            with torch.inference_mode():
                run = self._run(spec, _pictures(request, spec), asked.get("resume", ""), responder)
                self._denoise(run, responder)
                sent = self._decode(run, responder)
            responder.finish(
                "done",
                device=self._device,
                dtype=str(self._dtype).removeprefix("torch."),
                weights_digest=self._digest,
                frame_count=spec.frame_count,
                bytes=sent,
                seconds=time.monotonic() - began,
            )

    def _run(self, spec: Spec, pictures: dict[str, Any], upload: str, responder: Responder) -> Run:
        self._check_cancelled(responder)
        if upload:
            try:
                run = resumed(self._pipeline, spec, pictures, self._pieces.take(upload))
            except ValueError as error:
                raise SpecError("resume", str(error)) from error
            responder.send("resumed", step=run.done)
            return run
        with self._tracing.span("wan.encode"):
            return begun(self._pipeline, spec, pictures, self._limits.text_tokens)

    def _denoise(self, run: Run, responder: Responder) -> None:
        spec, first, began = run.spec, run.done, time.monotonic()
        while run.done < run.steps:
            self._check_cancelled(responder)
            expert = run.expert
            with self._tracing.span("wan.step", step=run.done + 1, steps=run.steps, expert=expert):
                run.advance()
            each = (time.monotonic() - began) / (run.done - first)
            left = round(each * (run.steps - run.done), 3)
            responder.send("step", step=run.done, steps=run.steps, expert=expert, seconds_left=left)
            if run.done == run.steps:
                return
            if spec.preview_every and run.done % spec.preview_every == 0:
                with self._tracing.span("wan.preview", step=run.done):
                    frame = still(self._pipeline.vae, run.glimpse())
                for offset, block in blocks(frame):
                    responder.send("preview", block, step=run.done, width=spec.width, height=spec.height, offset=offset)
            if spec.checkpoint_every and run.done % spec.checkpoint_every == 0:
                saved = np.frombuffer(run.saved(), np.uint8)
                for offset, block in blocks(saved):
                    responder.send("checkpoint", block, step=run.done, offset=offset, size=saved.size)

    def _decode(self, run: Run, responder: Responder) -> int:
        """How many bytes were sent."""
        sent = 0
        with self._tracing.span("wan.decode", frames=run.spec.frame_count):
            for frames in decoded(self._pipeline.vae, run.finished()):
                for offset, block in blocks(frames):
                    self._check_cancelled(responder)
                    responder.send("frames", block, offset=sent + offset)
                sent += frames.size
        return sent

    @staticmethod
    def _check_cancelled(responder: Responder) -> None:
        if responder.is_cancelled():
            raise Cancelled

    def finalize(self) -> None:
        self._tracing.close()


def _text(request: Any, name: str) -> str:
    value: bytes = pb_utils.get_input_tensor_by_name(request, name).as_numpy().reshape(-1)[0]
    return value.decode()


def _pictures(request: Any, spec: Spec) -> dict[str, Any]:
    """RGB of the clip's size, by name."""
    if not spec.pictures:
        return {}
    tensor = pb_utils.get_input_tensor_by_name(request, "PICTURES")
    shape = (len(spec.pictures), spec.height, spec.width, 3)
    if tensor is None or tensor.as_numpy().size != int(np.prod(shape)):
        raise SpecError("pictures", f"must be {shape[0]} of {spec.width}x{spec.height} pixels, RGB of 8 bits")
    return dict(zip(spec.pictures, tensor.as_numpy().reshape(shape), strict=True))
