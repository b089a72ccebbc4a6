"""The store over SQLAlchemy, on SQLite and PostgreSQL alike."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, func, select, update

from libs.chassis.database import Database
from libs.chassis.errors import AlreadyExists
from libs.chassis.unit import SqlUnit
from services.auth.adapters.tables import api_keys, idempotency, signing_keys, tenants, users
from services.auth.domain.model import ADMIN, ApiKey, SigningKey, Tenant, User


def _tenant(row: Row[Any]) -> Tenant:
    return Tenant(
        id=row.id,
        display_name=row.display_name,
        operator=row.operator,
        features=tuple(row.features),
        created_at=row.created_at,
    )


def _user(row: Row[Any]) -> User:
    return User(
        tenant=row.tenant,
        id=row.id,
        email=row.email,
        display_name=row.display_name,
        role=row.role,
        created_at=row.created_at,
        revision=row.revision,
    )


def _api_key(row: Row[Any]) -> ApiKey:
    return ApiKey(**row._mapping)


def _signing_key(row: Row[Any]) -> SigningKey:
    return SigningKey(**row._mapping)


class _Unit(SqlUnit):
    """Reads and writes of one session; the `Reader` and `Writer` of the ports."""

    async def tenant(self, tenant: str) -> Tenant | None:
        row = await self._one(select(tenants).where(tenants.c.id == tenant))
        return None if row is None else _tenant(row)

    async def operator_tenant(self) -> Tenant | None:
        row = await self._one(select(tenants).where(tenants.c.operator).order_by(tenants.c.created_at).limit(1))
        return None if row is None else _tenant(row)

    async def tenants(self, after: str, limit: int) -> Sequence[Tenant]:
        query = select(tenants).where(tenants.c.id > after).order_by(tenants.c.id).limit(limit)
        return [_tenant(row) for row in await self._all(query)]

    async def user(self, tenant: str, user: str) -> User | None:
        row = await self._one(select(users).where(users.c.tenant == tenant, users.c.id == user))
        return None if row is None else _user(row)

    async def users(self, tenant: str, after: str, limit: int) -> Sequence[User]:
        query = select(users).where(users.c.tenant == tenant, users.c.id > after).order_by(users.c.id).limit(limit)
        return [_user(row) for row in await self._all(query)]

    async def admins(self, tenant: str) -> int:
        query = select(func.count()).select_from(users).where(users.c.tenant == tenant, users.c.role == ADMIN)
        return int((await self._session.execute(query)).scalar_one())

    async def first_admin(self, tenant: str) -> User | None:
        query = select(users).where(users.c.tenant == tenant, users.c.role == ADMIN).order_by(users.c.id).limit(1)
        row = await self._one(query)
        return None if row is None else _user(row)

    async def api_key(self, key: str) -> ApiKey | None:
        row = await self._one(select(api_keys).where(api_keys.c.id == key))
        return None if row is None else _api_key(row)

    async def api_keys(self, tenant: str, user: str, after: str, limit: int) -> Sequence[ApiKey]:
        query = (
            select(api_keys)
            .where(api_keys.c.tenant == tenant, api_keys.c.user == user, api_keys.c.id > after)
            .order_by(api_keys.c.id)
            .limit(limit)
        )
        return [_api_key(row) for row in await self._all(query)]

    async def signing_keys(self) -> Sequence[SigningKey]:
        rows = await self._all(select(signing_keys).order_by(signing_keys.c.generation))
        return [_signing_key(row) for row in rows]

    async def lock_tenant(self, tenant: str) -> None:
        # SQLite has one writer at a time anyway, and ignores the clause.
        await self._session.execute(select(tenants.c.id).where(tenants.c.id == tenant).with_for_update())

    async def add_tenant(self, tenant: Tenant) -> None:
        values = {
            "id": tenant.id,
            "display_name": tenant.display_name,
            "operator": tenant.operator,
            "features": list(tenant.features),
            "created_at": tenant.created_at,
        }
        if not await self._insert_new(tenants, values):
            resource = f"tenants/{tenant.id}"
            raise AlreadyExists(f"{resource} exists already.", metadata={"resource": resource})

    async def add_user(self, user: User) -> None:
        values = {
            "tenant": user.tenant,
            "id": user.id,
            "email": user.email,
            "email_key": user.email.casefold(),
            "display_name": user.display_name,
            "role": user.role,
            "created_at": user.created_at,
            "revision": user.revision,
        }
        if not await self._insert_new(users, values):
            raise AlreadyExists(
                f"A user with the email {user.email} exists already.", metadata={"resource": f"users/{user.email}"}
            )

    async def save_user(self, user: User) -> None:
        await self._session.execute(
            update(users)
            .where(users.c.tenant == user.tenant, users.c.id == user.id)
            .values(display_name=user.display_name, role=user.role, revision=user.revision)
        )

    async def delete_user(self, tenant: str, user: str) -> None:
        await self._session.execute(delete(users).where(users.c.tenant == tenant, users.c.id == user))

    async def add_api_key(self, key: ApiKey) -> None:
        values = {column.name: getattr(key, column.name) for column in api_keys.columns}
        await self._session.execute(api_keys.insert().values(values))

    async def delete_api_key(self, tenant: str, key: str) -> None:
        await self._session.execute(delete(api_keys).where(api_keys.c.tenant == tenant, api_keys.c.id == key))

    async def touch_api_key(self, key: str, now: datetime) -> None:
        await self._session.execute(update(api_keys).where(api_keys.c.id == key).values(last_used_at=now))

    async def add_signing_key(self, key: SigningKey) -> bool:
        values = {column.name: getattr(key, column.name) for column in signing_keys.columns}
        return await self._insert_new(signing_keys, values)

    async def retire_signing_keys(self, before_generation: int, retires_at: datetime) -> None:
        older = signing_keys.c.generation < before_generation
        await self._session.execute(
            update(signing_keys).where(older, signing_keys.c.retires_at.is_(None)).values(retires_at=retires_at)
        )

    async def delete_signing_keys(self, retired_before: datetime) -> None:
        await self._session.execute(delete(signing_keys).where(signing_keys.c.retires_at < retired_before))


class SqlStore:
    """The `Store` of the ports."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @asynccontextmanager
    async def read(self) -> AsyncIterator[_Unit]:
        async with self._database.read() as session:
            yield _Unit(session, idempotency)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[_Unit]:
        async with self._database.transaction() as session:
            yield _Unit(session, idempotency)
