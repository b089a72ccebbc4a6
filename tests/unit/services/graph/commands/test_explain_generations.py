"""What is told of a document's shots and of the pictures that they go on from, before anything is made."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from artifex.generator.v1 import messages_pb2 as generator_pb2
from artifex.graph.v1 import plan_pb2
from artifex.graph.v1.plan_pb2 import PlanCapture, PlanGeneration
from libs.chassis.errors import InvalidArgument, Unavailable
from libs.chassis.objects import ObjectStore
from libs.chassis.principal import Principal
from services.graph.adapters.analysis_store import ObjectAnalysisStore
from services.graph.adapters.capture_store import ObjectCaptureStore
from services.graph.commands.explain_graph import ExplainGraph
from services.graph.domain.compile.catalogue import catalogue
from tests.unit.services.graph.commands.conftest import Shelf, Shots

CALLER = Principal("studio", "ada", "ROLE_ARTIST")
FIRST, LAST = generator_pb2.PlannedPicture.ROLE_FIRST, generator_pb2.PlannedPicture.ROLE_LAST
NEEDED, STORED = PlanGeneration.STATE_NEEDED, PlanGeneration.STATE_STORED


def document() -> dict[str, Any]:
    """Footage, a shot of words, and one from the footage's frame to the shot's."""
    nodes = {
        "plate": {"type": "MediaInput", "params": {"asset": "assets/plate"}},
        "words": {"type": "T2VGenerator", "params": {"prompt": "a kite", "frames": 17}},
        "between": {
            "type": "I2VGenerator",
            "inputs": {"image": "plate.video", "last_image": "words"},
            "params": {"prompt": "it flies", "image_time": "1/24", "last_image_time": 1},
        },
        "both": {"type": "Merge", "inputs": {"a": "between", "b": "words"}},
        "out": {"type": "FileOutput", "inputs": {"video": "both"}, "params": {"path": "out.mp4"}},
    }
    settings = {"width": 64, "height": 36, "fps": "24", "duration": 2}
    return {"schema": "artifex.graph/1", "settings": settings, "nodes": nodes}


class Explained:
    def __init__(self, shelf: Shelf, objects: ObjectStore, folder: Path) -> None:
        shelf.add("assets/plate")
        self.shots = Shots()
        self.captures = ObjectCaptureStore(objects)
        self._explain = ExplainGraph(catalogue(), shelf, ObjectAnalysisStore(objects), self.captures, self.shots)
        self._folder = folder

    async def __call__(self, told: dict[str, Any] | None = None) -> plan_pb2.RenderPlan:
        request = plan_pb2.ExplainGraphRequest(document_json=json.dumps(told or document()))
        answer = await self._explain(CALLER, request)
        assert list(answer.problems) == []
        return answer.plan

    async def capture(self, key: str, picture: bytes) -> str:
        """Keep what a render made of a frame; the digest of its file."""
        path = self._folder / "picture.png"
        path.write_bytes(picture)
        return (await self.captures.put(CALLER.tenant, key, path, "image/png")).digest


@pytest.fixture
def explain(shelf: Shelf, objects: ObjectStore, tmp_path: Path) -> Explained:
    return Explained(shelf, objects, tmp_path)


async def test_what_is_made_first_is_listed_with_what_is_known_of_it(explain: Explained) -> None:
    plan = await explain()
    assert plan.generation_count == 2
    words, between = plan.generations
    assert (words.node, words.type, words.state) == ("words", "T2VGenerator", NEEDED)
    assert (words.seconds, words.calibrated, words.device, len(words.content_key)) == (90.0, True, "cpu", 64)
    assert (words.spec.frame_count, words.spec.steps, words.spec.prompt) == (17, 40, "")
    assert (between.state, between.content_key) == (NEEDED, "")
    first, last = plan.captures
    assert (first.node, first.role, first.frame, first.input.name) == ("between", FIRST, 1, "image")
    assert (last.node, last.role, last.frame, list(last.after)) == ("between", LAST, 24, ["words"])
    assert [first.state, last.state] == [PlanCapture.STATE_NEEDED] * 2
    assert len(first.key) == 64
    assert last.key == "", "what the shot shows is not known"
    assert explain.shots.asked == [("a kite", ()), ("it flies", ("", ""))]


async def test_what_was_made_before_is_told_shot_by_shot(explain: Explained) -> None:
    plan = await explain()
    explain.shots.made.add(plan.generations[0].content_key)
    first = await explain.capture(plan.captures[0].key, b"first")

    plan = await explain()
    assert [shot.state for shot in plan.generations] == [STORED, NEEDED]
    assert [capture.state for capture in plan.captures] == [PlanCapture.STATE_STORED, PlanCapture.STATE_NEEDED]
    assert len(plan.captures[1].key) == 64, "the shot is there, so its frame has a name"
    assert explain.shots.asked[-1] == ("it flies", (first, ""))

    last = await explain.capture(plan.captures[1].key, b"last")
    plan = await explain()
    assert explain.shots.asked[-1] == ("it flies", (first, last))
    assert [shot.state for shot in plan.generations] == [STORED, NEEDED]
    explain.shots.made.add(plan.generations[1].content_key)
    assert [shot.state for shot in (await explain()).generations] == [STORED, STORED]

    # Another first shot: what follows from it is made anew, what does not is not.
    told = document()
    told["nodes"]["words"]["params"]["seed"] = 5
    plan = await explain(told)
    assert [shot.state for shot in plan.generations] == [NEEDED, NEEDED]
    assert [capture.state for capture in plan.captures] == [PlanCapture.STATE_STORED, PlanCapture.STATE_NEEDED]


async def test_what_cannot_be_made_is_told_of_its_shot(explain: Explained) -> None:
    explain.shots.refusals["a kite"] = InvalidArgument("there is no model wan99", reason="ERROR_REASON_INVALID_FIELDS")
    plan = await explain()
    words, between = plan.generations
    assert (words.state, words.failure.message) == (PlanGeneration.STATE_REFUSED, "there is no model wan99")
    assert not words.HasField("spec")
    assert between.state == NEEDED


async def test_a_generator_that_does_not_answer_is_asked_once(explain: Explained) -> None:
    explain.shots.refusals["a kite"] = Unavailable("generator")
    plan = await explain()
    assert [shot.state for shot in plan.generations] == [PlanGeneration.STATE_UNKNOWN] * 2
    assert all(shot.failure.reason == "ERROR_REASON_DEPENDENCY_UNAVAILABLE" for shot in plan.generations)
    assert len(explain.shots.asked) == 1
    assert len(plan.steps) == 4


async def test_of_very_many_shots_a_hundred_are_told(explain: Explained) -> None:
    told = document()
    last = "words"
    for number in range(120):
        told["nodes"][f"s{number}"] = {"type": "T2VGenerator", "params": {"prompt": "p" * 4000, "seed": number + 1}}
        told["nodes"][f"m{number}"] = {"type": "Merge", "inputs": {"a": f"s{number}", "b": last}}
        last = f"m{number}"
    told["nodes"]["both"]["inputs"]["b"] = last
    plan = await explain(told)
    assert (len(plan.generations), plan.generation_count) == (100, 122)
    assert plan.ByteSize() < 1_000_000
