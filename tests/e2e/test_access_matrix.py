"""Every rpc × every role through the gateway, as real users with real tokens."""

from __future__ import annotations

import grpc
import pytest
import pytest_asyncio

from artifex.auth.v1 import messages_pb2 as pb
from artifex.auth.v1 import service_pb2 as auth
from artifex.auth.v1 import service_pb2_grpc
from artifex.client import Client
from artifex.collab.v1 import service_pb2 as collab
from artifex.common.v1 import policy_pb2
from artifex.generator.v1 import service_pb2 as generator
from artifex.graph.v1 import service_pb2 as graph
from artifex.media.v1 import service_pb2 as media
from artifex.up import Stack
from libs.chassis.ids import new_id
from tests.support.access import CALLERS, Caller, rpcs

FILES = [file.DESCRIPTOR for file in (auth, collab, generator, graph, media)]
# Every user of this studio belongs to the operator's tenant, whose licence holds everything.
ROLES = [caller for caller in CALLERS if caller.token == "good" and caller.name not in ("admin", "unlicensed-operator")]
NOBODY = next(caller for caller in CALLERS if caller.token == "none")

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def tokens(stack: Stack, client: Client) -> dict[str, str]:
    """An access token of a new user of each role, by the caller's name; "" for nobody."""
    tokens = {NOBODY.name: ""}
    async with grpc.aio.insecure_channel(stack.endpoint.removeprefix("http://")) as channel:
        stub = service_pb2_grpc.AuthServiceStub(channel)
        for caller in ROLES:
            role = policy_pb2.Role.Value(caller.role)
            user = await client.identity.create_user(f"{new_id()}@studio.example", role)
            key = await client.identity.create_api_key(user=user.name)
            answer = await stub.CreateToken(pb.CreateTokenRequest(api_key=key.secret))
            tokens[caller.name] = answer.access_token
    return tokens


@pytest.mark.parametrize("caller", [*ROLES, NOBODY], ids=lambda caller: caller.name)
async def test_every_rpc_answers_a_role_as_its_proto_says(stack: Stack, tokens: dict[str, str], caller: Caller) -> None:
    async with grpc.aio.insecure_channel(stack.endpoint.removeprefix("http://")) as channel:
        for rpc in rpcs(FILES):
            expected = rpc.refusal(caller)
            answer = await rpc.refused_with(channel, tokens[caller.name])
            assert answer.startswith(expected) if expected else not answer, f"{rpc}: {answer!r} for {expected!r}"
