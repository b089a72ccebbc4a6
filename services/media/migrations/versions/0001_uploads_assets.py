"""Uploads with their parts, assets, and blobs that wait for an asset."""

import sqlalchemy as sa
from alembic import op

from libs.chassis.database import UtcDateTime
from libs.chassis.idempotency import create_idempotency
from libs.chassis.outbox import create_outbox

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "uploads",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("user", sa.String(64), nullable=False),
        sa.Column("display_name", sa.Text, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("committed_size", sa.BigInteger, nullable=False),
        sa.Column("asset", sa.String(64), nullable=False),
        sa.Column("create_time", UtcDateTime, nullable=False),
        sa.Column("expire_time", UtcDateTime, nullable=False),
    )
    op.create_index("ix_uploads_expire_time", "uploads", ["expire_time"])
    op.create_table(
        "upload_parts",
        sa.Column("upload", sa.String(64), sa.ForeignKey("uploads.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("offset", sa.BigInteger, primary_key=True),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
    )
    op.create_table(
        "assets",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("display_name", sa.Text, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("media_type", sa.String(128), nullable=False),
        sa.Column("media", sa.LargeBinary, nullable=False),
        sa.Column("provenance", sa.LargeBinary, nullable=False),
        sa.Column("create_time", UtcDateTime, nullable=False),
        sa.Column("create_user", sa.String(64), nullable=False),
        sa.Column("origin_key", sa.String(300), nullable=True),
        sa.UniqueConstraint("tenant", "origin_key", name="uq_assets_tenant_origin_key"),
    )
    op.create_index("ix_assets_tenant_id", "assets", ["tenant", "id"])
    op.create_index("ix_assets_tenant_digest", "assets", ["tenant", "digest"])
    op.create_table(
        "staged_blobs",
        sa.Column("tenant", sa.String(64), primary_key=True),
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("create_time", UtcDateTime, nullable=False),
    )
    op.create_index("ix_staged_blobs_create_time", "staged_blobs", ["create_time"])
    create_outbox(op)
    create_idempotency(op)


def downgrade() -> None:
    for table in ("idempotency", "outbox", "staged_blobs", "assets", "upload_parts", "uploads"):
        op.drop_table(table)
