"""Queue a text-to-video generation."""

from __future__ import annotations

from artifex.generator.v1 import messages_pb2 as pb
from libs.chassis.clock import utcnow
from libs.chassis.ids import new_id
from libs.chassis.principal import Principal
from libs.chassis.telemetry import current_trace_id
from services.generator import messages
from services.generator.domain.generation import Generation
from services.generator.domain.spec import resolve
from services.generator.ports import ModelServer, Store

METHOD = "CreateGeneration"


async def create_generation(
    store: Store, server: ModelServer, caller: Principal, request: pb.CreateGenerationRequest, default_model: str
) -> pb.CreateGenerationResponse:
    """Raises InvalidArgument that names each field which the model cannot do; AlreadyExists for a reused request id."""
    spec, card = resolve(request.spec, await server.models(), default_model)
    generation = Generation(
        tenant=caller.tenant,
        id=new_id(),
        subject=caller.subject,
        spec=spec,
        create_time=utcnow(),
        trace_id=current_trace_id(),
        weights_digest=card.weights_digest,
        random_weights=card.random_weights,
    )
    async with store.transaction() as unit:

        async def queue() -> pb.CreateGenerationResponse:
            await unit.insert(generation)
            await unit.announce(messages.WORK_SUBJECT, messages.work_item(generation), key=f"{generation.name}/work")
            return pb.CreateGenerationResponse(generation=messages.generation_message(generation))

        return await unit.once(caller.tenant, METHOD, request.request_id, request, queue)
