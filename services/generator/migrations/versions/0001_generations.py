"""Generations."""

import sqlalchemy as sa
from alembic import op

from libs.chassis.database import UtcDateTime
from libs.chassis.idempotency import create_idempotency
from libs.chassis.outbox import create_outbox

revision = "generator0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "generations",
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("subject", sa.String(64), nullable=False),
        sa.Column("spec", sa.LargeBinary, nullable=False),
        sa.Column("job", sa.String(100), nullable=False),
        sa.Column("task", sa.String(200), nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("steps_done", sa.Integer, nullable=False),
        sa.Column("result", sa.LargeBinary, nullable=True),
        sa.Column("media", sa.LargeBinary, nullable=True),
        sa.Column("output_asset", sa.String(100), nullable=False),
        sa.Column("failure", sa.LargeBinary, nullable=True),
        sa.Column("weights_digest", sa.String(64), nullable=False),
        sa.Column("random_weights", sa.Boolean, nullable=False),
        sa.Column("device", sa.String(40), nullable=False),
        sa.Column("content_key", sa.String(64), nullable=False),
        sa.Column("trace_id", sa.String(32), nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("started_at", UtcDateTime, nullable=True),
        sa.Column("ended_at", UtcDateTime, nullable=True),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("tenant", "id", name="pk_generations"),
    )
    op.create_index("ix_generations_content", "generations", ["tenant", "content_key"])
    create_outbox(op)
    create_idempotency(op)


def downgrade() -> None:
    for table in ("idempotency", "outbox", "generations"):
        op.drop_table(table)
