"""Turns on the workers: priorities, shares of tenants, learnt costs, and how often tasks are tried."""

import sqlalchemy as sa
from alembic import op

from libs.chassis.database import Json, UtcDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_JOBS = ("priority", "document_digest", "chunk_frames", "shape", "work", "frame_seconds", "turn_time")
_TASKS = ("failures", "losses", "outages", "avoid", "due_time", "cost")


def upgrade() -> None:
    with op.batch_alter_table("render_jobs") as jobs:
        jobs.add_column(sa.Column("priority", sa.Integer, nullable=False, server_default="1"))
        jobs.add_column(sa.Column("document_digest", sa.String(64), nullable=False, server_default=""))
        jobs.add_column(sa.Column("chunk_frames", sa.Integer, nullable=False, server_default="0"))
        jobs.add_column(sa.Column("shape", sa.String(32), nullable=False, server_default=""))
        jobs.add_column(sa.Column("work", sa.Float, nullable=False, server_default="0"))
        jobs.add_column(sa.Column("frame_seconds", sa.Float, nullable=False, server_default="0"))
        jobs.add_column(sa.Column("turn_time", UtcDateTime, nullable=True))
    op.create_index("ix_render_jobs_tenant_document_digest", "render_jobs", ["tenant", "document_digest"])
    with op.batch_alter_table("render_tasks") as tasks:
        tasks.add_column(sa.Column("failures", sa.Integer, nullable=False, server_default="0"))
        tasks.add_column(sa.Column("losses", sa.Integer, nullable=False, server_default="0"))
        tasks.add_column(sa.Column("outages", sa.Integer, nullable=False, server_default="0"))
        tasks.add_column(sa.Column("avoid", Json, nullable=False, server_default="[]"))
        tasks.add_column(sa.Column("due_time", UtcDateTime, nullable=True))
        tasks.add_column(sa.Column("cost", sa.Float, nullable=False, server_default="0"))
    op.create_index("ix_render_tasks_job_id_state", "render_tasks", ["job_id", "state"])
    op.create_index("ix_render_tasks_kind_state", "render_tasks", ["kind", "state"])
    op.create_table(
        "render_shares",
        sa.Column("tenant", sa.String(64), primary_key=True),
        sa.Column("virtual_time", sa.Float, nullable=False),
    )
    turns = op.create_table(
        "render_turns",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("clock", sa.Float, nullable=False),
    )
    op.bulk_insert(turns, [{"id": 1, "clock": 0.0}])
    op.create_table(
        "render_rates",
        sa.Column("tenant", sa.String(64), primary_key=True),
        sa.Column("shape", sa.String(32), primary_key=True),
        sa.Column("seconds", sa.Float, nullable=False),
    )


def downgrade() -> None:
    for table in ("render_rates", "render_turns", "render_shares"):
        op.drop_table(table)
    op.drop_index("ix_render_tasks_kind_state", "render_tasks")
    op.drop_index("ix_render_tasks_job_id_state", "render_tasks")
    with op.batch_alter_table("render_tasks") as tasks:
        for column in _TASKS:
            tasks.drop_column(column)
    op.drop_index("ix_render_jobs_tenant_document_digest", "render_jobs")
    with op.batch_alter_table("render_jobs") as jobs:
        for column in _JOBS:
            jobs.drop_column(column)
