"""What a service says in `google.rpc` details is read back whole, over a real connection."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import grpc
import pytest
from google.protobuf import any_pb2, duration_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

from artifex import errors
from artifex.auth.v1 import messages_pb2 as auth
from artifex.auth.v1 import service_pb2_grpc as auth_grpc

Detail: TypeAlias = error_details_pb2.ErrorInfo | error_details_pb2.BadRequest | error_details_pb2.RetryInfo


def packed(message: Detail) -> any_pb2.Any:
    detail = any_pb2.Any()
    detail.Pack(message)
    return detail


@asynccontextmanager
async def refusing(status: status_pb2.Status) -> AsyncIterator[auth_grpc.AuthServiceAsyncStub]:
    """A server that answers every call with the status, as any server of the protocol may."""

    async def refuse(request: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
        answer = rpc_status.to_status(status)
        await context.abort(answer.code, answer.details, answer.trailing_metadata)

    server = grpc.aio.server()
    handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {"GetJwks": grpc.unary_unary_rpc_method_handler(refuse)}
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("artifex.auth.v1.AuthService", handlers)])
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield auth_grpc.AuthServiceStub(channel)
    await server.stop(None)


async def answer(status: status_pb2.Status) -> errors.ApiError:
    async with refusing(status) as stub:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.GetJwks(auth.GetJwksRequest())
    return errors.from_rpc_error(caught.value)


async def test_every_problem_of_a_graph_arrives() -> None:
    info = error_details_pb2.ErrorInfo(
        reason="ERROR_REASON_GRAPH_INVALID", domain="artifex.studio", metadata={"problems": "2"}
    )
    bad = error_details_pb2.BadRequest()
    bad.field_violations.add(field="nodes.grade.inputs.video", description="no node 'plaet'", reason="unknown_node")
    bad.field_violations.add(field="nodes.out", description="a cycle", reason="cycle")
    error = await answer(
        status_pb2.Status(code=code_pb2.INVALID_ARGUMENT, message="no render", details=[packed(info), packed(bad)])
    )
    assert type(error) is errors.GraphInvalid
    assert (error.code, error.reason, error.metadata) == (
        "INVALID_ARGUMENT",
        "ERROR_REASON_GRAPH_INVALID",
        {"problems": "2"},
    )
    assert [(v.field, v.description, v.reason) for v in error.violations] == [
        ("nodes.grade.inputs.video", "no node 'plaet'", "unknown_node"),
        ("nodes.out", "a cycle", "cycle"),
    ]


async def test_when_to_try_again_arrives() -> None:
    retry = error_details_pb2.RetryInfo(retry_delay=duration_pb2.Duration(seconds=1, nanos=500_000_000))
    error = await answer(
        status_pb2.Status(code=code_pb2.RESOURCE_EXHAUSTED, message="too many", details=[packed(retry)])
    )
    assert isinstance(error, errors.ResourceExhausted)
    assert error.retry_after == 1.5


async def test_a_strangers_reason_is_not_taken_for_ours() -> None:
    info = error_details_pb2.ErrorInfo(reason="ERROR_REASON_GRAPH_INVALID", domain="elsewhere.example")
    error = await answer(status_pb2.Status(code=code_pb2.INVALID_ARGUMENT, message="no", details=[packed(info)]))
    assert type(error) is errors.InvalidArgument
    assert error.reason == ""


@pytest.mark.parametrize(
    "code", [code for code in grpc.StatusCode if code not in (grpc.StatusCode.OK, grpc.StatusCode.UNKNOWN)]
)
async def test_every_status_has_its_class(code: grpc.StatusCode) -> None:
    error = await answer(status_pb2.Status(code=code.value[0], message="why"))
    assert type(error).__name__.upper() == code.name.replace("_", "")
    assert (error.code, error.message) == (code.name, "why")


async def test_a_stream_that_is_refused_while_it_is_written_to_is_never_an_internal_error() -> None:
    """gRPC's own client puts INTERNAL over the refusal when a write meets the end of the call."""

    async def refuse(requests: AsyncIterator[bytes], context: grpc.aio.ServicerContext[bytes, bytes]) -> None:
        await context.abort(grpc.StatusCode.UNAUTHENTICATED, "no token")

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(50):
            yield bytes(1000)

    server = grpc.aio.server()
    handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {"Send": grpc.stream_stream_rpc_method_handler(refuse)}
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("test.Uploads", handlers)])
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    seen = set()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        send: grpc.aio.StreamStreamMultiCallable[bytes, bytes] = channel.stream_stream("/test.Uploads/Send")
        for _ in range(100):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await send(pieces()).read()
            seen.add(type(errors.from_rpc_error(caught.value)))
    await server.stop(None)
    assert seen <= {errors.Unauthenticated, errors.Unavailable}
