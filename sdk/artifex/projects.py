"""Projects, and the graph documents stored in them with every revision."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator

from artifex.collab.v1 import messages_pb2 as collab
from artifex.collab.v1 import service_pb2_grpc as collab_grpc
from artifex.transport import Transport


class Projects:
    """The tenant's projects and their documents."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._stub = collab_grpc.ProjectServiceStub(transport.channel)

    async def create(self, project_id: str = "", *, display_name: str = "", request_id: str = "") -> collab.Project:
        """Make a project; its id is made up when none is given. Raises AlreadyExists."""
        answer = await self._transport.unary(
            self._stub.CreateProject,
            collab.CreateProjectRequest(
                project_id=project_id, display_name=display_name, request_id=request_id or str(uuid.uuid4())
            ),
            name="ProjectService/CreateProject",
        )
        return answer.project

    async def get(self, name: str) -> collab.Project:
        answer = await self._transport.unary(
            self._stub.GetProject, collab.GetProjectRequest(name=name), name="ProjectService/GetProject"
        )
        return answer.project

    async def list(self) -> AsyncIterator[collab.Project]:
        pages = self._transport.pages(
            self._stub.ListProjects, collab.ListProjectsRequest(), name="ProjectService/ListProjects"
        )
        async for page in pages:
            for project in page.projects:
                yield project

    async def delete(self, name: str) -> None:
        """Remove a project and its documents."""
        await self._transport.unary(
            self._stub.DeleteProject, collab.DeleteProjectRequest(name=name), name="ProjectService/DeleteProject"
        )

    async def create_document(
        self,
        project: str,
        content_json: str,
        *,
        document_id: str = "",
        display_name: str = "",
        request_id: str = "",
    ) -> collab.Document:
        """Store a new document as its revision 1."""
        answer = await self._transport.unary(
            self._stub.CreateDocument,
            collab.CreateDocumentRequest(
                parent=project,
                document_id=document_id,
                display_name=display_name,
                content_json=content_json,
                request_id=request_id or str(uuid.uuid4()),
            ),
            name="ProjectService/CreateDocument",
        )
        return answer.document

    async def get_document(self, name: str, *, revision: int = 0) -> collab.Document:
        """A document's newest revision, or the one asked for."""
        answer = await self._transport.unary(
            self._stub.GetDocument,
            collab.GetDocumentRequest(name=name, revision=revision),
            name="ProjectService/GetDocument",
        )
        return answer.document

    async def list_documents(self, project: str) -> AsyncIterator[collab.Document]:
        """The project's documents, without their content."""
        pages = self._transport.pages(
            self._stub.ListDocuments, collab.ListDocumentsRequest(parent=project), name="ProjectService/ListDocuments"
        )
        async for page in pages:
            for document in page.documents:
                yield document

    async def update_document(self, name: str, content_json: str, *, etag: str, message: str = "") -> collab.Document:
        """Store a new revision. Raises Aborted when the document changed since `etag` was read."""
        answer = await self._transport.unary(
            self._stub.UpdateDocument,
            collab.UpdateDocumentRequest(name=name, content_json=content_json, etag=etag, message=message),
            name="ProjectService/UpdateDocument",
            repeatable=False,
        )
        return answer.document

    async def delete_document(self, name: str, *, etag: str = "") -> None:
        await self._transport.unary(
            self._stub.DeleteDocument,
            collab.DeleteDocumentRequest(name=name, etag=etag),
            name="ProjectService/DeleteDocument",
        )

    async def revisions(self, name: str) -> AsyncIterator[collab.DocumentRevision]:
        """A document's history, newest first."""
        pages = self._transport.pages(
            self._stub.ListDocumentRevisions,
            collab.ListDocumentRevisionsRequest(name=name),
            name="ProjectService/ListDocumentRevisions",
        )
        async for page in pages:
            for revision in page.revisions:
                yield revision
