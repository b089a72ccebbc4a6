"""Find out what a model is to be told of a spec, with the local writer's help where there is one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from artifex.generator.v1.messages_pb2 import GenerationSpec
from libs.chassis.errors import Internal
from services.generator.domain.models import ModelCard
from services.generator.domain.prompts.told import Told, to_write, told
from services.generator.domain.prompts.writing import MAX_TOKENS
from services.generator.ports import PromptWriter


async def tell_prompt(
    writer: PromptWriter,
    spec: GenerationSpec,
    card: ModelCard,
    *,
    refused: Sequence[str] = (),
    pictured: bool = False,
    write: bool = True,
) -> Told:
    """What `told` answers. A writer that fails is made up for by rule, and the notes say so.

    Without `write` nobody writes anything, which may take a minute: where a writer would be asked, the prompt is not
    extended and the notes say that it will be. Raises what `told` raises, and Unavailable when the model server does
    not answer.
    """
    messages = to_write(spec, card, refused=refused, pictured=pictured)
    if not messages or not await writer.available():
        return told(spec, card, refused=refused, pictured=pictured)
    if not write:
        short = GenerationSpec()
        short.CopyFrom(spec)
        short.extend_prompt = False
        plain = told(short, card, refused=refused, pictured=pictured)
        notes = (*plain.notes, "the prompt will be extended by the local writer")
        return replace(plain, notes=notes, final=False)
    try:
        written = await writer.write(messages, max_tokens=MAX_TOKENS)
    except Internal as error:
        found = told(spec, card, refused=refused, pictured=pictured)
        return replace(found, notes=(error.message, *found.notes))
    return told(spec, card, written, refused=refused, pictured=pictured)
