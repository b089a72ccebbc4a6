"""Render jobs, their tasks and events."""

import sqlalchemy as sa
from alembic import op

from libs.chassis.database import Json, UtcDateTime
from libs.chassis.idempotency import create_idempotency
from libs.chassis.outbox import create_outbox

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "render_jobs",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("create_user", sa.String(64), nullable=False),
        sa.Column("display_name", sa.Text, nullable=False),
        sa.Column("document", sa.LargeBinary, nullable=False),
        sa.Column("output_node", sa.Text, nullable=False),
        sa.Column("output_name", sa.Text, nullable=False),
        sa.Column("sources", sa.LargeBinary, nullable=False),
        sa.Column("frame_rate_numerator", sa.BigInteger, nullable=False),
        sa.Column("frame_rate_denominator", sa.BigInteger, nullable=False),
        sa.Column("frame_count", sa.BigInteger, nullable=False),
        sa.Column("trace_id", sa.String(32), nullable=False),
        sa.Column("traceparent", sa.String(64), nullable=False),
        sa.Column("create_time", UtcDateTime, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("run", sa.Integer, nullable=False),
        sa.Column("last_sequence", sa.BigInteger, nullable=False),
        sa.Column("output_asset", sa.Text, nullable=False),
        sa.Column("failure", sa.LargeBinary, nullable=True),
        sa.Column("start_time", UtcDateTime, nullable=True),
        sa.Column("end_time", UtcDateTime, nullable=True),
        sa.Column("progress_time", UtcDateTime, nullable=True),
        sa.Column("swept", sa.Boolean, nullable=False),
        sa.Column("frames_done", sa.BigInteger, nullable=False),
        sa.Column("frames_total", sa.BigInteger, nullable=False),
        sa.Column("tasks_done", sa.Integer, nullable=False),
        sa.Column("tasks_total", sa.Integer, nullable=False),
        sa.Column("steps_done", sa.Integer, nullable=False),
        sa.Column("steps_total", sa.Integer, nullable=False),
    )
    op.create_index("ix_render_jobs_tenant_id", "render_jobs", ["tenant", "id"])
    op.create_index("ix_render_jobs_state_end_time", "render_jobs", ["state", "end_time"])
    op.create_table(
        "render_tasks",
        sa.Column("job_id", sa.String(64), sa.ForeignKey("render_jobs.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("id", sa.String(255), primary_key=True),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("depends_on", Json, nullable=False),
        sa.Column("first_frame", sa.BigInteger, nullable=False),
        sa.Column("frame_count", sa.BigInteger, nullable=False),
        sa.Column("steps_total", sa.Integer, nullable=False),
        sa.Column("spec", sa.LargeBinary, nullable=True),
        sa.Column("generation", sa.String(80), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("frames_done", sa.BigInteger, nullable=False),
        sa.Column("steps_done", sa.Integer, nullable=False),
        sa.Column("result", sa.LargeBinary, nullable=True),
        sa.Column("failure", sa.LargeBinary, nullable=True),
        sa.Column("worker", sa.Text, nullable=False),
        sa.Column("start_time", UtcDateTime, nullable=True),
        sa.Column("end_time", UtcDateTime, nullable=True),
        sa.Column("touch_time", UtcDateTime, nullable=True),
    )
    op.create_index("ix_render_tasks_state_touch_time", "render_tasks", ["state", "touch_time"])
    op.create_table(
        "render_events",
        sa.Column("job_id", sa.String(64), sa.ForeignKey("render_jobs.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("sequence", sa.BigInteger, primary_key=True),
        sa.Column("event", sa.LargeBinary, nullable=False),
    )
    create_outbox(op)
    create_idempotency(op)


def downgrade() -> None:
    for table in ("idempotency", "outbox", "render_events", "render_tasks", "render_jobs"):
        op.drop_table(table)
