"""Submission: what is refused, and how; what is planned; and that it happens once."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from artifex.common.v1 import types_pb2
from artifex.generator.v1 import messages_pb2 as generator_pb2
from artifex.generator.v1 import work_pb2 as generator_work_pb2
from artifex.graph.v1 import messages_pb2, plan_pb2, work_pb2
from artifex.media.v1 import work_pb2 as media_work_pb2
from artifex.provenance import DETAIL, heard, told
from libs.chassis.errors import InvalidArgument, NotFound, PermissionDenied
from libs.chassis.objects import ObjectStore, blob_key
from libs.chassis.principal import Principal
from libs.chassis.repeats import Repeat
from services.graph.adapters.analysis_store import ObjectAnalysisStore
from services.graph.adapters.capture_store import ObjectCaptureStore
from services.graph.adapters.job_store import SqlJobStore
from services.graph.commands.create_render_job import CreateRenderJob, RenderOrder
from services.graph.commands.explain_graph import ExplainGraph
from services.graph.commands.prepare import prepare
from services.graph.commands.validate_graph import ValidateGraph
from services.graph.dispatch import work_item
from services.graph.domain.compile.analyses import analyses_of, keys_of
from services.graph.domain.compile.captures import capture_keys, captures_of
from services.graph.domain.compile.catalogue import catalogue
from services.graph.domain.compile.compiler import compile_checked
from services.graph.domain.jobs import transitions
from services.graph.domain.jobs.changes import Signal
from services.graph.domain.jobs.job import Job, TaskKind, analysis_result_key, document_key
from services.graph.messages import job_message
from tests.support.documents import graded, normalised, titled
from tests.unit.services.graph.commands.conftest import Shelf, Shots

CALLER = Principal("studio", "ada", "ROLE_ARTIST", features=frozenset({"FEATURE_CORE", "FEATURE_GENERATION"}))
PLATE = "assets/plate"


@pytest.fixture
def create(store: SqlJobStore, objects: ObjectStore, shelf: Shelf) -> CreateRenderJob:
    return CreateRenderJob(
        store,
        objects,
        ObjectAnalysisStore(objects),
        ObjectCaptureStore(objects),
        shelf,
        shelf,
        catalogue(),
        chunk_frames=10,
        max_chunks=100,
    )


async def submit(
    create: CreateRenderJob,
    document: dict[str, Any] | None = None,
    *,
    name: str = "",
    caller: Principal = CALLER,
    request_id: str = "",
    **fields: Any,
) -> messages_pb2.RenderJob:
    """The job as the caller is answered."""
    order = RenderOrder(document_json=json.dumps(document) if document else "", document=name, **fields)
    request = messages_pb2.CreateRenderJobRequest(document_json=order.document_json, request_id=request_id)
    repeat = Repeat[Job, messages_pb2.CreateRenderJobResponse](
        "CreateRenderJob",
        request_id,
        request,
        lambda job: messages_pb2.CreateRenderJobResponse(render_job=job_message(job)),
    )
    return (await create(caller, order, repeat)).render_job


async def test_a_graph_becomes_a_stored_job(
    create: CreateRenderJob, store: SqlJobStore, objects: ObjectStore, shelf: Shelf
) -> None:
    shelf.add(PLATE)
    job = await submit(create, graded(PLATE))
    chunks = [task.id for task in job.tasks[:-2]]
    assert chunks == [f"frames:{number}" for number in range(len(chunks))]
    assert [task.id for task in job.tasks[-2:]] == ["audio", "assembly"]
    assert sum(task.frame_count for task in job.tasks if task.id.startswith("frames")) == job.frame_count == 24
    assert (job.display_name, job.create_user) == ("graded.mp4", "users/ada")
    stored = await store.get("studio", job.name.removeprefix("renderJobs/"))
    assert stored is not None
    assert [(source.node, source.blob.digest) for source in stored.sources] == [("plate", "a" * 64)]
    pieces = [piece async for piece in objects.get(document_key("studio", job.document_digest))]
    assert hashlib.sha256(b"".join(pieces)).hexdigest() == job.document_digest


async def test_chunks_grow_rather_than_become_too_many(store: SqlJobStore, objects: ObjectStore, shelf: Shelf) -> None:
    create = CreateRenderJob(
        store,
        objects,
        ObjectAnalysisStore(objects),
        ObjectCaptureStore(objects),
        shelf,
        shelf,
        catalogue(),
        chunk_frames=10,
        max_chunks=3,
    )
    job = await submit(create, titled(frames=480))
    sizes = [task.frame_count for task in job.tasks if task.id.startswith("frames")]
    assert sum(sizes) == 480
    assert max(sizes) > 100
    assert len(sizes) <= 3 + 7


async def test_chunks_are_as_long_as_such_frames_have_cost(
    store: SqlJobStore, objects: ObjectStore, shelf: Shelf
) -> None:
    create = CreateRenderJob(
        store,
        objects,
        ObjectAnalysisStore(objects),
        ObjectCaptureStore(objects),
        shelf,
        shelf,
        catalogue(),
        chunk_frames=0,
        max_chunks=1000,
    )
    first = await submit(create, titled(frames=9600))
    assert first.chunk_frames == 24
    await rendered(store, first, seconds_per_frame=0.02)
    # The same document is cut as it was, so that it gives the same bytes; one of the same kind as its cost asks.
    assert (await submit(create, titled(frames=9600))).chunk_frames == 24
    assert (await submit(create, titled("Other words", frames=9600))).chunk_frames == 200
    # One of a kind never seen goes by the size of its work.
    other = titled(frames=9600)
    other["nodes"]["again"] = {"type": "TextInput", "params": {"text": "more"}}
    other["nodes"]["both"] = {"type": "Merge", "inputs": {"a": "title", "b": "again"}}
    other["nodes"]["out"]["inputs"]["video"] = "both"
    assert (await submit(create, other)).chunk_frames == 100
    assert (await submit(create, titled("Third", frames=9600), chunk_frames=12)).chunk_frames == 12


async def rendered(store: SqlJobStore, job: messages_pb2.RenderJob, *, seconds_per_frame: float) -> None:
    """A worker does one chunk of the job."""
    now = datetime.now(UTC)
    async with store.transaction() as transaction:
        found = await transaction.lock(job.name.removeprefix("renderJobs/"))
        assert found is not None
        transitions.release(found, {"frames:0": 1.0}, now)
        frames = found.tasks["frames:0"].frame_count
        signal = Signal(1, "frames:0", 1)
        changes = transitions.task_completed(
            found, signal, work_pb2.Source(), now, frame_count=frames, seconds=seconds_per_frame * frames
        )
        await transaction.save(found, changes)


async def test_a_clip_that_was_analysed_before_is_not_analysed_again(
    create: CreateRenderJob, store: SqlJobStore, objects: ObjectStore, shelf: Shelf, tmp_path: Path
) -> None:
    shelf.add(PLATE)
    analyses, captures = ObjectAnalysisStore(objects), ObjectCaptureStore(objects)
    explain = ExplainGraph(catalogue(), shelf, analyses, captures, Shots())
    text = json.dumps(normalised(PLATE, loudness=-23.0))
    key = await analysis_key_of(text, shelf)
    assert (await submit(create, json.loads(text))).tasks[0].state == messages_pb2.RenderTask.STATE_READY

    path = tmp_path / "found"
    path.write_text('{"lufs":-20,"true_peak":-3}')
    blob = await analyses.put(CALLER.tenant, key, path, "application/json")
    job = await submit(create, normalised(PLATE, loudness=-16.0))
    assert [(task.id, task.state) for task in job.tasks[:1]] == [
        ("analyse:mix", messages_pb2.RenderTask.STATE_SUCCEEDED)
    ]
    kept = await store.get(CALLER.tenant, job.name.removeprefix("renderJobs/"))
    assert kept is not None
    work = work_item(kept, kept.tasks["audio"])
    assert isinstance(work, work_pb2.AudioWork)
    assert list(work.analyses) == [work_pb2.AnalysisResult(node="mix", blob=blob)]
    frames: Any = work_item(kept, kept.tasks["frames:0"])
    assert not frames.analyses
    # Another tenant has found nothing; and what has changed since is found anew.
    request = plan_pb2.ExplainGraphRequest(document_json=text)
    states = plan_pb2.PlanAnalysis
    assert (await explain(CALLER, request)).plan.analyses[0].state == states.STATE_STORED
    rival = replace(CALLER, tenant="rival")
    assert (await explain(rival, request)).plan.analyses[0].state == states.STATE_NEEDED
    await objects.put_bytes(analysis_result_key(CALLER.tenant, blob.digest), b"{}")
    assert (await explain(CALLER, request)).plan.analyses[0].state == states.STATE_NEEDED


async def test_a_picture_that_was_captured_before_is_not_captured_again(
    create: CreateRenderJob, store: SqlJobStore, objects: ObjectStore, shelf: Shelf, tmp_path: Path
) -> None:
    shelf.add(PLATE)
    document = graded(PLATE)
    document["nodes"]["shot"] = {"type": "I2VGenerator", "inputs": {"image": "grade"}, "params": {"prompt": "rain"}}
    document["nodes"]["out"]["inputs"]["video"] = "shot"
    first = await submit(create, document)
    states = {task.id: task.state for task in first.tasks}
    assert states["capture-first:shot"] == messages_pb2.RenderTask.STATE_READY
    assert states["generate:shot"] == messages_pb2.RenderTask.STATE_PENDING
    kept = await store.get(CALLER.tenant, first.name.removeprefix("renderJobs/"))
    assert kept is not None
    work = work_item(kept, kept.tasks["capture-first:shot"])
    assert isinstance(work, work_pb2.CaptureWork)
    assert (work.node, work.role) == ("shot", generator_work_pb2.GivenPicture.ROLE_FIRST)
    assert [source.node for source in work.sources] == ["plate"]

    captures = ObjectCaptureStore(objects)
    path = tmp_path / "picture.png"
    path.write_bytes(b"picture")
    prepared = await prepare(json.dumps(document), catalogue(), shelf)
    compiled = compile_checked(prepared.checked, "", prepared.media)
    (key,) = capture_keys(compiled, captures_of(compiled), prepared.contents).values()
    blob = await captures.put(CALLER.tenant, key, path, "image/png")
    # Another shot that begins with the same frame.
    document["nodes"]["shot"]["params"] = {"prompt": "snow", "seed": 3}
    job = await submit(create, document)
    states = {task.id: task.state for task in job.tasks}
    assert states["capture-first:shot"] == messages_pb2.RenderTask.STATE_SUCCEEDED
    assert states["generate:shot"] == messages_pb2.RenderTask.STATE_QUEUED
    kept = await store.get(CALLER.tenant, job.name.removeprefix("renderJobs/"))
    assert kept is not None
    generate = work_item(kept, kept.tasks["generate:shot"])
    assert isinstance(generate, generator_work_pb2.GenerateWork)
    assert list(generate.pictures) == [
        generator_work_pb2.GivenPicture(role=generator_work_pb2.GivenPicture.ROLE_FIRST, blob=blob)
    ]
    # Another tenant has no such picture, and one that is gone is made again.
    assert await captures.find("rival", key) is None
    await objects.delete(blob_key(CALLER.tenant, blob.digest))
    assert await captures.find(CALLER.tenant, key) is None
    again = {task.id: task.state for task in (await submit(create, document)).tasks}
    assert again["capture-first:shot"] == messages_pb2.RenderTask.STATE_READY


async def analysis_key_of(text: str, shelf: Shelf) -> str:
    """The key of a document's only analysis."""
    prepared = await prepare(text, catalogue(), shelf)
    compiled = compile_checked(prepared.checked, "", prepared.media)
    (key,) = keys_of(compiled, analyses_of(compiled), prepared.contents).values()
    return key


async def test_an_asset_that_is_not_the_tenants_is_not_found_and_the_place_is_named(create: CreateRenderJob) -> None:
    with pytest.raises(NotFound, match=r"nodes\.plate\.params\.asset") as caught:
        await submit(create, graded(PLATE))
    assert caught.value.metadata == {"resource": PLATE, "node": "plate", "path": "nodes.plate.params.asset"}


async def test_all_problems_are_told_at_once(create: CreateRenderJob) -> None:
    document = graded(PLATE)
    document["nodes"]["grade"]["params"]["exposur"] = 1
    with pytest.raises(InvalidArgument) as caught:
        await submit(create, document)
    assert caught.value.reason == "ERROR_REASON_GRAPH_INVALID"
    assert {violation.field for violation in caught.value.violations} == {
        "nodes.plate.params.asset",
        "nodes.grade.params.exposur",
    }


async def test_generation_needs_its_licence(create: CreateRenderJob) -> None:
    document = titled()
    document["nodes"]["title"] = {"type": "T2VGenerator", "params": {"prompt": "a red fox"}}
    job = await submit(create, document)
    assert job.tasks[0].id == "generate:title"
    unlicensed = replace(CALLER, features=frozenset({"FEATURE_CORE"}))
    with pytest.raises(PermissionDenied) as caught:
        await submit(create, document, caller=unlicensed)
    assert caught.value.reason == "ERROR_REASON_FEATURE_NOT_LICENSED"


async def test_a_movie_is_told_what_made_the_generated_clips_in_it(
    create: CreateRenderJob, store: SqlJobStore, shelf: Shelf
) -> None:
    shelf.add(PLATE)
    older, newer = (generator_pb2.GenerationProvenance(prompt=words, sampler="unipc") for words in ("a sea", "a fox"))
    shelf.assets[PLATE].provenance.details[DETAIL] = told([older])
    document = graded(PLATE)
    document["nodes"]["title"] = {"type": "T2VGenerator", "params": {"prompt": "a red fox"}}
    document["nodes"]["over"] = {"type": "Merge", "inputs": {"a": "title", "b": "grade"}}
    document["nodes"]["out"]["inputs"]["video"] = "over"
    job = await submit(create, document)
    kept = await store.get(CALLER.tenant, job.name.removeprefix("renderJobs/"))
    assert kept is not None
    made = work_pb2.Source(node="title", blob=types_pb2.Blob(digest="b" * 64, size=1), generations=told([newer]))
    kept.tasks["generate:title"].result = made

    work = work_item(kept, next(task for task in kept.tasks.values() if task.kind is TaskKind.ASSEMBLY))
    assert isinstance(work, media_work_pb2.AssembleWork)
    assert heard(work.provenance.details[DETAIL]) == [older, newer]
    # Those who make its frames have no use for it, and get it with each chunk otherwise.
    frames = work_item(kept, next(task for task in kept.tasks.values() if task.kind is TaskKind.FRAMES))
    assert isinstance(frames, work_pb2.FramesWork)
    assert {source.node: source.generations for source in frames.sources} == {"plate": "", "title": ""}

    shelf.assets[PLATE].provenance.details.clear()
    plain = await submit(create, graded(PLATE))
    found = await store.get(CALLER.tenant, plain.name.removeprefix("renderJobs/"))
    assert found is not None
    work = work_item(found, next(task for task in found.tasks.values() if task.kind is TaskKind.ASSEMBLY))
    assert isinstance(work, media_work_pb2.AssembleWork)
    assert DETAIL not in work.provenance.details


async def test_a_stored_document_is_read_for_the_caller(create: CreateRenderJob, shelf: Shelf) -> None:
    name = "projects/spot/documents/cut"
    shelf.documents[name, 3] = json.dumps(titled(frames=12))
    job = await submit(create, name=name, revision=3)
    assert job.frame_count == 12
    with pytest.raises(NotFound):
        await submit(create, name=name, revision=4)


async def test_a_repeated_request_gets_the_first_answer_though_the_asset_is_gone(
    create: CreateRenderJob, shelf: Shelf
) -> None:
    shelf.add(PLATE)
    first = await submit(create, graded(PLATE), request_id="r1")
    shelf.assets.clear()
    assert await submit(create, graded(PLATE), request_id="r1") == first


async def test_validation_tells_problems_or_the_plan(shelf: Shelf) -> None:
    validate = ValidateGraph(catalogue(), shelf)
    refused = await validate(json.dumps(graded(PLATE)))
    assert [(problem.node, problem.reason) for problem in refused.problems] == [("plate", "asset_not_found")]
    shelf.add(PLATE, sound=False)
    silent = await validate(json.dumps(graded(PLATE)))
    assert [(problem.path, problem.reason) for problem in silent.problems] == [("nodes.out.inputs.audio", "no_stream")]
    shelf.add(PLATE)
    document = graded(PLATE)
    document["nodes"]["spare"] = {"type": "TextInput", "params": {"text": "unused"}}
    good = await validate(json.dumps(document))
    assert (list(good.problems), good.frame_count, good.width, good.height) == ([], 24, 192, 128)
    assert list(good.unused_nodes) == ["spare"]
    assert (good.frame_rate.numerator, good.frame_rate.denominator) == (24, 1)
    broken = await validate("{")
    assert [problem.reason for problem in broken.problems] == ["invalid_json"]
