"""Find out what a generation will be and take, before any of it is spent."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from artifex.generator.v1.messages_pb2 import GenerationPlan, GenerationSpec
from services.generator.commands.tell_prompt import tell_prompt
from services.generator.domain.models import ModelCard
from services.generator.domain.plan.devices import Device
from services.generator.domain.plan.planner import plan
from services.generator.domain.spec import chosen, filled
from services.generator.ports import Calibrations, ModelLists, PromptWriter

_ENOUGH = 1 << 40


@dataclass(frozen=True)
class Planned:
    plan: GenerationPlan
    card: ModelCard
    """Of the plan's model, there or not."""


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

    async def plan(self, spec: GenerationSpec, *, pictures: Collection[str] = (), memory: int = 0) -> Planned:
        """The plan for a spec, also where it does not fit or its model is not there.

        `pictures`: which of "first" and "last" are given beside those that the spec names. `memory`: for a device of so
        many bytes instead of the installation's largest. A prompt that the local writer is to extend, which may take it
        a minute, is left as it is, with a note. Raises InvalidArgument that names each wrong field, and Unavailable
        when the model server does not answer.
        """
        cards = await self._models.models()
        card = chosen(spec, cards, self._default_model, pictures)
        found = filled(spec, card, cards, pictures)
        told = await tell_prompt(self._writer, found.spec, card, refused=self._refused, write=False)
        device = max(await self._models.devices(), key=lambda device: device.memory)
        if memory:
            device = _imagined(device, memory)
        message = plan(found, card, device, await self._calibrations.get(device.name, card.model))
        message.prompt, message.negative_prompt = told.prompt, told.negative
        message.prompt_notes.extend(told.notes)
        return Planned(message, card)


def _imagined(device: Device, memory: int) -> Device:
    """One of another memory: like the installation's, or a plain accelerator, in a machine that holds enough, where
    that is none."""
    if device.kind == "cuda":
        return replace(device, memory=memory)
    name = f"a device of {memory / 1e9:.0f} GB"
    return replace(device, kind="cuda", name=name, memory=memory, host_memory=_ENOUGH, attention="_native_cudnn")
