"""The tables of the chassis tests, as a service declares its own."""

from pathlib import Path

from sqlalchemy import Column, ForeignKey, Integer, String, Table

from libs.chassis.database import Json, UtcDateTime, new_metadata
from libs.chassis.idempotency import idempotency_table
from libs.chassis.outbox import outbox_table

MIGRATIONS = Path(__file__).parent / "migrations"

metadata = new_metadata()
shots = Table(
    "shots",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("number", Integer, nullable=False, unique=True),
    Column("notes", Json, nullable=False),
    Column("made_at", UtcDateTime, nullable=False),
)
takes = Table(
    "takes",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("shot", ForeignKey("shots.id"), nullable=False),
)
outbox = outbox_table(metadata)
idempotency = idempotency_table(metadata)
