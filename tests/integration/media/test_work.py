"""Movies joined and footage taken in, by work items on a real queue."""

from __future__ import annotations

import asyncio
import hashlib
import json
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import psutil
import pytest

from artifex.common.v1.types_pb2 import Actor, Blob, Rational
from artifex.generator.v1.messages_pb2 import GenerationProvenance
from artifex.media.v1 import messages_pb2 as pb
from artifex.media.v1 import work_pb2
from artifex.provenance import DETAIL, SCHEMA, TAG, heard, told
from libs.chassis.objects import blob_key, hash_file
from libs.chassis.testing import NatsServer, eventually
from libs.frames.audio_reader import AudioReader
from libs.frames.audio_writer import AudioWriter
from libs.frames.codecs import VideoSettings
from libs.frames.decoded import frame_hashes
from libs.frames.loudness import measure
from libs.frames.video_writer import MASTER, VideoWriter
from tests.integration.media.served import Media, serving
from tests.support.footage import pattern

FPS = Fraction(24)
SIZE = 256, 128
ACTOR = Actor(tenant="studio", subject="ann")


@dataclass
class Segments:
    """A rendered job's pieces, at rest where graph workers put them."""

    work: work_pb2.AssembleWork
    hashes: list[str]
    sound: np.ndarray


async def render(
    media: Media,
    folder: Path,
    *,
    job: str = "renderJobs/j1",
    counts: tuple[int, ...] = (8, 8, 3),
    audio: str = "aac",
    video: VideoSettings = VideoSettings(),  # noqa: B008 - frozen
    container: str = "mp4",
) -> Segments:
    hashes: list[str] = []
    work = work_pb2.AssembleWork(
        actor=ACTOR,
        job=job,
        task="assembly",
        attempt=1,
        container=container,
        display_name=f"out.{container}",
        frame_rate=Rational(numerator=24, denominator=1),
        frame_count=sum(counts),
        provenance=pb.Provenance(origin="render", source=job, details={"document_digest": "d"}),
    )

    async def put(path: Path) -> Blob:
        data = await asyncio.to_thread(path.read_bytes)
        digest = hashlib.sha256(data).hexdigest()
        await media.objects.put_bytes(f"tenants/studio/jobs/{job.partition('/')[2]}/{digest}", data)
        return Blob(digest=digest, size=len(data), media_type="video/mp4")

    done = 0
    for number, count in enumerate(counts):
        path = folder / str(number)
        with VideoWriter(path, *SIZE, FPS, video) as writer:
            for index in range(done, done + count):
                writer.write(pattern(index, *SIZE))
        done += count
        hashes += frame_hashes(path)
        work.segments.append(work_pb2.Segment(blob=await put(path), frame_count=count))
    length = int(done / FPS * 48000)
    sound = np.random.default_rng(1).normal(0, 0.1, (2, length)).astype(np.float32)
    if audio:
        path = folder / "sound"
        with AudioWriter(path, codec=audio) as writer_:
            writer_.write(sound)
        work.audio.CopyFrom(work_pb2.Segment(blob=await put(path)))
        with AudioReader(path) as reader:
            sound = reader.read(0, length)
    return Segments(work, hashes, sound)


async def queue(media: Media, work: work_pb2.AssembleWork, key: str = "w1") -> None:
    await media.bus.publish("work.assemble.normal", work, key=key)


async def movie_of(media: Media, asset: pb.Asset, folder: Path) -> Path:
    path = folder / "got.mp4"
    path.write_bytes(b"".join(piece.content.data for piece in await media.download(asset.name)))
    return path


@pytest.mark.parametrize(
    ("container", "video", "audio", "media_type"),
    [
        ("mp4", VideoSettings(), "aac", "video/mp4"),
        ("mov", VideoSettings("prores"), "pcm", "video/quicktime"),
        ("webm", VideoSettings("vp9"), "opus", "video/webm"),
        ("mkv", VideoSettings("av1", "10bit"), "flac", "video/matroska"),
    ],
)
async def test_segments_become_a_verified_movie(
    media: Media, tmp_path: Path, container: str, video: VideoSettings, audio: str, media_type: str
) -> None:
    segments = await render(media, tmp_path, container=container, video=video, audio=audio)
    await queue(media, segments.work)
    completed = await media.event("evt.studio.media.assembly.completed", work_pb2.AssemblyCompletedEvent)
    started = await media.event("evt.studio.media.assembly.started", work_pb2.AssemblyStartedEvent)
    assert (started.job, started.task, started.attempt) == ("renderJobs/j1", "assembly", 1)
    assert (completed.job, completed.task, completed.attempt) == ("renderJobs/j1", "assembly", 1)

    asset = completed.asset
    assert (asset.display_name, asset.blob.media_type) == (f"out.{container}", media_type)
    assert asset.provenance.source == "renderJobs/j1"
    loudness = str(measure(tmp_path / "sound").loudness)
    assert loudness.endswith("LUFS")
    assert dict(asset.provenance.details) == {"document_digest": "d", "loudness": loudness}
    assert asset.media.video_streams[0].frame_count == 19
    assert asset.media.audio_streams[0].channels == 2
    assert (await media.call("GetAsset", pb.GetAssetRequest(name=asset.name))).asset == asset
    path = await movie_of(media, asset, tmp_path)
    assert frame_hashes(path) == segments.hashes, "joined without encoding anything again"
    with AudioReader(path) as reader:
        assert np.array_equal(reader.read(0, segments.sound.shape[1]), segments.sound)
    ready = await media.event("evt.studio.media.asset.ready", work_pb2.AssetReadyEvent)
    assert ready.asset.name == asset.name
    assert len(await media.keys("tenants/studio/jobs")) == 4, "the segments are the graph service's to remove"


async def test_a_redelivery_tells_the_same_asset_again(media: Media, tmp_path: Path) -> None:
    segments = await render(media, tmp_path, audio="")
    await queue(media, segments.work, "first")
    first = await media.event("evt.studio.media.assembly.completed", work_pb2.AssemblyCompletedEvent)
    media.events.clear()
    segments.work.attempt = 2
    await queue(media, segments.work, "second")
    second = await media.event("evt.studio.media.assembly.completed", work_pb2.AssemblyCompletedEvent)
    assert second.asset == first.asset
    assert second.attempt == 2
    assert len((await media.call("ListAssets", pb.ListAssetsRequest())).assets) == 1
    assert not first.asset.media.audio_streams


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        ("missing segment", "ERROR_REASON_RESOURCE_NOT_FOUND"),
        ("changed segment", "ERROR_REASON_STORED_DATA_CHANGED"),
        ("no media", "ERROR_REASON_MEDIA_UNREADABLE"),
        ("other settings", "ERROR_REASON_MEDIA_UNSUPPORTED"),
        ("other count", "ERROR_REASON_MEDIA_UNSUPPORTED"),
        ("other container", "ERROR_REASON_REQUEST_INVALID"),
    ],
)
async def test_work_that_cannot_succeed_is_told_and_leaves_nothing(
    media: Media, tmp_path: Path, damage: str, reason: str
) -> None:
    segments = await render(media, tmp_path)
    work = segments.work
    key = f"tenants/studio/jobs/j1/{work.segments[1].blob.digest}"
    if damage == "missing segment":
        await media.objects.delete(key)
    elif damage == "changed segment":
        await media.objects.put_bytes(key, b"rotten")
    elif damage in ("no media", "other settings"):
        path = tmp_path / "odd.mp4"
        path.write_bytes(b"no movie")
        if damage == "other settings":
            with VideoWriter(path, 96, 64, FPS) as writer:
                writer.write(pattern(0, 96, 64))
        work.segments[1].blob.digest = hash_file(path)
        await media.objects.put_file(f"tenants/studio/jobs/j1/{hash_file(path)}", path)
    elif damage == "other container":
        work.container = "avi"
    else:
        work.frame_count += 1
    await queue(media, work)
    failed = await media.event("evt.studio.media.assembly.failed", work_pb2.AssemblyFailedEvent)
    assert (failed.job, failed.task, failed.attempt) == ("renderJobs/j1", "assembly", 1)
    assert failed.failure.reason == reason
    assert str(tmp_path) not in failed.failure.message
    assert await media.keys("tenants/studio/blobs") == set()
    assert not list((media.platform.home / "media" / "scratch").glob("*.mp4"))
    assert not (await media.call("ListAssets", pb.ListAssetsRequest())).assets


async def test_a_cancelled_job_is_dropped_unsaid(media: Media, tmp_path: Path) -> None:
    segments = await render(media, tmp_path, job="renderJobs/gone")
    other = await render(media, tmp_path, job="renderJobs/wanted", audio="")
    await media.control.cancel("renderJobs/gone")
    await queue(media, segments.work, "gone")
    await queue(media, other.work, "wanted")
    completed = await media.event("evt.studio.media.assembly.completed", work_pb2.AssemblyCompletedEvent)
    assert completed.job == "renderJobs/wanted"
    assert all("gone" not in str(delivery.data) for delivery in media.events)
    assert len(await media.keys("tenants/studio/blobs")) == 1


@pytest.fixture
async def frozen(media: Media, tmp_path: Path) -> tuple[Media, work_pb2.AssembleWork, psutil.Process]:
    """A service that is joining a movie right now, its decoder stopped in the middle."""
    warm = await render(media, tmp_path, job="renderJobs/warm", counts=(2,), audio="")
    await queue(media, warm.work, "warm")
    await media.event("evt.studio.media.assembly.completed", work_pb2.AssemblyCompletedEvent)
    media.events.clear()
    (child,) = (
        child
        # The service runs in this process; a studio that other tests left running has decoders further down.
        for child in psutil.Process().children()
        if "services.media.adapters.decoder_child:run" in child.cmdline()
    )
    segments = await render(media, tmp_path, job="renderJobs/held", counts=(150, 150))
    await queue(media, segments.work, "held")
    scratch = media.platform.home / "media" / "scratch"
    await eventually(lambda: any(scratch.glob("*.mp4")), what="the movie in the making")
    child.suspend()
    assert any(scratch.glob("*.mp4")), "it was not finished meanwhile"
    return media, segments.work, child


async def test_cancelling_ends_a_running_assembly_at_once(
    frozen: tuple[Media, work_pb2.AssembleWork, psutil.Process],
) -> None:
    media, work, child = frozen
    await media.control.cancel(work.job)
    await eventually(lambda: not child.is_running(), what="the end of the decoder", timeout=2)
    media.events.clear()
    await media.bus.publish("work.assemble.normal", work, key="again")
    ingest = work_pb2.IngestWork(actor=ACTOR, blob=Blob(digest="0" * 64), correlation="generations/none")
    await media.bus.publish("work.ingest.normal", ingest, key="after")
    await media.event("evt.studio.media.asset.failed", work_pb2.AssetFailedEvent)
    assert [delivery.subject for delivery in media.events] == ["evt.studio.media.asset.failed"]
    assert len(await media.keys("tenants/studio/blobs")) == 1
    assert not list((media.platform.home / "media" / "scratch").glob("*.mp4"))


async def test_an_assembly_whose_decoder_dies_is_done_anew(
    frozen: tuple[Media, work_pb2.AssembleWork, psutil.Process],
) -> None:
    media, work, child = frozen
    child.kill()
    completed = await media.event("evt.studio.media.assembly.completed", work_pb2.AssemblyCompletedEvent)
    assert completed.job == work.job


async def test_work_waits_for_a_service_that_is_down(tmp_path: Path) -> None:
    async with NatsServer(tmp_path / "nats") as nats:
        async with serving(tmp_path / "home", nats.url, roles="api") as asleep:
            segments = await render(asleep, tmp_path)
            await queue(asleep, segments.work)
            assert not asleep.events
        async with serving(tmp_path / "home", nats.url) as awake:
            completed = await awake.event("evt.studio.media.assembly.completed", work_pb2.AssemblyCompletedEvent)
            assert completed.asset.media.video_streams[0].frame_count == 19


async def test_a_movie_says_in_its_own_metadata_what_made_its_generated_clips(media: Media, tmp_path: Path) -> None:
    segments = await render(media, tmp_path, counts=(3,), audio="")
    clip = GenerationProvenance(model="models/wan22-nano-t2v", prompt="붉은 원", sigmas=[1.0, 0.5], device="cpu")
    segments.work.provenance.details[DETAIL] = told([clip])
    await queue(media, segments.work)
    completed = await media.event("evt.studio.media.assembly.completed", work_pb2.AssemblyCompletedEvent)
    assert heard(completed.asset.provenance.details[DETAIL]) == [clip]
    with av.open(str(await movie_of(media, completed.asset, tmp_path))) as movie:
        said = json.loads(movie.metadata[TAG])
    assert said["schema"] == SCHEMA
    assert heard(json.dumps(said[DETAIL])) == [clip]
    # Nothing of the job is in it: another that renders the same makes the same bytes.
    assert set(said) == {"schema", DETAIL}


async def test_stored_bytes_are_taken_in(media: Media, tmp_path: Path) -> None:
    path = tmp_path / "shot.mkv"
    with VideoWriter(path, 64, 48, FPS, MASTER) as writer:
        for index in range(5):
            writer.write(pattern(index, 64, 48))
    data = path.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    await media.objects.put_bytes(blob_key("studio", digest), data)
    work = work_pb2.IngestWork(
        actor=ACTOR,
        blob=Blob(digest=digest, size=len(data), media_type="video/x-matroska"),
        display_name="shot.mkv",
        provenance=pb.Provenance(origin="generation", source="generations/g1", details={"seed": "7"}),
        correlation="generations/g1",
    )
    await media.bus.publish("work.ingest.normal", work, key="one")
    ready = await media.event("evt.studio.media.asset.ready", work_pb2.AssetReadyEvent)
    assert ready.correlation == "generations/g1"
    assert ready.asset.media.video_streams[0].frame_count == 5
    assert ready.asset.provenance.details["seed"] == "7"
    assert ready.asset.blob == work.blob

    await media.bus.publish("work.ingest.normal", work, key="two")
    work.correlation = "generations/g2"
    await media.bus.publish("work.ingest.normal", work, key="three")
    async with asyncio.timeout(30):
        while len((await media.call("ListAssets", pb.ListAssetsRequest())).assets) < 2:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    assert len((await media.call("ListAssets", pb.ListAssetsRequest())).assets) == 2


async def test_bytes_that_are_no_media_are_not_taken_in(media: Media) -> None:
    data = b"nothing to see"
    digest = hashlib.sha256(data).hexdigest()
    await media.objects.put_bytes(blob_key("studio", digest), data)
    work = work_pb2.IngestWork(
        actor=ACTOR, blob=Blob(digest=digest, size=len(data)), display_name="x.mkv", correlation="generations/bad"
    )
    await media.bus.publish("work.ingest.normal", work, key="bad")
    failed = await media.event("evt.studio.media.asset.failed", work_pb2.AssetFailedEvent)
    assert failed.correlation == "generations/bad"
    assert failed.failure.reason == "ERROR_REASON_MEDIA_UNREADABLE"
    assert failed.failure.metadata["file"] == "x.mkv"
