"""Plan a generation and queue it."""

from __future__ import annotations

from artifex.generator.v1 import messages_pb2 as pb
from artifex.generator.v1.work_pb2 import GivenPicture
from libs.chassis.clock import utcnow
from libs.chassis.ids import new_id
from libs.chassis.principal import Principal
from libs.chassis.telemetry import current_trace_id
from services.generator import messages
from services.generator.commands.announce import announce_work
from services.generator.commands.get_generation import places
from services.generator.commands.plan_generation import Planner
from services.generator.domain.generation import Generation, Priority
from services.generator.domain.pictures import FIRST, LAST
from services.generator.domain.plan.planner import require_fit
from services.generator.domain.spec import require_available
from services.generator.ports import Assets, Store

METHOD = "CreateGeneration"


class _FirstTime(Exception):
    """Nothing was answered to this request id yet."""


async def create_generation(
    store: Store,
    planner: Planner,
    assets: Assets,
    caller: Principal,
    request: pb.CreateGenerationRequest,
    *,
    turns: int,
) -> pb.CreateGenerationResponse:
    """The queued generation; `turns` are made at a time.

    Raises what the plan says cannot be: InvalidArgument that names each field which the model cannot do,
    FailedPrecondition with ERROR_REASON_MODEL_ABSENT, ResourceExhausted with ERROR_REASON_DOES_NOT_FIT; NotFound for a
    picture that the caller has none of; AlreadyExists for a reused request id.
    """
    if request.request_id and (answer := await _first_answer(store, caller, request)) is not None:
        return answer
    planned = await planner.plan(request.spec, assets=assets)
    card, spec = planned.card, planned.plan.spec
    require_available(card)
    require_fit(planned.plan, card)
    now = utcnow()
    generation = Generation(
        tenant=caller.tenant,
        id=new_id(),
        subject=caller.subject,
        spec=spec,
        create_time=now,
        queue_time=now,
        pictures=await given_pictures(assets, spec),
        priority=Priority(request.priority or Priority.NORMAL),
        trace_id=current_trace_id(),
        plan=planned.plan,
        seconds_left=planned.plan.seconds,
        weights_digest=card.weights_digest,
        random_weights=card.random_weights,
    )
    (place,) = await places(store, [generation], turns)
    async with store.transaction() as unit:

        async def queue() -> pb.CreateGenerationResponse:
            await unit.insert(generation)
            await announce_work(unit, generation)
            return pb.CreateGenerationResponse(generation=messages.generation_message(generation, place))

        return await unit.once(caller.tenant, METHOD, request.request_id, request, queue)


async def _first_answer(
    store: Store, caller: Principal, request: pb.CreateGenerationRequest
) -> pb.CreateGenerationResponse | None:
    """What this request id was answered before; without a look at models and assets, which come and go."""

    async def refuse() -> pb.CreateGenerationResponse:
        raise _FirstTime

    try:
        async with store.transaction() as unit:
            return await unit.once(caller.tenant, METHOD, request.request_id, request, refuse)
    except _FirstTime:
        return None


async def given_pictures(assets: Assets, spec: pb.GenerationSpec) -> tuple[GivenPicture, ...]:
    """The files of the pictures that the spec names, by which the worker asks for them: it has no caller's rights."""
    named = ((FIRST, spec.image), (LAST, spec.last_image))
    return tuple([GivenPicture(role=role, blob=(await assets.picture(name)).blob) for role, name in named if name])
