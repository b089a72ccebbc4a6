"""What a generation's clip is going to look like."""

from __future__ import annotations

from libs.chassis.errors import FailedPrecondition
from libs.chassis.principal import Principal
from services.generator.commands.get_generation import get_generation
from services.generator.ports import Clips, Store


async def get_preview(store: Store, clips: Clips, caller: Principal, name: str) -> bytes:
    """The newest one, a JPEG. Raises NotFound when the caller's tenant has no generation of that name, and
    FailedPrecondition where there is none yet, or where none are made."""
    generation = await get_generation(store, caller, name)
    if generation.preview is None:
        raise FailedPrecondition(
            f"{name} has no preview: the first comes after some steps, and GetGeneration tells once it is there",
            metadata={"resource": name, "state": f"STATE_{generation.state.value}"},
        )
    return await clips.preview(generation.tenant, generation.id)
