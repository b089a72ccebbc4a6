"""Every rpc × every kind of caller, against the services' real processes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import grpc
import pytest
import pytest_asyncio
from google.protobuf.descriptor import FileDescriptor

from artifex.auth.v1 import service_pb2 as auth
from artifex.collab.v1 import service_pb2 as collab
from artifex.generator.v1 import service_pb2 as generator
from artifex.graph.v1 import service_pb2 as graph
from artifex.media.v1 import service_pb2 as media
from libs.chassis.testing import NatsServer
from tests.support.access import CALLERS, LET_IN, Caller, Rpc, rpcs
from tests.support.services import Forge, Services

# One line per service.
SERVICES: dict[str, FileDescriptor] = {
    "auth": auth.DESCRIPTOR,
    "collab": collab.DESCRIPTOR,
    "media": media.DESCRIPTOR,
    "graph": graph.DESCRIPTOR,
    "generator": generator.DESCRIPTOR,
}


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory, nats_server: NatsServer) -> Iterator[Services]:
    settings = {
        "ARTIFEX_NATS_URL": nats_server.url,
        # The matrix asks who may call; nothing is rendered.
        "ARTIFEX_MEDIA_ROLES": "api",
        "ARTIFEX_GENERATOR_ROLES": "api",
    }
    with Services(tmp_path_factory.mktemp("home"), tuple(SERVICES), **settings).running() as services:
        yield services


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def forge(services: Services) -> Forge:
    return await Forge.of(services)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def channels(services: Services) -> AsyncIterator[dict[str, grpc.aio.Channel]]:
    """By package, such as `artifex.auth.v1`."""
    channels = {
        file.package: grpc.aio.insecure_channel(f"127.0.0.1:{services.ports[name]}") for name, file in SERVICES.items()
    }
    yield channels
    for channel in channels.values():
        await channel.close()


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("caller", CALLERS, ids=lambda caller: caller.name)
@pytest.mark.parametrize("rpc", rpcs(SERVICES.values()), ids=str)
async def test_a_call_is_let_in_or_refused_as_the_proto_says(
    rpc: Rpc, caller: Caller, forge: Forge, channels: dict[str, grpc.aio.Channel]
) -> None:
    token = ""
    if caller.token != "none":
        lifetime = 900 if caller.token == "good" else -60
        token = forge.token(caller.role, lifetime=lifetime, op=caller.operator, features=caller.features)
    expected = rpc.refusal(caller)
    answer = await rpc.refused_with(channels[rpc.package], token)
    assert answer.startswith(expected) if expected else answer == LET_IN, f"{answer!r} instead of {expected!r}"


def test_the_matrix_says_what_the_product_promises() -> None:
    """A few cells by hand, lest the options and their reader be wrong together."""
    by_name = {str(rpc): rpc for rpc in rpcs(SERVICES.values())}
    callers = {caller.name: caller for caller in CALLERS}

    def refusal(rpc: str, caller: str) -> str:
        return by_name[rpc].refusal(callers[caller])

    assert refusal("AuthService.CreateToken", "without-token") == LET_IN
    assert refusal("AuthService.CreateTenant", "operator") == LET_IN
    assert refusal("AuthService.CreateTenant", "admin") == "ERROR_REASON_PERMISSION_MISSING"
    assert refusal("AuthService.CreateUser", "lead-artist") == "ERROR_REASON_PERMISSION_MISSING"
    assert refusal("AuthService.GetCaller", "reviewer") == LET_IN
    assert refusal("ProjectService.GetProject", "reviewer") == LET_IN
    assert refusal("ProjectService.UpdateDocument", "reviewer") == "ERROR_REASON_PERMISSION_MISSING"
    assert refusal("ProjectService.UpdateDocument", "artist") == LET_IN
    assert refusal("ProjectService.DeleteProject", "artist") == "ERROR_REASON_PERMISSION_MISSING"
    assert refusal("ProjectService.GetProject", "unlicensed-operator") == "ERROR_REASON_FEATURE_NOT_LICENSED"
    assert refusal("ProjectService.GetProject", "expired") == "ERROR_REASON_TOKEN_EXPIRED"
