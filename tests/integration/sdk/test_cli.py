"""The command line as a user runs it: output, exit codes, Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from artifex.assets import file_digest
from artifex.client import Client
from artifex.graph.v1 import messages_pb2 as graph
from artifex.up import Stack
from tests.support.commands import artifex, start
from tests.support.documents import graded
from tests.support.footage import bunny

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(180)]


def graph_file(folder: Path, **changes: Any) -> Path:
    """The graded clip as a document that names a local file."""
    (folder / "clip.mp4").write_bytes(bunny().read_bytes())
    path = folder / "mine.json"
    path.write_text(json.dumps({**graded("clip.mp4", rate="25", duration=0.4), **changes}))
    return path


async def test_a_graph_becomes_a_verified_movie(stack: Stack, client: Client, tmp_path: Path) -> None:
    graph_file(tmp_path)
    ran = await artifex(
        stack, tmp_path, "render", "mine.json", "--set", "grade.exposure=1.5", "--out", "x.mp4", "--json"
    )
    assert ran.code == 0, ran
    first, *events, done = ran.lines
    assert first["event"] == "submitted"
    assert [event["sequence"] for event in events] == [str(number) for number in range(1, len(events) + 1)]
    assert (done["event"], done["verified"], done["frames"]) == ("done", True, 10)
    assert file_digest(tmp_path / "x.mp4") == done["digest"]
    assert (tmp_path / "x.mp4").stat().st_size == done["size"]
    job = await client.renders.get(done["job"])
    assert job.trace_id == done["trace_id"]
    shown = await artifex(stack, tmp_path, "traces", "show", done["trace_id"])
    assert shown.code == 0
    assert "artifex render" in shown.out
    assert "graph-worker" in shown.out


async def test_without_out_the_graphs_own_file_name_is_used(stack: Stack, tmp_path: Path) -> None:
    graph_file(tmp_path)
    ran = await artifex(stack, tmp_path, "render", "mine.json", "--watch")
    assert ran.code == 0, ran
    assert ran.out.startswith("graded.mp4: 192x128 25 fps 10 frames h264, aac 2 ch")
    assert "verified" in ran.out
    assert "assembly" in ran.err
    assert (tmp_path / "graded.mp4").exists()


async def test_a_missing_file_is_named_before_anything_is_uploaded(
    stack: Stack, client: Client, tmp_path: Path
) -> None:
    before = [asset.name async for asset in client.assets.list()]
    document = graded("clip.mp4", rate="25", duration=0.4)
    document["nodes"]["other"] = {"type": "MediaInput", "params": {"asset": "gone.mp4"}}
    (tmp_path / "clip.mp4").write_bytes(bunny().read_bytes() + b"\0" * 16)
    (tmp_path / "mine.json").write_text(json.dumps(document))
    ran = await artifex(stack, tmp_path, "render", "mine.json")
    assert ran.code == 3
    assert "nodes.other.params.asset" in ran.err
    assert "gone.mp4" in ran.err
    assert [asset.name async for asset in client.assets.list()] == before


async def test_every_problem_of_a_graph_is_named(stack: Stack, tmp_path: Path) -> None:
    path = graph_file(tmp_path)
    document = json.loads(path.read_text())
    document["nodes"]["grade"]["type"] = "ColorCorector"
    document["nodes"]["out"]["inputs"]["audio"] = "nobody.audio"
    path.write_text(json.dumps(document))
    for command in (("render",), ("graph", "validate"), ("graph", "explain")):
        ran = await artifex(stack, tmp_path, *command, "mine.json", "--json")
        assert ran.code == 3
        (error,) = ran.lines
        assert error["reason"] == "ERROR_REASON_GRAPH_INVALID"
        fields = {violation["field"] for violation in error["violations"]}
        assert {"nodes.grade.type", "nodes.out.inputs.audio"} <= fields
    people = await artifex(stack, tmp_path, "render", "mine.json")
    assert "nodes.out.inputs.audio" in people.err


async def test_a_good_graph_is_told_what_it_will_be(stack: Stack, tmp_path: Path) -> None:
    graph_file(tmp_path)
    ran = await artifex(stack, tmp_path, "graph", "validate", "mine.json")
    assert (ran.code, ran.out) == (0, "mine.json can be rendered: 10 frames of 192x128 at 25 fps\n")


async def test_a_plan_is_told_and_drawn(stack: Stack, tmp_path: Path) -> None:
    path = graph_file(tmp_path)
    document = json.loads(path.read_text())
    grade = {"type": "ColorCorrector", "inputs": {"video": "grade"}, "params": {"saturation": 0.5}}
    document["nodes"]["again"] = grade
    document["nodes"]["spare"] = grade
    document["nodes"]["out"]["inputs"]["video"] = "again"
    path.write_text(json.dumps(document))
    ran = await artifex(stack, tmp_path, "graph", "explain", "mine.json", "--draw", "plan.svg")
    assert ran.code == 0, ran
    assert "one colour pass of 2" in ran.out
    assert "spare: reaches no output" in ran.out
    assert ElementTree.parse(tmp_path / "plan.svg").getroot().tag.endswith("svg")
    ran = await artifex(stack, tmp_path, "graph", "explain", "mine.json", "--json", "--draw", "plan.dot")
    (plan,) = ran.lines
    assert (plan["event"], plan["output_node"], plan["frame_count"]) == ("plan", "out", "10")
    assert ["grade", "again"] in [step["nodes"] for step in plan["steps"]]
    assert (tmp_path / "plan.dot").read_text().startswith("digraph")
    ran = await artifex(stack, tmp_path, "graph", "explain", "mine.json", "--draw", "plan.png")
    assert (ran.code, "a drawing ends in" in ran.err) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "env", "code", "words"),
    [
        (["jobs", "watch", "01j00000000000000000000000"], {}, 5, "RESOURCE_NOT_FOUND"),
        (["nodes", "describe", "Nothing"], {}, 5, "RESOURCE_NOT_FOUND"),
        (["jobs", "list"], {"ARTIFEX_TOKEN": "afx_" + "0" * 40}, 4, "API_KEY_INVALID"),
        (["jobs", "list"], {"ARTIFEX_HOME": "/nonexistent"}, 4, "NOT_SIGNED_IN"),
        (["assets", "upload", "none.mp4"], {}, 3, "none.mp4"),
        (["render", "none.json"], {}, 3, "none.json"),
        (["render"], {}, 2, "Usage"),
    ],
)
async def test_every_failure_has_its_exit_code(
    stack: Stack, tmp_path: Path, arguments: list[str], env: dict[str, str], code: int, words: str
) -> None:
    ran = await artifex(stack, tmp_path, *arguments, **env)
    assert ran.code == code, ran
    assert words in ran.err


async def test_ctrl_c_cancels_the_render(stack: Stack, client: Client, tmp_path: Path) -> None:
    path = graph_file(tmp_path)
    document = json.loads(path.read_text())
    document["settings"] |= {"width": 1280, "height": 720, "duration": 60}
    path.write_text(json.dumps(document))
    process = await start(stack, tmp_path, "render", "mine.json", "--json", "--out", "never.mp4")
    assert process.stdout is not None
    submitted = json.loads(await process.stdout.readline())
    process.send_signal(signal.SIGINT)
    await process.communicate()
    assert process.returncode == 130
    assert (await client.renders.get(submitted["name"])).state == graph.RenderJob.STATE_CANCELLED
    assert sorted(os.listdir(tmp_path)) == ["clip.mp4", "mine.json"]


async def test_nouns_are_listed_for_people_and_for_machines(stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_bytes(bunny().read_bytes())
    uploaded = (await artifex(stack, tmp_path, "assets", "upload", "clip.mp4", "--json")).lines[0]
    listed = await artifex(stack, tmp_path, "assets", "list")
    assert uploaded["name"] in listed.out, "a name is never cut"
    got = await artifex(stack, tmp_path, "assets", "get", uploaded["name"], "--out", "copy.mp4")
    assert got.code == 0
    assert (tmp_path / "copy.mp4").read_bytes() == bunny().read_bytes()
    nodes = (await artifex(stack, tmp_path, "nodes", "list", "--json")).lines
    assert {"MediaInput", "TextInput", "Merge", "FileOutput"} <= {node["type"] for node in nodes}
    described = await artifex(stack, tmp_path, "nodes", "describe", "Merge")
    assert "Porter" in described.out


async def test_a_job_says_why_it_waits_and_workers_who_they_are(stack: Stack, client: Client, tmp_path: Path) -> None:
    listed = await artifex(stack, tmp_path, "workers", "list", "--json")
    (worker,) = listed.lines
    assert worker["state"] in ("STATE_IDLE", "STATE_BUSY")
    assert worker["slots"] == 1
    assert any(node.startswith("ColorCorrector ") for node in worker["node_types"])
    assert worker["name"].removeprefix("workers/") in (await artifex(stack, tmp_path, "workers", "list")).out

    path = graph_file(tmp_path)
    ran = await artifex(stack, tmp_path, "render", str(path), "--priority", "high", "--json")
    job = ran.lines[0]["name"]
    assert (await client.renders.get(job)).priority == graph.PRIORITY_HIGH
    explained = await artifex(stack, tmp_path, "jobs", "explain", job.removeprefix("renderJobs/"))
    assert (explained.code, explained.err) == (0, "")
    assert f"{job} is succeeded" in explained.out
    assert "the movie is done: assets/" in explained.out
    (machine,) = (await artifex(stack, tmp_path, "jobs", "explain", job, "--json")).lines
    assert [reason["kind"] for reason in machine["reasons"]] == ["KIND_SUCCEEDED"]
    missing = await artifex(stack, tmp_path, "jobs", "explain", "01missing")
    assert missing.code == 5


async def test_a_stored_document_is_saved_changed_and_rendered(stack: Stack, tmp_path: Path) -> None:
    graph_file(tmp_path)
    assert (await artifex(stack, tmp_path, "projects", "create", "cli-spot")).code == 0
    first = await artifex(stack, tmp_path, "projects", "save", "cli-spot", "mine.json")
    second = await artifex(stack, tmp_path, "projects", "save", "cli-spot", "mine.json", "--message", "again")
    assert first.out == "projects/cli-spot/documents/mine, revision 1\n"
    assert second.out == "projects/cli-spot/documents/mine, revision 2\n"
    ran = await artifex(stack, tmp_path, "render", "projects/cli-spot/documents/mine", "--out", "y.mp4")
    assert ran.code == 0, ran
    assert (tmp_path / "y.mp4").exists()
