"""ProjectService over gRPC: decode, call the command, encode. The rest is the chassis' interceptors."""

from __future__ import annotations

from typing import Any

from artifex.collab.v1 import messages_pb2 as pb
from artifex.collab.v1 import service_pb2_grpc
from libs.chassis.paging import read_page
from libs.chassis.principal import current_principal
from libs.chassis.repeats import Repeat
from services.collab.api import encode
from services.collab.commands.create_document import create_document
from services.collab.commands.create_project import create_project
from services.collab.commands.delete_document import delete_document
from services.collab.commands.delete_project import delete_project
from services.collab.commands.get_document import get_document
from services.collab.commands.get_project import get_project
from services.collab.commands.list_document_revisions import list_document_revisions
from services.collab.commands.list_documents import list_documents
from services.collab.commands.list_projects import list_projects
from services.collab.commands.update_document import update_document
from services.collab.domain.model import Document, Project
from services.collab.ports import Store

Context = Any  # grpc.aio.ServicerContext; no rpc here needs it


class ProjectServicer(service_pb2_grpc.ProjectServiceServicer):
    def __init__(self, store: Store) -> None:
        self._store = store

    async def CreateProject(self, request: pb.CreateProjectRequest, context: Context) -> pb.CreateProjectResponse:
        repeat = Repeat[Project, pb.CreateProjectResponse](
            method="CreateProject",
            request_id=request.request_id,
            request=request,
            encode=lambda project: pb.CreateProjectResponse(project=encode.project(project)),
        )
        return await create_project(
            self._store,
            current_principal(),
            project_id=request.project_id,
            display_name=request.display_name,
            repeat=repeat,
        )

    async def GetProject(self, request: pb.GetProjectRequest, context: Context) -> pb.GetProjectResponse:
        project = await get_project(self._store, current_principal(), request.name)
        return pb.GetProjectResponse(project=encode.project(project))

    async def ListProjects(self, request: pb.ListProjectsRequest, context: Context) -> pb.ListProjectsResponse:
        caller = current_principal()
        page = await read_page(
            "ListProjects",
            caller.tenant,
            request,
            lambda after, limit: list_projects(self._store, caller, after=after, limit=limit),
            lambda project: project.id,
        )
        projects = [encode.project(item) for item in page.items]
        return pb.ListProjectsResponse(projects=projects, next_page_token=page.next_token)

    async def DeleteProject(self, request: pb.DeleteProjectRequest, context: Context) -> pb.DeleteProjectResponse:
        await delete_project(self._store, current_principal(), request.name)
        return pb.DeleteProjectResponse()

    async def CreateDocument(self, request: pb.CreateDocumentRequest, context: Context) -> pb.CreateDocumentResponse:
        repeat = Repeat[Document, pb.CreateDocumentResponse](
            method="CreateDocument",
            request_id=request.request_id,
            request=request,
            encode=lambda document: pb.CreateDocumentResponse(document=encode.document(document)),
        )
        return await create_document(
            self._store,
            current_principal(),
            parent=request.parent,
            document_id=request.document_id,
            display_name=request.display_name,
            content_json=request.content_json,
            repeat=repeat,
        )

    async def GetDocument(self, request: pb.GetDocumentRequest, context: Context) -> pb.GetDocumentResponse:
        document = await get_document(self._store, current_principal(), request.name, revision=request.revision)
        return pb.GetDocumentResponse(document=encode.document(document))

    async def ListDocuments(self, request: pb.ListDocumentsRequest, context: Context) -> pb.ListDocumentsResponse:
        caller = current_principal()
        page = await read_page(
            f"ListDocuments {request.parent}",
            caller.tenant,
            request,
            lambda after, limit: list_documents(self._store, caller, parent=request.parent, after=after, limit=limit),
            lambda document: document.key.id,
        )
        documents = [encode.document_info(item) for item in page.items]
        return pb.ListDocumentsResponse(documents=documents, next_page_token=page.next_token)

    async def UpdateDocument(self, request: pb.UpdateDocumentRequest, context: Context) -> pb.UpdateDocumentResponse:
        document = await update_document(
            self._store,
            current_principal(),
            request.name,
            content_json=request.content_json,
            etag=request.etag,
            message=request.message,
        )
        return pb.UpdateDocumentResponse(document=encode.document(document))

    async def DeleteDocument(self, request: pb.DeleteDocumentRequest, context: Context) -> pb.DeleteDocumentResponse:
        await delete_document(self._store, current_principal(), request.name, etag=request.etag)
        return pb.DeleteDocumentResponse()

    async def ListDocumentRevisions(
        self, request: pb.ListDocumentRevisionsRequest, context: Context
    ) -> pb.ListDocumentRevisionsResponse:
        caller = current_principal()
        page = await read_page(
            f"ListDocumentRevisions {request.name}",
            caller.tenant,
            request,
            lambda before, limit: list_document_revisions(
                self._store, caller, request.name, before=int(before or 0), limit=limit
            ),
            lambda revision: str(revision.number),
        )
        revisions = [encode.revision(item) for item in page.items]
        return pb.ListDocumentRevisionsResponse(revisions=revisions, next_page_token=page.next_token)
