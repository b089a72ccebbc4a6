"""Projects, documents and their revisions."""

import sqlalchemy as sa
from alembic import op

from libs.chassis.database import UtcDateTime
from libs.chassis.idempotency import create_idempotency

revision = "collab0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "projects",
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("display_name", sa.String(200), nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("created_by", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "id", name="pk_projects"),
    )
    op.create_table(
        "documents",
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("project", sa.String(64), nullable=False),
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("display_name", sa.String(200), nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("tenant", "project", "id", name="pk_documents"),
        sa.ForeignKeyConstraint(
            ["tenant", "project"],
            ["projects.tenant", "projects.id"],
            name="fk_documents_tenant_projects",
            ondelete="CASCADE",
        ),
    )
    op.create_table(
        "revisions",
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("project", sa.String(64), nullable=False),
        sa.Column("document", sa.String(64), nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("content_json", sa.Text, nullable=False),
        sa.Column("etag", sa.String(64), nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("created_by", sa.String(64), nullable=False),
        sa.Column("message", sa.String(1000), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "project", "document", "number", name="pk_revisions"),
        sa.ForeignKeyConstraint(
            ["tenant", "project", "document"],
            ["documents.tenant", "documents.project", "documents.id"],
            name="fk_revisions_tenant_documents",
            ondelete="CASCADE",
        ),
    )
    create_idempotency(op)


def downgrade() -> None:
    for table in ("idempotency", "revisions", "documents", "projects"):
        op.drop_table(table)
