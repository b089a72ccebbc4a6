"""Uploads, assets, thumbnails and downloads through the real service."""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
from collections.abc import Awaitable, Callable
from io import BytesIO
from pathlib import Path

import av
import grpc
import numpy as np
import psutil
import pytest
from google.api.httpbody_pb2 import HttpBody

from artifex.media.v1 import messages_pb2 as pb
from artifex.media.v1 import work_pb2
from libs.chassis.errors import (
    AlreadyExists,
    DataLoss,
    FailedPrecondition,
    Internal,
    InvalidArgument,
    NotFound,
    OutOfRange,
    ResourceExhausted,
)
from libs.chassis.testing import NatsServer
from services.media.domain.model import PART_BYTES
from tests.integration.media.served import Media, messages, refused, serving
from tests.support.footage import bunny, write_clip


@pytest.fixture(scope="session")
def clip() -> bytes:
    return bunny().read_bytes()


@pytest.fixture
def small(tmp_path: Path) -> bytes:
    return write_clip(tmp_path / "small.mp4", "h264", frames=12, sound=True).read_bytes()


async def test_an_uploaded_clip_becomes_an_asset_with_everything_known_of_it(media: Media, clip: bytes) -> None:
    asset = await media.upload(clip, "Big Buck Bunny.mp4")

    assert asset.display_name == "Big Buck Bunny.mp4"
    assert asset.blob.digest == hashlib.sha256(clip).hexdigest()
    assert (asset.blob.size, asset.blob.media_type) == (len(clip), "video/mp4")
    video = asset.media.video_streams[0]
    assert (video.width, video.height, video.frame_count, video.codec) == (1280, 720, 132, "h264")
    assert (video.frame_rate.numerator, video.frame_rate.denominator) == (25, 1)
    assert asset.media.audio_streams[0].channels == 6
    assert asset.provenance.origin == "upload"
    assert len(asset.provenance.trace_id) == 32
    assert asset.create_user == "users/ann"
    got = await media.call("GetAsset", pb.GetAssetRequest(name=asset.name))
    assert got.asset == asset

    event = await media.event("evt.studio.media.asset.ready", work_pb2.AssetReadyEvent)
    assert event.asset == asset
    assert event.actor.tenant == "studio"
    assert await media.keys("tenants/studio/uploads") == set(), "the parts are gone"


async def test_known_bytes_need_no_second_upload_in_their_tenant_alone(media: Media, small: bytes) -> None:
    asset = await media.upload(small)
    again = await media.begin(small, "other name.mp4")
    assert again.asset == asset
    assert not again.HasField("upload")
    assert (await media.begin(small, tenant="rival")).HasField("upload")


async def test_an_upload_goes_on_where_a_broken_connection_left_it(media: Media) -> None:
    rng = np.random.default_rng(0)
    frames = write_noise(rng, PART_BYTES * 2 + 3_000_000)
    name = (await media.begin(frames)).upload.name
    sent = PART_BYTES + 2_500_000

    async def broken() -> object:
        for message in messages(name, frames[:sent]):
            yield message
        hang.set()
        await asyncio.Event().wait()

    hang = asyncio.Event()
    call = media.stub.WriteUpload(broken(), metadata=media.auth())
    await asyncio.wait_for(hang.wait(), 30)

    async def committed_size() -> int:
        got = await media.call("GetUpload", pb.GetUploadRequest(name=name))
        return int(got.upload.committed_size)

    async def first_part_is_safe() -> bool:
        return await committed_size() == PART_BYTES

    await become_true(first_part_is_safe)
    call.cancel()

    committed = await committed_size()
    assert committed == PART_BYTES, "whole parts are safe, the rest of the broken stream is not"
    error = await refused(media.finish(name))
    assert isinstance(error, FailedPrecondition)
    assert error.metadata["state"] == "incomplete"
    assert await media.write(name, frames[committed : committed + 10], offset=committed) == committed + 10
    rest = committed + 10
    assert await media.write(name, frames[rest:], offset=rest) == len(frames)
    asset = await media.finish(name)
    assert b"".join(piece.content.data for piece in await media.download(asset.name)) == frames


async def test_uploads_survive_a_restart_of_the_service(tmp_path: Path, small: bytes) -> None:
    async with NatsServer(tmp_path / "nats") as nats:
        async with serving(tmp_path / "home", nats.url) as first:
            name = (await first.begin(small)).upload.name
            assert await first.write(name, small[:1000]) == 1000
        async with serving(tmp_path / "home", nats.url) as second:
            got = await second.call("GetUpload", pb.GetUploadRequest(name=name))
            assert got.upload.committed_size == 1000
            await second.write(name, small[1000:], offset=1000)
            assert (await second.finish(name)).blob.size == len(small)


async def test_a_wrong_offset_is_told_where_to_go_on(media: Media, small: bytes) -> None:
    name = (await media.begin(small)).upload.name
    await media.write(name, small[:500])
    for offset in (0, 499, 501):
        error = await refused(media.write(name, small[offset:], offset=offset))
        assert isinstance(error, OutOfRange)
        assert error.reason == "ERROR_REASON_UPLOAD_OFFSET_MISMATCH"
        assert error.metadata["committed_size"] == "500"


async def test_two_connections_that_race_store_each_byte_once(media: Media, small: bytes) -> None:
    name = (await media.begin(small)).upload.name
    outcomes = await asyncio.gather(*(media.write(name, small) for _ in range(4)), return_exceptions=True)
    assert outcomes.count(len(small)) == 1
    assert all(isinstance(error, OutOfRange) for error in outcomes if error != len(small))
    assert len(await media.keys("tenants/studio/uploads")) == 1
    assert (await media.finish(name)).blob.size == len(small)


async def test_more_bytes_than_announced_and_other_bytes_than_announced_are_refused(media: Media, small: bytes) -> None:
    name = (await media.begin(small)).upload.name
    too_many = await refused(media.write(name, small + b"x"))
    assert too_many.reason == "ERROR_REASON_RANGE_INVALID"
    await media.write(name, b"\0" * len(small))
    for _ in range(2):
        error = await refused(media.finish(name))
        assert isinstance(error, DataLoss)
        assert error.reason == "ERROR_REASON_UPLOAD_DIGEST_MISMATCH"
        assert error.metadata["digest"] == hashlib.sha256(b"\0" * len(small)).hexdigest()
    assert await media.keys("tenants/studio/blobs") == set()


async def test_finishing_many_times_at_once_makes_one_asset(media: Media, small: bytes) -> None:
    name = (await media.begin(small)).upload.name
    await media.write(name, small)
    assets = await asyncio.gather(*(media.finish(name) for _ in range(5)))
    assert len({asset.name for asset in assets}) == 1
    assert (await media.finish(name)).name == assets[0].name
    listed = await media.call("ListAssets", pb.ListAssetsRequest())
    assert len(listed.assets) == 1
    late = await refused(media.write(name, b"x", offset=len(small)))
    assert isinstance(late, FailedPrecondition)


async def test_two_uploads_of_the_same_bytes_share_one_asset(media: Media, small: bytes) -> None:
    names = [(await media.begin(small)).upload.name for _ in range(2)]
    for name in names:
        await media.write(name, small)
    first, second = await asyncio.gather(*(media.finish(name) for name in names))
    assert first == second


async def test_a_repeated_request_id_returns_the_first_answer(media: Media) -> None:
    request = pb.CreateUploadRequest(display_name="a.mp4", size=5, digest="0" * 64, request_id="once")
    first = await media.call("CreateUpload", request)
    assert await media.call("CreateUpload", request) == first
    request.size = 6
    assert isinstance(await refused(media.call("CreateUpload", request)), AlreadyExists)


async def test_a_file_over_the_limit_is_refused_before_any_byte(tmp_path: Path) -> None:
    async with NatsServer(tmp_path / "nats") as nats, serving(tmp_path / "h", nats.url, max_upload_bytes=100) as media:
        error = await refused(media.begin(b"x" * 101))
        assert isinstance(error, ResourceExhausted)
        assert error.reason == "ERROR_REASON_LIMIT_EXCEEDED"
        assert error.metadata == {"limit": "max_upload_bytes", "value": "100"}


@pytest.mark.parametrize(
    ("name", "damage", "reason"),
    [
        ("notes.txt", lambda clip: b"Dear diary, " * 100, "ERROR_REASON_MEDIA_UNREADABLE"),
        ("cut.mp4", lambda clip: clip[: len(clip) // 2], "ERROR_REASON_MEDIA_TRUNCATED"),
        ("list.mp4", lambda clip: b"#EXTM3U\n#EXTINF:1,\n/etc/passwd\n", "ERROR_REASON_MEDIA_UNREADABLE"),
    ],
)
async def test_files_that_are_no_whole_media_are_typed_errors(
    media: Media, clip: bytes, name: str, damage: Callable[[bytes], bytes], reason: str
) -> None:
    upload = (await media.begin(data := damage(clip), name)).upload.name
    await media.write(upload, data)
    error = await refused(media.finish(upload))
    assert isinstance(error, InvalidArgument)
    assert (error.reason, error.metadata["file"]) == (reason, name)
    assert name in error.message
    assert await media.keys("tenants/studio/blobs") == set(), "what cannot be used is not kept"


async def test_other_tenants_find_nothing_by_any_rpc(media: Media, small: bytes) -> None:
    asset = await media.upload(small)
    upload = (await media.begin(small + b"x")).upload.name
    for call in (
        media.call("GetAsset", pb.GetAssetRequest(name=asset.name), "rival"),
        media.call("DeleteAsset", pb.DeleteAssetRequest(name=asset.name), "rival"),
        media.call("GetThumbnail", pb.GetThumbnailRequest(name=asset.name), "rival"),
        media.download(asset.name, "rival"),
        media.call("GetUpload", pb.GetUploadRequest(name=upload), "rival"),
        media.write(upload, small, tenant="rival"),
        media.finish(upload, "rival"),
    ):
        error = await refused(call)
        assert isinstance(error, NotFound), error
        assert error.reason == "ERROR_REASON_RESOURCE_NOT_FOUND"
    assert not (await media.call("ListAssets", pb.ListAssetsRequest(), "rival")).assets
    assert (await media.call("GetAsset", pb.GetAssetRequest(name=asset.name))).asset == asset


async def test_lists_page_from_the_newest(media: Media, tmp_path: Path) -> None:
    names = []
    for count in (2, 3, 4, 5, 6):
        data = write_clip(tmp_path / f"{count}.mp4", "h264", frames=count).read_bytes()
        names.append((await media.upload(data)).name)
    seen: list[str] = []
    token = ""
    while True:
        page = await media.call("ListAssets", pb.ListAssetsRequest(page_size=2, page_token=token))
        seen += [asset.name for asset in page.assets]
        token = page.next_page_token
        if not token:
            break
    assert seen == names[::-1]
    bad = await refused(media.call("ListAssets", pb.ListAssetsRequest(page_token="bogus")))
    assert bad.reason == "ERROR_REASON_PAGE_TOKEN_INVALID"


async def test_downloads_are_whole_or_ranged_and_come_in_small_pieces(media: Media, clip: bytes) -> None:
    asset = await media.upload(clip)
    pieces = await media.download(asset.name)
    assert b"".join(piece.content.data for piece in pieces) == clip
    assert max(len(piece.content.data) for piece in pieces) <= 1 << 20
    assert {piece.content.content_type for piece in pieces} == {"video/mp4"}
    for offset, length in ((0, 10), (1000, 70_000), (len(clip) - 5, 100), (17, 0)):
        got = await media.download(asset.name, offset=offset, length=length)
        assert b"".join(piece.content.data for piece in got) == clip[offset : offset + length if length else None]
    error = await refused(media.download(asset.name, offset=len(clip) + 1))
    assert isinstance(error, OutOfRange)
    assert error.metadata["size"] == str(len(clip))


async def test_a_thumbnail_is_the_frame_at_its_time(media: Media, clip: bytes) -> None:
    asset = await media.upload(clip)
    for seconds, index in ((0.0, 0), (2.4, 60), (99.0, 131)):
        request = pb.GetThumbnailRequest(name=asset.name, time=seconds, width=160)
        image = (await media.call("GetThumbnail", request)).image
        assert image.content_type == "image/jpeg"
        assert (await media.call("GetThumbnail", request)).image == image
        with av.open(BytesIO(image.data), "r") as container:
            got = next(container.decode(video=0)).to_ndarray(format="rgb24").astype(float)
        with av.open(str(bunny()), "r") as container:
            frames = (frame for number, frame in enumerate(container.decode(video=0)) if number == index)
            # libswscale scales and converts on its own: the oracle.
            wanted = next(frames).to_ndarray(
                format="rgb24", width=160, height=90, src_colorspace="ITU709", interpolation="AREA"
            )
        assert got.shape == (90, 160, 3)
        assert np.abs(got - wanted.astype(float)).mean() < 6.0, "JPEG alone loses 4.6 here"


async def test_deleting_frees_the_bytes_with_their_last_asset(media: Media, small: bytes) -> None:
    asset = await media.upload(small)
    await media.call("GetThumbnail", pb.GetThumbnailRequest(name=asset.name))
    assert await media.keys("tenants/studio/thumbnails")
    theirs = await media.upload(small, tenant="rival")
    await media.call("DeleteAsset", pb.DeleteAssetRequest(name=asset.name))
    assert await media.keys("tenants/studio") == set()
    assert isinstance(await refused(media.call("GetAsset", pb.GetAssetRequest(name=asset.name))), NotFound)
    assert await media.download(theirs.name, "rival"), "another tenant's equal bytes are its own"


async def test_a_reviewer_reads_and_writes_nothing(media: Media, small: bytes) -> None:
    asset = await media.upload(small)
    reviewer = media.auth(role="ROLE_REVIEWER")
    assert (await media.stub.GetAsset(pb.GetAssetRequest(name=asset.name), metadata=reviewer)).asset == asset
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await media.stub.DeleteAsset(pb.DeleteAssetRequest(name=asset.name), metadata=reviewer)
    assert refusal.value.code() is grpc.StatusCode.PERMISSION_DENIED
    chunk = HttpBody(data=b"x")
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await media.stub.WriteUpload(iter([pb.WriteUploadRequest(name="uploads/x", chunk=chunk)]), metadata=reviewer)
    assert refusal.value.code() is grpc.StatusCode.PERMISSION_DENIED


async def test_a_decoder_that_dies_fails_one_call_and_the_service_lives(media: Media, small: bytes) -> None:
    asset = await media.upload(small)
    child = decoder_child()
    os.kill(child.pid, signal.SIGSTOP)  # holds the next call inside the decoder
    request = pb.GetThumbnailRequest(name=asset.name)
    doomed = asyncio.create_task(refused(media.call("GetThumbnail", request)))
    await asyncio.wait({doomed}, timeout=0.3)
    assert not doomed.done()
    child.kill()
    error = await asyncio.wait_for(doomed, 30)
    assert isinstance(error, Internal)
    assert error.reason == "ERROR_REASON_DECODER_CRASHED"
    assert error.metadata == {"file": "clip.mp4"}
    assert (await media.call("GetThumbnail", request)).image.data[:2] == b"\xff\xd8"


async def test_forgotten_uploads_are_swept(tmp_path: Path, small: bytes) -> None:
    async with (
        NatsServer(tmp_path / "nats") as nats,
        serving(tmp_path / "h", nats.url, upload_seconds=0.3, sweep_seconds=0.1) as media,
    ):
        name = (await media.begin(small)).upload.name
        await media.write(name, small[:100])

        async def swept() -> bool:
            return not await media.keys("tenants/studio/uploads")

        await become_true(swept)
        assert isinstance(await refused(media.call("GetUpload", pb.GetUploadRequest(name=name))), NotFound)


async def become_true(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(30):
        while not await condition():  # noqa: ASYNC110 - another process's state has no event to wait for
            await asyncio.sleep(0.02)


def decoder_child() -> psutil.Process:
    found = [
        child
        # Of this process alone: another test's studio has decoders as well, further down.
        for child in psutil.Process().children()
        if "services.media.adapters.decoder_child:run" in child.cmdline()
    ]
    assert len(found) == 1
    return found[0]


def write_noise(rng: np.random.Generator, size: int) -> bytes:
    """A WAV of noise of about that many bytes: media as large as wanted in no time."""
    samples = rng.integers(-20000, 20000, size // 2, dtype=np.int16).tobytes()
    header = b"RIFF" + (36 + len(samples)).to_bytes(4, "little") + b"WAVEfmt " + (16).to_bytes(4, "little")
    header += (1).to_bytes(2, "little") + (1).to_bytes(2, "little") + (48000).to_bytes(4, "little")
    header += (96000).to_bytes(4, "little") + (2).to_bytes(2, "little") + (16).to_bytes(2, "little")
    return header + b"data" + len(samples).to_bytes(4, "little") + samples
