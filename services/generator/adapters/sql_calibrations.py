"""The `Calibrations` port over SQLite and PostgreSQL."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from libs.chassis.clock import utcnow
from libs.chassis.database import Database, insert_into
from services.generator.adapters import tables
from services.generator.domain.plan.devices import Calibration, calibrated

_table = tables.calibrations


class SqlCalibrations:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, device: str, model: str) -> Calibration | None:
        async with self._database.read() as session:
            return await _found(session, device, model)

    async def add(self, device: str, model: str, flops: float, vae_flops: float) -> None:
        async with self._database.transaction() as session:
            # Of two workers at the very same moment one's clip may be lost: it is one of many.
            new = calibrated(await _found(session, device, model), flops, vae_flops)
            values = {
                "flops": new.flops,
                "vae_flops": new.vae_flops,
                "clips": new.clips,
                "updated_at": utcnow(),
            }
            statement = insert_into(session, _table).values(device=device, model=model, **values)
            await session.execute(
                statement.on_conflict_do_update(index_elements=[_table.c.device, _table.c.model], set_=values)
            )


async def _found(session: AsyncSession, device: str, model: str) -> Calibration | None:
    query = select(_table).where(_table.c.device == device, _table.c.model == model)
    row = (await session.execute(query)).one_or_none()
    return None if row is None else Calibration(row.flops, row.vae_flops, row.clips)
