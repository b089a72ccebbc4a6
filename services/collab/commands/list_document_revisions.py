"""A document's history."""

from __future__ import annotations

from collections.abc import Sequence

from libs.chassis.errors import NotFound
from libs.chassis.principal import Principal
from services.collab.domain.model import DocumentKey, RevisionInfo
from services.collab.ports import Store


async def list_document_revisions(
    store: Store, caller: Principal, name: str, *, before: int, limit: int
) -> Sequence[RevisionInfo]:
    """At most `limit` revisions older than the number `before` (0: all), newest first. Raises NotFound."""
    async with store.read() as unit:
        found = await unit.revisions(DocumentKey.parse(caller.tenant, name), before, limit)
    # A document has at least one revision, so that an empty first page means that there is none.
    if not found and not before:
        raise NotFound(name)
    return found
