"""Hundreds of documents that cannot be rendered: each is refused with a place and a reason, by every door."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest

from artifex.graph.v1 import messages_pb2, plan_pb2
from libs.chassis.errors import InvalidArgument, NotFound
from libs.chassis.objects import ObjectStore
from libs.chassis.principal import Principal
from libs.chassis.repeats import Repeat
from services.graph.commands.create_render_job import CreateRenderJob, RenderOrder
from services.graph.commands.explain_graph import ExplainGraph
from services.graph.commands.validate_graph import ValidateGraph
from services.graph.domain.compile.catalogue import catalogue
from services.graph.domain.documents.problems import Reason
from services.graph.domain.jobs.job import Job
from services.graph.ports import AnalysisStore, CaptureStore, Generations, JobStore
from tests.unit.services.graph.broken import GOOD, broken_documents
from tests.unit.services.graph.commands.conftest import Shelf

CALLER = Principal("studio", "ada", "ROLE_ARTIST", features=frozenset({"FEATURE_CORE"}))
REPEAT: Repeat[Job, messages_pb2.CreateRenderJobResponse] = Repeat(
    "CreateRenderJob", "", messages_pb2.CreateRenderJobRequest(), lambda job: messages_pb2.CreateRenderJobResponse()
)
BROKEN = list(broken_documents())
WHOLE = {Reason.INVALID_JSON, Reason.LIMIT_EXCEEDED}
"""Reasons that may be those of the document as a whole, which has no place."""


class Untouched:
    """A store that no refused document may reach."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name} of the store was asked for")


@pytest.fixture
def stocked(shelf: Shelf) -> Shelf:
    shelf.add("assets/plate")
    return shelf


def test_there_are_enough_of_them() -> None:
    assert len(BROKEN) >= 300
    assert len({text for _, text in BROKEN}) == len(BROKEN)


async def test_what_they_are_made_of_is_good(stocked: Shelf) -> None:
    answer = await ValidateGraph(catalogue(), stocked)(json.dumps(GOOD))
    assert list(answer.problems) == []
    assert answer.frame_count == 60


@pytest.mark.parametrize(("name", "text"), BROKEN, ids=[name.encode("ascii", "replace").decode() for name, _ in BROKEN])
async def test_each_is_refused_with_place_and_reason(name: str, text: str, stocked: Shelf) -> None:
    answer = await ValidateGraph(catalogue(), stocked)(text)
    assert answer.problems, name
    reasons = {str(reason) for reason in Reason}
    for problem in answer.problems:
        assert problem.reason in reasons
        assert problem.message
        assert problem.path or problem.reason in WHOLE
    assert answer.frame_count == 0
    assert len(answer.SerializeToString()) < 1_000_000

    create = CreateRenderJob(
        cast("JobStore", Untouched()), cast("ObjectStore", Untouched()), cast("AnalysisStore", Untouched()),
        cast("CaptureStore", Untouched()), stocked, stocked, catalogue(), chunk_frames=10, max_chunks=100,
    )  # fmt: skip
    with pytest.raises((InvalidArgument, NotFound)) as refused:
        await create(CALLER, RenderOrder(document_json=text or " "), REPEAT)
    if isinstance(refused.value, InvalidArgument):
        assert refused.value.reason == "ERROR_REASON_GRAPH_INVALID"
        assert refused.value.violations
    else:
        assert refused.value.metadata["path"]

    explain = ExplainGraph(
        catalogue(), stocked, cast("AnalysisStore", Untouched()), cast("CaptureStore", Untouched()),
        cast("Generations", Untouched()),
    )  # fmt: skip
    explained = await explain(CALLER, plan_pb2.ExplainGraphRequest(document_json=_sendable(text)))
    assert explained.problems
    assert not explained.HasField("plan")


def _sendable(text: str) -> str:
    """A message cannot hold half a character at all; then there is nothing to ask."""
    return text.encode("utf-8", "ignore").decode() if "\ud800" not in text else "{"
