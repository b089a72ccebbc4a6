"""Image sequences beside media: one upload, one asset, refused where their stills do not go together."""

from __future__ import annotations

from pathlib import Path

import pytest

from artifex.media.v1 import messages_pb2 as pb
from artifex.stills import StillArchive
from libs.chassis.errors import InvalidArgument
from tests.integration.media.served import Media, refused
from tests.support.stills import noise, write_still


def zipped(folder: Path, *widths: int) -> bytes:
    stills = [
        write_still(folder / f"s.{number:04}.exr", noise(number, width)) for number, width in enumerate(widths, 1)
    ]
    with StillArchive(stills).open() as archive:
        return archive.read()


async def test_a_sequence_becomes_an_asset(media: Media, tmp_path: Path) -> None:
    data = zipped(tmp_path, 64, 64, 64)
    asset = await media.upload(data, "s.####.exr")
    assert (asset.display_name, asset.blob.media_type) == ("s.####.exr", "application/zip")
    assert (asset.media.sequence.first_frame, asset.media.sequence.last_frame) == (1, 3)
    assert asset.media.video_streams[0].frame_count == 3
    assert b"".join([piece.content.data for piece in await media.download(asset.name)]) == data
    for time in (0.0, 0.05, 9.0):
        thumbnail = await media.call("GetThumbnail", pb.GetThumbnailRequest(name=asset.name, time=time, width=32))
        assert thumbnail.image.data.startswith(b"\xff\xd8")


@pytest.mark.parametrize(
    ("spoilt", "reason", "words"),
    [
        ((64, 48), "ERROR_REASON_MEDIA_UNSUPPORTED", "s.0002.exr is 48x36, and s.0001.exr is 64x36"),
        ((64, 64), "ERROR_REASON_MEDIA_TRUNCATED", "not copied whole"),
    ],
)
async def test_what_is_no_sequence_is_refused(
    media: Media, tmp_path: Path, spoilt: tuple[int, ...], reason: str, words: str
) -> None:
    data = zipped(tmp_path, *spoilt)
    data = data[:-100] if len(set(spoilt)) == 1 else data
    upload = (await media.begin(data, "s.####.exr")).upload.name
    await media.write(upload, data)
    error = await refused(media.finish(upload))
    assert isinstance(error, InvalidArgument)
    assert error.reason == reason
    assert words in error.message
    assert error.message.startswith("s.####.exr: ")
