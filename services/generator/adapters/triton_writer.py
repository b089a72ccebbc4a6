"""The `PromptWriter` port over Triton's gRPC: the instruction model that the launcher found, if it found one."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Self, TypeAlias

import grpc

from libs.chassis.errors import Internal, Unavailable
from libs.chassis.telemetry import inject, tracer
from services.generator.adapters.kserve import inference_pb2 as pb
from services.generator.adapters.kserve import inference_pb2_grpc as pb_grpc
from services.generator.domain.prompts.writing import Written

WRITER: Final = "artifex-writer"
"""The model's name in the repository; the launcher puts it there."""

Stub: TypeAlias = "pb_grpc.GRPCInferenceServiceAsyncStub"

_log = logging.getLogger(__name__)
_tracer = tracer(__name__)
_OPTIONS: Final = (("grpc.max_reconnect_backoff_ms", 1000),)
_QUICK_SECONDS: Final = 5.0
_LOAD_SECONDS: Final = 120.0
_ATTEMPTS: Final = 2
_AWAY: Final = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}


class TritonPromptWriter:
    """Async context manager over a channel to each Triton; the first that has a writer is asked."""

    def __init__(self, *endpoints: str, seconds: float = 180.0) -> None:
        """`endpoints`: `host:port` of each; `seconds`: how long an answer may take."""
        self._endpoints = endpoints
        self._seconds = seconds

    async def __aenter__(self) -> Self:
        self._channels = [grpc.aio.insecure_channel(endpoint, options=_OPTIONS) for endpoint in self._endpoints]
        self._stubs: list[Stub] = [pb_grpc.GRPCInferenceServiceStub(channel) for channel in self._channels]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for channel in self._channels:
            await channel.close()

    async def available(self) -> bool:
        return await self._found() is not None

    async def write(self, messages: Sequence[Mapping[str, str]], *, max_tokens: int) -> Written:
        with _tracer.start_as_current_span("write prompt") as span:
            headers: dict[str, str] = {}
            inject(headers, span)
            asked = json.dumps({"messages": [dict(message) for message in messages], "max_tokens": max_tokens})
            inputs = [_text("REQUEST", asked), _text("TRACEPARENT", headers.get("traceparent", ""))]
            return _written(await self._answer(pb.ModelInferRequest(model_name=WRITER, inputs=inputs)))

    async def _found(self) -> Stub | None:
        """A Triton that has a writer. Raises Unavailable when none has that answers, and not all do."""
        away: Unavailable | None = None
        for stub in self._stubs:
            try:
                if WRITER in await _states(stub):
                    return stub
            except Unavailable as error:
                away = error
        if away is not None:
            raise away
        return None

    async def _answer(self, request: pb.ModelInferRequest) -> Mapping[str, Any]:
        stub = await self._found()
        if stub is None:
            raise _failed("is not there any more")
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                if (await _states(stub)).get(WRITER) != "READY":
                    _log.info("loading the writer of prompts")
                    load = pb.RepositoryModelLoadRequest(model_name=WRITER)
                    await stub.RepositoryModelLoad(load, timeout=_LOAD_SECONDS)
                answer = await stub.ModelInfer(request, timeout=self._seconds)
            except grpc.aio.AioRpcError as error:
                # A model that makes video may have been loaded in its place in between.
                if attempt < _ATTEMPTS and (await _states(stub)).get(WRITER) != "READY":
                    continue
                if error.code() in _AWAY:
                    raise _unavailable(error) from error
                _log.error("the writer of prompts: %s %s", error.code().name, error.details())
                raise _failed("could not be loaded or took too long") from error
            event: Mapping[str, Any] = json.loads(answer.raw_output_contents[0][4:])
            return event
        raise AssertionError("the last attempt returns or raises")


async def _states(stub: Stub) -> Mapping[str, str]:
    """Of each model, loaded or not."""
    try:
        index = await stub.RepositoryIndex(pb.RepositoryIndexRequest(), timeout=_QUICK_SECONDS, wait_for_ready=True)
    except grpc.aio.AioRpcError as error:
        raise _unavailable(error) from error
    return {model.name: model.state for model in index.models}


def _written(event: Mapping[str, Any]) -> Written:
    match event["kind"]:
        case "done":
            return Written(str(event["text"]), str(event["writer"]))
        case "failed":
            _log.error("the writer of prompts failed; error_id %s in triton's log", event["error_id"])
            raise _failed(f"failed; its log tells more under {event['error_id']}")
        case kind:
            raise _failed(f"ended with {kind!r}")


def _text(name: str, value: str) -> pb.ModelInferRequest.InferInputTensor:
    contents = pb.InferTensorContents(bytes_contents=[value.encode()])
    return pb.ModelInferRequest.InferInputTensor(name=name, datatype="BYTES", shape=[1], contents=contents)


def _failed(what: str) -> Internal:
    return Internal(f"the writer of prompts {what}", reason="ERROR_REASON_MODEL_FAILED", metadata={"model": WRITER})


def _unavailable(error: grpc.aio.AioRpcError) -> Unavailable:
    _log.warning("triton: %s %s", error.code().name, error.details())
    return Unavailable("the model server does not answer", metadata={"dependency": "triton"})
