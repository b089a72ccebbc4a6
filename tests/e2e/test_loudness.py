"""Loudness normalisation through the whole studio: the clip is analysed once, and the movie is as loud as was asked."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from artifex.client import Client
from artifex.graph.v1 import messages_pb2 as graph
from artifex.graph.v1 import plan_pb2 as plan
from tests.support.documents import normalised
from tests.support.jobs import render
from tests.support.loudness import heard_by_ffmpeg

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_the_movie_is_as_loud_as_was_asked_and_analysed_once(client: Client, plate: str, movie: Path) -> None:
    document = normalised(plate, loudness=-23.0)
    assert await told(client, document) == plan.PlanAnalysis.STATE_NEEDED
    first = await render(client, document, movie)
    (analysis,) = [task for task in first.tasks if task.kind == graph.RenderTask.KIND_ANALYSIS]
    assert analysis.id == "analyse:mix"
    assert analysis.worker
    sound = next(task for task in first.tasks if task.kind == graph.RenderTask.KIND_AUDIO)
    assert sound.start_time.ToNanoseconds() >= analysis.end_time.ToNanoseconds()
    heard = await asyncio.to_thread(heard_by_ffmpeg, movie)
    assert heard.lufs == pytest.approx(-23.0, abs=0.1)
    assert heard.true_peak < -1.0

    quieter = normalised(plate, loudness=-30.0)
    assert await told(client, quieter) == plan.PlanAnalysis.STATE_STORED
    second = await render(client, quieter, movie)
    (analysis,) = [task for task in second.tasks if task.kind == graph.RenderTask.KIND_ANALYSIS]
    assert (analysis.state, analysis.worker) == (graph.RenderTask.STATE_SUCCEEDED, "")
    assert not analysis.HasField("start_time")
    assert (await asyncio.to_thread(heard_by_ffmpeg, movie)).lufs == pytest.approx(-30.0, abs=0.1)


async def told(client: Client, document: dict[str, object]) -> plan.PlanAnalysis.State.ValueType:
    """What `explain` says of the document's only analysis."""
    answer = await client.graphs.explain(json.dumps(document), "")
    (analysis,) = answer.plan.analyses
    assert (analysis.node, analysis.type, analysis.name) == ("mix", "AudioMixer", "loudness")
    assert [source.name for source in analysis.inputs] == ["audio"]
    return analysis.state
