"""A generation and the states it goes through.

    QUEUED -> RUNNING -> SUCCEEDED | FAILED
      |  ^       |
      |  +----+  |
      +-> PAUSED <

A worker that dies leaves RUNNING behind; whoever takes over starts it again, so RUNNING may follow RUNNING. What is
PAUSED is queued again when it is resumed. Whatever has not ended can become CANCELLED; that and the two on the right
are final.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from datetime import datetime

from artifex.common.v1.types_pb2 import Actor, Blob, Failure
from artifex.generator.v1.messages_pb2 import GenerationPlan, GenerationProvenance, GenerationSpec
from artifex.generator.v1.work_pb2 import GivenPicture
from artifex.media.v1.messages_pb2 import MediaInfo
from libs.chassis.errors import FailedPrecondition
from services.generator.domain.models import ModelCard

COLLECTION = "generations"
CANCELLED_FAILURE = Failure(reason="ERROR_REASON_CANCELLED", message="the generation was cancelled")


class Priority(enum.IntEnum):
    """Which of two that wait is begun first."""

    LOW = 1
    NORMAL = 2
    HIGH = 3


class State(enum.Enum):
    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"

    @property
    def ended(self) -> bool:
        return self in (State.SUCCEEDED, State.FAILED, State.CANCELLED)


@dataclass(frozen=True)
class Place:
    """In the queue."""

    ahead: int
    """How many are before it."""
    seconds: float | None
    """Until it is begun; None where one before it lasts nobody knows how long."""


FRONT = Place(0, 0.0)


@dataclass
class Generation:
    """One clip that was asked for. `job`, `task` and `attempt` name the render task that waits for it, if any."""

    tenant: str
    id: str
    subject: str
    """The user who asked for it."""
    spec: GenerationSpec
    create_time: datetime
    trace_id: str
    job: str = ""
    task: str = ""
    attempt: int = 0
    pictures: tuple[GivenPicture, ...] = ()
    """What the clip begins and ends with, by its bytes: assets may be deleted meanwhile."""
    priority: Priority = Priority.NORMAL
    plan: GenerationPlan | None = None
    """As it was made when the generation was asked for; none of a render job's."""
    queue_time: datetime | None = None
    """Since when it waits: it was asked for, or resumed, then."""
    pauses: int = 0
    """How often it was paused: a run that was begun before the last time is over."""
    state: State = State.QUEUED
    windows: int = 1
    """How many runs of the model its clip is made of, one after the other."""
    steps_done: int = 0
    seconds_left: float = 0.0
    """For which it would still have a device until its clip is there: by its plan, and under way by its model; 0 where
    nothing is known."""
    device_seconds: float = 0.0
    """For which it had the device, all runs together."""
    preview: Blob | None = None
    provenance: GenerationProvenance | None = None
    result: Blob | None = None
    media: MediaInfo | None = None
    output_asset: str = ""
    failure: Failure | None = None
    weights_digest: str = ""
    random_weights: bool = False
    device: str = ""
    """The kind of device that computed it, as in "cpu"."""
    content_key: str = ""
    start_time: datetime | None = None
    end_time: datetime | None = None
    revision: int = field(default=0)
    """Grows with every change that is stored."""

    @property
    def name(self) -> str:
        return f"{COLLECTION}/{self.id}"

    @property
    def actor(self) -> Actor:
        return Actor(tenant=self.tenant, subject=self.subject)

    @property
    def steps_total(self) -> int:
        return self.spec.steps * self.windows

    def start(self, spec: GenerationSpec, card: ModelCard, key: str, now: datetime, windows: int = 1) -> None:
        """A worker begins, or begins again; `spec` is the resolved one, `key` its content key."""
        self._require_not_ended()
        if self.state is State.PAUSED:
            raise self._conflict("is paused")
        self.state = State.RUNNING
        self.spec = spec
        self.weights_digest = card.weights_digest
        self.random_weights = card.random_weights
        self.content_key = key
        self.windows = windows
        self.steps_done, self.seconds_left = 0, self.planned_seconds()
        self.start_time = self.start_time or now

    def progress(self, steps_done: int, seconds_left: float | None = None) -> None:
        """So many steps are done; fewer than before where a run goes on from an earlier one.

        `seconds_left`: until the last step is; None where that is not known.
        """
        self._require_not_ended()
        if seconds_left is None:
            seconds_left = self.planned_seconds("denoise") * (1 - steps_done / max(self.steps_total, 1))
        self.steps_done, self.seconds_left = steps_done, seconds_left + self.planned_seconds("decode")

    def planned_seconds(self, stage: str = "") -> float:
        """Of one stage, or of all of it, by the plan; 0 where that does not tell."""
        if self.plan is None:
            return 0.0
        if not stage:
            return self.plan.seconds
        return sum(each.seconds for each in self.plan.stages if each.name == stage)

    def pause(self) -> None:
        """Put it down; harmless to repeat."""
        self._require_not_ended()
        if self.state is not State.PAUSED:
            self.state = State.PAUSED
            self.pauses += 1

    def resume(self, now: datetime) -> bool:
        """Queue it again; False where it is not paused, and nothing is to be done."""
        self._require_not_ended()
        if self.state is not State.PAUSED:
            return False
        self.state = State.QUEUED
        self.queue_time = now
        return True

    def succeed(self, result: Blob, media: MediaInfo, device: str, now: datetime) -> None:
        self._require_not_ended()
        self.state = State.SUCCEEDED
        self.steps_done, self.seconds_left = self.steps_total, 0.0
        self.result, self.media, self.device = result, media, device
        self.end_time = now

    def fail(self, failure: Failure, now: datetime) -> None:
        self._require_not_ended()
        self.state, self.seconds_left = State.FAILED, 0.0
        self.failure = failure
        self.end_time = now

    def cancel(self, now: datetime) -> None:
        self._require_not_ended()
        self.state, self.seconds_left = State.CANCELLED, 0.0
        self.failure = CANCELLED_FAILURE
        self.end_time = now

    @property
    def pause_key(self) -> str:
        """What whoever runs it now listens to."""
        return f"{self.name}/pause/{self.pauses + 1}"

    def _require_not_ended(self) -> None:
        if self.state.ended:
            raise self._conflict(f"has ended: {self.state.value.lower()}")

    def _conflict(self, what: str) -> FailedPrecondition:
        return FailedPrecondition(
            f"{self.name} {what}", metadata={"resource": self.name, "state": f"STATE_{self.state.value}"}
        )


def run_key(generation: str, content_key: str) -> str:
    """Names what a run leaves behind for the next: of this generation, as these weights make it."""
    return f"{generation}/{content_key[:16]}"


def id_of(name: str) -> str:
    """The id in `generations/{generation}`."""
    return name.removeprefix(f"{COLLECTION}/")
