"""One service calling another: whose token, how long, which errors, one trace."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import grpc
import pytest

from artifex.auth.v1 import messages_pb2 as auth
from artifex.auth.v1 import service_pb2_grpc as auth_grpc
from artifex.media.v1 import messages_pb2 as media
from artifex.media.v1 import service_pb2_grpc as media_grpc
from libs.chassis import errors
from libs.chassis.principal import Principal, acting_as
from libs.chassis.rpc.channel import service_channel
from libs.chassis.rpc.deadlines import set_deadline
from libs.chassis.telemetry import current_trace_id, tracer
from libs.chassis.testing.tokens import TokenMint
from libs.chassis.tokens import TokenVerifier, grpc_jwks_source
from tests.integration.chassis.served import SECRET, Served, recorded_spans, serve


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serve() as served:
        yield served


@pytest.fixture
async def channel(served: Served) -> AsyncIterator[grpc.aio.Channel]:
    async with service_channel(served.address, service="media") as channel:
        yield channel


def principal_of(mint: TokenMint, role: str = "ROLE_ADMIN") -> Principal:
    return Principal("studio", "ann", role, token=mint.token(role))


async def test_the_callers_token_goes_along(served: Served, channel: grpc.aio.Channel) -> None:
    with acting_as(principal_of(served.mint)):
        answer = await auth_grpc.AuthServiceStub(channel).GetCaller(auth.GetCallerRequest())
    assert answer.user == "users/ann"


async def test_without_a_caller_there_is_no_token(served: Served, channel: grpc.aio.Channel) -> None:
    with pytest.raises(errors.Unauthenticated) as caught:
        await auth_grpc.AuthServiceStub(channel).GetCaller(auth.GetCallerRequest())
    assert caught.value.reason == "ERROR_REASON_TOKEN_MISSING"


async def test_a_token_is_kept_back_where_it_is_not_wanted(served: Served) -> None:
    with acting_as(principal_of(served.mint)):
        async with service_channel(served.address, forward_token=False) as channel:
            with pytest.raises(errors.Unauthenticated):
                await auth_grpc.AuthServiceStub(channel).GetCaller(auth.GetCallerRequest())


async def test_typed_errors_come_back_as_they_were_raised(served: Served, channel: grpc.aio.Channel) -> None:
    stub = auth_grpc.AuthServiceStub(channel)
    with acting_as(principal_of(served.mint)):
        with pytest.raises(errors.NotFound) as absent:
            await stub.GetUser(auth.GetUserRequest(name="users/absent"))
        with pytest.raises(errors.Aborted) as raced:
            await stub.GetUser(auth.GetUserRequest(name="users/raced"))
        with pytest.raises(errors.InvalidArgument) as invalid:
            await stub.GetUser(auth.GetUserRequest(name="!"))
        with pytest.raises(errors.Internal) as broken:
            await stub.GetUser(auth.GetUserRequest(name="users/broken"))
    assert absent.value.metadata == {"resource": "users/absent"}
    assert (raced.value.metadata, raced.value.retry_after) == ({"resource": "users/raced"}, 0.25)
    assert [violation.field for violation in invalid.value.violations] == ["name"]
    assert list(broken.value.metadata) == ["error_id"]
    assert SECRET not in str(broken.value)


async def test_a_call_waits_no_longer_than_its_timeout(served: Served) -> None:
    async with service_channel(served.address, service="auth", timeout=0.1) as channel:
        with acting_as(principal_of(served.mint)), pytest.raises(errors.DeadlineExceeded):
            await auth_grpc.AuthServiceStub(channel).GetUser(auth.GetUserRequest(name="users/slow"))


async def test_the_deadline_of_the_rpc_being_served_holds_for_the_calls_it_makes(
    served: Served, channel: grpc.aio.Channel
) -> None:
    async def serving() -> None:
        set_deadline(3.0)
        await auth_grpc.AuthServiceStub(channel).GetCaller(auth.GetCallerRequest())

    with acting_as(principal_of(served.mint)):
        # A task, as each rpc has its own: the deadline must not stay in the test's context.
        await asyncio.create_task(serving())
        [remaining] = served.auth_servicer.remaining
        assert 1.0 < remaining <= 3.0


async def test_after_the_deadline_nothing_is_called(served: Served, channel: grpc.aio.Channel) -> None:
    async def serving() -> None:
        set_deadline(-1.0)
        await auth_grpc.AuthServiceStub(channel).GetCaller(auth.GetCallerRequest())

    with acting_as(principal_of(served.mint)), pytest.raises(errors.DeadlineExceeded):
        await asyncio.create_task(serving())
    assert served.auth_servicer.remaining == []


async def test_a_service_that_is_away_is_unavailable_and_its_address_stays_private() -> None:
    async with service_channel("127.0.0.1:1", service="media", timeout=5) as channel:
        with pytest.raises(errors.Unavailable) as caught:
            await auth_grpc.AuthServiceStub(channel).GetJwks(auth.GetJwksRequest())
    assert (caught.value.message, caught.value.metadata) == ("media does not answer", {"dependency": "media"})


async def test_streams_both_ways(served: Served, channel: grpc.aio.Channel) -> None:
    stub = media_grpc.MediaServiceStub(channel)

    async def pieces() -> AsyncIterator[media.WriteUploadRequest]:
        for _ in range(3):
            request = media.WriteUploadRequest()
            request.chunk.data = b"12345"
            yield request

    with acting_as(principal_of(served.mint)):
        assert (await stub.WriteUpload(pieces())).committed_size == 15
        download = stub.DownloadAsset(media.DownloadAssetRequest(name="assets/a"))
        assert [response.content.data async for response in download] == [b"0", b"1", b"2"]
        broken = aiter(stub.DownloadAsset(media.DownloadAssetRequest(name="assets/broken")))
        for _ in range(3):
            await anext(broken)
        with pytest.raises(errors.Internal):
            await anext(broken)


async def test_a_reader_that_stops_early_stops_the_server(served: Served, channel: grpc.aio.Channel) -> None:
    stub = media_grpc.MediaServiceStub(channel)
    with acting_as(principal_of(served.mint)):
        request = media.DownloadAssetRequest(name="assets/endless")
        answers: Any = stub.DownloadAsset(request)
        async with aclosing(answers) as download:
            async for _ in download:
                break
    async with asyncio.timeout(5):
        await served.media_servicer.ended.wait()


async def test_caller_and_callee_share_one_trace() -> None:
    async with recorded_spans() as spans, serve() as served, service_channel(served.address) as channel:
        with acting_as(principal_of(served.mint)), tracer("test").start_as_current_span("job"):
            trace_id = current_trace_id()
            await auth_grpc.AuthServiceStub(channel).GetCaller(auth.GetCallerRequest())
            async for _ in media_grpc.MediaServiceStub(channel).DownloadAsset(
                media.DownloadAssetRequest(name="assets/a")
            ):
                assert current_trace_id() == trace_id
    finished = spans.get_finished_spans()
    by_id = {span.context.span_id: span for span in finished}
    assert {f"{span.context.trace_id:032x}" for span in finished} == {trace_id}
    chains = set()
    for span in finished:
        chain = [span.name.rpartition("/")[2]]
        while span.parent is not None:
            span = by_id[span.parent.span_id]
            chain.append(span.name.rpartition("/")[2])
        chains.add(" < ".join(chain))
    assert chains == {
        "job",
        "GetCaller < job",
        "GetCaller < GetCaller < job",
        "DownloadAsset < job",
        "DownloadAsset < DownloadAsset < job",
    }


async def test_keys_come_from_the_auth_service(served: Served) -> None:
    verifier = TokenVerifier(grpc_jwks_source(served.address), issuer="artifex", audience="artifex-api")
    assert (await verifier.verify(served.mint.token("ROLE_REVIEWER"))).role == "ROLE_REVIEWER"
