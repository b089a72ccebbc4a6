"""Jobs from submission to movie, with real processes, and with processes killed."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterable, AsyncIterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import psutil
import pytest
import pytest_asyncio

from artifex.graph.v1 import messages_pb2
from libs.chassis.errors import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound, Unavailable
from libs.chassis.testing import eventually
from libs.frames.decoded import frame_hashes
from tests.integration.graph.studio import Service, Studio, studio
from tests.support.documents import titled

Task = messages_pb2.RenderTask
Job = messages_pb2.RenderJob
Reason = messages_pb2.JobReason
Worker = messages_pb2.Worker


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Studio]:
    """One studio for all tests here: each leaves it running, without workers."""
    env = {
        "ARTIFEX_GRAPH_CHUNK_FRAMES": "12",
        "ARTIFEX_GRAPH_SILENCE_SECONDS": "3",
        "ARTIFEX_GRAPH_REAP_SECONDS": "0.5",
        "ARTIFEX_GRAPH_WORKER_REST_SECONDS": "0.1",
    }
    async with studio(tmp_path_factory.mktemp("studio"), env) as started:
        yield started


async def submit(running: Studio, *, frames: int = 48, request_id: str = "", **settings: object) -> Job:
    document = titled(frames=frames)
    document["settings"] |= settings
    request = messages_pb2.CreateRenderJobRequest(document_json=json.dumps(document), request_id=request_id)
    return (await running.render.CreateRenderJob(request)).render_job


async def finished(running: Studio, name: str) -> Job:
    await running.watch(name)
    return (await running.render.GetRenderJob(messages_pb2.GetRenderJobRequest(name=name))).render_job


async def test_a_title_becomes_a_movie(running: Studio) -> None:
    async with running.worker("worker"):
        job = await submit(running, request_id="first")
        chunks = [task.id for task in job.tasks[:-1]]
        assert chunks == [f"frames:{number}" for number in range(len(chunks))]
        assert len(chunks) > 2
        assert job.tasks[-1].id == "assembly"
        again = await submit(running, request_id="first")
        assert again.name == job.name
        with pytest.raises(AlreadyExists):
            await submit(running, frames=24, request_id="first")

        events = await running.watch(job.name)
        assert [event.sequence for event in events] == list(range(1, len(events) + 1))
        assert events[-1].state == Job.STATE_SUCCEEDED
        assert events[-1].progress.frames_done == 48
        assert [event.sequence for event in await running.watch(job.name, after=len(events) - 2)] == [
            len(events) - 1,
            len(events),
        ]
        done = await finished(running, job.name)
        assert len(frame_hashes(running.movie(done))) == 48
        assert len(done.trace_id) == 32
        assert all(task.worker and task.end_time.seconds for task in done.tasks)
        await eventually(lambda: not running.segments(job.name), what="the segments' deletion")
        listed = await running.render.ListRenderJobs(messages_pb2.ListRenderJobsRequest(states=[Job.STATE_SUCCEEDED]))
        assert job.name in [found.name for found in listed.render_jobs]
        with pytest.raises(FailedPrecondition):
            await running.render.RetryRenderJob(messages_pb2.RetryRenderJobRequest(name=job.name))


async def test_a_killed_worker_costs_time_and_nothing_else(running: Studio) -> None:
    async with AsyncExitStack() as stack:
        job = await submit(running)
        assert (await why(running, job.name))[0].kind == Reason.KIND_NO_WORKER
        doomed = await stack.enter_async_context(running.worker("doomed"))
        task = await running.until(job.name, Task.KIND_FRAMES, Task.STATE_RUNNING)
        (rendering, *_) = await why(running, job.name)
        assert (rendering.kind, list(rendering.workers)) == (Reason.KIND_RENDERING, [task.worker])
        doomed.kill9()
        await stack.enter_async_context(running.worker("heir"))
        done = await finished(running, job.name)
        assert [reason.kind for reason in await why(running, job.name)] == [Reason.KIND_SUCCEEDED]
        # It is noticed within half a minute that the worker is gone, and told who is there.
        async with asyncio.timeout(30):
            while (states := await workers(running)).get(task.worker) != Worker.STATE_LOST:  # noqa: ASYNC110
                await asyncio.sleep(0.2)
        assert len(states) > 1
        assert done.state == Job.STATE_SUCCEEDED
        undisturbed = await finished(running, (await submit(running)).name)
        assert frame_hashes(running.movie(done)) == frame_hashes(running.movie(undisturbed))
        first, second = running.assembled[-2:]
        assert [part.blob.digest for part in first.segments] == [part.blob.digest for part in second.segments]


async def why(running: Studio, name: str) -> list[Reason]:
    answer = await running.render.ExplainRenderJob(messages_pb2.ExplainRenderJobRequest(name=name))
    return list(answer.reasons)


async def workers(running: Studio) -> dict[str, Worker.State.ValueType]:
    answer = await running.render.ListWorkers(messages_pb2.ListWorkersRequest())
    kinds = ["analyse", "capture", "frames", "audio"]
    assert all(worker.slots == 1 and worker.kinds == kinds for worker in answer.workers)
    return {worker.name.removeprefix("workers/"): worker.state for worker in answer.workers}


async def test_any_replica_serves_any_watcher(running: Studio) -> None:
    async with running.replica() as other, running.worker("worker"):
        job = await submit(running)
        request = messages_pb2.WatchRenderJobRequest(name=job.name)
        events, same = await asyncio.gather(running.watch(job.name), _collect(other.WatchRenderJob(request)))
        assert [event.sequence for event in events] == list(range(1, len(events) + 1))
        assert [response.event for response in same] == events


async def _collect(
    responses: AsyncIterable[messages_pb2.WatchRenderJobResponse],
) -> list[messages_pb2.WatchRenderJobResponse]:
    return [response async for response in responses]


async def test_the_bus_and_the_api_may_be_killed(running: Studio) -> None:
    async with running.worker("worker"):
        job = await submit(running, frames=96)
        await running.until(job.name, Task.KIND_FRAMES, Task.STATE_SUCCEEDED)
        running.nats.kill9()
        await running.restart(running.nats)
        await running.until(job.name, Task.KIND_FRAMES, Task.STATE_RUNNING)
        running.api.kill9()
        await running.restart(running.api)
        done = await finished(running, job.name)
        assert done.state == Job.STATE_SUCCEEDED
        assert len(frame_hashes(running.movie(done))) == 96


async def test_cancel_stops_at_once_and_retry_goes_all_the_way(tmp_path: Path) -> None:
    env = {"ARTIFEX_GRAPH_CHUNK_FRAMES": "120"}
    async with studio(tmp_path, env) as running, running.worker("worker") as worker:
        job = await submit(running, frames=240, width=1280, height=720)
        await running.until_rendered(job.name, 120)
        assembled = len(running.assembled)
        assert worker.process is not None
        rendering = psutil.Process(worker.process.pid).children()
        assert rendering
        # Between two chunks a child has nothing to be stopped at; in the second it has worked for a while.
        before = _processor_seconds(rendering)
        await eventually(lambda: _processor_seconds(rendering) > before + 0.2, what="the second chunk")
        async with asyncio.timeout(2.0):
            cancelled = await running.render.CancelRenderJob(messages_pb2.CancelRenderJobRequest(name=job.name))
            events = await running.watch(job.name)
        assert cancelled.render_job.state == Job.STATE_CANCELLED
        assert events[-1].state == Job.STATE_CANCELLED
        await eventually(
            lambda: not any(child.is_running() for child in rendering), what="the child's end", timeout=0.5
        )
        await eventually(lambda: not running.segments(job.name), what="the segments' deletion")
        assert len(running.assembled) == assembled

        retried = (await running.render.RetryRenderJob(messages_pb2.RetryRenderJobRequest(name=job.name))).render_job
        assert retried.state == Job.STATE_QUEUED
        done = await finished(running, job.name)
        assert done.state == Job.STATE_SUCCEEDED
        assert done.trace_id == job.trace_id
        assert len(frame_hashes(running.movie(done))) == 240


def _processor_seconds(processes: list[psutil.Process]) -> float:
    return sum(times.user + times.system for times in (process.cpu_times() for process in processes))


def _alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    return [process for process in processes if process.is_running()]


async def test_a_decoder_that_crashes_again_and_again_fails_its_job_alone(running: Studio) -> None:
    async with running.worker("worker") as worker:
        job = await submit(running, frames=240)
        killing = asyncio.create_task(_kill_children(worker))
        failed = await finished(running, job.name)
        killing.cancel()
        assert failed.state == Job.STATE_FAILED
        assert failed.failure.reason == "ERROR_REASON_DECODER_CRASHED"
        # Each frame, rendered on its own, ended like this.
        assert failed.failure.message.startswith("frame ")
        assert "failed three times" in failed.failure.message
        assert failed.failure.metadata["task"].startswith("frames:")
        await running.render.RetryRenderJob(messages_pb2.RetryRenderJobRequest(name=job.name))
        assert (await finished(running, job.name)).state == Job.STATE_SUCCEEDED


async def _kill_children(worker: Service) -> None:
    assert worker.process is not None
    process = psutil.Process(worker.process.pid)
    while True:
        for child in process.children():
            with suppress(psutil.NoSuchProcess):
                child.kill()
        await asyncio.sleep(0.02)


async def test_a_bus_that_loses_its_disk_loses_no_job(running: Studio) -> None:
    async with running.worker("worker"):
        job = await submit(running, frames=96)
        await running.until(job.name, Task.KIND_FRAMES, Task.STATE_SUCCEEDED)
        running.nats.kill9()
        await asyncio.to_thread(shutil.rmtree, running.nats.folder / "store")
        await running.restart(running.nats)
        done = await finished(running, job.name)
        assert done.state == Job.STATE_SUCCEEDED
        assert len(frame_hashes(running.movie(done))) == 96


async def test_a_server_that_drains_does_not_wait_for_its_watchers(running: Studio) -> None:
    job = await submit(running)
    watching = asyncio.create_task(running.watch(job.name))
    async for _ in running.render.WatchRenderJob(messages_pb2.WatchRenderJobRequest(name=job.name)):
        break
    assert running.api.process is not None
    running.api.process.terminate()
    async with asyncio.timeout(5):
        with pytest.raises(Unavailable):
            await watching
        await asyncio.to_thread(running.api.process.wait)
    await running.restart(running.api)
    await running.render.CancelRenderJob(messages_pb2.CancelRenderJobRequest(name=job.name))


async def test_refusals_name_the_place(running: Studio) -> None:
    document = titled()
    document["nodes"]["blur"] = {"type": "Blurr", "inputs": {"video": "title"}}
    document["nodes"]["out"]["inputs"]["video"] = "nobody"
    request = messages_pb2.CreateRenderJobRequest(document_json=json.dumps(document))
    with pytest.raises(InvalidArgument) as caught:
        await running.render.CreateRenderJob(request)
    assert caught.value.reason == "ERROR_REASON_GRAPH_INVALID"
    assert {violation.field for violation in caught.value.violations} == {
        "nodes.blur.type",
        "nodes.out.inputs.video",
    }
    validated = await running.graph.ValidateGraph(messages_pb2.ValidateGraphRequest(document_json=json.dumps(document)))
    assert {problem.node for problem in validated.problems} == {"blur", "out"}
    good = await running.graph.ValidateGraph(
        messages_pb2.ValidateGraphRequest(document_json=json.dumps(titled(frames=30)))
    )
    assert (good.frame_count, good.width, list(good.problems)) == (30, 192, [])
    with pytest.raises(NotFound):
        await running.render.GetRenderJob(messages_pb2.GetRenderJobRequest(name="renderJobs/01missing"))
    with pytest.raises(NotFound):
        await running.watch("renderJobs/01missing")


async def test_the_catalogue_is_paged(running: Studio) -> None:
    names: list[str] = []
    token = ""
    while True:
        page = await running.graph.ListNodeTypes(messages_pb2.ListNodeTypesRequest(page_size=2, page_token=token))
        names += [node.type for node in page.node_types]
        token = page.next_page_token
        if not token:
            break
    assert names == sorted(names)
    assert {"TextInput", "FileOutput"} <= set(names)
    answer = await running.graph.GetNodeType(messages_pb2.GetNodeTypeRequest(name="nodeTypes/TextInput"))
    assert answer.node_type.documentation
    with pytest.raises(NotFound, match="TextInput"):
        await running.graph.GetNodeType(messages_pb2.GetNodeTypeRequest(name="nodeTypes/TextInputt"))
