"""Generations and models of the domain as the messages of the API and of the bus."""

from __future__ import annotations

from artifex.common.v1 import types_pb2
from artifex.generator.v1 import messages_pb2, work_pb2
from artifex.media.v1 import messages_pb2 as media_pb2
from artifex.media.v1 import work_pb2 as media_work_pb2
from libs.chassis.clock import to_timestamp
from services.generator.domain.generation import FRONT, Generation, Place, State
from services.generator.domain.models import ModelCard, Recipe
from services.generator.domain.prompts.languages import Language
from services.generator.domain.prompts.styles import Style
from services.generator.domain.provenance import details, measure_message

INGEST_SUBJECT = "work.ingest.normal"

_KINDS = {
    "text": messages_pb2.Model.KIND_TEXT_TO_VIDEO,
    "image": messages_pb2.Model.KIND_IMAGE_TO_VIDEO,
    "text_image": messages_pb2.Model.KIND_TEXT_IMAGE_TO_VIDEO,
}


def model_message(card: ModelCard, *, loaded: bool) -> messages_pb2.Model:
    return messages_pb2.Model(
        name=card.name,
        display_name=card.display_name,
        weights_digest=card.weights_digest,
        random_weights=card.random_weights,
        size_multiple=card.size_multiple,
        max_width=card.max_width,
        max_height=card.max_height,
        frame_multiple=card.frame_multiple,
        max_frames=card.max_frames,
        loaded=loaded,
        kind=_KINDS[card.kind],
        available=card.available,
        remedy=card.remedy,
        frame_rate=types_pb2.Rational(numerator=card.frame_rate.numerator, denominator=card.frame_rate.denominator),
        loras=card.loras,
        recipes=map(_recipe, card.recipes),
        step_caches=[
            messages_pb2.STEP_CACHE_FIRST_BLOCK,
            *([messages_pb2.STEP_CACHE_MAGNITUDE] if card.magnitudes else []),
        ],
        step_cache_measures=map(measure_message, card.measures),
    )


def _recipe(recipe: Recipe) -> messages_pb2.Recipe:
    return messages_pb2.Recipe(
        name=recipe.name,
        steps=recipe.steps,
        sampler=recipe.sampler,
        guidance_scale=recipe.guidance_scale,
        guidance_scale_2=recipe.guidance_scale_2,
        loras=[
            messages_pb2.Lora(name=name, strength=strength, strength_2=strength_2)
            for name, strength, strength_2 in recipe.loras
        ],
    )


def style_message(style: Style) -> messages_pb2.Style:
    """With what it adds to an English prompt."""
    return messages_pb2.Style(
        name=style.name,
        display_name=style.display_name,
        display_name_ko=style.display_name_ko,
        category=style.category,
        words=", ".join(style.words_at(1.0, Language.ENGLISH)),
        negative_words=", ".join(style.avoid_at(1.0, Language.ENGLISH)),
        preview_prompt=style.preview,
        preview_prompt_ko=style.preview_ko,
    )


def generation_message(generation: Generation, place: Place = FRONT) -> messages_pb2.Generation:
    return messages_pb2.Generation(
        name=generation.name,
        spec=generation.spec,
        state=messages_pb2.Generation.State.Value(f"STATE_{generation.state.value}"),
        steps_done=generation.steps_done,
        steps_total=generation.steps_total,
        result=generation.result,
        output_asset=generation.output_asset,
        failure=generation.failure,
        weights_digest=generation.weights_digest,
        random_weights=generation.random_weights,
        device=generation.device,
        create_time=to_timestamp(generation.create_time),
        start_time=to_timestamp(generation.start_time) if generation.start_time else None,
        end_time=to_timestamp(generation.end_time) if generation.end_time else None,
        create_user=f"users/{generation.subject}",
        trace_id=generation.trace_id,
        queue_position=place.ahead,
        seconds_left=_seconds_left(generation, place),
        device_seconds=generation.device_seconds,
        plan=generation.plan,
        preview=generation.preview,
        provenance=generation.provenance,
        priority=messages_pb2.GenerationPriority.ValueType(generation.priority),
    )


def _seconds_left(generation: Generation, place: Place) -> float:
    """Until the clip is there; 0 where that depends on what nobody knows, as on when it is resumed."""
    if generation.state is State.RUNNING:
        return generation.seconds_left
    if generation.state is not State.QUEUED or place.seconds is None or not generation.seconds_left:
        return 0.0
    return place.seconds + generation.seconds_left


def work_subject(generation: Generation) -> str:
    return f"work.generate.{generation.priority.name.lower()}"


def work_item(generation: Generation) -> work_pb2.GenerateWork:
    return work_pb2.GenerateWork(
        actor=generation.actor,
        generation=generation.name,
        spec=generation.spec,
        job=generation.job,
        task=generation.task,
        attempt=generation.attempt,
        pictures=generation.pictures,
        pauses=generation.pauses,
    )


def ingest_work(generation: Generation) -> media_work_pb2.IngestWork:
    """Asks the media service to make an asset of the clip."""
    return media_work_pb2.IngestWork(
        actor=generation.actor,
        blob=generation.result,
        display_name=f"{generation.id}.mkv",
        provenance=media_pb2.Provenance(
            origin="generation", source=generation.name, trace_id=generation.trace_id, details=details(generation)
        ),
        correlation=generation.name,
    )


def started_event(generation: Generation) -> work_pb2.GenerationStartedEvent:
    return work_pb2.GenerationStartedEvent(
        actor=generation.actor,
        generation=generation.name,
        job=generation.job,
        task=generation.task,
        attempt=generation.attempt,
    )


def progressed_event(generation: Generation) -> work_pb2.GenerationProgressedEvent:
    return work_pb2.GenerationProgressedEvent(
        actor=generation.actor,
        generation=generation.name,
        job=generation.job,
        task=generation.task,
        attempt=generation.attempt,
        steps_done=generation.steps_done,
        steps_total=generation.steps_total,
    )


def completed_event(generation: Generation) -> work_pb2.GenerationCompletedEvent:
    return work_pb2.GenerationCompletedEvent(
        actor=generation.actor,
        generation=generation.name,
        job=generation.job,
        task=generation.task,
        attempt=generation.attempt,
        result=generation.result,
        media=generation.media,
        provenance=generation.provenance,
    )


def usage_event(generation: Generation) -> work_pb2.UsageRecordedEvent:
    return work_pb2.UsageRecordedEvent(
        actor=generation.actor,
        generation=generation.name,
        job=generation.job,
        model=generation.spec.model,
        device_seconds=generation.device_seconds,
        device=generation.plan.device if generation.plan is not None else "",
    )


def failed_event(generation: Generation) -> work_pb2.GenerationFailedEvent:
    return work_pb2.GenerationFailedEvent(
        actor=generation.actor,
        generation=generation.name,
        job=generation.job,
        task=generation.task,
        attempt=generation.attempt,
        failure=generation.failure,
    )


def event_subject(generation: Generation, verb: str) -> str:
    return f"evt.{generation.tenant}.generator.generation.{verb}"


def event_key(generation: Generation, verb: str) -> str:
    """One message per generation, attempt of the waiting task, and verb."""
    return f"{generation.name}/{generation.attempt}/{verb}"
