"""The tables of this service."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
    UniqueConstraint,
)

from libs.chassis.database import Json, UtcDateTime, new_metadata
from libs.chassis.idempotency import idempotency_table

metadata = new_metadata()

tenants = Table(
    "tenants",
    metadata,
    Column("id", String(64), nullable=False),
    Column("display_name", String(200), nullable=False),
    Column("operator", Boolean, nullable=False),
    Column("features", Json, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    PrimaryKeyConstraint("id"),
)

users = Table(
    "users",
    metadata,
    Column("tenant", String(64), nullable=False),
    Column("id", String(64), nullable=False),
    Column("email", String(254), nullable=False),
    # Case-folded, for comparison; `email` is as it was typed.
    Column("email_key", String(254), nullable=False),
    Column("display_name", String(200), nullable=False),
    Column("role", String(40), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("revision", Integer, nullable=False),
    PrimaryKeyConstraint("tenant", "id"),
    ForeignKeyConstraint(["tenant"], ["tenants.id"], ondelete="CASCADE"),
    UniqueConstraint("tenant", "email_key"),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", String(64), nullable=False),
    Column("tenant", String(64), nullable=False),
    Column("user", String(64), nullable=False),
    Column("display_name", String(200), nullable=False),
    Column("prefix", String(64), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=True),
    Column("last_used_at", UtcDateTime, nullable=True),
    PrimaryKeyConstraint("id"),
    ForeignKeyConstraint(["tenant", "user"], ["users.tenant", "users.id"], ondelete="CASCADE"),
)
Index("ix_api_keys_owner", api_keys.c.tenant, api_keys.c.user, api_keys.c.id)

# The private keys lie here in clear: who can read this table can also make themselves admin in the one above, so a key
# stored beside it would add ceremony and no protection. Encrypt the volume, and give the database to auth alone.
signing_keys = Table(
    "signing_keys",
    metadata,
    Column("kid", String(64), nullable=False),
    Column("generation", Integer, nullable=False),
    Column("seed", LargeBinary, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("active_at", UtcDateTime, nullable=False),
    Column("retires_at", UtcDateTime, nullable=True),
    PrimaryKeyConstraint("kid"),
    UniqueConstraint("generation"),
)

idempotency = idempotency_table(metadata)
