"""What the generator needs from outside."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType
from typing import Protocol, TypeVar

from google.protobuf.message import Message

from artifex.common.v1.types_pb2 import Blob
from artifex.generator.v1.messages_pb2 import GenerationSpec
from artifex.media.v1.messages_pb2 import MediaInfo
from libs.chassis.errors import ResourceExhausted
from services.generator.domain.generation import Generation, Place
from services.generator.domain.models import ModelCard
from services.generator.domain.plan.devices import Calibration, Device
from services.generator.domain.prompts.writing import Written
from services.generator.domain.provenance import Making
from services.generator.domain.step_caches import CacheUse

Response = TypeVar("Response", bound=Message)
_NONE: Mapping[str, bytes] = MappingProxyType({})
_NO_CHOICES: Mapping[str, str] = MappingProxyType({})


# -- the model server --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Resumed:
    """A checkpoint was taken up: `step` steps need not be made."""

    step: int


@dataclass(frozen=True)
class StepDone:
    """A denoising step is over; `step` counts from 1."""

    step: int
    seconds_left: float
    """Until the last one is."""


@dataclass(frozen=True)
class Checkpoint:
    """All that the steps after `step` depend on; see `ModelServer.generate`."""

    step: int
    data: bytes


@dataclass(frozen=True)
class FrameBytes:
    """The clip's next bytes: frame after frame, rows from the top, RGB of 8 bits; at most 1 MB."""

    data: bytes


@dataclass(frozen=True)
class PreviewFrame:
    """What the clip's middle will about look like."""

    step: int
    width: int
    height: int
    data: bytes
    """RGB of 8 bits, rows from the top."""


@dataclass(frozen=True)
class Finished(Making):
    """The last event."""

    device: str
    """The kind: "cpu", "cuda"."""
    weights_digest: str
    seconds: float
    """For which the request had the device."""
    stages: Mapping[str, float]
    """Seconds of each: "load", "encode", "denoise", "decode"."""
    step_cache: CacheUse | None = None
    """What the step cache did; None without one."""


class OutOfMemory(ResourceExhausted):
    """The device, or the host, had no memory left; `stage` is "load", "encode", "denoise" or "decode"."""

    default_reason = "ERROR_REASON_DOES_NOT_FIT"
    permanent = True

    def __init__(self, model: str, stage: str) -> None:
        super().__init__(
            f"{model} ran out of memory in the stage {stage}: ask for fewer frames, a smaller size or to save memory",
            metadata={"model": model, "stage": stage},
        )
        self.model = model
        self.stage = stage


ModelEvent = Resumed | StepDone | Checkpoint | PreviewFrame | FrameBytes | Finished


class ModelLists(Protocol):
    """What can be run. Every method raises Unavailable when no server answers; trying again may help."""

    async def models(self) -> Mapping[str, ModelCard]:
        """All runnable models by id, loaded or not."""
        ...

    async def loaded(self) -> frozenset[str]:
        """The ids of the models that are in memory."""
        ...

    async def devices(self, *models: str) -> Sequence[Device]:
        """What models run on: one of each server that answers and has all of `models`; where none has, of each."""
        ...


class ModelServer(ModelLists, Protocol):
    """Runs models. Every method raises Unavailable when the server does not answer; trying again may help."""

    async def load(self, model: str) -> None:
        """Bring the model into memory, and others out of it where both would not fit; nothing to do when it is there.

        Raises Internal with ERROR_REASON_MODEL_FAILED when the weights cannot be loaded.
        """
        ...

    def generate(
        self,
        model: str,
        spec: GenerationSpec,
        *,
        pictures: Mapping[str, bytes] = _NONE,
        sampling: tuple[str, Sequence[float]] = ("unipc", ()),
        load: Mapping[str, str] = _NO_CHOICES,
        checkpoint_every: int = 0,
        preview_every: int = 0,
        preview_share: float = 1.0,
        resume: bytes = b"",
    ) -> AsyncGenerator[ModelEvent, None]:
        """Run a loaded model: `spec.steps` StepDone in order, then FrameBytes that make up the clip, then Finished.

        `pictures`: "first" and perhaps "last", RGB of the clip's size, 8 bits, rows from the top. `sampling`: the
        sampler, and each step's noise where it is not spread by the spec's shift. `load`: how the model is to lie in
        memory, where that is to be otherwise than the server has it; see the model repository's options.

        Every `preview_every` steps there is a PreviewFrame, with a `preview_share` below 1 as long as they take no more
        than that part of the steps' time, every `checkpoint_every` a Checkpoint, of which the last is
        as good as all. With one's bytes as `resume` the first event is Resumed, and steps follow from there on. Equal
        specs on equal weights and devices give equal bytes, resumed or not. Closing it stops the model within a step.

        Raises InvalidArgument when the model refuses the spec, of the field "spec.resume" when it refuses the
        checkpoint, OutOfMemory, and Internal with ERROR_REASON_MODEL_FAILED when it breaks.
        """
        ...

    async def check(self) -> bool:
        """True when the server is ready; for health checks."""
        ...


class ModelServers(ModelLists, Protocol):
    """All model servers, which have the same models and devices or not."""

    def take(
        self, *models: str, suits: Callable[[Device], bool] = lambda device: True
    ) -> AbstractAsyncContextManager[ModelServer]:
        """A server that answers and has these models, a device that suits and a turn free, until the block ends; waits
        until there is one.

        One that has the first of them in memory before one that has it to load. One that lacks some is given only where
        all servers answer and each does, and one whose device does not suit only where all answer and no other has the
        models: it says what is to be said of that.
        """
        ...


class PromptWriter(Protocol):
    """A local instruction model. Every method raises Unavailable when the server does not answer."""

    async def available(self) -> bool:
        """Whether there is one."""
        ...

    async def write(self, messages: Sequence[Mapping[str, str]], *, max_tokens: int) -> Written:
        """The likeliest answer to a chat, cut off after so many tokens; the same for the same chat and weights.

        It is loaded where it is not. Raises Internal with ERROR_REASON_MODEL_FAILED when it breaks or takes too long.
        """
        ...


# -- masters -----------------------------------------------------------------------------------------------------------


class Master(Protocol):
    """A clip being written, without loss."""

    async def append(self, data: bytes) -> None:
        """The clip's next bytes, cut anywhere."""
        ...

    def faults(self) -> tuple[str, ...]:
        """What is not steady in the frames so far, in words; nothing is looked for unless the spec's profile is
        QUALITY."""
        ...

    async def store(self, tenant: str) -> tuple[Blob, MediaInfo]:
        """Finish the file, probe it and put it into the tenant's store; equal frames give an equal blob.

        Raises Internal with ERROR_REASON_MODEL_FAILED when frames are missing or left over.
        """
        ...


class Clips(Protocol):
    """Stored clips, and previews of those to come."""

    async def exists(self, tenant: str, blob: Blob) -> bool:
        """True when the tenant's store holds the blob."""
        ...

    async def preview(self, tenant: str, generation: str) -> bytes:
        """The newest that `Masters.still` stored for a generation, by its id. Raises NotFound where there is none."""
        ...


class Masters(Clips, Protocol):
    def record(self, spec: GenerationSpec) -> AbstractAsyncContextManager[Master]:
        """A master of the spec's size, rate and length; its scratch file is gone when the block ends."""
        ...

    async def still(self, tenant: str, generation: str, frame: PreviewFrame) -> Blob:
        """Keep a preview of a generation, by its id, in place of the one before: what its bytes are, a JPEG's."""
        ...


class Checkpoints(Protocol):
    """By tenant and the run's key: each window's newest checkpoint, and the windows that a longer clip has so far."""

    async def put(self, tenant: str, key: str, window: int, checkpoint: Checkpoint) -> None:
        """It takes the place of the one before."""
        ...

    async def get(self, tenant: str, key: str, window: int) -> bytes:
        """Its bytes; none where there is none."""
        ...

    async def put_frames(self, tenant: str, key: str, window: int, frames: AsyncIterator[bytes]) -> None:
        """Keep a window of a longer clip; its error is raised, and then nothing is kept."""
        ...

    def frames(self, tenant: str, key: str, window: int) -> AsyncIterator[bytes]:
        """What `put_frames` was given, cut anywhere."""
        ...

    async def has_frames(self, tenant: str, key: str, window: int) -> bool: ...

    async def drop_newest(self, tenant: str, key: str, window: int) -> None:
        """The window's checkpoint alone; nothing happens where there is none."""
        ...

    async def drop(self, tenant: str, generation: str) -> None:
        """All that is kept of a generation's runs, by its id; nothing happens where there is nothing."""
        ...


# -- records -----------------------------------------------------------------------------------------------------------


class Unit(Protocol):
    """One transaction."""

    async def lock(self, tenant: str, generation: str) -> Generation | None:
        """The generation by id, which nobody else changes until the transaction ends."""
        ...

    async def insert(self, generation: Generation) -> bool:
        """False, and nothing stored, when the tenant has a generation of that id."""
        ...

    async def save(self, generation: Generation) -> None:
        """Store a locked generation's changes; its revision grows."""
        ...

    async def announce(self, subject: str, message: Message, *, key: str) -> None:
        """Publish if, and only if, the transaction commits; the bus keeps one message per key."""
        ...

    async def once(
        self, tenant: str, method: str, request_id: str, request: Message, build: Callable[[], Awaitable[Response]]
    ) -> Response:
        """What `build` answers, or what it answered to this request id within a day."""
        ...


class Store(Protocol):
    """Generations by tenant. Every method raises Unavailable when the database does not answer."""

    def transaction(self) -> AbstractAsyncContextManager[Unit]:
        """Commits when the block ends, and rolls back when it raises."""
        ...

    async def get(self, tenant: str, generation: str) -> Generation | None: ...

    async def list(self, tenant: str, before: str, limit: int) -> Sequence[Generation]:
        """At most `limit`, newest first, with ids below `before`, or from the newest on when that is empty."""
        ...

    async def place(self, generation: Generation) -> Place:
        """That of a queued generation, behind those of all tenants that run, or wait and are to be begun before it.

        The seconds are what a single model server would take for these.
        """
        ...

    async def unended_of(self, tenant: str, job: str) -> Sequence[str]:
        """The ids of the generations that a render job waits for and that have not ended."""
        ...

    async def find_equal(self, tenant: str, content_key: str) -> Generation | None:
        """A generation of the tenant that succeeded with this content key."""
        ...


class Calibrations(Protocol):
    """How fast devices have run models. Every method raises Unavailable when the database does not answer."""

    async def get(self, device: str, model: str) -> Calibration | None:
        """By the names of both; None before the first clip."""
        ...

    async def add(self, device: str, model: str, flops: float, vae_flops: float) -> None:
        """Another clip's rates, each second; see `calibrated`."""
        ...


# -- given pictures ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Still:
    """A picture in a file."""

    blob: Blob
    shape: Fraction | None
    """Its width upright for a height of 1; None where that is not known."""


class Assets(Protocol):
    """The caller's assets, by the caller's own rights."""

    async def picture(self, name: str) -> Still:
        """What an asset holds: a picture, or a movie, whose first frame is one.

        Raises NotFound, InvalidArgument with ERROR_REASON_MEDIA_UNSUPPORTED where it holds neither, and Unavailable.
        """
        ...


class Pictures(Protocol):
    """Given pictures as a model takes them."""

    async def filled(self, tenant: str, blob: Blob, width: int, height: int) -> bytes:
        """The file's first picture, upright and display-encoded, cut to fill the size: RGB of 8 bits, row by row.

        Raises NotFound where the tenant's store has no such blob, InvalidArgument where it holds no picture.
        """
        ...


# -- cancellation ------------------------------------------------------------------------------------------------------


class Cancellations(Protocol):
    """Keys of cancelled things, known to every worker within a fifth of a second."""

    async def cancel(self, key: str) -> None:
        """Raises Unavailable when the word could not be handed over within two seconds."""
        ...

    def event(self, key: str) -> asyncio.Event:
        """Set as soon as the key is cancelled; perhaps already."""
        ...
