"""Domain objects as messages."""

from __future__ import annotations

from artifex.collab.v1 import messages_pb2 as pb
from libs.chassis.clock import to_timestamp
from services.collab.domain.model import Document, DocumentInfo, Project, RevisionInfo


def project(value: Project) -> pb.Project:
    return pb.Project(
        name=value.name,
        display_name=value.display_name,
        create_time=to_timestamp(value.created_at),
        create_user=f"users/{value.created_by}",
    )


def document(value: Document) -> pb.Document:
    return pb.Document(
        name=value.key.name,
        display_name=value.display_name,
        content_json=value.revision.content_json,
        revision=value.revision.number,
        etag=value.revision.etag,
        create_time=to_timestamp(value.created_at),
        update_time=to_timestamp(value.revision.created_at),
        update_user=f"users/{value.revision.created_by}",
    )


def document_info(value: DocumentInfo) -> pb.Document:
    """Without the content."""
    return pb.Document(
        name=value.key.name,
        display_name=value.display_name,
        revision=value.newest.number,
        etag=value.newest.etag,
        create_time=to_timestamp(value.created_at),
        update_time=to_timestamp(value.newest.created_at),
        update_user=f"users/{value.newest.created_by}",
    )


def revision(value: RevisionInfo) -> pb.DocumentRevision:
    return pb.DocumentRevision(
        revision=value.number,
        etag=value.etag,
        create_time=to_timestamp(value.created_at),
        create_user=f"users/{value.created_by}",
        message=value.message,
    )
