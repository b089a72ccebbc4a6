"""The store over SQLAlchemy, on SQLite and PostgreSQL alike."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from google.protobuf.message import Message
from sqlalchemy import Row, Select, delete, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from artifex.common.v1.types_pb2 import Blob
from artifex.media.v1.messages_pb2 import MediaInfo, Provenance
from libs.chassis.database import Database, insert_into
from libs.chassis.errors import AlreadyExists
from libs.chassis.outbox import Outbox
from libs.chassis.unit import SqlUnit
from services.media.adapters.tables import assets, idempotency, staged_blobs, upload_parts, uploads
from services.media.domain.model import Asset, Part, Upload


def _upload(row: Row[Any]) -> Upload:
    return Upload(**row._mapping)


def _asset(row: Row[Any]) -> Asset:
    return Asset(
        id=row.id,
        tenant=row.tenant,
        display_name=row.display_name,
        blob=Blob(digest=row.digest, size=row.size, media_type=row.media_type),
        media=MediaInfo.FromString(row.media),
        provenance=Provenance.FromString(row.provenance),
        create_time=row.create_time,
        create_user=row.create_user,
        origin_key=row.origin_key,
    )


class _Unit(SqlUnit):
    """Reads and writes of one session; the `Reader` and `Writer` of the ports."""

    def __init__(self, session: AsyncSession, outbox: Outbox) -> None:
        super().__init__(session, idempotency)
        self._outbox = outbox

    # -- reads -------------------------------------------------------------------------------------------------------

    async def upload(self, tenant: str, upload: str) -> Upload | None:
        row = await self._one(select(uploads).where(uploads.c.tenant == tenant, uploads.c.id == upload))
        return None if row is None else _upload(row)

    async def parts(self, upload: str) -> Sequence[Part]:
        query = select(upload_parts).where(upload_parts.c.upload == upload).order_by(upload_parts.c.offset)
        return [Part(row.offset, row.size, row.key) for row in await self._all(query)]

    async def expired_uploads(self, now: datetime, limit: int) -> Sequence[Upload]:
        query = select(uploads).where(uploads.c.expire_time < now).order_by(uploads.c.expire_time).limit(limit)
        return [_upload(row) for row in await self._all(query)]

    async def asset(self, tenant: str, asset: str) -> Asset | None:
        return await self._one_asset(select(assets).where(assets.c.tenant == tenant, assets.c.id == asset))

    async def asset_by_digest(self, tenant: str, digest: str) -> Asset | None:
        query = select(assets).where(assets.c.tenant == tenant, assets.c.digest == digest)
        return await self._one_asset(query.order_by(assets.c.id).limit(1))

    async def asset_by_origin(self, tenant: str, origin_key: str) -> Asset | None:
        query = select(assets).where(assets.c.tenant == tenant, assets.c.origin_key == origin_key)
        return await self._one_asset(query)

    async def assets(self, tenant: str, before: str, limit: int) -> Sequence[Asset]:
        query = select(assets).where(assets.c.tenant == tenant)
        if before:
            query = query.where(assets.c.id < before)
        # Ids are ordered by time.
        return [_asset(row) for row in await self._all(query.order_by(assets.c.id.desc()).limit(limit))]

    async def staged_blobs(self, before: datetime, limit: int) -> Sequence[tuple[str, str]]:
        query = select(staged_blobs).where(staged_blobs.c.create_time < before).limit(limit)
        return [(row.tenant, row.digest) for row in await self._all(query)]

    # -- writes ------------------------------------------------------------------------------------------------------

    async def lock_digest(self, tenant: str, digest: str) -> None:
        # On SQLite the transaction began by taking the only write lock.
        if self._session.get_bind().dialect.name == "postgresql":
            await self._session.execute(
                text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"), {"key": f"{tenant}/{digest}"}
            )

    async def lock_upload(self, tenant: str, upload: str) -> Upload | None:
        query = select(uploads).where(uploads.c.tenant == tenant, uploads.c.id == upload).with_for_update()
        row = await self._one(query)
        return None if row is None else _upload(row)

    async def add_upload(self, upload: Upload) -> None:
        await self._session.execute(insert(uploads).values(**vars(upload)))

    async def add_part(self, upload: str, part: Part, expire_time: datetime) -> bool:
        moved = await self._session.execute(
            update(uploads)
            .where(uploads.c.id == upload, uploads.c.committed_size == part.offset, uploads.c.asset == "")
            .values(committed_size=part.offset + part.size, expire_time=expire_time)
            .returning(uploads.c.id)
        )
        if moved.one_or_none() is None:
            return False
        await self._session.execute(insert(upload_parts).values(upload=upload, **vars(part)))
        return True

    async def finish_upload(self, upload: str, asset: str) -> None:
        await self._session.execute(update(uploads).where(uploads.c.id == upload).values(asset=asset))

    async def delete_upload(self, upload: str) -> None:
        await self._session.execute(delete(uploads).where(uploads.c.id == upload))

    async def add_asset(self, asset: Asset) -> None:
        values = {
            "id": asset.id,
            "tenant": asset.tenant,
            "display_name": asset.display_name,
            "digest": asset.blob.digest,
            "size": asset.blob.size,
            "media_type": asset.blob.media_type,
            "media": asset.media.SerializeToString(),
            "provenance": asset.provenance.SerializeToString(),
            "create_time": asset.create_time,
            "create_user": asset.create_user,
            "origin_key": asset.origin_key,
        }
        if not await self._insert_new(assets, values):
            raise AlreadyExists(f"{asset.name} exists", metadata={"resource": asset.name})

    async def delete_asset(self, tenant: str, asset: str) -> None:
        await self._session.execute(delete(assets).where(assets.c.tenant == tenant, assets.c.id == asset))

    async def stage_blob(self, tenant: str, digest: str, now: datetime) -> None:
        statement = insert_into(self._session, staged_blobs).values(tenant=tenant, digest=digest, create_time=now)
        await self._session.execute(
            statement.on_conflict_do_update(index_elements=["tenant", "digest"], set_={"create_time": now})
        )

    async def unstage_blob(self, tenant: str, digest: str) -> None:
        await self._session.execute(
            delete(staged_blobs).where(staged_blobs.c.tenant == tenant, staged_blobs.c.digest == digest)
        )

    async def announce(self, subject: str, message: Message, *, key: str) -> None:
        await self._outbox.add(self._session, subject, message, key=key)

    # ----------------------------------------------------------------------------------------------------------------

    async def _one_asset(self, query: Select[Any]) -> Asset | None:
        row = await self._one(query)
        return None if row is None else _asset(row)


class SqlStore:
    """See `Store`."""

    def __init__(self, database: Database, outbox: Outbox) -> None:
        self._database = database
        self._outbox = outbox

    @asynccontextmanager
    async def read(self) -> AsyncIterator[_Unit]:
        async with self._database.read() as session:
            yield _Unit(session, self._outbox)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[_Unit]:
        async with self._database.transaction() as session:
            yield _Unit(session, self._outbox)
