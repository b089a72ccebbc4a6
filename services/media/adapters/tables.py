"""The media service's tables."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, LargeBinary, String, Table, Text, UniqueConstraint

from libs.chassis.database import UtcDateTime, new_metadata
from libs.chassis.idempotency import idempotency_table
from libs.chassis.outbox import outbox_table

metadata = new_metadata()

uploads = Table(
    "uploads",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("tenant", String(64), nullable=False),
    Column("user", String(64), nullable=False),
    Column("display_name", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("committed_size", BigInteger, nullable=False),
    Column("asset", String(64), nullable=False),
    Column("create_time", UtcDateTime, nullable=False),
    Column("expire_time", UtcDateTime, nullable=False),
    Index("ix_uploads_expire_time", "expire_time"),
)

upload_parts = Table(
    "upload_parts",
    metadata,
    Column("upload", String(64), ForeignKey("uploads.id", ondelete="CASCADE"), primary_key=True),
    Column("offset", BigInteger, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("key", Text, nullable=False),
)

assets = Table(
    "assets",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("tenant", String(64), nullable=False),
    Column("display_name", Text, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("media_type", String(128), nullable=False),
    # Serialised protos are kept as they are: nothing queries inside them.
    Column("media", LargeBinary, nullable=False),
    Column("provenance", LargeBinary, nullable=False),
    Column("create_time", UtcDateTime, nullable=False),
    Column("create_user", String(64), nullable=False),
    Column("origin_key", String(300), nullable=True),
    UniqueConstraint("tenant", "origin_key", name="uq_assets_tenant_origin_key"),
    Index("ix_assets_tenant_id", "tenant", "id"),
    Index("ix_assets_tenant_digest", "tenant", "digest"),
)

staged_blobs = Table(
    "staged_blobs",
    metadata,
    Column("tenant", String(64), primary_key=True),
    Column("digest", String(64), primary_key=True),
    Column("create_time", UtcDateTime, nullable=False),
    Index("ix_staged_blobs_create_time", "create_time"),
)

outbox = outbox_table(metadata)
idempotency = idempotency_table(metadata)
