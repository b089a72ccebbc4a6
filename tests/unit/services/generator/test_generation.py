from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from artifex.common.v1.types_pb2 import Blob, Failure
from artifex.generator.v1.messages_pb2 import GenerationSpec
from artifex.media.v1.messages_pb2 import MediaInfo
from libs.chassis.errors import FailedPrecondition
from services.generator.domain.generation import Generation, State, id_of
from tests.unit.services.generator.test_spec import NANO

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = NOW + timedelta(seconds=9)


def generation() -> Generation:
    return Generation(
        tenant="studio", id="g1", subject="ann", spec=GenerationSpec(steps=4), create_time=NOW, trace_id="0" * 32
    )


def test_a_run_goes_from_queued_over_its_steps_to_succeeded() -> None:
    found = generation()
    found.start(GenerationSpec(steps=4, model="models/m"), NANO, "key", NOW)
    assert (found.state, found.random_weights, found.weights_digest) == (State.RUNNING, True, NANO.weights_digest)
    found.progress(2)
    found.succeed(Blob(digest="a" * 64), MediaInfo(), "cpu", LATER)
    assert (found.state, found.steps_done, found.device, found.end_time) == (State.SUCCEEDED, 4, "cpu", LATER)


def test_a_run_that_a_dead_worker_left_starts_again_from_its_first_step() -> None:
    found = generation()
    found.start(found.spec, NANO, "key", NOW)
    found.progress(3)
    found.start(found.spec, NANO, "key", LATER)
    assert (found.state, found.steps_done, found.start_time) == (State.RUNNING, 0, NOW)


@pytest.mark.parametrize("end", ["succeed", "fail", "cancel"])
def test_an_end_is_final(end: str) -> None:
    found = generation()
    ends: dict[str, Callable[[], None]] = {
        "succeed": lambda: found.succeed(Blob(), MediaInfo(), "cpu", NOW),
        "fail": lambda: found.fail(Failure(reason="ERROR_REASON_MODEL_FAILED"), NOW),
        "cancel": lambda: found.cancel(NOW),
    }
    ends[end]()
    assert found.state.ended
    changes: list[Callable[[], None]] = [
        lambda: found.start(found.spec, NANO, "key", LATER),
        lambda: found.progress(1),
        lambda: found.succeed(Blob(), MediaInfo(), "cpu", LATER),
        lambda: found.fail(Failure(), LATER),
        lambda: found.cancel(LATER),
    ]
    for change in changes:
        with pytest.raises(FailedPrecondition) as caught:
            change()
        assert caught.value.metadata == {"resource": "generations/g1", "state": f"STATE_{found.state.value}"}
    assert found.end_time == NOW


def test_a_pause_is_no_end_and_puts_it_back_into_the_queue_when_it_is_over() -> None:
    found = generation()
    assert not found.resume(NOW), "it was not paused"
    assert found.pause_key == "generations/g1/pause/1"
    found.start(found.spec, NANO, "key", NOW)
    found.progress(3, 4.5)
    found.pause()
    found.pause()
    assert (found.state, found.pauses, found.steps_done, found.seconds_left) == (State.PAUSED, 1, 3, 4.5)
    assert not found.state.ended
    with pytest.raises(FailedPrecondition) as caught:
        found.start(found.spec, NANO, "key", NOW)
    assert caught.value.metadata["state"] == "STATE_PAUSED"
    assert found.resume(LATER)
    assert (found.state, found.queue_time, found.pause_key) == (State.QUEUED, LATER, "generations/g1/pause/2")
    found.pause()
    found.cancel(LATER)
    assert found.state is State.CANCELLED
    for change in (found.pause, lambda: found.resume(LATER)):
        with pytest.raises(FailedPrecondition):
            change()


def test_a_cancelled_generation_says_so_in_its_failure() -> None:
    found = generation()
    found.cancel(NOW)
    assert found.failure is not None
    assert found.failure.reason == "ERROR_REASON_CANCELLED"


def test_names_and_ids() -> None:
    assert generation().name == "generations/g1"
    assert id_of("generations/g1") == "g1"
