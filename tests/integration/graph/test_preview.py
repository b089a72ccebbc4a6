"""Preview sessions over real gRPC, with real children that decode and draw, and children that are killed."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from fractions import Fraction
from typing import Any

import cv2
import numpy as np
import pytest
import pytest_asyncio

from artifex.graph.v1 import preview_pb2 as pb
from artifex.nodes import Window
from libs.chassis.errors import DeadlineExceeded, InvalidArgument, NotFound, ResourceExhausted
from libs.chassis.testing import eventually
from tests.integration.graph.previewing import (
    Previewing,
    Talk,
    children,
    graded,
    look,
    previewing,
    rendered,
    shown,
    titled,
)
from tests.unit.services.graph.support import footage

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(90)]

State = pb.PreviewStatus
SCOPES = [
    pb.PREVIEW_SCOPE_KIND_WAVEFORM,
    pb.PREVIEW_SCOPE_KIND_PARADE,
    pb.PREVIEW_SCOPE_KIND_VECTORSCOPE,
    pb.PREVIEW_SCOPE_KIND_HISTOGRAM,
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Previewing]:
    async with previewing(tmp_path_factory.mktemp("preview"), sessions=4) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def plate(service: Previewing) -> str:
    return await service.shelf.add(footage())


async def test_an_edit_is_seen_in_the_next_picture(service: Previewing) -> None:
    async with service.open(titled(), look=look()) as talk:
        movie = await talk.hear("document")
        assert (movie.revision, movie.width, movie.height, movie.frame_count) == (1, 192, 108, 48)
        bright = await talk.picture()
        assert (bright.head.sequence, bright.head.revision, bright.head.id) == (1, 1, 1)
        assert bright.pixels.shape == (108, 192, 3)
        assert bright.pixels.max() == 255
        await talk.edit("nodes.grade.params.exposure", -3)
        dim = await talk.picture()
        assert (dim.head.sequence, dim.head.revision) == (2, 2)
        # Three stops less through a gamma of 2.4.
        assert dim.pixels.max() == round(255 * (2**-3) ** (1 / 2.4))
        # A node between two others, and the connection that puts it there, in one edit.
        changes = [
            pb.PreviewChange(
                set=pb.PreviewSet(
                    path="nodes.move",
                    value_json=json.dumps(
                        {"type": "Transform2D", "inputs": {"video": "title"}, "params": {"translate": [500, 0]}}
                    ),
                )
            ),
            pb.PreviewChange(set=pb.PreviewSet(path="nodes.grade.inputs.video", value_json='"move"')),
        ]
        await talk.say(edit=pb.PreviewEdit(changes=changes))
        assert (await talk.picture()).pixels.max() == 0
        await talk.say(edit=pb.PreviewEdit(changes=[pb.PreviewChange(remove="nodes.grade.params.exposure")]))
        await talk.say(
            edit=pb.PreviewEdit(changes=[pb.PreviewChange(merge_json='{"nodes": {"move": {"params": null}}}')])
        )
        last = await talk.picture()
        while last.head.revision < 5:
            last = await talk.picture()
        np.testing.assert_array_equal(last.pixels, bright.pixels)


async def test_a_picture_is_what_the_evaluator_makes_of_region_and_scale(service: Previewing, plate: str) -> None:
    document = graded(plate)
    region = pb.PreviewRegion(x=200, y=100, width=400, height=200)
    points = [pb.PreviewPoint(x=x, y=y) for x, y in ((200, 100), (333, 222), (599, 299), (600, 100))]
    meters = pb.PreviewMeters(probes=points, scopes=SCOPES, scope_data=True, scope_picture=True)
    options = look((1, 4), region=region, format=pb.PREVIEW_FORMAT_RGBA16F)
    async with service.open(document, frame=30, look=options, meters=meters) as talk:
        picture = await talk.picture()
        head = picture.head
        assert (head.width, head.height, head.frame) == (100, 50, 30)
        window = Window(50, 25, 100, 50)
        expected = rendered(document, 30, Fraction(1, 4), window)
        np.testing.assert_array_equal(picture.pixels, expected.astype(np.float16))

        probes = await talk.hear("probes")
        assert [probe.inside for probe in probes.probes] == [True, True, True, False]
        display = shown(expected, window)
        for point, probe in zip(points[:3], probes.probes, strict=False):
            x, y = int((point.x + 0.5) / 4) - 50, int((point.y + 0.5) / 4) - 25
            np.testing.assert_array_equal(np.float32(probe.working), expected[y, x])
            np.testing.assert_allclose(probe.display, display[y, x], atol=1e-6)

        scopes = await talk.hear("scopes")
        assert (scopes.id, scopes.frame) == (probes.id, probes.frame) == (head.id, 30)
        assert scopes.picture.startswith(b"\x89PNG")
        waveform, parade, vectorscope, histogram = scopes.scopes
        assert np.frombuffer(waveform.bins, "<u2").reshape(256, 100).sum(axis=0).tolist() == [50] * 100
        codes = np.rint(display * 255).astype(np.uint8)
        red = np.frombuffer(parade.bins, "<u2").reshape(3, 256, 100)[0]
        np.testing.assert_array_equal(red.sum(axis=1), np.bincount(codes[..., 0].ravel(), minlength=256))
        counts = np.frombuffer(histogram.bins, "<u4").reshape(4, 256)
        np.testing.assert_array_equal(counts[2], np.bincount(codes[..., 2].ravel(), minlength=256))
        assert np.frombuffer(vectorscope.bins, "<u4").sum() == 5000
        assert {mark.label for mark in vectorscope.graticule} >= {"R 75 %", "skin"}

        # The same as the screen gets it, without loss, and at most one megabyte in a message.
        await talk.say(look=look(format=pb.PREVIEW_FORMAT_RGBA8))
        whole = await talk.picture()
        assert len(whole.data) == 1280 * 720 * 4 > 1_000_000
        assert all(response.ByteSize() <= 1_000_000 for response in talk.heard)
        full = rendered(document, 30, Fraction(1), Window(0, 0, 1280, 720))
        codes = np.rint(shown(full, Window(0, 0, 1280, 720)) * 255)
        assert np.abs(whole.pixels[..., :3] - codes).max() <= 1
        for kind, magic in ((pb.PREVIEW_FORMAT_JPEG, b"\xff\xd8"), (pb.PREVIEW_FORMAT_WEBP, b"RIFF")):
            await talk.say(look=look((1, 4), format=kind, quality=95))
            small = await talk.picture()
            assert small.data.startswith(magic)
            assert small.pixels.shape == (180, 320, 3)


async def test_a_broken_edit_is_told_and_keeps_the_picture(service: Previewing) -> None:
    async with service.open(titled(), look=look()) as talk:
        before = await talk.picture()
        await talk.edit("nodes.grade.params.exposur", 1)
        problems = await talk.hear("problems")
        assert (problems.revision, problems.sequence) == (2, 2)
        (problem,) = problems.problems
        assert (problem.node, problem.path) == ("grade", "nodes.grade.params.exposur")
        assert problem.reason == "unknown_parameter"
        # Of the last good revision there are pictures still.
        await talk.say(seek=pb.PreviewSeek(frame=5))
        still = await talk.picture()
        assert (still.head.revision, still.head.frame) == (1, 5)
        np.testing.assert_array_equal(still.pixels, before.pixels)
        # An edit that cannot even be made leaves the document as it was: broken.
        await talk.edit("nodes.nobody.params.x", 1)
        assert (await talk.hear("problems")).problems[0].path == "nodes.nobody.params.x"
        await talk.say(edit=pb.PreviewEdit(changes=[pb.PreviewChange(remove="nodes.grade.params.exposur")]))
        assert list((await talk.hear("problems")).problems) == []
        assert (await talk.picture()).head.revision == 4


async def test_a_document_may_be_broken_from_the_start_and_any_node_be_looked_at(service: Previewing) -> None:
    document = titled()
    del document["nodes"]["out"]
    async with service.open(document, look=look()) as talk:
        assert (await talk.hear("problems")).problems[0].reason == "no_output"
        await talk.say(look=look(node="title"))
        assert list((await talk.hear("problems")).problems) == []
        assert (await talk.picture()).pixels.max() == 255
        await talk.say(look=look(node="nobody"))
        assert (await talk.hear("problems")).problems[0].path == "look.node"


async def test_another_tenants_media_and_documents_do_not_exist(service: Previewing, plate: str) -> None:
    async with service.open(graded(plate), tenant="rival", look=look((1, 8))) as talk:
        (problem,) = (await talk.hear("problems")).problems
        assert (problem.reason, problem.path) == ("asset_not_found", "nodes.plate.params.asset")
        await talk.edit("nodes.plate.params.asset", "assets/never")
        (other,) = (await talk.hear("problems")).problems
        assert other.message == problem.message.replace(plate, "assets/never")
    name = "projects/spot/documents/cut"
    service.shelf.documents["studio", name] = json.dumps(titled())
    async with service.open(name, look=look()) as talk:
        assert (await talk.picture()).head.revision == 1
    with pytest.raises(NotFound):
        async with service.open(name, tenant="rival") as talk:
            await talk.hear("picture")


async def test_a_killed_child_is_told_of_and_replaced_with_all_that_was_said(service: Previewing) -> None:
    async with service.open(titled(), look=look()) as talk:
        await talk.picture()
        await talk.edit("nodes.grade.params.exposure", -3)
        await talk.say(seek=pb.PreviewSeek(frame=7))
        while (before := await talk.picture()).head.sequence < 3:
            pass
        (child,) = children()
        child.kill()
        status = await talk.status(State.STATE_STARTING)
        assert status.failure.reason == "ERROR_REASON_DECODER_CRASHED"
        assert "SIGKILL" in status.failure.message
        after = await talk.picture()
        assert (after.head.revision, after.head.frame) == (2, 7)
        np.testing.assert_array_equal(after.pixels, before.pixels)
        await talk.edit("nodes.grade.params.exposure", 0)
        assert (await talk.picture()).pixels.max() == 255


async def test_what_kills_two_children_waits_for_something_new(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Here it is too little memory to begin with."""
    async with (
        previewing(tmp_path_factory.mktemp("small"), memory_bytes=48 << 20) as service,
        service.open(titled(), look=look()) as talk,
    ):
        for _ in range(2):
            failed = await talk.status(State.STATE_FAILED)
            assert failed.failure.reason == "ERROR_REASON_DECODER_CRASHED"
            assert not children()
            await talk.say(seek=pb.PreviewSeek(frame=1))
        # Once it is tried again before that.
        first = [response.status for response in talk.heard if response.HasField("status")]
        assert [status.state for status in first if status.HasField("failure")][:2] == [
            State.STATE_STARTING,
            State.STATE_FAILED,
        ]


async def test_a_client_that_goes_away_ends_its_child(service: Previewing) -> None:
    async with service.open(titled(), look=look()) as talk:
        await talk.picture()
        (child,) = children()
    await eventually(lambda: not child.is_running() or not children(), what="the end of the child")


async def test_a_client_that_says_nothing_more_gets_the_rest(service: Previewing) -> None:
    async with service.open(titled(), look=look()) as talk:
        await talk.edit("nodes.grade.params.exposure", -3)
        await talk.say(play=pb.PreviewPlay(first_frame=0, end_frame=6, rate=2))
        await talk.call.done_writing()
        with pytest.raises(EOFError):
            await talk.hear("nothing")
    shown = [response.picture for response in talk.heard if response.HasField("picture")]
    assert shown[-1].revision == 2
    assert (shown[-1].frame, shown[-1].playing, shown[-1].draft) == (5, False, False)


async def test_a_playback_sends_frames_in_order_until_its_end(service: Previewing) -> None:
    async with service.open(titled(frames=24), look=look(), meters=None) as talk:
        await talk.picture()
        await talk.say(play=pb.PreviewPlay(rate=2))
        assert (await talk.status(State.STATE_PLAYING)).frame == 0
        end = await talk.status(State.STATE_PAUSED)
        played = [response.picture for response in talk.heard if response.picture.playing]
        frames = [picture.frame for picture in played]
        assert frames == sorted(set(frames))
        assert len(frames) + end.counters.dropped == 24
        assert end.frame == frames[-1]
        # What is on the screen when it stops is then drawn like any other picture.
        assert (await talk.picture()).head.frame == frames[-1]


async def test_a_playback_goes_on_through_edits_and_stops_when_told(service: Previewing) -> None:
    async with service.open(titled(frames=24), look=look()) as talk:
        await talk.say(play=pb.PreviewPlay(loop=True, first_frame=4, end_frame=12))
        while not (first := await talk.picture()).head.playing:
            pass
        assert 4 <= first.head.frame < 12
        await talk.edit("nodes.grade.params.exposure", -3)
        while (dim := await talk.picture()).head.revision < 2:
            pass
        assert dim.head.playing
        assert dim.pixels.max() < 128
        await talk.say(seek=pb.PreviewSeek(frame=9))
        while (moved := await talk.picture()).head.sequence < 4:
            pass
        assert moved.head.playing
        await talk.say(pause=pb.PreviewPause())
        paused = await talk.status(State.STATE_PAUSED)
        while (last := await talk.picture()).head.playing:
            pass
        assert last.head.frame == paused.frame


async def test_what_plays_is_near_and_what_it_stops_on_exact(service: Previewing, plate: str) -> None:
    document = graded(plate)
    async with service.open(document, frame=5, look=look((1, 4), no_drafts=False)) as talk:
        await talk.picture()
        await talk.say(play=pb.PreviewPlay())
        while not (played := await talk.picture()).head.playing:
            pass
        await talk.say(pause=pb.PreviewPause())
        while (last := await talk.picture(drafts=True)).head.playing:
            pass
    window = Window(0, 0, 320, 180)

    def codes(frame: int) -> np.ndarray[Any, Any]:
        return np.asarray(np.rint(shown(rendered(document, frame, Fraction(1, 4), window), window) * 255))

    assert not last.head.draft
    difference = np.abs(played.pixels - codes(played.head.frame))
    assert 0 < difference.mean() < 0.6
    np.testing.assert_array_equal(last.pixels, codes(last.head.frame))


async def test_the_first_picture_is_a_draft_and_the_right_one_follows(service: Previewing, plate: str) -> None:
    async with service.open(graded(plate), look=look((1, 2), no_drafts=False)) as talk:
        draft = await talk.picture(drafts=True)
        assert draft.head.draft
        whole = await talk.picture(drafts=True)
        assert (whole.head.draft, whole.head.width, whole.head.sequence) == (False, 640, draft.head.sequence)
        assert draft.head.width < whole.head.width
        assert draft.head.region == whole.head.region
        # They show the same.
        small = cv2.resize(whole.pixels, (draft.head.width, draft.head.height), interpolation=cv2.INTER_AREA)
        assert np.abs(small.astype(int) - draft.pixels).mean() < 6


async def test_a_slow_reader_sees_new_pictures_and_no_queue(service: Previewing) -> None:
    async with service.open(titled(), look=look(), window=1) as talk:
        first = await talk.picture()
        for number in range(1, 20):
            await talk.edit("nodes.grade.params.exposure", -number / 4)
        await talk.say(acknowledge=pb.PreviewAcknowledge(id=first.head.id))
        while (newest := await talk.picture()).head.revision < 20:
            await talk.say(acknowledge=pb.PreviewAcknowledge(id=newest.head.id))
        assert newest.head.id < 20
        assert newest.pixels.max() < 100


@pytest.mark.parametrize(
    "requests",
    [
        [{"seek": pb.PreviewSeek(frame=1)}],
        [{"open": pb.PreviewOpen(document_json="[1]")}],
        [{"open": pb.PreviewOpen(document_json='{"a": ')}],
        [{"open": pb.PreviewOpen(document_json="{}", look=look((2, 1)))}],
        [{"open": pb.PreviewOpen(document_json="{}", look=look((1, 65)))}],
        [{"open": pb.PreviewOpen(document_json="{}")}] * 2,
        [{}],
    ],
)
async def test_what_breaks_the_contract_ends_the_stream(service: Previewing, requests: list[dict[str, Any]]) -> None:
    talk = Talk(service.stub.Preview(metadata=service.mint.metadata()))
    for request in requests:
        await talk.say(**request)
    with pytest.raises(InvalidArgument):
        await talk.hear("picture")


async def test_a_failing_node_is_told_of_and_the_session_lives_on(service: Previewing, plate: str) -> None:
    """Its file is not what it was when it was looked into: decoding fails, and nothing else."""
    document = graded(await service.shelf.add_torn(plate))
    async with service.open(document, look=look((1, 8))) as talk:
        status = await talk.hear("status")
        while not status.HasField("failure"):
            status = await talk.hear("status")
        assert status.failure.reason == "ERROR_REASON_MEDIA_UNREADABLE"
        assert status.failure.metadata["node"] == "plate"
        await talk.edit("nodes.plate.params.asset", plate)
        assert (await talk.picture()).head.revision == 2


async def test_sessions_are_counted_and_idle_ones_end(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("few")
    async with previewing(folder, sessions=2, sessions_of_tenant=1, idle_seconds=2.0) as service:
        async with service.open(titled(), look=look((1, 4))) as first:
            with pytest.raises(ResourceExhausted) as refused:
                async with service.open(titled()) as second:
                    await second.hear("picture")
            assert refused.value.metadata["limit"] == "preview_sessions_of_tenant"
            async with service.open(titled(), tenant="other", look=look((1, 4))) as other:
                with pytest.raises(ResourceExhausted) as refused:
                    async with service.open(titled(), tenant="third") as third:
                        await third.hear("picture")
                assert refused.value.metadata["limit"] == "preview_sessions"
                with pytest.raises(DeadlineExceeded):
                    await other.hear("nothing")
            with pytest.raises(DeadlineExceeded):
                await first.hear("nothing")
        await eventually(lambda: not children(), what="the end of all children")


async def test_a_child_that_hangs_is_replaced(tmp_path_factory: pytest.TempPathFactory) -> None:
    async with (
        previewing(tmp_path_factory.mktemp("hang"), render_seconds=3.0) as service,
        service.open(titled(), look=look()) as talk,
    ):
        await talk.picture()
        (child,) = children()
        child.suspend()
        await talk.edit("nodes.grade.params.exposure", -3)
        while not (status := await talk.hear("status")).HasField("failure"):
            pass
        assert status.failure.reason == "ERROR_REASON_DEADLINE_EXCEEDED"
        assert (await talk.picture()).head.revision == 2
