"""The `ModelServer` port over Triton's gRPC, in the KServe v2 protocol with Triton's model control."""

from __future__ import annotations

import asyncio
import json
import logging
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from types import MappingProxyType, TracebackType
from typing import Any, Self

import grpc
from opentelemetry.trace import SpanKind, Status, StatusCode

from artifex.generator.v1.messages_pb2 import GenerationSpec, StepCache
from libs.chassis.errors import Internal, InvalidArgument, Unavailable, Violation
from libs.chassis.telemetry import inject, tracer
from services.generator.adapters.kserve import inference_pb2 as pb
from services.generator.adapters.kserve import inference_pb2_grpc as pb_grpc
from services.generator.domain.models import ModelCard
from services.generator.domain.plan.devices import Device
from services.generator.domain.step_caches import CacheUse
from services.generator.ports import (
    Checkpoint,
    Finished,
    FrameBytes,
    ModelEvent,
    OutOfMemory,
    PreviewFrame,
    Resumed,
    StepDone,
)

CATALOGUE = "artifex-catalogue"
"""The model that lists the others; the launcher puts it into the repository and loads it."""

_log = logging.getLogger(__name__)
_tracer = tracer(__name__)
_OPTIONS = (
    ("grpc.max_receive_message_length", 8 << 20),
    ("grpc.max_reconnect_backoff_ms", 1000),
    # A machine that is switched off hangs up on nobody; without these its work would be waited for for ever. The
    # launcher has Triton take any number of pings, as a step or a load may take minutes without a word.
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.http2.ping_timeout_ms", 60_000),
    ("grpc.http2.max_pings_without_data", 0),
)
_QUICK_SECONDS = 10.0
_UNLOAD_SECONDS = 30.0
_POLL_SECONDS = 0.1
_PIECE_BYTES = 1_000_000
_STEP_CACHES: Mapping[StepCache.ValueType, str] = {
    StepCache.STEP_CACHE_UNSPECIFIED: "none",
    StepCache.STEP_CACHE_NONE: "none",
    StepCache.STEP_CACHE_FIRST_BLOCK: "first_block",
    StepCache.STEP_CACHE_MAGNITUDE: "magnitude",
}
_NONE: Mapping[str, bytes] = MappingProxyType({})
_NO_CHOICES: Mapping[str, str] = MappingProxyType({})
_TRANSPORT = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED}


class TritonModelServer:
    """Async context manager over one channel. At most `resident` generation models stay loaded."""

    def __init__(self, endpoint: str, *, resident: int = 1) -> None:
        self._endpoint = endpoint
        self._resident = resident
        self._loaded_here: list[str] = []
        self._load_lock = asyncio.Lock()

    async def __aenter__(self) -> Self:
        self._channel = grpc.aio.insecure_channel(self._endpoint, options=_OPTIONS)
        self._stub: pb_grpc.GRPCInferenceServiceAsyncStub = pb_grpc.GRPCInferenceServiceStub(self._channel)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._channel.close()

    async def check(self, seconds: float = 1.0, *, looking: bool = False) -> bool:
        """Whether the server says within so many seconds that it is ready; one that is not there is not, unless it is
        looked for."""
        try:
            answer = await self._stub.ServerReady(pb.ServerReadyRequest(), timeout=seconds, wait_for_ready=looking)
        except grpc.aio.AioRpcError:
            return False
        return answer.ready

    async def models(self) -> Mapping[str, ModelCard]:
        cards = json.loads((await self._catalogue())["CARDS"])
        return {model: ModelCard.parse(model, values) for model, values in cards.items()}

    async def devices(self, *models: str) -> Sequence[Device]:
        return [Device.parse(json.loads((await self._catalogue())["DEVICE"]))]

    async def _catalogue(self) -> Mapping[str, bytes]:
        request = pb.ModelInferRequest(model_name=CATALOGUE, inputs=[_text("REQUEST", "")])
        async with _outages_named():
            answer = await self._stub.ModelInfer(request, timeout=_QUICK_SECONDS, wait_for_ready=True)
        return _outputs(answer)

    async def loaded(self) -> frozenset[str]:
        return await self._in_states({"READY"})

    async def _in_states(self, states: Collection[str]) -> frozenset[str]:
        async with _outages_named():
            index = await self._stub.RepositoryIndex(
                pb.RepositoryIndexRequest(), timeout=_QUICK_SECONDS, wait_for_ready=True
            )
        return frozenset(model.name for model in index.models if model.state in states) - {CATALOGUE}

    async def load(self, model: str) -> None:
        async with self._load_lock:
            loaded = await self.loaded()
            if model in loaded:
                return
            # First those that somebody else loaded, then our own, oldest first.
            others = sorted(loaded, key=lambda name: (name in self._loaded_here, self._age(name)))
            for other in others[: max(len(others) - self._resident + 1, 0)]:
                await self.unload(other)
            _log.info("loading model %s", model)
            try:
                # No deadline: real weights take minutes to read.
                await self._stub.RepositoryModelLoad(pb.RepositoryModelLoadRequest(model_name=model))
            except grpc.aio.AioRpcError as error:
                raise _failure(error, model, "could not be loaded") from error
            if model in self._loaded_here:
                # Its server has been started again since.
                self._loaded_here.remove(model)
            self._loaded_here.append(model)

    async def unload(self, model: str) -> None:
        """Take the model out of memory; returns when it is out, or does not go within half a minute, as one at work."""
        async with _outages_named():
            await self._stub.RepositoryModelUnload(
                pb.RepositoryModelUnloadRequest(model_name=model), timeout=_QUICK_SECONDS
            )
        if model in self._loaded_here:
            self._loaded_here.remove(model)
        try:
            async with asyncio.timeout(_UNLOAD_SECONDS):
                # Triton answers before the model's process has ended.
                while model in await self._in_states({"READY", "UNLOADING"}):  # noqa: ASYNC110 - another process
                    await asyncio.sleep(_POLL_SECONDS)
        except TimeoutError:
            _log.warning("model %s is still in memory %.0f s after it was unloaded", model, _UNLOAD_SECONDS)

    def _age(self, model: str) -> int:
        return self._loaded_here.index(model) if model in self._loaded_here else -1

    async def generate(
        self,
        model: str,
        spec: GenerationSpec,
        *,
        pictures: Mapping[str, bytes] = _NONE,
        sampling: tuple[str, Sequence[float]] = ("unipc", ()),
        load: Mapping[str, str] = _NO_CHOICES,
        checkpoint_every: int = 0,
        preview_every: int = 0,
        preview_share: float = 1.0,
        resume: bytes = b"",
    ) -> AsyncGenerator[ModelEvent, None]:
        # The span is not the current one: a generator's caller would see it come and go.
        span = _tracer.start_span(
            "triton generate", kind=SpanKind.CLIENT, attributes={"artifex.model": model, "artifex.steps": spec.steps}
        )
        headers: dict[str, str] = {}
        inject(headers, span)
        upload = uuid.uuid4().hex if resume else ""
        told = {**_spec(spec), "pictures": list(pictures)}
        told |= {"sampler": sampling[0], "sigmas": list(sampling[1])}
        told |= {"checkpoint_every": checkpoint_every, "preview_every": preview_every, "preview_share": preview_share}
        asked = json.dumps({"spec": told, "resume": upload, "load": dict(load)})
        given = {"PICTURES": b"".join(pictures.values())} if pictures else {}
        request = _request(model, asked, headers.get("traceparent", ""), given)

        async def requests() -> AsyncIterator[pb.ModelInferRequest]:
            # The model answers requests in order, so the checkpoint is there when its own is.
            for offset in range(0, len(resume), _PIECE_BYTES):
                yield _piece(model, upload, offset, resume[offset : offset + _PIECE_BYTES])
            yield request

        call = self._stub.ModelStreamInfer(requests())
        saved, preview = bytearray(), bytearray()
        try:
            async for answer in call:
                if answer.error_message:
                    # Triton's own words: the model's process died, or the model was unloaded under way.
                    _log.warning("triton on %s: %s", model, answer.error_message)
                    raise Unavailable("the model server dropped the request", metadata={"dependency": "triton"})
                outputs = _outputs(answer.infer_response)
                told = json.loads(outputs["EVENT"])
                if told["kind"] == "kept":
                    continue
                if told["kind"] == "checkpoint":
                    saved[told["offset"] :] = outputs["BYTES"]
                    if len(saved) == told["size"]:
                        yield Checkpoint(int(told["step"]), bytes(saved))
                    continue
                if told["kind"] == "preview":
                    preview[told["offset"] :] = outputs["BYTES"]
                    width, height = int(told["width"]), int(told["height"])
                    if len(preview) == width * height * 3:
                        yield PreviewFrame(int(told["step"]), width, height, bytes(preview))
                    continue
                event = _event(model, told, outputs.get("BYTES", b""))
                if isinstance(event, Finished):
                    # Before it is told: who hears of it may well leave.
                    await _drain(call)
                yield event
                if isinstance(event, Finished):
                    return
            raise Unavailable("the model server ended the stream early", metadata={"dependency": "triton"})
        except grpc.aio.AioRpcError as error:
            span.set_status(Status(StatusCode.ERROR, error.code().name))
            raise _failure(error, model, "failed") from error
        except (Internal, Unavailable, InvalidArgument, OutOfMemory) as error:
            span.set_status(Status(StatusCode.ERROR, error.reason))
            await _drain(call)
            raise
        finally:
            # Does nothing to a stream that has ended; else the model stops within a step.
            call.cancel()
            span.end()


async def _drain(call: grpc.aio.StreamStreamCall[pb.ModelInferRequest, pb.ModelStreamInferResponse]) -> None:
    """Read the rest of a stream whose outcome is known.

    Triton now and then keeps a request for ever whose caller hangs up right at its end, and never unloads its model.
    """
    with suppress(TimeoutError, grpc.aio.AioRpcError):
        async with asyncio.timeout(_QUICK_SECONDS):
            async for _ in call:
                pass


def _spec(spec: GenerationSpec) -> dict[str, Any]:
    return {
        "prompt": spec.prompt,
        "negative_prompt": spec.negative_prompt,
        "seed": spec.seed,
        "width": spec.width,
        "height": spec.height,
        "frame_count": spec.frame_count,
        "steps": spec.steps,
        "guidance_scale": spec.guidance_scale,
        "guidance_scale_2": spec.guidance_scale_2,
        "flow_shift": spec.flow_shift,
        "loras": [{"name": each.name, "strength": each.strength, "strength_2": each.strength_2} for each in spec.loras],
        "step_cache": _STEP_CACHES[spec.step_cache],
    }


def _piece(model: str, upload: str, offset: int, data: bytes) -> pb.ModelInferRequest:
    return _request(model, json.dumps({"piece": upload, "offset": offset}), "", {"PIECE": data})


def _request(model: str, asked: str, traceparent: str, given: Mapping[str, bytes]) -> pb.ModelInferRequest:
    """`given`: tensors of bytes by name."""
    tensors = [("REQUEST", "BYTES", 1, _element(asked.encode()))]
    tensors.append(("TRACEPARENT", "BYTES", 1, _element(traceparent.encode())))
    tensors += [(name, "UINT8", len(data), data) for name, data in given.items()]
    return pb.ModelInferRequest(
        model_name=model,
        inputs=[
            pb.ModelInferRequest.InferInputTensor(name=name, datatype=kind, shape=[size])
            for name, kind, size, _ in tensors
        ],
        raw_input_contents=[raw for *_, raw in tensors],
    )


def _element(value: bytes) -> bytes:
    """A BYTES tensor's single element."""
    return len(value).to_bytes(4, "little") + value


def _event(model: str, event: Mapping[str, Any], frames: bytes) -> ModelEvent:
    """The events are described in model_repository/wan/artifex_wan/events.py."""
    match event["kind"]:
        case "resumed":
            return Resumed(int(event["step"]))
        case "step":
            return StepDone(int(event["step"]), float(event["seconds_left"]))
        case "frames":
            return FrameBytes(frames)
        case "done":
            return Finished(
                device_name=str(event["device_name"]),
                device=str(event["device"]),
                stages={str(name): float(stage["seconds"]) for name, stage in event["stages"].items()},
                dtype=str(event["dtype"]),
                sampler=str(event["sampler"]),
                sigmas=tuple(float(sigma) for sigma in event["sigmas"]),
                load={str(choice): str(value) for choice, value in event["load"].items()},
                step_cache=None if event["step_cache"] is None else CacheUse.parse(event["step_cache"]),
                versions={str(name): str(version) for name, version in event["versions"].items()},
                weights_digest=str(event["weights_digest"]),
                seconds=float(event["seconds"]),
            )
        case "refused":
            violation = Violation(f"spec.{event['field']}", str(event["description"]))
            raise InvalidArgument(f"{violation.field} {violation.description}", violations=[violation])
        case "out_of_memory":
            raise OutOfMemory(model, str(event["stage"]))
        case "cancelled":
            raise Unavailable("the model server stopped the generation", metadata={"dependency": "triton"})
        case "failed":
            _log.error("the model %s failed; error_id %s in triton's log", model, event["error_id"])
            raise _model_failed(model, f"the model failed; its log tells more under {event['error_id']}")
        case kind:
            raise _model_failed(model, f"the model sent an unknown event {kind!r}")


def _text(name: str, value: str) -> pb.ModelInferRequest.InferInputTensor:
    contents = pb.InferTensorContents(bytes_contents=[value.encode()])
    return pb.ModelInferRequest.InferInputTensor(name=name, datatype="BYTES", shape=[1], contents=contents)


def _outputs(answer: pb.ModelInferResponse) -> dict[str, bytes]:
    """Each output's bytes; a BYTES tensor's single element without the length that precedes it."""
    raw = zip(answer.outputs, answer.raw_output_contents, strict=True)
    return {output.name: data[4:] if output.datatype == "BYTES" else data for output, data in raw}


def _model_failed(model: str, message: str) -> Internal:
    return Internal(message, reason="ERROR_REASON_MODEL_FAILED", metadata={"model": model})


def _failure(error: grpc.aio.AioRpcError, model: str, what: str) -> Internal | Unavailable:
    if error.code() in _TRANSPORT:
        return _unavailable()
    _log.error("triton on %s: %s %s", model, error.code().name, error.details())
    return _model_failed(model, f"the model {what}")


def _unavailable() -> Unavailable:
    return Unavailable("the model server does not answer", metadata={"dependency": "triton"})


@asynccontextmanager
async def _outages_named() -> AsyncIterator[None]:
    try:
        yield
    except grpc.aio.AioRpcError as error:
        _log.warning("triton: %s %s", error.code().name, error.details())
        raise _unavailable() from error
