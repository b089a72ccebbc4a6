"""The graph service's tables."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Float, ForeignKey, Index, Integer, LargeBinary, String, Table, Text

from libs.chassis.database import Json, UtcDateTime, new_metadata
from libs.chassis.idempotency import idempotency_table
from libs.chassis.outbox import outbox_table

metadata = new_metadata()

jobs = Table(
    "render_jobs",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("tenant", String(64), nullable=False),
    Column("create_user", String(64), nullable=False),
    Column("display_name", Text, nullable=False),
    # Serialised protos are kept as they are: nothing queries inside them.
    Column("document", LargeBinary, nullable=False),
    Column("output_node", Text, nullable=False),
    Column("output_name", Text, nullable=False),
    Column("sources", LargeBinary, nullable=False),
    Column("frame_rate_numerator", BigInteger, nullable=False),
    Column("frame_rate_denominator", BigInteger, nullable=False),
    Column("frame_count", BigInteger, nullable=False),
    Column("trace_id", String(32), nullable=False),
    Column("traceparent", String(64), nullable=False),
    Column("create_time", UtcDateTime, nullable=False),
    Column("state", String(16), nullable=False),
    Column("run", Integer, nullable=False),
    Column("last_sequence", BigInteger, nullable=False),
    Column("output_asset", Text, nullable=False),
    Column("failure", LargeBinary, nullable=True),
    Column("start_time", UtcDateTime, nullable=True),
    Column("end_time", UtcDateTime, nullable=True),
    Column("progress_time", UtcDateTime, nullable=True),
    Column("swept", Boolean, nullable=False),
    Column("frames_done", BigInteger, nullable=False),
    Column("frames_total", BigInteger, nullable=False),
    Column("tasks_done", Integer, nullable=False),
    Column("tasks_total", Integer, nullable=False),
    Column("steps_done", Integer, nullable=False),
    Column("steps_total", Integer, nullable=False),
    Column("priority", Integer, nullable=False, server_default="1"),
    Column("document_digest", String(64), nullable=False, server_default=""),
    Column("chunk_frames", Integer, nullable=False, server_default="0"),
    Column("shape", String(32), nullable=False, server_default=""),
    Column("work", Float, nullable=False, server_default="0"),
    Column("frame_seconds", Float, nullable=False, server_default="0"),
    Column("turn_time", UtcDateTime, nullable=True),
    Index("ix_render_jobs_tenant_id", "tenant", "id"),
    Index("ix_render_jobs_state_end_time", "state", "end_time"),
    Index("ix_render_jobs_tenant_document_digest", "tenant", "document_digest"),
)

tasks = Table(
    "render_tasks",
    metadata,
    Column("job_id", String(64), ForeignKey("render_jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("id", String(255), primary_key=True),
    Column("position", Integer, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("depends_on", Json, nullable=False),
    Column("first_frame", BigInteger, nullable=False),
    Column("frame_count", BigInteger, nullable=False),
    Column("steps_total", Integer, nullable=False),
    Column("spec", LargeBinary, nullable=True),
    Column("generation", String(80), nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("frames_done", BigInteger, nullable=False),
    Column("steps_done", Integer, nullable=False),
    Column("result", LargeBinary, nullable=True),
    Column("failure", LargeBinary, nullable=True),
    Column("worker", Text, nullable=False),
    Column("start_time", UtcDateTime, nullable=True),
    Column("end_time", UtcDateTime, nullable=True),
    Column("touch_time", UtcDateTime, nullable=True),
    Column("failures", Integer, nullable=False, server_default="0"),
    Column("losses", Integer, nullable=False, server_default="0"),
    Column("outages", Integer, nullable=False, server_default="0"),
    Column("avoid", Json, nullable=False, server_default="[]"),
    Column("due_time", UtcDateTime, nullable=True),
    Column("cost", Float, nullable=False, server_default="0"),
    Index("ix_render_tasks_state_touch_time", "state", "touch_time"),
    Index("ix_render_tasks_job_id_state", "job_id", "state"),
    Index("ix_render_tasks_kind_state", "kind", "state"),
)

events = Table(
    "render_events",
    metadata,
    Column("job_id", String(64), ForeignKey("render_jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("sequence", BigInteger, primary_key=True),
    Column("event", LargeBinary, nullable=False),
)

shares = Table(
    "render_shares",
    metadata,
    Column("tenant", String(64), primary_key=True),
    # Seconds of one worker over the tenant's weight; see domain/jobs/shares.py.
    Column("virtual_time", Float, nullable=False),
)

# One row: the clock of the shares. Whoever hands tasks to the workers holds its lock.
turns = Table(
    "render_turns",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("clock", Float, nullable=False),
)

rates = Table(
    "render_rates",
    metadata,
    Column("tenant", String(64), primary_key=True),
    Column("shape", String(32), primary_key=True),
    # Worker seconds per frame of this shape; for the empty shape, per unit of work.
    Column("seconds", Float, nullable=False),
)

outbox = outbox_table(metadata)
idempotency = idempotency_table(metadata)
