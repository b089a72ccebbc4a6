"""ProjectService as a client meets it: the real server with the real store, on SQLite and PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2

from artifex.collab.v1 import messages_pb2 as pb
from artifex.collab.v1 import service_pb2, service_pb2_grpc
from libs.chassis.database import Database, migrate
from libs.chassis.rpc.server import GrpcServer
from libs.chassis.testing import schema_differences
from libs.chassis.testing.tokens import TokenMint
from services.collab.__main__ import MIGRATIONS
from services.collab.adapters.sql_store import SqlStore
from services.collab.adapters.tables import metadata
from services.collab.api.project_service import ProjectServicer

GRAPH = '{"schema": "artifex.graph/1",\n "nodes": {"제목": {"type": "TextInput"}}}'


class Session:
    """Calls as one user of one tenant."""

    def __init__(self, channel: grpc.aio.Channel, mint: TokenMint, tenant: str) -> None:
        self._stub: Any = service_pb2_grpc.ProjectServiceStub(channel)
        self._metadata = mint.metadata("ROLE_LEAD_ARTIST", tenant=tenant, subject=f"{tenant}-ann")

    async def call(self, rpc: str, request: Any) -> Any:
        return await getattr(self._stub, rpc)(request, metadata=self._metadata, timeout=30)

    async def refused(self, rpc: str, request: Any) -> str:
        """The ErrorReason of a call that must fail."""
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await self.call(rpc, request)
        error: Any = caught.value
        (raw,) = [value for key, value in error.trailing_metadata() if key == "grpc-status-details-bin"]
        info = error_details_pb2.ErrorInfo()
        assert status_pb2.Status.FromString(raw).details[0].Unpack(info)
        return str(info.reason)


@pytest.fixture
async def channel(database_url: str) -> AsyncIterator[tuple[grpc.aio.Channel, TokenMint, Database]]:
    await migrate(database_url, schema="collab", migrations=MIGRATIONS)
    mint = TokenMint()
    async with (
        Database(database_url, schema="collab") as database,
        GrpcServer(
            "127.0.0.1:0",
            verifier=mint.verifier(),
            servicers=[(service_pb2_grpc.add_ProjectServiceServicer_to_server, ProjectServicer(SqlStore(database)))],
            services=list(service_pb2.DESCRIPTOR.services_by_name.values()),
        ) as server,
        grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel,
    ):
        yield channel, mint, database


@pytest.fixture
def ann(channel: tuple[grpc.aio.Channel, TokenMint, Database]) -> Session:
    return Session(channel[0], channel[1], "acme")


@pytest.fixture
def stranger(channel: tuple[grpc.aio.Channel, TokenMint, Database]) -> Session:
    return Session(channel[0], channel[1], "rival")


@pytest.fixture
async def document(ann: Session) -> pb.Document:
    await ann.call("CreateProject", pb.CreateProjectRequest(project_id="spot", display_name="Spot"))
    request = pb.CreateDocumentRequest(parent="projects/spot", document_id="cut", content_json=GRAPH)
    made: pb.Document = (await ann.call("CreateDocument", request)).document
    return made


async def test_the_migration_makes_what_the_code_declares(
    channel: tuple[grpc.aio.Channel, TokenMint, Database],
) -> None:
    assert await schema_differences(channel[2], metadata) == []


async def test_a_document_is_kept_to_the_byte_with_all_its_revisions(ann: Session, document: pb.Document) -> None:
    assert (document.name, document.revision, document.content_json) == ("projects/spot/documents/cut", 1, GRAPH)
    assert document.update_user == "users/acme-ann"
    update = pb.UpdateDocumentRequest(
        name=document.name, content_json=GRAPH + "\n", etag=document.etag, message="A new line"
    )
    second = (await ann.call("UpdateDocument", update)).document
    assert (second.revision, second.content_json) == (2, GRAPH + "\n")
    assert second.etag != document.etag

    newest = await ann.call("GetDocument", pb.GetDocumentRequest(name=document.name))
    assert newest.document == second
    first = await ann.call("GetDocument", pb.GetDocumentRequest(name=document.name, revision=1))
    assert first.document == document
    missing = pb.GetDocumentRequest(name=document.name, revision=3)
    assert await ann.refused("GetDocument", missing) == "ERROR_REASON_RESOURCE_NOT_FOUND"

    listing = pb.ListDocumentRevisionsRequest(name=document.name, page_size=1)
    page = await ann.call("ListDocumentRevisions", listing)
    assert [(item.revision, item.message) for item in page.revisions] == [(2, "A new line")]
    listing.page_token = page.next_page_token
    page = await ann.call("ListDocumentRevisions", listing)
    assert [(item.revision, item.etag) for item in page.revisions] == [(1, document.etag)]
    assert page.next_page_token == ""

    (info,) = (await ann.call("ListDocuments", pb.ListDocumentsRequest(parent="projects/spot"))).documents
    assert (info.revision, info.etag, info.content_json) == (2, second.etag, "")


async def test_of_two_writers_one_has_to_read_again(ann: Session, document: pb.Document) -> None:
    async def write(number: int) -> str:
        content = GRAPH + " " * number
        request = pb.UpdateDocumentRequest(name=document.name, content_json=content, etag=document.etag)
        try:
            await ann.call("UpdateDocument", request)
        except grpc.aio.AioRpcError as error:
            return error.code().name
        return "OK"

    assert sorted(await asyncio.gather(*(write(number) for number in range(5)))) == ["ABORTED"] * 4 + ["OK"]
    newest = (await ann.call("GetDocument", pb.GetDocumentRequest(name=document.name))).document
    assert newest.revision == 2
    old = pb.DeleteDocumentRequest(name=document.name, etag=document.etag)
    assert await ann.refused("DeleteDocument", old) == "ERROR_REASON_ETAG_MISMATCH"
    await ann.call("DeleteDocument", pb.DeleteDocumentRequest(name=document.name, etag=newest.etag))
    read = pb.GetDocumentRequest(name=document.name)
    assert await ann.refused("GetDocument", read) == "ERROR_REASON_RESOURCE_NOT_FOUND"


async def test_another_tenants_projects_do_not_exist(stranger: Session, document: pb.Document) -> None:
    for rpc, request in [
        ("GetProject", pb.GetProjectRequest(name="projects/spot")),
        ("DeleteProject", pb.DeleteProjectRequest(name="projects/spot")),
        ("ListDocuments", pb.ListDocumentsRequest(parent="projects/spot")),
        ("CreateDocument", pb.CreateDocumentRequest(parent="projects/spot", content_json=GRAPH)),
        ("GetDocument", pb.GetDocumentRequest(name=document.name)),
        ("UpdateDocument", pb.UpdateDocumentRequest(name=document.name, content_json=GRAPH, etag=document.etag)),
        ("DeleteDocument", pb.DeleteDocumentRequest(name=document.name)),
        ("ListDocumentRevisions", pb.ListDocumentRevisionsRequest(name=document.name)),
    ]:
        assert await stranger.refused(rpc, request) == "ERROR_REASON_RESOURCE_NOT_FOUND", rpc
    assert list((await stranger.call("ListProjects", pb.ListProjectsRequest())).projects) == []
    # The same name is free for them.
    await stranger.call("CreateProject", pb.CreateProjectRequest(project_id="spot"))


async def test_names_are_taken_once_and_repeats_are_answered_alike(ann: Session, document: pb.Document) -> None:
    taken = pb.CreateProjectRequest(project_id="spot")
    assert await ann.refused("CreateProject", taken) == "ERROR_REASON_RESOURCE_EXISTS"
    again = pb.CreateDocumentRequest(parent="projects/spot", document_id="cut", content_json=GRAPH)
    assert await ann.refused("CreateDocument", again) == "ERROR_REASON_RESOURCE_EXISTS"
    request = pb.CreateProjectRequest(display_name="Made once", request_id="r1")
    assert await ann.call("CreateProject", request) == await ann.call("CreateProject", request)
    request.display_name = "Another"
    assert await ann.refused("CreateProject", request) == "ERROR_REASON_REQUEST_ID_REUSED"


async def test_a_project_takes_its_documents_with_it(ann: Session, document: pb.Document) -> None:
    await ann.call("DeleteProject", pb.DeleteProjectRequest(name="projects/spot"))
    read = pb.GetDocumentRequest(name=document.name)
    assert await ann.refused("GetDocument", read) == "ERROR_REASON_RESOURCE_NOT_FOUND"
    await ann.call("CreateProject", pb.CreateProjectRequest(project_id="spot"))
    listing = await ann.call("ListDocuments", pb.ListDocumentsRequest(parent="projects/spot"))
    assert list(listing.documents) == []


async def test_lists_come_in_pages(ann: Session) -> None:
    names = [f"p{number}" for number in range(5)]
    for name in names:
        await ann.call("CreateProject", pb.CreateProjectRequest(project_id=name))
    found: list[str] = []
    request = pb.ListProjectsRequest(page_size=2)
    while True:
        page = await ann.call("ListProjects", request)
        found += [project.name for project in page.projects]
        request.page_token = page.next_page_token
        if not request.page_token:
            break
    assert found == [f"projects/{name}" for name in names]


@pytest.mark.parametrize("content", ["{}", "not json", '{"schema": "artifex.graph/1", "nodes": 1}', "x" * 1_000_001])
async def test_what_is_no_graph_document_is_not_stored(ann: Session, document: pb.Document, content: str) -> None:
    create = pb.CreateDocumentRequest(parent="projects/spot", content_json=content)
    assert await ann.refused("CreateDocument", create) == "ERROR_REASON_REQUEST_INVALID"
    update = pb.UpdateDocumentRequest(name=document.name, content_json=content, etag=document.etag)
    assert await ann.refused("UpdateDocument", update) == "ERROR_REASON_REQUEST_INVALID"
