"""Which way a generation goes on a device, what it takes there, and what would fit where it does not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace

from artifex.generator.v1 import messages_pb2 as pb
from artifex.generator.v1.messages_pb2 import GenerationPlan, GenerationSpec
from libs.chassis.errors import ResourceExhausted
from services.generator.domain.architecture import Architecture
from services.generator.domain.models import ModelCard
from services.generator.domain.plan.choices import choices
from services.generator.domain.plan.devices import Calibration, Device
from services.generator.domain.plan.memory import STAGES, Bytes, memory
from services.generator.domain.plan.options import Options, ways
from services.generator.domain.plan.work import Clip, Work, work
from services.generator.domain.spec import Filled, sampling
from services.generator.domain.windows import windows

_GB = 1e9
_COMPILED_FROM_SECONDS = 120.0
"""Compiling costs a minute at the first step of a size, so a shorter run is not worth it."""
_HOST_USABLE = 0.9
_CACHES: Mapping[int, str] = {pb.STEP_CACHE_FIRST_BLOCK: "first_block", pb.STEP_CACHE_MAGNITUDE: "magnitude"}


@dataclass(frozen=True)
class Way:
    """Options, and what they come to."""

    options: Options
    memory: Mapping[str, Bytes]
    work: Mapping[str, Work]

    @property
    def peak(self) -> int:
        return max(stage.device for stage in self.memory.values())

    @property
    def seconds(self) -> float:
        return sum(stage.seconds for stage in self.work.values())

    @property
    def widest(self) -> str:
        """The stage that takes most of the device."""
        return max(STAGES, key=lambda stage: self.memory[stage].device)

    def fits(self, device: Device) -> bool:
        host = max(stage.host for stage in self.memory.values())
        return self.peak <= device.usable and (device.kind == "cpu" or host <= device.host_memory * _HOST_USABLE)


def plan(filled: Filled, card: ModelCard, device: Device, calibration: Calibration | None) -> GenerationPlan:
    """All that can be said of a filled spec before anything is spent; `prompt` and its notes are left to others.

    A model whose architecture is not told fits, with nothing reckoned.
    """
    spec = filled.spec
    message = GenerationPlan(
        spec=spec,
        adjustments=filled.adjustments,
        prompt=spec.prompt,
        negative_prompt=spec.negative_prompt,
        device=device.name,
        device_memory_bytes=device.memory,
        device_count=1,
        calibrated=calibration is not None,
    )
    model = card.architecture
    if model is None:
        message.fits = True
        return message
    clip = clip_of(spec, card, model)
    way = _picked(model, clip, device, spec.profile, calibration)
    message.tokens = model.tokens(clip.width, clip.height, clip.frames)
    message.choices.extend(choices(way.options, model, spec, clip, device))
    for stage in STAGES:
        taken, done = way.memory[stage], way.work[stage]
        message.stages.append(
            pb.PlanStage(
                name=stage, device_bytes=taken.device, host_bytes=taken.host, flops=done.flops, seconds=done.seconds
            )
        )
    message.seconds = way.seconds
    message.fits = way.fits(device)
    if not message.fits:
        message.shortage = _shortage(way, card, clip, device)
        nearest = _nearest(spec, card, model, device)
        if nearest is not None:
            message.nearest.CopyFrom(nearest)
    return message


def require_fit(message: GenerationPlan, card: ModelCard) -> None:
    """Raises ResourceExhausted with ERROR_REASON_DOES_NOT_FIT, the numbers and the nearest spec that would fit."""
    if message.fits:
        return
    remedy = "no smaller clip of it fits either; take another model or a larger device"
    if message.HasField("nearest"):
        near = message.nearest
        remedy = f"{near.width}x{near.height} with {near.frame_count} frames would fit"
    widest = max(message.stages, key=lambda stage: stage.device_bytes)
    raise ResourceExhausted(
        f"{message.shortage}; {remedy}",
        reason="ERROR_REASON_DOES_NOT_FIT",
        metadata={"model": card.model, "device": message.device, "stage": widest.name},
    )


def options_of(message: GenerationPlan) -> Options:
    """The options that a plan tells in its choices."""
    known = {field.name for field in fields(Options)}
    return Options(**{choice.subject: choice.choice for choice in message.choices if choice.subject in known})


def clip_of(spec: GenerationSpec, card: ModelCard, model: Architecture) -> Clip:
    """What the work of a filled spec depends on."""
    return Clip(
        width=spec.width,
        height=spec.height,
        windows=windows(spec.frame_count, card),
        steps=spec.steps,
        passes=_passes(spec, card, model),
        text_tokens=card.text_tokens,
        step_cache=_CACHES.get(spec.step_cache, "none"),
    )


def _passes(spec: GenerationSpec, card: ModelCard, model: Architecture) -> float:
    """Of a step, on average: each expert is asked twice where it has guidance."""
    _, sigmas = sampling(spec, card)
    if not sigmas:
        times = [1 - step / spec.steps for step in range(spec.steps)]
        sigmas = tuple(spec.flow_shift * time / (1 + (spec.flow_shift - 1) * time) for time in times)
    high = sum(sigma >= model.boundary for sigma in sigmas) / len(sigmas)
    return 1 + high * (spec.guidance_scale != 1) + (1 - high) * (spec.guidance_scale_2 != 1)


def _picked(model: Architecture, clip: Clip, device: Device, profile: int, calibration: Calibration | None) -> Way:
    """The way to go; the one that takes least where none fits."""
    keep = Options()
    if profile == pb.GENERATION_PROFILE_SPEED and device.kind == "cuda":
        keep = replace(keep, attention=device.attention)

    def all_ways(*, lossy: bool) -> list[Way]:
        return [_way(model, clip, device, options, calibration) for options in _options(device, keep, lossy=lossy)]

    saving = profile in (pb.GENERATION_PROFILE_SPEED, pb.GENERATION_PROFILE_MEMORY)
    every = all_ways(lossy=saving)
    fitting = [way for way in every if way.fits(device)]
    if not fitting and profile == pb.GENERATION_PROFILE_UNSPECIFIED:
        every = all_ways(lossy=True)
        fitting = [way for way in every if way.fits(device)]
    if not fitting:
        return min(every, key=lambda way: way.peak)
    if profile == pb.GENERATION_PROFILE_MEMORY:
        return min(fitting, key=lambda way: (way.peak, way.seconds))
    best = min(fitting, key=lambda way: way.seconds)
    if (
        profile == pb.GENERATION_PROFILE_SPEED
        and device.kind == "cuda"
        and best.options.experts != "streamed"
        and best.work["denoise"].seconds >= _COMPILED_FROM_SECONDS
    ):
        return _way(model, clip, device, replace(best.options, compile="blocks"), calibration)
    return best


def _options(device: Device, keep: Options, *, lossy: bool) -> Iterator[Options]:
    """Those there are on a device, with the attention and compilation of `keep`."""
    if device.kind == "cpu":
        # Nothing can be moved elsewhere: all of it is the host's memory.
        yield replace(keep, precision="float32")
        if lossy:
            yield replace(keep, precision="float32", vae="tiled")
        return
    for options in ways(lossy=lossy):
        yield replace(options, attention=keep.attention, compile=keep.compile)


def _way(model: Architecture, clip: Clip, device: Device, options: Options, calibration: Calibration | None) -> Way:
    return Way(
        options,
        memory(model, clip.width, clip.height, clip.frames, options),
        work(model, clip, device, options, calibration),
    )


def _shortage(way: Way, card: ModelCard, clip: Clip, device: Device) -> str:
    stage = way.widest
    needed = way.memory[stage]
    text = (
        f"{card.model} at {clip.width}x{clip.height} with {clip.frames} frames takes {needed.device / _GB:.1f} GB to "
        f"{stage}, whatever is saved; {device.name} has {device.usable / _GB:.1f} GB for it"
    )
    if needed.device <= device.usable:
        text = (
            f"{card.model} keeps {needed.host / _GB:.1f} GB in the host's memory on {device.name}, which has "
            f"{device.host_memory * _HOST_USABLE / _GB:.1f} GB for it"
        )
    return text


def _nearest(spec: GenerationSpec, card: ModelCard, model: Architecture, device: Device) -> GenerationSpec | None:
    """The smaller clip that fits and keeps most of the pixels; of two equals the longer."""
    for width, height, frames in sorted(
        _smaller(spec, card), key=lambda clip: (-clip[0] * clip[1] * clip[2], -clip[2])
    ):
        near = GenerationSpec()
        near.CopyFrom(spec)
        near.width, near.height, near.frame_count = width, height, frames
        if _picked(model, clip_of(near, card, model), device, spec.profile, None).fits(device):
            return near
    return None


def _smaller(spec: GenerationSpec, card: ModelCard) -> Iterable[tuple[int, int, int]]:
    side, each = card.size_multiple, card.frame_multiple
    most = max(windows(spec.frame_count, card))
    for tenths in range(10, 1, -1):
        width = max(round(spec.width * tenths / 10 / side), 1) * side
        height = max(round(spec.height * tenths / 10 / side), 1) * side
        for quarters in (4, 3, 2, 1):
            whole = quarters == 4
            yield width, height, spec.frame_count if whole else (most - 1) * quarters // 4 // each * each + 1
