"""The same service on PostgreSQL and a real S3 server, by settings alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from artifex.media.v1 import messages_pb2 as pb
from artifex.media.v1 import work_pb2
from libs.chassis.ids import new_id
from libs.chassis.testing import NatsServer, PostgresServer
from libs.frames.decoded import frame_hashes
from tests.integration.media.served import serving
from tests.integration.media.test_assets import write_noise
from tests.integration.media.test_work import movie_of, queue, render


async def test_uploads_thumbnails_and_movies_on_postgres_and_s3(
    tmp_path: Path, postgres_server: PostgresServer, s3_url: Callable[[], str]
) -> None:
    database = await postgres_server.create_database(new_id())
    async with (
        NatsServer(tmp_path / "nats") as nats,
        serving(tmp_path / "home", nats.url, database_url=database, objects_url=s3_url()) as media,
    ):
        data = write_noise(np.random.default_rng(0), 20_000_000)
        sound = await media.upload(data, "noise.wav")
        got = await media.download(sound.name, offset=9_000_000, length=3_000_000)
        assert b"".join(piece.content.data for piece in got) == data[9_000_000:12_000_000]
        segments = await render(media, tmp_path)
        await queue(media, segments.work)
        completed = await media.event("evt.studio.media.assembly.completed", work_pb2.AssemblyCompletedEvent)
        assert frame_hashes(await movie_of(media, completed.asset, tmp_path)) == segments.hashes
        image = await media.call("GetThumbnail", pb.GetThumbnailRequest(name=completed.asset.name, width=64))
        assert image.image.data[:2] == b"\xff\xd8"
        for name in (sound.name, completed.asset.name):
            await media.call("DeleteAsset", pb.DeleteAssetRequest(name=name))
        assert await media.keys("tenants/studio/blobs") == set()
        assert await media.keys("tenants/studio/thumbnails") == set()
