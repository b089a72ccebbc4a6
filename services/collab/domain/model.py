"""The facts that this service owns. Ids stand here without their `projects/`, `documents/` prefix."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from libs.chassis.errors import Aborted


@dataclass(frozen=True)
class Project:
    tenant: str
    id: str
    display_name: str
    created_at: datetime
    created_by: str
    """A user's id."""

    @property
    def name(self) -> str:
        return f"projects/{self.id}"


@dataclass(frozen=True)
class DocumentKey:
    """Where a document lies."""

    tenant: str
    project: str
    id: str

    @property
    def name(self) -> str:
        return f"projects/{self.project}/documents/{self.id}"

    @classmethod
    def parse(cls, tenant: str, name: str) -> DocumentKey:
        """From `projects/{project}/documents/{document}`, whose form the contract has checked."""
        _, project, _, document = name.split("/")
        return cls(tenant, project, document)


@dataclass(frozen=True)
class Revision:
    """One state of a document, never changed."""

    number: int
    """From 1 on, without gaps."""
    content_json: str
    created_at: datetime
    created_by: str
    message: str = ""

    @property
    def etag(self) -> str:
        return hashlib.sha256(f"{self.number}\0{self.content_json}".encode()).hexdigest()[:16]


@dataclass(frozen=True)
class RevisionInfo:
    """A revision without its content."""

    number: int
    etag: str
    created_at: datetime
    created_by: str
    message: str


@dataclass(frozen=True)
class DocumentInfo:
    """A document without its content."""

    key: DocumentKey
    display_name: str
    created_at: datetime
    newest: RevisionInfo

    def require_etag(self, etag: str) -> None:
        """Raises Aborted when the caller has seen another revision than the newest; an empty etag asks for none."""
        if etag and etag != self.newest.etag:
            raise Aborted(
                f"{self.key.name} has changed since it was read: read it again and repeat.",
                metadata={"resource": self.key.name},
            )


@dataclass(frozen=True)
class Document:
    """A document at one of its revisions."""

    key: DocumentKey
    display_name: str
    created_at: datetime
    revision: Revision
