"""The store over SQLAlchemy, on SQLite and PostgreSQL alike."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import ColumnElement, Row, Table, and_, delete, select, update

from libs.chassis.database import Database
from libs.chassis.errors import AlreadyExists
from libs.chassis.unit import SqlUnit
from services.collab.adapters.tables import documents, idempotency, projects, revisions
from services.collab.domain.model import Document, DocumentInfo, DocumentKey, Project, Revision, RevisionInfo

# A document beside one of its revisions; the columns of both have names of their own.
_INFO = (
    documents.c.tenant,
    documents.c.project,
    documents.c.id,
    documents.c.display_name,
    documents.c.created_at.label("document_created_at"),
    revisions.c.number,
    revisions.c.etag,
    revisions.c.created_at,
    revisions.c.created_by,
    revisions.c.message,
)
_OF_DOCUMENT = and_(
    revisions.c.tenant == documents.c.tenant,
    revisions.c.project == documents.c.project,
    revisions.c.document == documents.c.id,
)
_NEWEST = and_(_OF_DOCUMENT, revisions.c.number == documents.c.revision)


def _is(key: DocumentKey) -> ColumnElement[bool]:
    return and_(
        documents.c.tenant == key.tenant,
        documents.c.project == key.project,
        documents.c.id == key.id,
    )


def _project(row: Row[Any]) -> Project:
    return Project(**row._mapping)


def _revision_info(row: Row[Any]) -> RevisionInfo:
    return RevisionInfo(
        number=row.number,
        etag=row.etag,
        created_at=row.created_at,
        created_by=row.created_by,
        message=row.message,
    )


def _info(row: Row[Any]) -> DocumentInfo:
    return DocumentInfo(
        key=DocumentKey(row.tenant, row.project, row.id),
        display_name=row.display_name,
        created_at=row.document_created_at,
        newest=_revision_info(row),
    )


class _Unit(SqlUnit):
    """Reads and writes of one session; the `Reader` and `Writer` of the ports."""

    async def _add(self, table: Table, values: Mapping[str, Any], resource: str) -> None:
        """Raises AlreadyExists."""
        if not await self._insert_new(table, values):
            raise AlreadyExists(f"{resource} exists already.", metadata={"resource": resource})

    async def project(self, tenant: str, project: str) -> Project | None:
        row = await self._one(select(projects).where(projects.c.tenant == tenant, projects.c.id == project))
        return None if row is None else _project(row)

    async def projects(self, tenant: str, after: str, limit: int) -> Sequence[Project]:
        query = select(projects).where(projects.c.tenant == tenant, projects.c.id > after)
        return [_project(row) for row in await self._all(query.order_by(projects.c.id).limit(limit))]

    async def document(self, key: DocumentKey, revision: int = 0) -> Document | None:
        wanted = and_(_OF_DOCUMENT, revisions.c.number == revision) if revision else _NEWEST
        query = select(*_INFO, revisions.c.content_json).join(revisions, wanted).where(_is(key))
        row = await self._one(query)
        if row is None:
            return None
        return Document(
            key=key,
            display_name=row.display_name,
            created_at=row.document_created_at,
            revision=Revision(row.number, row.content_json, row.created_at, row.created_by, row.message),
        )

    async def documents(self, tenant: str, project: str, after: str, limit: int) -> Sequence[DocumentInfo]:
        query = (
            select(*_INFO)
            .join(revisions, _NEWEST)
            .where(documents.c.tenant == tenant, documents.c.project == project, documents.c.id > after)
            .order_by(documents.c.id)
            .limit(limit)
        )
        return [_info(row) for row in await self._all(query)]

    async def revisions(self, key: DocumentKey, before: int, limit: int) -> Sequence[RevisionInfo]:
        query = select(*_INFO).join(revisions, _OF_DOCUMENT).where(_is(key))
        if before:
            query = query.where(revisions.c.number < before)
        return [_revision_info(row) for row in await self._all(query.order_by(revisions.c.number.desc()).limit(limit))]

    async def lock_project(self, tenant: str, project: str) -> None:
        # SQLite has one writer at a time anyway, and ignores the clause.
        mine = and_(projects.c.tenant == tenant, projects.c.id == project)
        await self._session.execute(select(projects.c.id).where(mine).with_for_update())

    async def add_project(self, project: Project) -> None:
        values = {column.name: getattr(project, column.name) for column in projects.columns}
        await self._add(projects, values, project.name)

    async def delete_project(self, tenant: str, project: str) -> None:
        await self._session.execute(delete(projects).where(projects.c.tenant == tenant, projects.c.id == project))

    async def add_document(self, document: Document) -> None:
        key = document.key
        values = {
            "tenant": key.tenant,
            "project": key.project,
            "id": key.id,
            "display_name": document.display_name,
            "created_at": document.created_at,
            "revision": document.revision.number,
        }
        await self._add(documents, values, key.name)
        await self._add_revision_row(document)

    async def lock_document(self, key: DocumentKey) -> DocumentInfo | None:
        await self._session.execute(select(documents.c.id).where(_is(key)).with_for_update())
        # A statement of its own: under READ COMMITTED it sees what the lock was waited for.
        row = await self._one(select(*_INFO).join(revisions, _NEWEST).where(_is(key)))
        return None if row is None else _info(row)

    async def add_revision(self, document: Document) -> None:
        await self._add_revision_row(document)
        await self._session.execute(
            update(documents).where(_is(document.key)).values(revision=document.revision.number)
        )

    async def _add_revision_row(self, document: Document) -> None:
        key, revision = document.key, document.revision
        await self._session.execute(
            revisions.insert().values(
                tenant=key.tenant,
                project=key.project,
                document=key.id,
                number=revision.number,
                content_json=revision.content_json,
                etag=revision.etag,
                created_at=revision.created_at,
                created_by=revision.created_by,
                message=revision.message,
            )
        )

    async def delete_document(self, key: DocumentKey) -> None:
        await self._session.execute(delete(documents).where(_is(key)))


class SqlStore:
    """The `Store` of the ports."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @asynccontextmanager
    async def read(self) -> AsyncIterator[_Unit]:
        async with self._database.read() as session:
            yield _Unit(session, idempotency)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[_Unit]:
        async with self._database.transaction() as session:
            yield _Unit(session, idempotency)
