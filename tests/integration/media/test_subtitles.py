"""Subtitles beside media: uploaded, told apart, and refused where they are none."""

from __future__ import annotations

import pytest

from artifex.media.v1 import messages_pb2 as pb
from libs.chassis.errors import InvalidArgument
from tests.integration.media.served import Media, refused

SRT = "1\n00:00:01,500 --> 00:00:04,000\n안녕\n\n2\n00:00:04,000 --> 00:00:05,250\n<i>bye</i>\n".encode()
VTT = b"WEBVTT\n\n00:01.500 --> 00:04.000 align:start\nhello\n"


@pytest.mark.parametrize(
    ("name", "data", "cues", "media_type"),
    [("words.srt", SRT, 2, "application/x-subrip"), ("words.vtt", VTT, 1, "text/vtt")],
)
async def test_subtitles_become_an_asset_without_streams(
    media: Media, name: str, data: bytes, cues: int, media_type: str
) -> None:
    asset = await media.upload(data, name)
    assert (asset.display_name, asset.media.format, asset.blob.media_type) == (name, name[-3:], media_type)
    assert asset.media.subtitles.cue_count == cues
    assert (asset.media.subtitles.start_time.numerator, asset.media.subtitles.start_time.denominator) == (3, 2)
    assert not asset.media.video_streams
    error = await refused(media.call("GetThumbnail", pb.GetThumbnailRequest(name=asset.name)))
    assert error.reason == "ERROR_REASON_MEDIA_UNSUPPORTED"


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("broken.srt", SRT.replace(b"04,000 -->", b"04 -->"), "line 6 is no time"),
        ("broken.vtt", VTT[7:], "WEBVTT"),
        ("broken.srt", b"\xff" * 99, "UTF-8"),
    ],
)
async def test_what_is_no_subtitle_file_is_refused(media: Media, name: str, data: bytes, said: str) -> None:
    upload = (await media.begin(data, name)).upload.name
    await media.write(upload, data)
    error = await refused(media.finish(upload))
    assert isinstance(error, InvalidArgument)
    assert (error.reason, error.metadata["file"]) == ("ERROR_REASON_MEDIA_UNREADABLE", name)
    assert said in error.message
    assert await media.keys("tenants/studio/blobs") == set(), "what cannot be used is not kept"
