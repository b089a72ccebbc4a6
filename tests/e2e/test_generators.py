"""Generated shots in graphs: from words, from another shot's last frame, and from footage; and never twice."""

from __future__ import annotations

import json
import re
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from artifex.client import Client
from artifex.generator.v1 import messages_pb2 as generator
from artifex.graph.v1 import messages_pb2 as graph
from artifex.graph.v1 import plan_pb2 as plan_pb
from artifex.up import Stack
from tests.support.commands import artifex
from tests.support.documents import Document
from tests.support.footage import frames_rgb
from tests.support.jobs import render
from tests.support.triton import I2V, NANO, TI2V

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]

Task = graph.RenderTask
Shot, Capture = plan_pb.PlanGeneration, plan_pb.PlanCapture
SIZE: dict[str, Any] = {"width": 64, "height": 64, "frames": 9, "fps": 16, "steps": 2, "flow_shift": 5}


def shots(plate: str, **grade: float) -> Document:
    """A shot, another that goes on from its last frame, and one that begins with footage, side by side."""
    nodes = {
        "plate": {"type": "MediaInput", "params": {"asset": plate}},
        "words": {
            "type": "T2VGenerator",
            "params": {"prompt": "a kite", "model": f"models/{NANO}", "seed": 31, "preset": "draft", **SIZE},
        },
        "on": {
            "type": "I2VGenerator",
            "inputs": {"image": "words"},
            "params": {"prompt": "it flies", "model": f"models/{I2V}", "image_time": "8/16", "start": "9/16", **SIZE},
        },
        "still": {
            "type": "TI2VGenerator",
            "inputs": {"image": "plate.video"},
            "params": {"prompt": "a rabbit", "model": f"models/{TI2V}", "image_time": 2, **SIZE},
        },
        "both": {"type": "Merge", "inputs": {"a": "on", "b": "words"}},
        "beside": {"type": "Transform2D", "inputs": {"video": "still"}, "params": {"translate": [64, 0]}},
        "all": {"type": "Merge", "inputs": {"a": "beside", "b": "both"}},
        "grade": {"type": "ColorCorrector", "inputs": {"video": "all"}, "params": grade},
        "out": {"type": "FileOutput", "inputs": {"video": "grade"}, "params": {"path": "shots.mp4"}},
    }
    settings = {"width": 128, "height": 64, "fps": "16", "duration": "18/16"}
    return {"schema": "artifex.graph/1", "settings": settings, "nodes": nodes}


def runs(stack: Stack) -> dict[str, int]:
    """How many runs Triton has counted, of each model that is in its memory."""
    with urllib.request.urlopen(f"http://127.0.0.1:{stack.ports.triton_metrics}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    found = re.findall(r'^nv_inference_request_success{model="([^"]+)",version="1"} (\d+)', text, re.MULTILINE)
    return {model: int(count) for model, count in found}


async def explained(client: Client, document: Document) -> plan_pb.RenderPlan:
    return (await client.graphs.explain(json.dumps(document))).plan


async def test_shots_go_on_from_frames_and_are_made_once(
    stack: Stack, client: Client, plate: str, movie: Path, tmp_path: Path
) -> None:
    plan = await explained(client, shots(plate))
    told = {shot.node: shot for shot in plan.generations}
    assert [told[name].state for name in ("words", "on", "still")] == [Shot.STATE_NEEDED] * 3
    assert all(shot.seconds > 0 and shot.device == "cpu" for shot in told.values())
    assert (len(told["words"].content_key), told["on"].content_key) == (64, "")
    assert {capture.node for capture in plan.captures} == {"on", "still"}
    assert all(capture.state == Capture.STATE_NEEDED for capture in plan.captures)

    first = await render(client, shots(plate), movie)
    tasks = {task.id: task for task in first.tasks}
    for picture, before in (("capture-first:on", "generate:words"), ("capture-first:still", "")):
        assert (tasks[picture].kind, tasks[picture].state) == (Task.KIND_CAPTURE, Task.STATE_SUCCEEDED)
        assert tasks[picture].worker
        if before:
            assert tasks[picture].start_time.ToNanoseconds() >= tasks[before].end_time.ToNanoseconds()
    assert tasks["generate:on"].start_time.ToNanoseconds() >= tasks["capture-first:on"].end_time.ToNanoseconds()
    seen = frames_rgb(movie, list(range(18)))
    assert len(seen) == 18
    assert all(np.asarray(frame)[:, half].std() > 1 for frame in seen for half in (slice(0, 64), slice(64, 128)))
    made = await generations(client, first)
    assert len(made["on"].provenance.picture_digests) == len(made["still"].provenance.picture_digests) == 1
    assert not made["words"].provenance.picture_digests
    # What the node leaves open is the preset's; what it says is taken.
    asked = made["words"].provenance.spec
    assert (asked.steps, asked.guidance_scale, asked.guidance_scale_2, asked.flow_shift) == (2, 2.5, 3.0, 5.0)
    asset = await client.assets.get(first.output_asset)
    assert asset.provenance.details["capture-first:on"] == made["on"].provenance.picture_digests[0]

    # Another grade is another movie of the same shots: nothing is generated, and no device is charged for.
    after = await explained(client, shots(plate, exposure=-1.0))
    assert [shot.state for shot in after.generations] == [Shot.STATE_STORED] * 3
    assert [capture.state for capture in after.captures] == [Capture.STATE_STORED] * 2
    assert {shot.node: shot.content_key for shot in after.generations}["words"] == told["words"].content_key
    (tmp_path / "shots.json").write_text(json.dumps(shots(plate, exposure=-1.0)))
    said = await artifex(stack, tmp_path, "graph", "explain", "shots.json")
    assert said.code == 0, said
    assert "words (T2VGenerator): 64x64, 9 frames, 2 steps by models/" in said.out
    assert said.out.count("known from before") == 5
    assert "to generate first" not in said.out
    counted = runs(stack)
    assert any(counted.get(model) for model in (NANO, I2V, TI2V)), "the last one is still in memory"
    second = await render(client, shots(plate, exposure=-1.0), movie)
    again = await generations(client, second)
    for name, shot in made.items():
        assert shot.device_seconds > 0
        assert again[name].result.digest == shot.result.digest
        assert again[name].device_seconds == 0
    ran = runs(stack)
    assert {model: ran.get(model) for model in (NANO, I2V, TI2V)} == {
        model: counted.get(model) for model in (NANO, I2V, TI2V)
    }
    # The picture of footage is known before the job begins; that of a shot once the shot is there.
    known = {task.id: task for task in second.tasks}["capture-first:still"]
    assert (known.state, known.worker) == (Task.STATE_SUCCEEDED, "")
    assert frames_rgb(movie, [4])[0].mean() < seen[4].mean()


async def test_a_job_that_is_cancelled_takes_its_paused_shot_along(client: Client) -> None:
    params = {"prompt": "a kite", "model": f"models/{TI2V}", "seed": 41, **SIZE}
    # Large and slow, so that it is met under way.
    params |= {"width": 256, "height": 256, "frames": 33, "steps": 200}
    document = {
        "schema": "artifex.graph/1",
        "settings": {"width": 256, "height": 256, "fps": "16", "duration": "33/16"},
        "nodes": {
            "shot": {"type": "TI2VGenerator", "params": params},
            "out": {"type": "FileOutput", "inputs": {"video": "shot"}, "params": {"path": "shot.mp4"}},
        },
    }
    job = await client.renders.create(json.dumps(document))
    async for event in client.renders.watch(job.name):
        if event.task.id == "generate:shot" and event.task.state == Task.STATE_RUNNING:
            break
    shot = await anext(aiter(client.generations.list()))
    assert shot.state == generator.Generation.STATE_RUNNING
    assert (await client.generations.pause(shot.name)).state == generator.Generation.STATE_PAUSED
    assert (await client.renders.cancel(job.name)).state == graph.RenderJob.STATE_CANCELLED
    ended = [newest async for newest in client.generations.watch(shot.name)][-1]
    assert (ended.state, ended.failure.reason) == (generator.Generation.STATE_CANCELLED, "ERROR_REASON_CANCELLED")


async def generations(client: Client, job: graph.RenderJob) -> dict[str, generator.Generation]:
    """What was generated for a job, by node, from its movie's provenance."""
    details = (await client.assets.get(job.output_asset)).provenance.details
    head = "generation.generate:"
    return {
        key[len(head) :]: await client.generations.get(name) for key, name in details.items() if key.startswith(head)
    }
