"""Which way a generation goes on a device, what it takes there, and what would fit where it does not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from types import MappingProxyType
from typing import Self

from artifex.generator.v1 import messages_pb2 as pb
from artifex.generator.v1.messages_pb2 import GenerationPlan, GenerationSpec, StepCache
from libs.chassis.errors import ResourceExhausted
from services.generator.domain.architecture import Architecture
from services.generator.domain.filling import Filled
from services.generator.domain.models import COLLECTION, ModelCard
from services.generator.domain.plan.choices import choices
from services.generator.domain.plan.devices import PROCESSOR, Calibration, Device, rated_as
from services.generator.domain.plan.memory import STAGES, Bytes, memory
from services.generator.domain.plan.options import Options, ways
from services.generator.domain.plan.work import Clip, Work, work
from services.generator.domain.spec import sampling
from services.generator.domain.windows import windows

_GB = 1e9
_COMPILED_FROM_SECONDS = 120.0
"""Compiling costs a minute at the first step of a size, so a shorter run is not worth it."""
_HOST_USABLE = 0.9
_ROOM = 1.1
"""What is reckoned may be a tenth short of what is taken, so room for that is left..."""
_ROOM_COSTS = 1.05
"""...as long as it costs no more than a twentieth of the time."""
STEP_CACHES: Mapping[StepCache.ValueType, str] = {
    pb.STEP_CACHE_FIRST_BLOCK: "first_block",
    pb.STEP_CACHE_MAGNITUDE: "magnitude",
}
"""By the contract's number, as the model server calls them."""


Rated = Mapping[str, Calibration | None]
_UNRATED: Rated = MappingProxyType({})


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


def plan(
    filled: Filled, card: ModelCard, follower: ModelCard, device: Device, rates: Rated = _UNRATED
) -> GenerationPlan:
    """All that can be said of a filled spec before anything is spent; `prompt` and its notes are left to others.

    `follower` is what goes on from a last frame, where the clip is longer than the model makes at once; `rates` are
    those that were measured of the device and the model, by `rated_as`. A model whose architecture is not told fits,
    with nothing reckoned.
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
    )
    case = _Case.of(spec, card, follower, device, rates)
    if case is None:
        message.fits = True
        return message
    clip, way = case.clip, case.picked()
    message.tokens = case.model.tokens(clip.width, clip.height, clip.frames)
    message.choices.extend(choices(way.options, case.model, clip, device))
    for stage in STAGES:
        taken, done = way.memory[stage], way.work[stage]
        message.stages.append(
            pb.PlanStage(
                name=stage, device_bytes=taken.device, host_bytes=taken.host, flops=done.flops, seconds=done.seconds
            )
        )
    message.seconds = way.seconds
    message.calibrated = case.rate(way.options) is not None
    message.fits = way.fits(device)
    if not message.fits:
        message.shortage = _shortage(way, card, spec, device)
        nearest = _nearest(spec, card, follower, device)
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


def can_make(message: GenerationPlan, cards: Mapping[str, ModelCard], device: Device) -> bool:
    """Whether a device can make what was planned, one way or another; `cards` are those that are there, by id.

    A processor makes nothing that was planned for an accelerator: it might take days, and other bytes would come of it.
    """
    if (message.device == PROCESSOR) != (device.kind == "cpu"):
        return False
    card = cards.get(message.spec.model.removeprefix(f"{COLLECTION}/"))
    if card is None:
        return True
    case = _Case.of(message.spec, card, cards.get(card.image_form, card), device)
    return case is None or case.picked().fits(device)


def goes(message: GenerationPlan, card: ModelCard, follower: ModelCard, device: Device) -> bool:
    """Whether a plan can be carried out as it is on a device: the one that it was made for, or one just like it."""
    case = _Case.of(message.spec, card, follower, device)
    if case is None:
        return True
    options = options_of(message)
    alike = (message.device, message.device_memory_bytes) == (device.name, device.memory)
    kept = all(getattr(options, name) == choice for name, choice in card.load.items() if choice != "auto")
    there = options.attention in ("native", device.attention) or "attention" in card.load
    there = there and (options.precision in case.precisions or "precision" in card.load)
    return alike and kept and there and case.way(options).fits(device)


def options_of(message: GenerationPlan) -> Options:
    """The options that a plan tells in its choices."""
    known = {field.name for field in fields(Options)}
    return Options(**{choice.subject: choice.choice for choice in message.choices if choice.subject in known})


def clip_of(spec: GenerationSpec, card: ModelCard, model: Architecture) -> Clip:
    """What the work of a filled spec depends on."""
    cache = STEP_CACHES.get(spec.step_cache, "none")
    return Clip(
        width=spec.width,
        height=spec.height,
        windows=windows(spec.frame_count, card),
        steps=spec.steps,
        passes=_passes(spec, card, model),
        text_tokens=card.text_tokens,
        step_cache=cache,
        measure=card.measure(cache),
        pictured=card.kind == "image" or bool(spec.image),
    )


def _passes(spec: GenerationSpec, card: ModelCard, model: Architecture) -> float:
    """Of a step, on average: each expert is asked twice where it has guidance."""
    _, sigmas = sampling(spec, card)
    if not sigmas:
        times = [1 - step / spec.steps for step in range(spec.steps)]
        sigmas = tuple(spec.flow_shift * time / (1 + (spec.flow_shift - 1) * time) for time in times)
    high = sum(sigma >= model.boundary for sigma in sigmas) / len(sigmas)
    return 1 + high * (spec.guidance_scale != 1) + (1 - high) * (spec.guidance_scale_2 != 1)


@dataclass(frozen=True)
class _Case:
    """What is to be made of what, and where."""

    model: Architecture
    follower: Architecture
    clip: Clip
    device: Device
    profile: int
    half: str
    """Sixteen bits, as they are to be computed in."""
    own: Mapping[str, str]
    """How the operator has the model lie in memory, whatever is planned."""
    rates: Rated

    @classmethod
    def of(
        cls,
        spec: GenerationSpec,
        card: ModelCard,
        follower: ModelCard,
        device: Device,
        rates: Rated = _UNRATED,
    ) -> Self | None:
        """None where the model's architecture is not told."""
        model = card.architecture
        if model is None:
            return None
        following = follower.architecture or model
        clip = clip_of(spec, card, model)
        draft = spec.preset == pb.GENERATION_PRESET_DRAFT and spec.profile != pb.GENERATION_PROFILE_QUALITY
        half = "float16" if draft else "bfloat16"
        return cls(model, following, clip, device, spec.profile, half, card.load, rates)

    def picked(self) -> Way:
        """The way to go; the one that takes least where none fits."""
        speed = self.profile == pb.GENERATION_PROFILE_SPEED and self.device.kind == "cuda"
        keep = Options(attention=self.device.attention, vae_layout="channels_last") if speed else Options()
        saving = self.profile in (pb.GENERATION_PROFILE_SPEED, pb.GENERATION_PROFILE_MEMORY)
        every = self._ways(keep, lossy=saving)
        fitting = [way for way in every if way.fits(self.device)]
        if not fitting and self.profile == pb.GENERATION_PROFILE_UNSPECIFIED:
            every = self._ways(keep, lossy=True)
            fitting = [way for way in every if way.fits(self.device)]
        if not fitting:
            return min(every, key=lambda way: way.peak)
        if self.profile == pb.GENERATION_PROFILE_MEMORY:
            return min(fitting, key=lambda way: (way.peak, way.seconds))
        best = min(fitting, key=lambda way: way.seconds)
        roomy = [way for way in fitting if way.peak * _ROOM <= self.device.usable]
        if roomy and (easier := min(roomy, key=lambda way: way.seconds)).seconds <= best.seconds * _ROOM_COSTS:
            best = easier
        worth_it = best.work["denoise"].seconds >= _COMPILED_FROM_SECONDS
        if speed and worth_it and best.options.experts != "streamed" and "compile" not in self.own:
            return self.way(replace(best.options, compile="blocks"))
        return best

    def way(self, options: Options) -> Way:
        clip = self.clip
        taken = memory(self.model, clip.width, clip.height, clip.frames, options)
        if len(clip.windows) > 1:
            following = memory(self.follower, clip.width, clip.height, clip.frames, options)
            taken = {stage: taken[stage].at_most(following[stage]) for stage in STAGES}
        return Way(options, taken, work(self.model, self.follower, clip, self.device, options, self.rate(options)))

    def rate(self, options: Options) -> Calibration | None:
        """As it was measured, with such options."""
        return self.rates.get(rated_as(self.device.name, options.attention, options.compile))

    def _ways(self, keep: Options, *, lossy: bool) -> list[Way]:
        """Those there are on the device, with the attention and layout of `keep` and all that the operator says."""
        if self.device.kind == "cpu":
            # Nothing can be moved elsewhere: all of it is the host's memory.
            exact = self.precisions[0]
            there = [Options(exact), *([Options(exact, vae="tiled")] if lossy else [])]
        else:
            there = [
                replace(options, attention=keep.attention, vae_layout=keep.vae_layout)
                for options in ways(self.precisions, lossy=lossy)
            ]
        own = {name: choice for name, choice in self.own.items() if choice != "auto"}
        return [self.way(options) for options in dict.fromkeys(replace(options, **own) for options in there)]

    @property
    def precisions(self) -> tuple[str, ...]:
        """Of the weights that are there, on the device; the exact one first."""
        if not self.model.whole:
            return ("gguf",)
        if self.device.kind == "cpu":
            return ("float32",)
        return (self.half, "float8", "gguf") if self.model.packed else (self.half, "float8")


def _shortage(way: Way, card: ModelCard, spec: GenerationSpec, device: Device) -> str:
    stage = way.widest
    needed = way.memory[stage]
    whole = spec.profile == pb.GENERATION_PROFILE_QUALITY
    saved = "where no pixel may change" if whole else "whatever is saved"
    clip = f"{card.model} at {spec.width}x{spec.height} with {spec.frame_count} frames"
    text = (
        f"{clip} takes {needed.device / _GB:.1f} GB to {stage}, {saved}; "
        f"{device.name} has {device.usable / _GB:.1f} GB for it"
    )
    if needed.device <= device.usable:
        text = (
            f"{card.model} keeps {needed.host / _GB:.1f} GB in the host's memory on {device.name}, which has "
            f"{device.host_memory * _HOST_USABLE / _GB:.1f} GB for it"
        )
    return text


def _nearest(spec: GenerationSpec, card: ModelCard, follower: ModelCard, device: Device) -> GenerationSpec | None:
    """The smaller clip that fits and keeps most of the pixels; of two equals the longer."""
    for width, height, frames in sorted(
        _smaller(spec, card), key=lambda clip: (-clip[0] * clip[1] * clip[2], -clip[2])
    ):
        near = GenerationSpec()
        near.CopyFrom(spec)
        near.width, near.height, near.frame_count = width, height, frames
        case = _Case.of(near, card, follower, device)
        if case is not None and case.picked().fits(device):
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
