"""Nobody without a token, no role beyond its permissions, and no tenant past the wall to another."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable

import grpc
import pytest
import pytest_asyncio

from artifex import errors
from artifex.client import Client
from artifex.common.v1 import policy_pb2
from artifex.graph.v1 import messages_pb2, service_pb2_grpc
from artifex.up import Stack
from tests.support.documents import graded, titled

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def stranger(stack: Stack, client: Client) -> AsyncIterator[Client]:
    """The admin of another tenant."""
    made = await client.identity.create_tenant("rival-films", admin_email="boss@rival.example")
    async with Client(stack.endpoint, token=made.api_key_secret) as other:
        yield other


async def test_without_a_token(stack: Stack) -> None:
    async with grpc.aio.insecure_channel(stack.endpoint.removeprefix("http://")) as channel:
        stub = service_pb2_grpc.RenderServiceStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.ListRenderJobs(messages_pb2.ListRenderJobsRequest())
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED


async def test_a_reviewer_renders_nothing(stack: Stack, client: Client, plate: str) -> None:
    user = await client.identity.create_user("eyes@studio.example", policy_pb2.ROLE_REVIEWER)
    key = await client.identity.create_api_key(user=user.name)
    async with Client(stack.endpoint, token=key.secret) as reviewer:
        assert (await reviewer.assets.get(plate)).name == plate
        with pytest.raises(errors.PermissionDenied) as caught:
            await reviewer.renders.create(json.dumps(graded(plate)))
    assert caught.value.metadata["permission"] == "PERMISSION_RENDER_WRITE"


async def test_another_tenants_resources_do_not_exist(client: Client, stranger: Client, plate: str) -> None:
    job = await client.renders.create(json.dumps(titled(frames=2)))
    await client.renders.wait(job.name)
    project = await client.projects.create(display_name="Secret")
    stored = await client.projects.create_document(project.name, json.dumps(titled(frames=2)))
    attempts: list[Callable[[], Awaitable[object]]] = [
        lambda: stranger.assets.get(plate),
        lambda: stranger.assets.delete(plate),
        lambda: stranger.assets.thumbnail(plate),
        lambda: stranger.renders.get(job.name),
        lambda: stranger.renders.cancel(job.name),
        lambda: stranger.renders.retry(job.name),
        lambda: stranger.renders.wait(job.name),
        lambda: stranger.projects.get(project.name),
        lambda: stranger.projects.get_document(stored.name),
        lambda: stranger.renders.create(document=stored.name),
        lambda: stranger.renders.create(json.dumps(graded(plate))),
    ]
    for attempt in attempts:
        with pytest.raises(errors.NotFound):
            await attempt()
    assert [asset async for asset in stranger.assets.list()] == []
    assert [found async for found in stranger.renders.list()] == []
