"""The job state machine: examples for each edge, and a random walk that no order of events may break."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from artifex.common.v1 import types_pb2
from artifex.graph.v1 import work_pb2
from libs.chassis.errors import FailedPrecondition
from services.graph.domain.jobs import blame, transitions
from services.graph.domain.jobs.changes import Changes, Signal
from services.graph.domain.jobs.job import (
    Job,
    JobState,
    Task,
    TaskKind,
    TaskState,
    count,
    parse_run_name,
    run_name,
    segment_key,
)
from tests.unit.services.graph.domain.jobs.made import START, complete, hand_out, make_job, new_generation


def ids(tasks: list[Task]) -> list[str]:
    return [task.id for task in tasks]


def test_begin_dispatches_what_waits_for_nothing_and_no_turn() -> None:
    job = make_job()
    changes = transitions.begin(job, START)
    assert ids(changes.dispatch) == ["generate:g0"]
    assert job.tasks["audio"].state is TaskState.READY
    assert ids(hand_out(job).dispatch) == ["audio"]
    assert set(changes.tasks) == set(job.tasks)
    assert [event.sequence for event in changes.announcements] == [1]


def test_the_whole_way_to_a_movie() -> None:
    job = make_job(chunks=2)
    transitions.begin(job, START)
    complete(job, "generate:g0")
    assert ids(hand_out(job).dispatch) == ["frames:0", "frames:1", "audio"]
    assert complete(job, "frames:1").dispatch == []
    assert complete(job, "audio").dispatch == []
    assert ids(complete(job, "frames:0").dispatch) == ["assembly"]
    changes = complete(job, "assembly")
    assert changes.ended
    assert (job.state, job.output_asset) == (JobState.SUCCEEDED, "assets/movie")
    assert changes.announcements[-1].output_asset == "assets/movie"
    assert job.counters.frames_done == job.counters.frames_total == 48


def test_the_first_completion_wins_whichever_attempt_it_comes_from() -> None:
    job = make_job(generations=0)
    transitions.begin(job, START)
    hand_out(job)
    transitions.requeue(job, "frames:0", START)
    assert job.tasks["frames:0"].attempt == 2
    assert complete(job, "frames:0", attempt=1)
    assert not complete(job, "frames:0", attempt=2)
    assert job.tasks["frames:0"].state is TaskState.SUCCEEDED


def test_a_stale_attempts_failure_does_not_count() -> None:
    job = make_job(generations=0)
    transitions.begin(job, START)
    hand_out(job)
    transitions.requeue(job, "frames:0", START)
    assert not transitions.task_failed(job, Signal(1, "frames:0", 1), types_pb2.Failure(reason="R"), START)
    assert not job.state.ended


def test_a_failure_ends_the_job_and_stops_the_rest() -> None:
    job = make_job(generations=2)
    transitions.begin(job, START)
    failure = types_pb2.Failure(reason="ERROR_REASON_MODEL_FAILED", message="no")
    changes = transitions.task_failed(job, Signal(1, "generate:g0", 1), failure, START)
    assert changes.ended
    assert job.state is JobState.FAILED
    assert job.failure is not None
    assert job.failure.message == "generate:g0: no"
    assert changes.stop == [job.run_name, job.tasks["generate:g1"].generation]
    assert {task.state for task in job.tasks.values()} == {TaskState.FAILED, TaskState.CANCELLED}


def test_a_segment_with_the_wrong_number_of_frames_is_a_failure() -> None:
    job = make_job(generations=0)
    transitions.begin(job, START)
    hand_out(job)
    changes = transitions.task_completed(job, Signal(1, "frames:1", 1), work_pb2.Source(), START, frame_count=23)
    assert job.state is JobState.FAILED
    assert changes.ended
    assert job.failure is not None
    assert "frames 24 to 47" in job.failure.message


def test_cancel_stops_everything_and_is_final() -> None:
    job = make_job()
    transitions.begin(job, START)
    generation = job.tasks["generate:g0"].generation
    assert transitions.cancel(job, START).stop == ["renderJobs/01jb", generation]
    assert job.state is JobState.CANCELLED
    assert not transitions.cancel(job, START)
    assert not complete(job, "audio")


def test_analyses_go_before_what_needs_them_and_are_kept_by_a_retry() -> None:
    job = make_job(chunks=1, generations=0, analyses=2)
    transitions.begin(job, START)
    assert ids(hand_out(job).dispatch) == ["analyse:mix0", "frames:0"]
    complete(job, "analyse:mix0")
    found = job.tasks["analyse:mix0"].result
    failure = types_pb2.Failure(reason="ERROR_REASON_MEDIA_TRUNCATED")
    transitions.task_failed(job, Signal(1, "frames:0", 1), failure, START)
    transitions.retry(job, set(), START, new_generation)
    assert job.tasks["analyse:mix0"].result == found
    assert ids(hand_out(job).dispatch) == ["analyse:mix1", "frames:0"]
    complete(job, "analyse:mix1")
    assert ids(hand_out(job).dispatch) == ["audio"]


def test_a_generation_waits_for_its_picture_which_a_retry_keeps() -> None:
    job = make_job(chunks=1, audio=False, captures=True)
    assert ids(transitions.begin(job, START).dispatch) == []
    assert ids(hand_out(job).dispatch) == ["capture-first:g0"]
    assert ids(complete(job, "capture-first:g0").dispatch) == ["generate:g0"]
    picture = job.tasks["capture-first:g0"].result
    assert picture is not None
    failure = types_pb2.Failure(reason="ERROR_REASON_MODEL_FAILED")
    transitions.task_failed(job, Signal(1, "generate:g0", 1), failure, START)
    assert ids(transitions.retry(job, set(), START, new_generation).dispatch) == ["generate:g0"]
    assert job.tasks["capture-first:g0"].result == picture


def test_a_capture_is_tried_again_as_other_renders_are() -> None:
    job = make_job(chunks=1, audio=False, captures=True)
    transitions.begin(job, START)
    hand_out(job)
    failure = types_pb2.Failure(reason="ERROR_REASON_DECODER_CRASHED")
    transitions.task_failed(job, Signal(1, "capture-first:g0", 1), failure, START, worker="a:1")
    task = job.tasks["capture-first:g0"]
    assert (task.state, task.attempt, task.avoid) == (TaskState.READY, 2, ("a:1",))
    hand_out(job, START + timedelta(seconds=5))
    nothing = types_pb2.Failure(reason="ERROR_REASON_PRECONDITION_FAILED")
    transitions.task_failed(job, Signal(1, "capture-first:g0", 2), nothing, START)
    assert job.state is JobState.FAILED


def test_an_analysis_whose_result_was_there_is_done_when_the_job_begins() -> None:
    job = make_job(chunks=1, generations=0, analyses=1)
    job.tasks["analyse:mix0"].state = TaskState.SUCCEEDED
    transitions.begin(job, START)
    assert job.counters.tasks_done == 1
    assert ids(hand_out(job).dispatch) == ["frames:0", "audio"]
    for task in ("frames:0", "audio", "assembly"):
        complete(job, task)
    assert (job.state, job.counters.tasks_done) == (JobState.SUCCEEDED, 4)


def test_retry_keeps_generations_and_the_segments_at_hand() -> None:
    job = make_job(chunks=2)
    transitions.begin(job, START)
    complete(job, "generate:g0")
    complete(job, "frames:0")
    complete(job, "audio")
    hand_out(job)
    transitions.requeue(job, "frames:1", START)
    failure = types_pb2.Failure(reason="ERROR_REASON_MEDIA_TRUNCATED")
    transitions.task_failed(job, Signal(1, "frames:1", 2), failure, START)
    transitions.retry(job, {"frames:0"}, START, new_generation)
    assert job.run_name == "renderJobs/01jb-2"
    assert ids(hand_out(job).dispatch) == ["frames:1", "audio"]
    # Another run counts anew.
    assert (job.tasks["frames:1"].attempt, job.tasks["frames:1"].losses) == (1, 0)
    assert job.failure is None
    complete(job, "frames:1")
    complete(job, "audio")
    complete(job, "assembly")
    assert job.state is JobState.SUCCEEDED


def test_signals_of_an_earlier_run_are_ignored() -> None:
    job = make_job(generations=0)
    transitions.begin(job, START)
    transitions.cancel(job, START)
    transitions.retry(job, set(), START, new_generation)
    assert not transitions.task_completed(job, Signal(1, "audio", 1), work_pb2.Source(), START)
    assert not transitions.task_failed(job, Signal(1, "audio", 1), types_pb2.Failure(), START)


@pytest.mark.parametrize("end", ["running", "succeeded"])
def test_retry_of_a_job_that_has_not_failed_is_refused(end: str) -> None:
    job = make_job(chunks=1, generations=0, audio=False)
    transitions.begin(job, START)
    if end == "succeeded":
        complete(job, "frames:0")
        complete(job, "assembly")
    with pytest.raises(FailedPrecondition) as caught:
        transitions.retry(job, set(), START, new_generation)
    assert caught.value.reason == "ERROR_REASON_STATE_CONFLICT"


def test_a_task_lost_too_often_fails_the_job() -> None:
    job = make_job(generations=0)
    transitions.begin(job, START)
    hand_out(job)
    for number in range(blame.LOSSES_ALLOWED):
        if number % 2:
            assert ids(transitions.requeue(job, "frames:0", START).dispatch) == ["frames:0"]
        else:
            for worker in ("a:1", "b:2"):
                transitions.task_started(job, Signal(1, "frames:0", job.tasks["frames:0"].attempt), worker, START)
    assert job.tasks["frames:0"].losses == blame.LOSSES_ALLOWED
    assert not job.state.ended
    transitions.requeue(job, "frames:0", START)
    assert job.state is JobState.FAILED
    assert job.failure is not None
    assert job.failure.message.startswith("frames 0 to 23: 31 workers disappeared")


def fail(job: Job, reason: str, *, worker: str = "a:1", settled: bool = False, **metadata: str) -> Changes:
    """A failure of the first chunk, as soon as it has its turn."""
    now = job.tasks["frames:0"].due_time or START
    hand_out(job, now)
    failure = types_pb2.Failure(reason=f"ERROR_REASON_{reason}", message="the node broke", metadata=metadata)
    at = Signal(job.run, "frames:0", job.tasks["frames:0"].attempt)
    return transitions.task_failed(job, at, failure, now, worker=worker, settled=settled)


def test_a_workers_failure_is_tried_again_elsewhere_and_the_third_names_the_frame() -> None:
    job = make_job(generations=0)
    transitions.begin(job, START)
    for number, worker in enumerate(("a:1", "b:2"), start=1):
        changes = fail(job, "INTERNAL", worker=worker, frame="7", node="key")
        task = job.tasks["frames:0"]
        assert (task.state, task.attempt, task.failures) == (TaskState.READY, number + 1, number)
        assert [event.task.failure for event in changes.announcements if event.task] == [task.failure]
    assert job.tasks["frames:0"].avoid == ("a:1", "b:2")
    fail(job, "INTERNAL", frame="7", node="key")
    assert job.state is JobState.FAILED
    assert job.failure is not None
    assert job.failure.message == 'frame 7 failed three times (node "key"): the node broke'
    assert job.failure.metadata["failures"] == "3"


def test_failures_at_other_frames_are_the_chunks() -> None:
    job = make_job(generations=0)
    transitions.begin(job, START)
    for frame in ("7", "9", "11"):
        fail(job, "INTERNAL", frame=frame)
    assert job.failure is not None
    assert job.failure.message == "frames 0 to 23 failed three times: the node broke"


def test_a_worker_that_made_sure_is_believed_at_once() -> None:
    job = make_job(generations=0)
    transitions.begin(job, START)
    fail(job, "DECODER_CRASHED")
    fail(job, "DECODER_CRASHED", settled=True, frame="7", failures="3")
    assert job.failure is not None
    assert job.failure.message == "frame 7 failed three times: the node broke"


@pytest.mark.parametrize("reason", ["GRAPH_INVALID", "MEDIA_UNREADABLE", "RESOURCE_NOT_FOUND", "DEADLINE_EXCEEDED"])
def test_what_the_user_can_mend_is_not_tried_again(reason: str) -> None:
    job = make_job(generations=0)
    transitions.begin(job, START)
    fail(job, reason, frame="7", node="plate")
    assert job.state is JobState.FAILED
    assert job.failure is not None
    assert job.failure.message == 'frame 7 (node "plate"): the node broke'


def test_a_graph_that_one_worker_does_not_know_is_tried_on_another() -> None:
    job = make_job(generations=0)
    transitions.begin(job, START)
    fail(job, "GRAPH_INVALID")
    assert (job.tasks["frames:0"].state, job.tasks["frames:0"].avoid) == (TaskState.READY, ("a:1",))


def test_an_outage_uses_up_no_attempt_and_is_waited_out_longer_and_longer() -> None:
    job = make_job(generations=0)
    transitions.begin(job, START)
    times = [START]
    for _ in range(8):
        fail(job, "DEPENDENCY_UNAVAILABLE")
        times.append(job.tasks["frames:0"].due_time or START)
    assert [(after - before).seconds for before, after in pairwise(times)] == [1, 2, 5, 10, 30, 30, 30, 30]
    assert job.tasks["frames:0"].failures == 0
    complete(job, "frames:0", START + timedelta(hours=2))
    assert job.tasks["frames:0"].state is TaskState.SUCCEEDED
    assert job.tasks["frames:0"].failure is None


def test_a_movie_whose_media_service_is_away_is_joined_later() -> None:
    job = make_job(generations=0, chunks=1, audio=False)
    transitions.begin(job, START)
    complete(job, "frames:0")
    failure = types_pb2.Failure(reason="ERROR_REASON_DEPENDENCY_UNAVAILABLE")
    transitions.task_failed(job, Signal(1, "assembly", 1), failure, START)
    assert job.tasks["assembly"].state is TaskState.READY
    assert hand_out(job).dispatch == []
    assert ids(hand_out(job, START + timedelta(seconds=1)).dispatch) == ["assembly"]


def test_a_late_completion_of_an_attempt_that_was_given_up_counts() -> None:
    job = make_job(generations=0)
    transitions.begin(job, START)
    fail(job, "INTERNAL")
    # It waits for another turn, and somebody who was slow has done it meanwhile.
    assert job.tasks["frames:0"].attempt == 2
    assert complete(job, "frames:0", attempt=1)
    assert job.tasks["frames:0"].state is TaskState.SUCCEEDED


def test_costs_are_settled_when_they_are_known() -> None:
    job = make_job(generations=0)
    transitions.begin(job, START)
    hand_out(job, cost=5.0)
    result = work_pb2.Source()
    changes = transitions.task_completed(job, Signal(1, "frames:0", 1), result, START, frame_count=24, seconds=12.0)
    assert [(known.task.id, known.charged, known.seconds) for known in changes.settled] == [("frames:0", 5.0, 12.0)]
    assert job.frame_seconds == 0.5
    transitions.task_started(job, Signal(1, "frames:1", 1), "a:1", START)
    changes = transitions.cancel(job, START)
    # What a worker had begun is not given back.
    assert [(known.task.id, known.seconds) for known in changes.settled] == [("frames:2", 0.0), ("audio", 0.0)]


def test_progress_is_announced_four_times_a_second_at_most() -> None:
    job = make_job(chunks=1, generations=0)
    transitions.begin(job, START)
    hand_out(job)
    announced = 0
    for tick in range(24):
        now = START + timedelta(seconds=tick / 24)
        changes = transitions.task_progressed(job, Signal(1, "frames:0", 1), now, frames_done=tick + 1)
        assert changes.tasks
        announced += len(changes.announcements)
    assert job.counters.frames_done == 24
    assert announced == 4


def test_names_of_runs() -> None:
    assert [run_name("01jb", run) for run in (1, 2)] == ["renderJobs/01jb", "renderJobs/01jb-2"]
    assert parse_run_name("renderJobs/01jb-12") == ("01jb", 12)
    assert parse_run_name("renderJobs/01jb") == ("01jb", 1)
    assert parse_run_name("generations/01jb") is None
    assert segment_key("studio", "renderJobs/01jb-2", "ab") == "tenants/studio/jobs/01jb-2/ab"


class JobUnderFire(RuleBasedStateMachine):
    """Signals duplicated, reordered, made up and stale; lost work; cancels and retries; and in the end, a movie."""

    @initialize(
        chunks=st.integers(1, 5),
        generations=st.integers(0, 2),
        audio=st.booleans(),
    )
    def submit(self, chunks: int, generations: int, audio: bool) -> None:
        self.job = make_job(chunks=chunks, generations=generations, audio=audio)
        self.now = START
        self.sequences: list[int] = []
        self.results: dict[str, str] = {}
        self.dispatched: set[tuple[int, str, int]] = set()
        self._apply(transitions.begin(self.job, self.now))

    def _apply(self, changes: Changes) -> None:
        self.now += timedelta(milliseconds=90)
        self.sequences += [event.sequence for event in changes.announcements]
        for task in changes.dispatch:
            assert task.state is TaskState.QUEUED
            assert all(self.job.tasks[other].state is TaskState.SUCCEEDED for other in task.depends_on)
            key = (self.job.run, task.id, task.attempt)
            assert key not in self.dispatched, "a work item was queued twice under one key"
            self.dispatched.add(key)
        for task in changes.tasks.values():
            if task.state is TaskState.SUCCEEDED:
                assert task.result is not None
                known = self.results.setdefault(task.id, task.result.blob.digest)
                assert known == task.result.blob.digest, "a result was replaced"
            else:
                self.results.pop(task.id, None)

    def _signal(self, data: st.DataObject) -> Signal:
        task = data.draw(st.sampled_from(sorted(self.job.tasks)))
        return Signal(
            max(1, self.job.run - data.draw(st.sampled_from([0, 0, 0, 1]))),
            task,
            max(1, self.job.tasks[task].attempt - data.draw(st.sampled_from([0, 0, 0, 1]))),
        )

    @rule(data=st.data(), worker=st.sampled_from(["a:1", "b:2"]))
    def started(self, data: st.DataObject, worker: str) -> None:
        self._apply(transitions.task_started(self.job, self._signal(data), worker, self.now))

    @rule(data=st.data(), done=st.integers(0, 30))
    def progressed(self, data: st.DataObject, done: int) -> None:
        signal = self._signal(data)
        steps = done % 5 if self.job.tasks[signal.task].steps_total else 0
        self._apply(transitions.task_progressed(self.job, signal, self.now, frames_done=done, steps_done=steps))

    @rule(data=st.data(), worker=st.integers(0, 9), twice=st.booleans())
    def completed(self, data: st.DataObject, worker: int, twice: bool) -> None:
        signal = self._signal(data)
        for copy in range(2 if twice else 1):
            result = work_pb2.Source(blob=types_pb2.Blob(digest=f"{signal.task}/{worker}/{copy}"))
            frames = self.job.tasks[signal.task].frame_count
            self._apply(
                transitions.task_completed(
                    self.job, signal, result, self.now, frame_count=frames, output_asset="assets/movie"
                )
            )

    @rule(data=st.data())
    def failed(self, data: st.DataObject) -> None:
        reason = data.draw(st.sampled_from(["DECODER_CRASHED", "DEPENDENCY_UNAVAILABLE", "MEDIA_UNREADABLE"]))
        failure = types_pb2.Failure(reason=f"ERROR_REASON_{reason}")
        self._apply(transitions.task_failed(self.job, self._signal(data), failure, self.now, worker="a:1"))

    @rule(data=st.data())
    def lost(self, data: st.DataObject) -> None:
        task = data.draw(st.sampled_from(sorted(self.job.tasks)))
        self._apply(transitions.requeue(self.job, task, self.now))

    @rule(data=st.data())
    def turn(self, data: st.DataObject) -> None:
        due = [task.id for task in self.job.ordered_tasks() if task.is_due(self.now)]
        if due:
            self._apply(transitions.release(self.job, {data.draw(st.sampled_from(due)): 1.0}, self.now))

    @rule()
    def passed(self) -> None:
        self.now += timedelta(seconds=2)

    @rule()
    def cancelled(self) -> None:
        self._apply(transitions.cancel(self.job, self.now))

    @rule(data=st.data())
    def retried(self, data: st.DataObject) -> None:
        if self.job.state in (JobState.FAILED, JobState.CANCELLED):
            kept = data.draw(st.sets(st.sampled_from(sorted(self.job.tasks))))
            self._apply(transitions.retry(self.job, kept, self.now, new_generation))

    @invariant()
    def holds(self) -> None:
        if not hasattr(self, "job"):
            return
        job = self.job
        states = [task.state for task in job.tasks.values()]
        assert job.counters == count(job.tasks)
        assert self.sequences == list(range(1, job.last_sequence + 1))
        assert (job.state is JobState.SUCCEEDED) == all(state is TaskState.SUCCEEDED for state in states)
        assert (job.failure is not None) == (job.state is JobState.FAILED)
        assert (job.end_time is not None) == job.state.ended
        assert bool(job.output_asset) == (job.state is JobState.SUCCEEDED)
        if job.state.ended:
            assert all(state.ended for state in states)
        else:
            moving = (TaskState.READY, TaskState.QUEUED, TaskState.RUNNING)
            assert any(state in moving for state in states), "nothing will ever happen"

    def teardown(self) -> None:
        """However it went, a retry and honest workers finish the job, each frame exactly once."""
        if not hasattr(self, "job"):
            return
        job = self.job
        if job.state in (JobState.FAILED, JobState.CANCELLED):
            self._apply(transitions.retry(job, set(), self.now, new_generation))
        while not job.state.ended:
            self.now += timedelta(minutes=1)
            self._apply(hand_out(job, self.now))
            queued = [t for t in job.ordered_tasks() if t.state in (TaskState.QUEUED, TaskState.RUNNING)]
            self._apply(complete(job, queued[0].id, self.now))
        assert job.state is JobState.SUCCEEDED
        frames = [
            frame
            for task in job.ordered_tasks()
            if task.kind is TaskKind.FRAMES
            for frame in range(task.first_frame, task.first_frame + task.frame_count)
        ]
        assert frames == list(range(job.frame_count))


JobUnderFire.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestJobUnderFire = JobUnderFire.TestCase
