"""The tables of this service."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKeyConstraint, PrimaryKeyConstraint, String, Table, Text

from libs.chassis.database import UtcDateTime, new_metadata
from libs.chassis.idempotency import idempotency_table

metadata = new_metadata()

projects = Table(
    "projects",
    metadata,
    Column("tenant", String(64), nullable=False),
    Column("id", String(64), nullable=False),
    Column("display_name", String(200), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("created_by", String(64), nullable=False),
    PrimaryKeyConstraint("tenant", "id"),
)

documents = Table(
    "documents",
    metadata,
    Column("tenant", String(64), nullable=False),
    Column("project", String(64), nullable=False),
    Column("id", String(64), nullable=False),
    Column("display_name", String(200), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    # The number of the newest revision; its row is in the table below.
    Column("revision", BigInteger, nullable=False),
    PrimaryKeyConstraint("tenant", "project", "id"),
    ForeignKeyConstraint(["tenant", "project"], ["projects.tenant", "projects.id"], ondelete="CASCADE"),
)

revisions = Table(
    "revisions",
    metadata,
    Column("tenant", String(64), nullable=False),
    Column("project", String(64), nullable=False),
    Column("document", String(64), nullable=False),
    Column("number", BigInteger, nullable=False),
    # Text, not a JSON type: what was stored comes back to the byte.
    Column("content_json", Text, nullable=False),
    Column("etag", String(64), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("created_by", String(64), nullable=False),
    Column("message", String(1000), nullable=False),
    PrimaryKeyConstraint("tenant", "project", "document", "number"),
    ForeignKeyConstraint(
        ["tenant", "project", "document"],
        ["documents.tenant", "documents.project", "documents.id"],
        ondelete="CASCADE",
    ),
)

idempotency = idempotency_table(metadata)
