"""Learn from a clip that was made how fast its device runs its model."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from artifex.generator.v1 import messages_pb2 as pb
from artifex.generator.v1.messages_pb2 import GenerationSpec
from libs.chassis.errors import Unavailable
from services.generator.domain.models import ModelCard
from services.generator.domain.plan.devices import rated_as
from services.generator.domain.plan.planner import clip_of
from services.generator.domain.plan.work import decode_flops, pass_flops
from services.generator.ports import Calibrations, Finished

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Measured:
    """One run of a model, as it was done."""

    card: ModelCard
    spec: GenerationSpec
    """Of this run: of one window, where a clip has several."""
    steps: int
    """So many were made; others may have come from a checkpoint."""
    load: Mapping[str, str]
    how: Finished


async def calibrate(calibrations: Calibrations, run: Measured) -> None:
    """Keep the run's rates, where they are the device's: not those of a cache, nor those of the weights' way to it.

    A database that does not answer costs no more than this one measurement.
    """
    model, spec, stages = run.card.architecture, run.spec, run.how.stages
    cached = spec.step_cache not in (pb.STEP_CACHE_UNSPECIFIED, pb.STEP_CACHE_NONE)
    if model is None or cached or run.load.get("experts") == "streamed" or run.load.get("vae") == "tiled":
        return
    if run.steps < 1 or not stages.get("denoise") or not stages.get("decode"):
        return
    clip = clip_of(spec, run.card, model)
    each = clip.passes * pass_flops(model, spec.width, spec.height, spec.frame_count, run.card.text_tokens)
    pictures = decode_flops(model, spec.width, spec.height, spec.frame_count)
    try:
        await calibrations.add(
            rated_as(run.how.device_name, run.load.get("attention", "native"), run.load.get("compile", "none")),
            run.card.model,
            run.steps * each / stages["denoise"],
            pictures / stages["decode"],
        )
    except Unavailable as error:
        _log.warning("the rates of a clip by %s are not kept: %s", run.card.model, error)
