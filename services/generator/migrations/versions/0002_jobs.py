"""Given pictures, pauses, priorities, plans, previews and provenance."""

import sqlalchemy as sa
from alembic import op

from libs.chassis.database import UtcDateTime

revision = "generator0002"
down_revision = "generator0001"
branch_labels = None
depends_on = None

_ADDED = (
    "pictures",
    "priority",
    "plan",
    "queued_at",
    "pauses",
    "windows",
    "seconds_left",
    "device_seconds",
    "preview",
    "provenance",
)


def upgrade() -> None:
    with op.batch_alter_table("generations") as generations:
        generations.add_column(sa.Column("pictures", sa.LargeBinary, nullable=True))
        generations.add_column(sa.Column("priority", sa.Integer, nullable=False, server_default="2"))
        generations.add_column(sa.Column("plan", sa.LargeBinary, nullable=True))
        generations.add_column(sa.Column("queued_at", UtcDateTime, nullable=True))
        generations.add_column(sa.Column("pauses", sa.Integer, nullable=False, server_default="0"))
        generations.add_column(sa.Column("windows", sa.Integer, nullable=False, server_default="1"))
        generations.add_column(sa.Column("seconds_left", sa.Float, nullable=False, server_default="0"))
        generations.add_column(sa.Column("device_seconds", sa.Float, nullable=False, server_default="0"))
        generations.add_column(sa.Column("preview", sa.LargeBinary, nullable=True))
        generations.add_column(sa.Column("provenance", sa.LargeBinary, nullable=True))
    op.create_index("ix_generations_queue", "generations", ["state", "priority", "queued_at"])


def downgrade() -> None:
    op.drop_index("ix_generations_queue", "generations")
    with op.batch_alter_table("generations") as generations:
        for column in _ADDED:
            generations.drop_column(column)
