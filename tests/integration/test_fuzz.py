"""Whatever a client sends, no service answers INTERNAL: every rpc, on PostgreSQL, which is the stricter database."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Iterator

import grpc
import pytest
import pytest_asyncio

from artifex.auth.v1 import messages_pb2
from artifex.auth.v1 import service_pb2 as auth
from artifex.auth.v1 import service_pb2_grpc as auth_grpc
from artifex.collab.v1 import messages_pb2 as collab_messages
from artifex.collab.v1 import service_pb2 as collab
from artifex.collab.v1 import service_pb2_grpc as collab_grpc
from artifex.generator.v1 import service_pb2 as generator
from artifex.graph.v1 import service_pb2 as graph
from artifex.media.v1 import service_pb2 as media
from libs.chassis.ids import new_id
from libs.chassis.testing import NatsServer, PostgresServer
from tests.support.access import Rpc, rpcs
from tests.support.fuzz import Fuzzer
from tests.support.services import Services

FILES = {
    "auth": auth.DESCRIPTOR,
    "collab": collab.DESCRIPTOR,
    "media": media.DESCRIPTOR,
    "graph": graph.DESCRIPTOR,
    "generator": generator.DESCRIPTOR,
}
GRAPH = '{"schema": "artifex.graph/1", "nodes": {}}'
ROUNDS = 40


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def database_of_all(postgres_server: PostgresServer) -> str:
    return await postgres_server.create_database(new_id())


@pytest.fixture(scope="module")
def services(
    tmp_path_factory: pytest.TempPathFactory, nats_server: NatsServer, database_of_all: str
) -> Iterator[Services]:
    settings = {
        "ARTIFEX_NATS_URL": nats_server.url,
        "ARTIFEX_DATABASE_URL": database_of_all,
        "ARTIFEX_MEDIA_ROLES": "api",
        "ARTIFEX_GENERATOR_ROLES": "api",
    }
    with Services(tmp_path_factory.mktemp("home"), tuple(FILES), **settings).running() as services:
        yield services


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def channels(services: Services) -> AsyncIterator[dict[str, grpc.aio.Channel]]:
    channels = {
        file.package: grpc.aio.insecure_channel(f"127.0.0.1:{services.ports[name]}") for name, file in FILES.items()
    }
    yield channels
    for channel in channels.values():
        await channel.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def token(services: Services, channels: dict[str, grpc.aio.Channel]) -> str:
    """The operator's admin, who may call everything."""
    key = (services.home / "token").read_text().strip()
    stub = auth_grpc.AuthServiceStub(channels[auth.DESCRIPTOR.package])
    return (await stub.CreateToken(messages_pb2.CreateTokenRequest(api_key=key))).access_token


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def known(channels: dict[str, grpc.aio.Channel], token: str) -> tuple[str, ...]:
    """Texts that mean something here, so that some requests get past the checks."""
    metadata = (("authorization", f"Bearer {token}"),)
    admin = await auth_grpc.AuthServiceStub(channels[auth.DESCRIPTOR.package]).GetCaller(
        messages_pb2.GetCallerRequest(), metadata=metadata
    )
    projects = collab_grpc.ProjectServiceStub(channels[collab.DESCRIPTOR.package])
    await projects.CreateProject(collab_messages.CreateProjectRequest(project_id="spot"), metadata=metadata)
    request = collab_messages.CreateDocumentRequest(parent="projects/spot", document_id="cut", content_json=GRAPH)
    document = (await projects.CreateDocument(request, metadata=metadata)).document
    return ("spot", "projects/spot", document.name, document.etag, admin.user, admin.tenant, "kim@example.com", GRAPH)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("rpc", rpcs(FILES.values()), ids=str)
async def test_no_request_makes_a_service_fail(
    rpc: Rpc, channels: dict[str, grpc.aio.Channel], token: str, known: tuple[str, ...]
) -> None:
    for round_ in range(ROUNDS):
        seed = zlib.crc32(f"{rpc.path} {round_}".encode())
        request = Fuzzer(seed, known).message(rpc.method.input_type)
        code = await rpc.code_of(channels[rpc.package], token, request)
        assert code not in ("INTERNAL", "UNKNOWN", "UNIMPLEMENTED"), f"{code} for {rpc} with {request}"
