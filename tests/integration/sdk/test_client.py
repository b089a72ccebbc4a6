"""The client against a real studio: transfers that break, streams that end, tokens that are refused."""

from __future__ import annotations

import json
import os
from itertools import pairwise
from pathlib import Path

import pytest

from artifex import errors
from artifex.assets import file_digest
from artifex.client import Client
from artifex.graph.v1 import messages_pb2 as graph
from artifex.up import Stack
from tests.support.documents import graded, titled
from tests.support.footage import bunny

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(180)]


async def test_bytes_that_are_there_do_not_travel_again(client: Client, tmp_path: Path) -> None:
    first = await client.assets.upload(bunny())
    copy = tmp_path / "another name.mp4"
    copy.write_bytes(bunny().read_bytes())
    seen: list[tuple[int, int]] = []
    second = await client.assets.upload(copy, on_progress=lambda done, total: seen.append((done, total)))
    assert second.blob.digest == first.blob.digest == file_digest(bunny())
    assert seen == [(bunny().stat().st_size,) * 2], "nothing but the last word: no piece was sent"


async def test_transfers_go_on_where_they_broke(
    stack: Stack, client: Client, large_media: Path, tmp_path: Path
) -> None:
    killed: list[int] = []
    reached: list[int] = []

    def kill_half_way(done: int, total: int) -> None:
        reached.append(done)
        if not killed and done > total // 2:
            killed.append(stack.kill9("media"))

    asset = await client.assets.upload(large_media, on_progress=kill_half_way)
    assert len(killed) == 1
    assert asset.blob.digest == file_digest(large_media)
    assert asset.blob.size == reached[-1]
    assert asset.media.audio_streams[0].sample_rate == 48_000
    again = [after for before, after in pairwise(reached) if after < before]
    assert len(again) <= 1
    assert all(position > 1024 * 1024 for position in again), "it did not begin from the front"

    killed.clear()
    reached.clear()
    target = tmp_path / "noise.wav"
    await client.assets.download(asset.name, target, on_progress=kill_half_way)
    assert len(killed) == 1
    assert file_digest(target) == asset.blob.digest
    assert reached == sorted(set(reached)), "no byte came twice"
    assert os.listdir(tmp_path) == ["noise.wav"]


async def test_a_file_that_is_no_media_is_a_typed_error(client: Client, tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("these are not the pictures you are looking for\n" * 50)
    with pytest.raises(errors.InvalidArgument) as caught:
        await client.assets.upload(path)
    assert caught.value.reason == "ERROR_REASON_MEDIA_UNREADABLE"


async def test_a_local_file_that_is_missing_or_empty_is_a_typed_error(client: Client, tmp_path: Path) -> None:
    with pytest.raises(errors.FileProblem, match="No such file"):
        await client.assets.upload(tmp_path / "none.mp4")
    (tmp_path / "empty.mp4").touch()
    with pytest.raises(errors.FileProblem, match="empty"):
        await client.assets.upload(tmp_path / "empty.mp4")


async def test_a_failed_download_leaves_nothing(client: Client, tmp_path: Path) -> None:
    with pytest.raises(errors.NotFound) as caught:
        await client.assets.download("assets/01j00000000000000000000000", tmp_path / "movie.mp4")
    assert caught.value.reason == "ERROR_REASON_RESOURCE_NOT_FOUND"
    assert os.listdir(tmp_path) == []


async def test_the_same_request_id_makes_one_job(client: Client) -> None:
    asset = await client.assets.upload(bunny())
    document = json.dumps(graded(asset.name, rate="25", duration=0.2))
    first = await client.renders.create(document, request_id="once")
    second = await client.renders.create(document, request_id="once")
    assert first.name == second.name
    with pytest.raises(errors.AlreadyExists) as caught:
        await client.renders.create(json.dumps(graded(asset.name, rate="25", duration=0.4)), request_id="once")
    assert caught.value.reason == "ERROR_REASON_REQUEST_ID_REUSED"
    await client.renders.wait(first.name)


async def test_watching_survives_the_gateway_and_tells_each_event_once(stack: Stack, client: Client) -> None:
    asset = await client.assets.upload(bunny())
    job = await client.renders.create(json.dumps(graded(asset.name, width=640, height=360, rate="25", duration=3.0)))
    killed = 0
    sequences, states = [], []
    async for event in client.renders.watch(job.name):
        sequences.append(event.sequence)
        states.append(event.state)
        if not killed and event.progress.frames_done:
            killed = stack.kill9("gateway")
    assert killed
    assert sequences == list(range(1, len(sequences) + 1))
    assert states[-1] == graph.RenderJob.STATE_SUCCEEDED
    # Of a job that has ended: all of it, the rest of it, and nothing.
    assert [event.sequence async for event in client.renders.watch(job.name)] == sequences
    assert [event.sequence async for event in client.renders.watch(job.name, after_sequence=3)] == sequences[3:]
    assert [event async for event in client.renders.watch(job.name, after_sequence=sequences[-1])] == []
    await stack.restarted("gateway", killed)


async def test_a_refused_token_is_renewed_from_the_key(stack: Stack) -> None:
    async with Client(stack.endpoint, home=stack.home) as studio:
        caller = await studio.identity.caller()
        # As if the signing key had been replaced meanwhile: the token is nothing any more.
        studio.transport._credentials._token = "eyJhbGciOiJFZERTQSJ9.e30.AAAA"
        assert (await studio.identity.caller()).user == caller.user


async def test_an_unknown_key_is_refused_at_once(stack: Stack) -> None:
    async with Client(stack.endpoint, token="afx_" + "0" * 40) as studio:
        with pytest.raises(errors.Unauthenticated) as caught:
            await studio.identity.caller()
    assert caught.value.reason == "ERROR_REASON_API_KEY_INVALID"


async def test_a_wrong_access_token_is_refused(stack: Stack) -> None:
    async with Client(stack.endpoint, token="nonsense") as studio:
        with pytest.raises(errors.Unauthenticated):
            await studio.identity.caller()


async def test_without_a_token_nothing_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ARTIFEX_TOKEN", raising=False)
    async with Client("127.0.0.1:9", home=tmp_path) as studio:
        with pytest.raises(errors.NotSignedIn, match="artifex up"):
            await studio.identity.caller()


async def test_nobody_there_is_a_typed_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("artifex.transport.ATTEMPTS", 2)
    async with Client("127.0.0.1:9", token="afx_x", home=tmp_path) as studio:
        with pytest.raises(errors.Unavailable):
            await studio.identity.caller()


async def test_documents_are_kept_with_their_revisions(client: Client) -> None:
    project = await client.projects.create("sdk-spot", display_name="Spot")
    one, two, three = (json.dumps(titled(text)) for text in ("one", "two", "three"))
    document = await client.projects.create_document(project.name, one, document_id="main")
    changed = await client.projects.update_document(document.name, two, etag=document.etag, message="two")
    with pytest.raises(errors.Aborted):
        await client.projects.update_document(document.name, three, etag=document.etag)
    assert (await client.projects.get_document(document.name)).content_json == two
    assert (await client.projects.get_document(document.name, revision=1)).content_json == one
    assert [revision.revision async for revision in client.projects.revisions(document.name)] == [2, 1]
    await client.projects.delete_document(document.name, etag=changed.etag)
    await client.projects.delete(project.name)


async def test_the_clients_spans_reach_the_trace_store(stack: Stack) -> None:
    async with Client(stack.endpoint, home=stack.home) as studio:
        with studio.trace("a test") as trace_id:
            await studio.identity.caller()
    path = stack.home / "traces" / f"{trace_id}.jsonl"
    spans = [json.loads(line) for line in path.read_text().splitlines()]
    assert {"a test", "AuthService/GetCaller"} <= {
        span["name"] for span in spans if span["service"] == "artifex-client"
    }
