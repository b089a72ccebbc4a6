"""Request ids: a mutation that is sent twice happens once (AIP-155).

The first call's response is kept with the request's digest in the caller's own transaction; a repeat within a day gets
the same response, and the same id with another body is refused.
"""

import hashlib
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, TypeVar, cast

from google.protobuf import descriptor_pool, message_factory
from google.protobuf.message import Message
from sqlalchemy import Column, Index, LargeBinary, MetaData, PrimaryKeyConstraint, String, Table, delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from libs.chassis.clock import utcnow
from libs.chassis.database import MigrationOperations, UtcDateTime, insert_into
from libs.chassis.errors import AlreadyExists

_KEPT = timedelta(hours=24)
_TABLE = "idempotency"

Response = TypeVar("Response", bound=Message)


def _columns() -> list[Column[Any]]:
    return [
        Column("tenant", String(64), nullable=False),
        Column("method", String(200), nullable=False),
        Column("request_id", String(200), nullable=False),
        Column("digest", String(64), nullable=False),
        Column("response_type", String(200), nullable=False, default=""),
        Column("response", LargeBinary, nullable=False, default=b""),
        Column("created_at", UtcDateTime, nullable=False),
    ]


def idempotency_table(metadata: MetaData) -> Table:
    """The table of kept responses, for a service's own metadata."""
    table = Table(_TABLE, metadata, *_columns(), PrimaryKeyConstraint("tenant", "method", "request_id"))
    Index(f"ix_{_TABLE}_created_at", table.c.created_at)
    return table


def create_idempotency(op: MigrationOperations) -> None:
    """Create the table in a migration: `create_idempotency(op)`."""
    op.create_table(
        _TABLE,
        *_columns(),
        PrimaryKeyConstraint("tenant", "method", "request_id", name=f"pk_{_TABLE}"),
    )
    op.create_index(f"ix_{_TABLE}_created_at", _TABLE, ["created_at"])


async def once(
    session: AsyncSession,
    table: Table,
    tenant: str,
    method: str,
    request_id: str,
    request: Message,
    build: Callable[[], Awaitable[Response]],
) -> Response:
    """The response of `build()`, or the one that it gave to this `request_id` within the last 24 hours.

    An empty `request_id` just builds. Call it inside the transaction that `build` writes to: when that rolls back, the
    id is free again. Two calls at once with the same id wait for one another.

    Raises `AlreadyExists` with reason ERROR_REASON_REQUEST_ID_REUSED when the id came with another body.
    """
    if not request_id:
        return await build()
    digest = hashlib.sha256(request.SerializeToString(deterministic=True)).hexdigest()
    now = utcnow()
    mine = (table.c.tenant == tenant) & (table.c.method == method) & (table.c.request_id == request_id)
    await session.execute(delete(table).where(table.c.created_at < now - _KEPT))

    # Inserting first makes the second of two concurrent calls wait here until the first has committed.
    row = {"tenant": tenant, "method": method, "request_id": request_id, "digest": digest, "created_at": now}
    insert = insert_into(session, table)
    claimed = (
        await session.execute(insert.values(row).on_conflict_do_nothing().returning(table.c.request_id))
    ).scalar_one_or_none()
    if claimed is None:
        kept = (await session.execute(select(table).where(mine))).mappings().one()
        if kept["digest"] != digest:
            raise AlreadyExists(
                "The request id was used with another body.",
                reason="ERROR_REASON_REQUEST_ID_REUSED",
                metadata={"request_id": request_id},
            )
        descriptor = descriptor_pool.Default().FindMessageTypeByName(kept["response_type"])
        return cast(Response, message_factory.GetMessageClass(descriptor).FromString(kept["response"]))

    response = await build()
    await session.execute(
        update(table)
        .where(mine)
        .values(response_type=response.DESCRIPTOR.full_name, response=response.SerializeToString())
    )
    return response
