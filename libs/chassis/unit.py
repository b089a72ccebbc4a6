"""What the SQL stores of all services have in common: one session, asked and written to for one use case."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Row, Select, Table
from sqlalchemy.ext.asyncio import AsyncSession

from libs.chassis import idempotency
from libs.chassis.database import insert_into
from libs.chassis.repeats import Repeat, Response, Result


class SqlUnit:
    """The base of a store's unit of work; `requests` is the service's table of answers given (`idempotency_table`)."""

    def __init__(self, session: AsyncSession, requests: Table) -> None:
        self._session = session
        self._requests = requests

    async def once(
        self, tenant: str, repeat: Repeat[Result, Response], build: Callable[[], Awaitable[Result]]
    ) -> Response:
        """The answer to `build()`, or the one given to the same request id within a day.

        Raises AlreadyExists with ERROR_REASON_REQUEST_ID_REUSED when the id came with another request.
        """

        async def answer() -> Response:
            return repeat.encode(await build())

        return await idempotency.once(
            self._session, self._requests, tenant, repeat.method, repeat.request_id, repeat.request, answer
        )

    async def _one(self, query: Select[Any]) -> Row[Any] | None:
        row: Row[Any] | None = (await self._session.execute(query)).one_or_none()
        return row

    async def _all(self, query: Select[Any]) -> Sequence[Row[Any]]:
        rows: Sequence[Row[Any]] = (await self._session.execute(query)).all()
        return rows

    async def _insert_new(self, table: Table, values: Mapping[str, Any]) -> bool:
        """False when a unique value is taken. The transaction goes on, which PostgreSQL forbids after an error."""
        first = next(iter(table.primary_key))
        statement = insert_into(self._session, table).values(values).on_conflict_do_nothing().returning(first)
        return (await self._session.execute(statement)).one_or_none() is not None
