"""Note the asset that the media service made of a clip."""

from __future__ import annotations

from services.generator.domain.generation import COLLECTION, id_of
from services.generator.ports import Store


async def record_asset(store: Store, tenant: str, correlation: str, asset: str) -> None:
    """Harmless to repeat; an asset that is of no generation of ours is ignored."""
    if not correlation.startswith(f"{COLLECTION}/"):
        return
    async with store.transaction() as unit:
        generation = await unit.lock(tenant, id_of(correlation))
        if generation is not None and generation.output_asset != asset:
            generation.output_asset = asset
            await unit.save(generation)
