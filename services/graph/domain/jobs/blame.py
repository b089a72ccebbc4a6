"""Whose fault a failure is, and so whether and when the task is tried again. The one place of all such limits.

user     the graph or its media: repeating it cannot help, so the job fails at once
worker   the evaluator died, ran out of memory or failed unexpectedly: another worker tries
system   something that is needed does not answer: tried again, later and later, for as long as it takes
"""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

from artifex.common.v1 import types_pb2
from services.graph.domain.jobs.job import Task, TaskKind

ATTEMPTS = 3
"""A task at which its worker fails so often fails its job; so does a single frame that fails so often on its own."""

LOSSES_ALLOWED = 30
"""A worker that disappears is nobody's proof against the task: machines are switched off. Only a task under which
workers disappear without end is given up."""

_RETRY_PAUSES = (0.0, 1.0)
_OUTAGE_PAUSES = (1.0, 2.0, 5.0, 10.0, 30.0)
"""Seconds before the second, third… attempt; the last value repeats."""


class Blame(StrEnum):
    USER = "user"
    WORKER = "worker"
    SYSTEM = "system"


_SYSTEM = frozenset({"ERROR_REASON_DEPENDENCY_UNAVAILABLE", "ERROR_REASON_RATE_LIMITED"})
_WORKER = frozenset(
    {
        "ERROR_REASON_DECODER_CRASHED",
        # What we did not expect may lie in the machine as well as in the node; three of them are asked.
        "ERROR_REASON_INTERNAL",
        # A local disk may be at fault.
        "ERROR_REASON_STORED_DATA_CHANGED",
    }
)


def blame_of(failure: types_pb2.Failure) -> Blame:
    """Whose fault it is, by the failure's reason; what is not known better is the graph's or its media's.

    A graph that a worker finds invalid as a whole was found good when it was submitted: that worker lacks a node type,
    or has another version of it. One that turns out to be invalid at a frame is its author's.
    """
    if failure.reason == "ERROR_REASON_GRAPH_INVALID" and "frame" not in failure.metadata:
        return Blame.WORKER
    if failure.reason in _SYSTEM:
        return Blame.SYSTEM
    return Blame.WORKER if failure.reason in _WORKER else Blame.USER


def retry_pause(failures: int) -> timedelta:
    """How long after its `failures`-th failure a task is tried again."""
    return _pause(_RETRY_PAUSES, failures)


def outage_pause(outages: int) -> timedelta:
    """How long after the `outages`-th outage in a row a task is tried again."""
    return _pause(_OUTAGE_PAUSES, outages)


def placed(task: Task, failure: types_pb2.Failure, failures: int = 1) -> types_pb2.Failure:
    """The failure of a task's `failures`-th attempt, with its place in the movie as exactly as that is known.

    The node and the frame that the evaluator named are in the metadata, since of a fault of ours nothing else is shown;
    so is how often a frame failed by itself, where a worker made sure of it.
    """
    told = types_pb2.Failure()
    told.CopyFrom(failure)
    frame, node = failure.metadata.get("frame", ""), failure.metadata.get("node", "")
    last = task.failure.metadata.get("frame", "") if task.failure is not None else frame
    where = f"frame {frame}" if frame else place(task)
    if blame_of(failure) is Blame.WORKER:
        by_itself = int(failure.metadata.get("failures", "0"))
        if not by_itself and frame != last:
            # Not one frame that fails each time: the range is all that is known.
            where = place(task)
        number = by_itself or failures
        if number > 1:
            where += f" failed {times(number)}"
            told.metadata["failures"] = str(number)
    told.message = where + (f' (node "{node}")' if node else "") + f": {failure.message}"
    told.metadata["task"] = task.id
    if task.kind is TaskKind.FRAMES:
        told.metadata["first_frame"] = str(task.first_frame)
        told.metadata["last_frame"] = str(task.first_frame + task.frame_count - 1)
    return told


def lost_too_often(task: Task, losses: int) -> types_pb2.Failure:
    """The failure of a task under which workers disappear."""
    return types_pb2.Failure(
        reason="ERROR_REASON_INTERNAL",
        message=f"{place(task)}: {losses} workers disappeared at it; look for what ends them, such as scarce memory",
        metadata={"task": task.id},
    )


def place(task: Task) -> str:
    """Where in the movie a task is, for people."""
    if task.kind is not TaskKind.FRAMES:
        return task.id
    return f"frames {task.first_frame} to {task.first_frame + task.frame_count - 1}"


def times(number: int) -> str:
    """A number of times in words."""
    words = {1: "once", 2: "twice", 3: "three times"}
    return words.get(number, f"{number} times")


def _pause(pauses: tuple[float, ...], number: int) -> timedelta:
    return timedelta(seconds=pauses[min(max(number, 1), len(pauses)) - 1])
