"""One loaded model: what Triton's Python backend calls.

A request is JSON, {"spec": {...}, "resume": "UPLOAD", "load": {...}}: a clip (see spec.py); the upload of the
checkpoint that it goes on from, or ""; and how the model is to lie in memory (see options.py), where that is to be
otherwise than the model was loaded. Checkpoints come before it, in requests of their own: {"piece": "UPLOAD",
"offset": 0}.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
import traceback
import uuid
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")

import numpy as np
import torch
import triton_python_backend_utils as pb_utils
from diffusers.utils import logging as diffusers_logging

from artifex_process.orphan import die_with_parent
from artifex_process.tracing import Tracing
from artifex_wan.decode import decoded, still
from artifex_wan.denoise import Run, begun, resumed
from artifex_wan.events import Responder, blocks
from artifex_wan.loading import Model, check_attention
from artifex_wan.loras import Loras
from artifex_wan.options import Options
from artifex_wan.pieces import Pieces
from artifex_wan.spec import Limits, Spec, SpecError
from artifex_wan.stages import Stages, is_out_of_memory

_RECORDED: Final = ("torch", "diffusers", "transformers", "tokenizers", "peft", "gguf", "numpy")
"""Packages whose versions may change a clip."""
_WAITING: Final = {"experts": "swapped", "text_encoder": "swapped"}
"""How a model lies in memory until it is asked for a clip, where its operator does not say it: on the host."""


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
        self._weights = Path(values["weights"])
        self._usual = json.loads(values["load"])
        self._tracing = Tracing(values["otlp_endpoint"])
        self._name = args["model_name"]
        self._pieces = Pieces()
        self._preview_seconds: dict[tuple[int, int], float] = {}
        diffusers_logging.disable_progress_bar()
        try:
            # What the first request wants of it is not known yet, and on the device there may be room for that alone.
            self._read(Options.parse({**_WAITING, **self._usual}))
        except (SpecError, ValueError) as error:
            # Triton tells whoever asked for the model.
            raise pb_utils.TritonModelException(str(error)) from error

    def _read(self, options: Options) -> None:
        check_attention(options.attention, self._device)
        # What is in memory goes before what is to take its place.
        self._model: Model | None = None
        self._loras: Loras | None = None
        gc.collect()
        self._model = Model.read(self._weights, self._device, options)
        self._loras = Loras(self._model, self._weights)

    def _ready(self, load: object, spec: Spec) -> Model:
        """The model as the request wants it."""
        if not isinstance(load, dict):
            raise SpecError("load", "must be an object")
        options = Options.parse({**self._usual, **load})
        if self._model is None or (options != self._model.options and not self._model.adapt(options)):
            with self._tracing.span("wan.load"):
                self._read(options)
        assert self._model is not None
        assert self._loras is not None
        self._loras.wear(spec.loras)
        return self._model

    def execute(self, requests: list[Any]) -> None:
        for request in requests:
            began = time.monotonic()
            responder = Responder(request)
            stages = Stages(torch.device(self._device))
            kind, values = self._outcome(request, responder, stages)
            if kind == "out_of_memory":
                # Only here is everything let go of that the failure's own trace held.
                gc.collect()
                torch.cuda.empty_cache()
            responder.finish(kind, **values)
            self._pieces.waited(time.monotonic() - began)

    def _outcome(self, request: Any, responder: Responder, stages: Stages) -> tuple[str, dict[str, object]]:
        """Answer all but the event that ends the stream, which is returned."""
        try:
            return self._answer(request, responder, stages)
        except Cancelled:
            return "cancelled", {}
        except SpecError as error:
            return "refused", {"field": error.field, "description": error.description}
        except Exception as error:  # noqa: BLE001 - the boundary: the caller gets an id, the log the trace
            if is_out_of_memory(error):
                if stages.at == "load":
                    self._model = self._loras = None
                return "out_of_memory", {"stage": stages.at}
            error_id = uuid.uuid4().hex
            print(f"request failed, error_id={error_id}\n{traceback.format_exc()}", file=sys.stderr, flush=True)  # noqa: T201
            return "failed", {"error_id": error_id}

    def _answer(self, request: Any, responder: Responder, stages: Stages) -> tuple[str, dict[str, object]]:
        asked = json.loads(_text(request, "REQUEST"))
        if "piece" in asked:
            data = pb_utils.get_input_tensor_by_name(request, "PIECE").as_numpy().tobytes()
            try:
                return "kept", {"size": self._pieces.keep(str(asked["piece"]), int(asked["offset"]), data)}
            except ValueError as error:
                raise SpecError("resume", str(error)) from error
        with self._tracing.request(f"generate {self._name}", _text(request, "TRACEPARENT"), device=self._device):
            spec = Spec.parse(json.dumps(asked["spec"]), self._limits)
            pictures = _pictures(request, spec)
            began = time.monotonic()
            # Nobody waits for it any more, perhaps; to lay the model otherwise may take minutes.
            self._check_cancelled(responder)
            with stages.stage("load"):
                model = self._ready(asked.get("load", {}), spec)
            with torch.inference_mode():
                with stages.stage("encode"):
                    run = self._run(model, spec, pictures, asked.get("resume", ""), responder)
                with stages.stage("denoise"):
                    self._denoise(model, run, responder)
                with stages.stage("decode"):
                    sent = self._decode(model, run, responder)
            responder.flush()
            return "done", {
                "device": self._device,
                "device_name": _device_name(self._device),
                "dtype": str(model.pipeline.transformer.dtype).removeprefix("torch."),
                "weights_digest": self._digest,
                "frame_count": spec.frame_count,
                "bytes": sent,
                "seconds": time.monotonic() - began,
                "sampler": spec.sampler,
                "sigmas": run.sigmas,
                "step_cache": None if run.cache_use is None else asdict(run.cache_use),
                "load": model.laid,
                "stages": stages.told(),
                "versions": {name: version(name) for name in _RECORDED},
            }

    def _run(self, model: Model, spec: Spec, pictures: Any, upload: str, responder: Responder) -> Run:
        self._check_cancelled(responder)
        if upload:
            try:
                run = resumed(model, spec, pictures, self._pieces.take(upload))
            except ValueError as error:
                raise SpecError("resume", str(error)) from error
            responder.send("resumed", step=run.done)
            return run
        with self._tracing.span("wan.encode"):
            return begun(model, spec, pictures, self._limits.text_tokens)

    def _denoise(self, model: Model, run: Run, responder: Responder) -> None:
        spec, first, began = run.spec, run.done, time.monotonic()
        kept, previews = first, 0.0
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
            due = spec.preview_every and run.done % spec.preview_every == 0
            # It takes as long as the last time; the first one of a size is made to find that out.
            allowed = spec.preview_share * each * (run.steps - first)
            taken = previews + self._preview_seconds.get(spec.size, 0.0)
            if due and (spec.preview_share == 1 or taken <= allowed):
                previews += self._preview(model, run, responder)
            if (
                spec.checkpoint_every
                and run.done // spec.checkpoint_every > kept // spec.checkpoint_every
                and run.rests
            ):
                kept = run.done
                saved = np.frombuffer(run.saved(), np.uint8)
                for offset, block in blocks(saved):
                    responder.send("checkpoint", block, step=run.done, offset=offset, size=saved.size)

    def _preview(self, model: Model, run: Run, responder: Responder) -> float:
        """Seconds that it took."""
        _wait_for(model.device)
        began = time.monotonic()
        with self._tracing.span("wan.preview", step=run.done):
            frame = still(model.vae, run.glimpse())
        height, width, _ = frame.shape
        for offset, block in blocks(frame):
            responder.send("preview", block, step=run.done, width=width, height=height, offset=offset)
        seconds = time.monotonic() - began
        self._preview_seconds[run.spec.size] = seconds
        return seconds

    def _decode(self, model: Model, run: Run, responder: Responder) -> int:
        """How many bytes were sent."""
        sent = 0
        with self._tracing.span("wan.decode", frames=run.spec.frame_count):
            for frames in decoded(model.vae, run.finished()):
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


def _wait_for(device: torch.device) -> None:
    """Until what was given to the device is done."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _device_name(device: str) -> str:
    return str(torch.cuda.get_device_name()) if device == "cuda" else device


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
