"""Previews as a user sees them: the command line and the client, through the gateway of a real studio."""

from __future__ import annotations

import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from artifex.client import Client
from artifex.errors import GraphInvalid, InvalidArgument, NotFound
from artifex.graph.v1 import preview_pb2
from artifex.previews import Picture, look_at, measure
from artifex.up import Stack
from tests.integration.sdk.test_cli import graph_file
from tests.support.commands import artifex
from tests.support.documents import graded, titled
from tests.support.footage import bunny

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(180)]


async def test_one_frame_is_saved_measured_and_probed(stack: Stack, tmp_path: Path) -> None:
    graph_file(tmp_path)
    where = ["preview", "mine.json", "--frame", "3", "--scale", "1/2"]
    what = ["--out", "x.png", "--scopes", "scopes.png", "--probe", "10,20", "--probe", "5000,1"]
    ran = await artifex(stack, tmp_path, *where, *what, "--json")
    assert ran.code == 0, ran
    (told,) = ran.lines
    assert (told["event"], told["frame"], told["width"], told["height"]) == ("picture", 3, 96, 64)
    inside, outside = told["probes"]
    assert len(inside["working"]) == 4
    assert "working" not in outside
    picture = cv2.imread(str(tmp_path / "x.png"))
    assert picture is not None
    assert picture.shape == (64, 96, 3)
    # The probe tells what the picture shows: blue, green, red of OpenCV against red, green, blue.
    np.testing.assert_allclose(picture[10, 5][::-1] / 255, inside["display"], atol=1 / 255)
    scopes = cv2.imread(str(tmp_path / "scopes.png"))
    assert scopes is not None
    assert scopes.max() > 100
    brighter = await artifex(stack, tmp_path, *where, "--probe", "10,20", "--set", "grade.exposure=1.5", "--json")
    (more,) = brighter.lines
    np.testing.assert_allclose(more["probes"][0]["working"][:3], np.array(inside["working"][:3]) * 2, rtol=1e-3)
    people = await artifex(stack, tmp_path, *where, "--probe", "10,20")
    assert people.out.startswith("10,20: linear ")


async def test_what_is_wrong_is_said_with_the_usual_codes(stack: Stack, tmp_path: Path) -> None:
    graph_file(tmp_path)
    wrong = await artifex(stack, tmp_path, "preview", "mine.json", "--set", "grade.exposur=1")
    assert (wrong.code, "nodes.grade.params.exposur" in wrong.err) == (3, True)
    assert (await artifex(stack, tmp_path, "preview", "mine.json", "--out", "x.gif")).code == 2
    assert (await artifex(stack, tmp_path, "preview", "mine.json", "--scale", "2")).code == 2
    assert "mine.png" not in os.listdir(tmp_path)


async def test_a_playback_is_counted(stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "title.json").write_text(json.dumps(titled(frames=12)))
    ran = await artifex(stack, tmp_path, "preview", "title.json", "--play", "--scale", "1/4", "--json")
    (played,) = ran.lines
    assert played["frames"] + played["dropped"] == 12
    assert ran.code == (10 if played["dropped"] else 0)


async def test_a_client_edits_and_sees(client: Client) -> None:
    look = look_at(format=preview_pb2.PREVIEW_FORMAT_RGBA8)
    async with client.previews.open(json.dumps(titled()), look=look, meters=measure(probes=[(96, 64)])) as session:
        first = await session.picture()
        assert session.movie is not None
        assert session.movie.frame_count == 48
        assert len(first.data) == 192 * 128 * 4
        assert len(first.probes) == 1
        await session.edit({"nodes.title.params.text": ""})
        blank = await session.picture()
        assert np.frombuffer(blank.data, np.uint8).reshape(-1, 4)[:, :3].max() == 0
        assert blank.head.revision == 2
        # More pictures than may be on their way: they are acknowledged as they are taken.
        for frame in range(12):
            await session.seek(frame)
            assert (await session.picture()).head.frame == frame
        await session.edit(remove=["nodes.title"])
        with pytest.raises(GraphInvalid) as caught:
            await session.picture()
        assert caught.value.violations[0].field == "nodes.out.inputs.video"
        await session.replace(json.dumps(titled("B", frames=6)))
        assert (await session.picture()).head.frame == 5
        assert session.movie.frame_count == 6
        await session.play(loop=True)
        async for event in session.events():
            if isinstance(event, Picture) and event.head.playing:
                break
        await session.pause()
    with pytest.raises(InvalidArgument):
        async with client.previews.open(json.dumps(titled()), look=look_at(scale=3)) as session:
            await session.picture()


async def test_another_tenants_media_and_documents_do_not_exist(stack: Stack, client: Client) -> None:
    plate = (await client.assets.upload(bunny())).name
    project = await client.projects.create(display_name="Secret")
    stored = await client.projects.create_document(project.name, json.dumps(titled()))
    async with client.previews.open(document=stored.name, look=look_at(scale="1/8")) as session:
        assert (await session.picture()).head.revision == 1
    made = await client.identity.create_tenant("preview-rival", admin_email="boss@rival.example")
    async with Client(stack.endpoint, token=made.api_key_secret) as stranger:
        with pytest.raises(NotFound):
            async with stranger.previews.open(document=stored.name) as session:
                await session.picture()
        with pytest.raises(GraphInvalid) as caught:
            async with stranger.previews.open(json.dumps(graded(plate))) as session:
                await session.picture()
    assert [violation.reason for violation in caught.value.violations] == ["asset_not_found"]
