"""How fast devices have run models."""

import sqlalchemy as sa
from alembic import op

from libs.chassis.database import UtcDateTime

revision = "generator0003"
down_revision = "generator0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "calibrations",
        sa.Column("device", sa.String(200), nullable=False),
        sa.Column("model", sa.String(64), nullable=False),
        sa.Column("flops", sa.Float(53), nullable=False),
        sa.Column("vae_flops", sa.Float(53), nullable=False),
        sa.Column("clips", sa.Integer, nullable=False),
        sa.Column("updated_at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("device", "model", name="pk_calibrations"),
    )


def downgrade() -> None:
    op.drop_table("calibrations")
