"""Outputs that only show, beside those that write."""

from __future__ import annotations

from typing import Any

import pytest

from libs.chassis.objects import ObjectStore
from services.graph.adapters.analysis_store import ObjectAnalysisStore
from services.graph.adapters.capture_store import ObjectCaptureStore
from services.graph.adapters.job_store import SqlJobStore
from services.graph.commands.create_render_job import CreateRenderJob
from services.graph.domain.compile.catalogue import catalogue
from services.graph.domain.compile.compiler import compile, validate
from services.graph.domain.documents.problems import GraphInvalid
from tests.unit.services.graph.commands.conftest import Shelf
from tests.unit.services.graph.commands.test_create_render_job import submit
from tests.unit.services.graph.support import document

TITLE: dict[str, Any] = {"type": "TextInput", "params": {"text": "title"}}
VIEWER: dict[str, Any] = {"type": "Viewer", "inputs": {"video": "title"}}
OUTPUT: dict[str, Any] = {"type": "FileOutput", "inputs": {"video": "title"}}


def of(**nodes: dict[str, Any]) -> dict[str, Any]:
    return {
        "schema": "artifex.graph/1",
        "settings": {"width": 64, "height": 36, "fps": "25", "duration": 1},
        "nodes": {"title": TITLE, **nodes},
    }


def test_a_viewer_is_no_second_output_to_choose_from() -> None:
    both = document({"title": TITLE, "view": VIEWER, "out": OUTPUT})
    assert not validate(both, catalogue(), {})
    assert compile(both, catalogue(), "", {}).output_node == "out"
    shown = compile(both, catalogue(), "view", {})
    assert shown.sink.monitor
    assert shown.picture is not None


def test_two_files_are_still_a_choice() -> None:
    with pytest.raises(GraphInvalid, match=r"several outputs.*one, two"):
        compile(document({"title": TITLE, "view": VIEWER, "one": OUTPUT, "two": OUTPUT}), catalogue(), "", {})


async def test_a_viewer_is_not_rendered(store: SqlJobStore, objects: ObjectStore, shelf: Shelf) -> None:
    create = CreateRenderJob(
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
    job = await submit(create, of(view=VIEWER, out=OUTPUT))
    assert job.frame_count == 25
    with pytest.raises(GraphInvalid, match=r"nodes\.view: a Viewer only shows"):
        await submit(create, of(view=VIEWER, out=OUTPUT), output_node="view")
    with pytest.raises(GraphInvalid, match="nothing is written to a file"):
        await submit(create, of(view=VIEWER))
