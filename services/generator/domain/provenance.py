"""Everything that made a clip what it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from artifex.generator.v1.messages_pb2 import (
    GenerationPlan,
    GenerationProvenance,
    GenerationSpec,
    StepCacheMeasure,
    StepCacheUse,
)
from artifex.provenance import DETAIL
from artifex.provenance import told as movie_detail
from services.generator.domain.fallback import is_note
from services.generator.domain.generation import Generation
from services.generator.domain.models import ModelCard
from services.generator.domain.pictures import digests
from services.generator.domain.plan.planner import STEP_CACHES, options_of
from services.generator.domain.prompts.told import Told
from services.generator.domain.step_caches import CacheMeasure, CacheUse


def begun(generation: Generation, card: ModelCard, follower: ModelCard, told: Told) -> GenerationProvenance:
    """What is known of a started generation before its first step; notes of an earlier run are kept, but for those of a
    device that was out of memory, which this one may not be.

    `follower` goes on where the clip is longer than the model makes at once; it may be the model itself.
    """
    earlier = generation.provenance.notes if generation.provenance else [*told.notes, *_adjusted(generation)]
    notes = [note for note in earlier if not is_note(note)]
    other = follower.model != card.model
    spec = GenerationSpec()
    spec.CopyFrom(generation.spec)
    # Who looks on makes no other clip.
    spec.ClearField("preview_every")
    return GenerationProvenance(
        model=card.name,
        weights_digest=card.weights_digest,
        spec=spec,
        prompt=told.prompt,
        negative_prompt=told.negative,
        picture_digests=digests(generation.pictures),
        notes=notes,
        follower=follower.name if other else "",
        follower_weights_digest=follower.weights_digest if other else "",
    )


def _adjusted(generation: Generation) -> list[str]:
    """What was taken otherwise than a render job asked; who asks for a generation is told by the answer."""
    if not generation.job or generation.plan is None:
        return []
    return [
        f"{change.field.removeprefix('spec.')}: {change.taken} instead of {change.given} ({change.reason})"
        for change in generation.plan.adjustments
    ]


def told_of(generation: Generation) -> Told | None:
    """What the model is told, where that is known: by an earlier run, which a writer may have had a hand in, or by the
    plan, unless the prompt is to be extended, which is left to the run."""
    made, plan = generation.provenance, generation.plan
    if made is not None and made.prompt:
        return Told(made.prompt, made.negative_prompt, tuple(made.notes))
    if plan is not None and plan.prompt and not generation.spec.extend_prompt:
        return Told(plan.prompt, plan.negative_prompt, tuple(plan.prompt_notes))
    return None


def asked(spec: GenerationSpec, told: Told) -> GenerationSpec:
    """The spec with what the model is told for a prompt."""
    found = GenerationSpec()
    found.CopyFrom(spec)
    found.prompt, found.negative_prompt = told.prompt, told.negative
    return found


def load_of(plan: GenerationPlan) -> Mapping[str, str]:
    """How the plan wants the model to lie in memory; nothing where nothing was reckoned."""
    return options_of(plan).told() if plan.choices else {}


@dataclass(frozen=True)
class Making:
    """How a model server made a clip."""

    device_name: str
    """As its maker calls it; "cpu" for the processor."""
    dtype: str
    """Of the numbers that the transformer computes with: "float32", "bfloat16"."""
    sampler: str
    sigmas: tuple[float, ...]
    """Each step's noise, from 1 down."""
    versions: Mapping[str, str]
    """Of the libraries, by name."""
    load: Mapping[str, str]
    """How the model lay in memory, by choice."""


def note_making(found: Generation, how: Making) -> None:
    record = found.provenance
    assert record is not None  # it was started
    record.device, record.dtype, record.sampler = how.device_name, how.dtype, how.sampler
    record.sigmas[:] = how.sigmas
    record.versions.update(how.versions)
    record.load.update(how.load)


def note_cache(found: Generation, use: CacheUse | None, card: ModelCard) -> None:
    """What the step cache did in the run that made the clip, and is known to do with the weights of `card`, its model;
    nothing where it was made without one."""
    record = found.provenance
    assert record is not None  # it was started
    if use is None:
        return
    record.step_cache_use.CopyFrom(
        StepCacheUse(step_cache=found.spec.step_cache, passes=use.passes, taken_over=use.taken_over, times=use.times)
    )
    measure = card.measure(use.cache)
    if measure is not None:
        record.step_cache_use.measure.CopyFrom(measure_message(measure))


def measure_message(measure: CacheMeasure) -> StepCacheMeasure:
    return StepCacheMeasure(
        step_cache=next(number for number, name in STEP_CACHES.items() if name == measure.cache),
        times=measure.times,
        psnr=measure.psnr,
        least_psnr=measure.least_psnr,
        width=measure.width,
        height=measure.height,
        frame_count=measure.frame_count,
        steps=measure.steps,
    )


def take_over_making(found: Generation, equal: Generation) -> None:
    """The clip was made for another one of the same content."""
    made, record = equal.provenance, found.provenance
    if made is None or record is None:
        return
    note_making(found, Making(made.device, made.dtype, made.sampler, tuple(made.sigmas), made.versions, made.load))
    if made.HasField("step_cache_use"):
        record.step_cache_use.CopyFrom(made.step_cache_use)
    # Those of how it was made, and what was tried before it was found.
    record.notes[:] = [*made.notes, *(note for note in record.notes if note not in made.notes)]


def details(generation: Generation) -> Mapping[str, str]:
    """For the asset that is made of the clip: the whole record as JSON, and of it what people look for."""
    spec, record = generation.spec, generation.provenance or GenerationProvenance()
    found = {
        "model": spec.model,
        "weights_digest": generation.weights_digest,
        "random_weights": str(generation.random_weights).lower(),
        "device": generation.device,
        "prompt": spec.prompt,
        "negative_prompt": spec.negative_prompt,
        "seed": str(spec.seed),
        "steps": str(spec.steps),
        "guidance_scale": repr(spec.guidance_scale),
        "guidance_scale_2": repr(spec.guidance_scale_2),
        "flow_shift": repr(spec.flow_shift),
        "sampler": record.sampler,
        DETAIL: movie_detail([record]),
    }
    if record.prompt != spec.prompt:
        found["told_prompt"] = record.prompt
    if record.negative_prompt != spec.negative_prompt:
        found["told_negative_prompt"] = record.negative_prompt
    if generation.spec.image:
        found["image"] = generation.spec.image
    if generation.spec.last_image:
        found["last_image"] = generation.spec.last_image
    return found
