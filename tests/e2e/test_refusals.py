"""What cannot be rendered is refused when it is submitted, with an error that names the place."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from artifex import errors
from artifex.client import Client
from tests.support.documents import Document, graded
from tests.support.footage import bunny, write_clip

pytestmark = pytest.mark.asyncio(loop_scope="session")


def cycle(document: Document) -> None:
    document["nodes"]["grade"]["inputs"]["video"] = "again"
    document["nodes"]["again"] = {"type": "ColorCorrector", "inputs": {"video": "grade"}}


def unknown_type(document: Document) -> None:
    document["nodes"]["grade"]["type"] = "ColourCorrector"


def unknown_node(document: Document) -> None:
    document["nodes"]["grade"]["inputs"]["video"] = "plait.video"


def wrong_type(document: Document) -> None:
    document["nodes"]["grade"]["inputs"]["video"] = "plate.audio"


def out_of_range(document: Document) -> None:
    document["nodes"]["grade"]["params"]["exposure"] = 1e9


def missing_input(document: Document) -> None:
    del document["nodes"]["grade"]["inputs"]


@pytest.mark.parametrize(
    ("spoil", "place"),
    [
        (cycle, "nodes.again.inputs"),
        (unknown_type, "nodes.grade.type"),
        (unknown_node, "nodes.grade.inputs.video"),
        (wrong_type, "nodes.grade.inputs.video"),
        (out_of_range, "nodes.grade.params.exposure"),
        (missing_input, "nodes.grade.inputs.video"),
    ],
)
async def test_a_broken_graph(client: Client, plate: str, spoil: Callable[[Document], None], place: str) -> None:
    document = graded(plate)
    spoil(document)
    with pytest.raises(errors.GraphInvalid) as caught:
        await client.renders.create(json.dumps(document))
    violations = {violation.field: violation for violation in caught.value.violations}
    assert any(place in field or field in place for field in violations), violations
    assert all(violation.reason and violation.description for violation in violations.values())


async def test_a_missing_asset_is_named_with_its_node(client: Client) -> None:
    with pytest.raises(errors.ApiError) as caught:
        await client.renders.create(json.dumps(graded("assets/01jnosuchasset0000000000000")))
    assert caught.value.code == "NOT_FOUND"
    assert "plate" in str(caught.value) or any("plate" in violation.field for violation in caught.value.violations)


async def test_a_file_that_is_no_media(client: Client, tmp_path: Path) -> None:
    notes = tmp_path / "notes.mp4"
    notes.write_text("Not a movie.\n" * 1000)
    with pytest.raises(errors.InvalidArgument) as caught:
        await client.assets.upload(notes)
    assert caught.value.reason == "ERROR_REASON_MEDIA_UNREADABLE"


@pytest.mark.parametrize("kept", [0.3, 0.9])
async def test_a_truncated_file(client: Client, tmp_path: Path, kept: float) -> None:
    whole = bunny().read_bytes()
    clip = tmp_path / "cut.mp4"
    clip.write_bytes(whole[: int(len(whole) * kept)])
    with pytest.raises(errors.InvalidArgument) as caught:
        await client.assets.upload(clip)
    assert caught.value.reason in ("ERROR_REASON_MEDIA_TRUNCATED", "ERROR_REASON_MEDIA_UNREADABLE")


async def test_a_truncated_matroska_file(client: Client, tmp_path: Path) -> None:
    whole = write_clip(tmp_path / "whole.mkv", "h264", frames=60)
    clip = tmp_path / "cut.mkv"
    clip.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with pytest.raises(errors.InvalidArgument) as caught:
        await client.assets.upload(clip)
    assert caught.value.reason == "ERROR_REASON_MEDIA_TRUNCATED"
