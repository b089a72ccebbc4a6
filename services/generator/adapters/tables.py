"""The tables of this service."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Float, Index, Integer, LargeBinary, PrimaryKeyConstraint, String, Table

from libs.chassis.database import UtcDateTime, new_metadata
from libs.chassis.idempotency import idempotency_table
from libs.chassis.outbox import outbox_table

metadata = new_metadata()

generations = Table(
    "generations",
    metadata,
    Column("tenant", String(64), nullable=False),
    Column("id", String(64), nullable=False),
    Column("subject", String(64), nullable=False),
    Column("spec", LargeBinary, nullable=False),
    Column("job", String(100), nullable=False),
    Column("task", String(200), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("state", String(20), nullable=False),
    Column("steps_done", Integer, nullable=False),
    Column("result", LargeBinary, nullable=True),
    Column("media", LargeBinary, nullable=True),
    Column("output_asset", String(100), nullable=False),
    Column("failure", LargeBinary, nullable=True),
    Column("weights_digest", String(64), nullable=False),
    Column("random_weights", Boolean, nullable=False),
    Column("device", String(40), nullable=False),
    Column("content_key", String(64), nullable=False),
    Column("trace_id", String(32), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("started_at", UtcDateTime, nullable=True),
    Column("ended_at", UtcDateTime, nullable=True),
    Column("revision", Integer, nullable=False),
    Column("pictures", LargeBinary, nullable=True),
    Column("priority", Integer, nullable=False),
    Column("plan", LargeBinary, nullable=True),
    Column("queued_at", UtcDateTime, nullable=True),
    Column("pauses", Integer, nullable=False),
    Column("windows", Integer, nullable=False),
    Column("seconds_left", Float, nullable=False),
    Column("device_seconds", Float, nullable=False),
    Column("preview", LargeBinary, nullable=True),
    Column("provenance", LargeBinary, nullable=True),
    PrimaryKeyConstraint("tenant", "id"),
)
Index("ix_generations_content", generations.c.tenant, generations.c.content_key)
Index("ix_generations_queue", generations.c.state, generations.c.priority, generations.c.queued_at)

calibrations = Table(
    "calibrations",
    metadata,
    Column("device", String(200), nullable=False),
    Column("model", String(64), nullable=False),
    Column("flops", Float(53), nullable=False),
    Column("vae_flops", Float(53), nullable=False),
    Column("clips", Integer, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    PrimaryKeyConstraint("device", "model"),
)

outbox = outbox_table(metadata)
idempotency = idempotency_table(metadata)
