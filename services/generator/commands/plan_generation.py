"""Find out what a generation will be and take, before any of it is spent, and whether its clip is there already."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from artifex.generator.v1 import messages_pb2 as pb
from artifex.generator.v1.messages_pb2 import GenerationPlan, GenerationSpec
from libs.chassis.errors import ArtifexError, InvalidArgument, Violation
from libs.chassis.principal import Principal
from libs.chassis.rpc.failures import to_failure
from services.generator.commands.tell_prompt import tell_prompt
from services.generator.domain.filling import Filled, filled
from services.generator.domain.keys import clip_key
from services.generator.domain.models import ModelCard, with_absent
from services.generator.domain.plan.devices import Device, imagined, largest, rated_as
from services.generator.domain.plan.planner import goes, plan, require_fit
from services.generator.domain.possible import require_possible
from services.generator.domain.prompts.told import Told
from services.generator.domain.provenance import load_of
from services.generator.domain.spec import chosen, require_available
from services.generator.domain.windows import needed
from services.generator.ports import Assets, Calibrations, Clips, ModelLists, PromptWriter, Store

_ROLES = {pb.PlannedPicture.ROLE_FIRST: "first", pb.PlannedPicture.ROLE_LAST: "last"}


@dataclass(frozen=True)
class Planned:
    plan: GenerationPlan
    card: ModelCard
    """Of the plan's model, there or not."""
    cards: Mapping[str, ModelCard]
    """Of all models that are there."""
    told: Told | None
    """What the model will be told; None where that is not known before a writer wrote it."""
    device: Device
    """That it was planned for."""


class Planner:
    def __init__(
        self,
        *,
        models: ModelLists,
        calibrations: Calibrations,
        writer: PromptWriter,
        default_model: str,
        refused: Sequence[str],
    ) -> None:
        """`refused`: terms that this installation makes no clips of."""
        self._models = models
        self._calibrations = calibrations
        self._writer = writer
        self._default_model = default_model
        self._refused = refused

    async def plan(
        self,
        spec: GenerationSpec,
        *,
        pictures: Collection[str] = (),
        memory: int = 0,
        assets: Assets | None = None,
    ) -> Planned:
        """The plan for a spec, also where it does not fit or its model is not there.

        `pictures`: which of "first" and "last" are given beside those that the spec names. `memory`: for a device of so
        many bytes instead of the largest that has the model. `assets`: where the spec's own picture is looked at, if
        the size is left open; without them that is the preset's. A prompt that the local writer is to extend, which may
        take it a minute, is left as it is, with a note. Raises InvalidArgument that names each wrong field, NotFound
        for a picture that the caller has none of, and Unavailable when the model server does not answer.
        """
        cards = await self._models.models()
        card = chosen(spec, cards, self._default_model, pictures)
        shape = None
        if assets is not None and spec.image and not (spec.width and spec.height):
            require_possible(spec, card, pictures)
            shape = (await assets.picture(spec.image)).shape
        found = filled(spec, card, cards, pictures, shape)
        told = await tell_prompt(
            self._writer, found.spec, card, refused=self._refused, pictured=bool(pictures), write=False
        )
        device = largest(await self._models.devices(*needed(found.spec, cards)))
        if memory:
            device = imagined(device, memory)
        message = await self._planned(found, card, with_absent(cards).get(card.image_form, card), device)
        message.prompt, message.negative_prompt = told.prompt, told.negative
        message.prompt_notes.extend(told.notes)
        return Planned(message, card, cards, told if told.final else None, device)

    async def on(self, made: GenerationPlan, card: ModelCard, follower: ModelCard, device: Device) -> GenerationPlan:
        """A plan for the device that is to carry it out: the one that was made, or where that does not go there, as it
        was made for another device or another way to run the model, one of the same clip."""
        if goes(made, card, follower, device):
            return made
        message = await self._planned(Filled(made.spec, tuple(made.adjustments)), card, follower, device)
        message.prompt, message.negative_prompt = made.prompt, made.negative_prompt
        message.prompt_notes.extend(made.prompt_notes)
        return message

    async def _planned(self, found: Filled, card: ModelCard, follower: ModelCard, device: Device) -> GenerationPlan:
        names = [rated_as(device.name, "native", compiled) for compiled in ("none", "blocks")]
        rates = {name: await self._calibrations.get(name, card.model) for name in names}
        return plan(found, card, follower, device, rates)


async def plan_generation(
    store: Store, clips: Clips, planner: Planner, assets: Assets, caller: Principal, request: pb.PlanGenerationRequest
) -> pb.PlanGenerationResponse:
    """The plan, and the clip where an equal one was made for the caller's tenant. Raises as `Planner.plan` does, and
    InvalidArgument for a picture that is given twice."""
    _require_once(request)
    given = sorted(request.pictures, key=lambda picture: picture.role)
    planned = await planner.plan(
        request.spec,
        pictures=[_ROLES[picture.role] for picture in given],
        memory=request.device_memory_bytes,
        assets=assets,
    )
    answer = pb.PlanGenerationResponse(plan=planned.plan)
    try:
        require_available(planned.card)
        require_fit(planned.plan, planned.card)
    except ArtifexError as error:
        answer.refusal.CopyFrom(to_failure(error))
    told = planned.told
    here = not answer.HasField("refusal") and not request.device_memory_bytes
    if not here or told is None or not all(picture.digest for picture in given):
        return answer
    spec = planned.plan.spec
    digests = {picture.role: picture.digest for picture in given}
    for role, name in ((pb.PlannedPicture.ROLE_FIRST, spec.image), (pb.PlannedPicture.ROLE_LAST, spec.last_image)):
        if name:
            digests[role] = (await assets.picture(name)).blob.digest
    pictures = [digest for _, digest in sorted(digests.items())]
    answer.content_key = clip_key(
        caller.tenant, spec, planned.card, planned.cards, pictures, told, load_of(planned.plan), planned.device.kind
    )
    equal = await store.find_equal(caller.tenant, answer.content_key)
    if equal is not None and equal.result is not None and await clips.exists(caller.tenant, equal.result):
        answer.clip.CopyFrom(equal.result)
    return answer


def _require_once(request: pb.PlanGenerationRequest) -> None:
    named = {pb.PlannedPicture.ROLE_FIRST: request.spec.image, pb.PlannedPicture.ROLE_LAST: request.spec.last_image}
    taken = {role for role, name in named.items() if name}
    for index, picture in enumerate(request.pictures):
        if picture.role in taken:
            field, what = f"pictures[{index}].role", f"is given twice: a clip has one {_ROLES[picture.role]} picture"
            raise InvalidArgument(f"{field} {what}", violations=[Violation(field, what)])
        taken.add(picture.role)
