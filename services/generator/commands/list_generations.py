"""A page of a tenant's generations."""

from __future__ import annotations

from collections.abc import Sequence

from libs.chassis.principal import Principal
from services.generator.domain.generation import Generation
from services.generator.ports import Store


async def list_generations(store: Store, caller: Principal, before: str, limit: int) -> Sequence[Generation]:
    """At most `limit`, newest first, that are older than the id `before`; from the newest on when that is empty."""
    return await store.list(caller.tenant, before, limit)
