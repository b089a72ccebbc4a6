"""What this service needs from its store.

All reads and writes of one use case happen inside one `read()` or `transaction()` block, and see one state. Everything
is asked for by tenant; what belongs to another tenant does not exist.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from libs.chassis.repeats import Repeat, Response, Result
from services.collab.domain.model import Document, DocumentInfo, DocumentKey, Project, RevisionInfo


class Reader(Protocol):
    async def project(self, tenant: str, project: str) -> Project | None: ...

    async def projects(self, tenant: str, after: str, limit: int) -> Sequence[Project]:
        """At most `limit` projects whose id is greater than `after`, in the order of their ids."""
        ...

    async def document(self, key: DocumentKey, revision: int = 0) -> Document | None:
        """The document at that revision, at the newest for 0; None when either does not exist."""
        ...

    async def documents(self, tenant: str, project: str, after: str, limit: int) -> Sequence[DocumentInfo]:
        """At most `limit` documents whose id is greater than `after`, in the order of their ids."""
        ...

    async def revisions(self, key: DocumentKey, before: int, limit: int) -> Sequence[RevisionInfo]:
        """At most `limit` revisions with a smaller number than `before` (0: any), newest first."""
        ...


class Writer(Reader, Protocol):
    async def lock_project(self, tenant: str, project: str) -> None:
        """Until the transaction ends nobody else removes the project or passes this point for it."""
        ...

    async def add_project(self, project: Project) -> None:
        """Raises AlreadyExists when the tenant has a project of that id."""
        ...

    async def delete_project(self, tenant: str, project: str) -> None:
        """Removes the project, its documents and all their revisions."""
        ...

    async def add_document(self, document: Document) -> None:
        """Stores the document and its revision. Raises AlreadyExists when the project has a document of that id."""
        ...

    async def lock_document(self, key: DocumentKey) -> DocumentInfo | None:
        """The document's newest state; until the transaction ends nobody else passes this point for it."""
        ...

    async def add_revision(self, document: Document) -> None:
        """Stores the document's revision as its newest. The document is locked and the number the next one."""
        ...

    async def delete_document(self, key: DocumentKey) -> None:
        """Removes the document and all its revisions."""
        ...

    async def once(
        self, tenant: str, repeat: Repeat[Result, Response], build: Callable[[], Awaitable[Result]]
    ) -> Response:
        """The answer to `build()`, or the one given to the same request id within a day.

        Raises AlreadyExists with ERROR_REASON_REQUEST_ID_REUSED when the id came with another request.
        """
        ...


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[Reader]:
        """Raises Unavailable, as `transaction` does, when the database does not answer."""
        ...

    def transaction(self) -> AbstractAsyncContextManager[Writer]:
        """Commits when the block ends, and rolls back when it raises."""
        ...
