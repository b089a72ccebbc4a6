"""Looks beside media: uploaded, told apart, and refused where they are none."""

from __future__ import annotations

import pytest

from artifex.media.v1 import messages_pb2 as pb
from libs.chassis.errors import InvalidArgument
from tests.integration.media.served import Media, refused

CUBE = b"LUT_3D_SIZE 2\n" + b"".join(b"%d %d %d\n" % (r, g, b) for b in (0, 1) for g in (0, 1) for r in (0, 1))


async def test_a_look_becomes_an_asset_without_streams(media: Media) -> None:
    asset = await media.upload(CUBE, "warm.cube")
    assert asset.display_name == "warm.cube"
    assert asset.media.format == "cube"
    assert asset.media.look.grid_size == 2
    assert not asset.media.video_streams
    got = await media.call("GetAsset", pb.GetAssetRequest(name=asset.name))
    assert got.asset == asset
    assert b"".join([piece.content.data for piece in await media.download(asset.name)]) == CUBE
    error = await refused(media.call("GetThumbnail", pb.GetThumbnailRequest(name=asset.name)))
    assert error.reason == "ERROR_REASON_MEDIA_UNSUPPORTED"


@pytest.mark.parametrize("data", [b"no look at all", CUBE[:40], b"\x00" * 100])
async def test_what_is_no_look_is_refused(media: Media, data: bytes) -> None:
    upload = (await media.begin(data, "broken.cube")).upload.name
    await media.write(upload, data)
    error = await refused(media.finish(upload))
    assert isinstance(error, InvalidArgument)
    assert (error.reason, error.metadata["file"]) == ("ERROR_REASON_MEDIA_UNREADABLE", "broken.cube")
    assert "broken.cube" in error.message
    assert await media.keys("tenants/studio/blobs") == set(), "what cannot be used is not kept"


async def test_a_look_under_another_name_is_no_media(media: Media) -> None:
    upload = (await media.begin(CUBE, "warm.mp4")).upload.name
    await media.write(upload, CUBE)
    assert (await refused(media.finish(upload))).reason == "ERROR_REASON_MEDIA_UNREADABLE"
