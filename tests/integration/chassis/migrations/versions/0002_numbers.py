"""Numbers in place of titles: what SQLite can only do by rebuilding the table that others refer to."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("shots") as shots:
        shots.add_column(sa.Column("number", sa.Integer, nullable=False, server_default="0"))
        shots.drop_column("title")
    with op.batch_alter_table("shots") as shots:
        shots.alter_column("number", server_default=None)
        shots.create_unique_constraint("uq_shots_number", ["number"])
