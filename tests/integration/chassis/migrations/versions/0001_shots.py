"""Shots, takes, and the chassis' own tables."""

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
        "shots",
        sa.Column("id", sa.String(26), nullable=False),
        sa.Column("title", sa.String(26)),
        sa.Column("notes", Json, nullable=False),
        sa.Column("made_at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_shots"),
    )
    op.create_table(
        "takes",
        sa.Column("id", sa.String(26), nullable=False),
        sa.Column("shot", sa.String(26), nullable=False),
        sa.ForeignKeyConstraint(["shot"], ["shots.id"], name="fk_takes_shot_shots"),
        sa.PrimaryKeyConstraint("id", name="pk_takes"),
    )
    create_outbox(op)
    create_idempotency(op)
