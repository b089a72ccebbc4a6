"""What is told of a document's shots where the generator is away."""

from __future__ import annotations

import json
from pathlib import Path

from artifex.graph.v1 import plan_pb2
from libs.chassis.objects import open_objects
from libs.chassis.principal import Principal, acting_as
from libs.chassis.rpc.channel import service_channel
from libs.chassis.testing import free_port
from services.graph.adapters.analysis_store import ObjectAnalysisStore
from services.graph.adapters.capture_store import ObjectCaptureStore
from services.graph.adapters.neighbours import GeneratorService
from services.graph.commands.explain_graph import ExplainGraph
from services.graph.domain.compile.catalogue import catalogue
from tests.unit.services.graph.commands.conftest import Shelf


async def test_a_document_is_explained_without_the_generator(tmp_path: Path) -> None:
    nodes = {
        "one": {"type": "T2VGenerator", "params": {"prompt": "rain"}},
        "two": {"type": "TI2VGenerator", "params": {"prompt": "snow"}},
        "both": {"type": "Merge", "inputs": {"a": "one", "b": "two"}},
        "out": {"type": "FileOutput", "inputs": {"video": "both"}, "params": {"path": "out.mp4"}},
    }
    settings = {"width": 64, "height": 36, "fps": "24", "duration": 1}
    document = json.dumps({"schema": "artifex.graph/1", "settings": settings, "nodes": nodes})
    objects = open_objects(tmp_path.as_uri())
    caller = Principal("studio", "ada", "ROLE_ARTIST", token="t")
    async with service_channel(f"127.0.0.1:{free_port()}", service="generator", timeout=5.0) as channel:
        explain = ExplainGraph(
            catalogue(), Shelf(), ObjectAnalysisStore(objects), ObjectCaptureStore(objects), GeneratorService(channel)
        )
        with acting_as(caller):
            answer = await explain(caller, plan_pb2.ExplainGraphRequest(document_json=document))
    assert len(answer.plan.steps) == 3
    for shot in answer.plan.generations:
        assert shot.state == plan_pb2.PlanGeneration.STATE_UNKNOWN
        assert shot.failure.reason == "ERROR_REASON_DEPENDENCY_UNAVAILABLE"
        assert "generator" in shot.failure.message
    assert [shot.node for shot in answer.plan.generations] == ["one", "two"]
