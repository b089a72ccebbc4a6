from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from artifex.common.v1 import types_pb2
from artifex.generator.v1 import messages_pb2 as generator_pb2
from artifex.media.v1 import messages_pb2 as media_pb2
from libs.chassis.bus import Bus
from libs.chassis.database import Database, migrate
from libs.chassis.errors import ArtifexError, NotFound
from libs.chassis.objects import ObjectStore, open_objects
from libs.chassis.outbox import Outbox
from services.graph.adapters import tables
from services.graph.adapters.job_store import SqlJobStore
from services.graph.composition import MIGRATIONS


class Shelf:
    """The `MediaCatalogue` and `Documents` of one tenant, in memory."""

    def __init__(self) -> None:
        self.assets: dict[str, media_pb2.Asset] = {}
        self.documents: dict[tuple[str, int], str] = {}

    def add(self, name: str, *, sound: bool = True) -> None:
        """A two-second clip of 48 frames."""
        seconds = types_pb2.Rational(numerator=2, denominator=1)
        info = media_pb2.MediaInfo(
            format="mov,mp4,m4a,3gp,3g2,mj2",
            duration=seconds,
            video_streams=[
                media_pb2.VideoStream(
                    codec="h264",
                    width=64,
                    height=48,
                    pixel_format="yuv420p",
                    frame_rate=types_pb2.Rational(numerator=24, denominator=1),
                    frame_count=48,
                    duration=seconds,
                )
            ],
        )
        if sound:
            info.audio_streams.add(index=1, codec="aac", sample_rate=48000, channels=2, duration=seconds)
        self.assets[name] = media_pb2.Asset(name=name, blob=types_pb2.Blob(digest="a" * 64, size=9), media=info)

    async def find(self, names: Sequence[str]) -> dict[str, media_pb2.Asset]:
        return {name: self.assets[name] for name in names if name in self.assets}

    async def read(self, name: str, revision: int) -> str:
        try:
            return self.documents[name, revision]
        except KeyError:
            raise NotFound(name) from None


class Shots:
    """The `Generations` of one tenant, in memory: clips are kept by what they follow from, and named by it, too."""

    def __init__(self) -> None:
        self.made: set[str] = set()
        self.asked: list[tuple[str, tuple[str, ...]]] = []
        """The prompts of what was planned, with the digests of the pictures."""
        self.refusals: dict[str, ArtifexError] = {}
        """By prompt."""

    async def plan(
        self, spec: generator_pb2.GenerationSpec, pictures: Sequence[generator_pb2.PlannedPicture]
    ) -> generator_pb2.PlanGenerationResponse:
        digests = tuple(picture.digest for picture in pictures)
        self.asked.append((spec.prompt, digests))
        if spec.prompt in self.refusals:
            raise self.refusals[spec.prompt]
        answer = generator_pb2.PlanGenerationResponse(
            plan=generator_pb2.GenerationPlan(spec=spec, seconds=90.0, calibrated=True, device="cpu", fits=True)
        )
        if all(digests):
            answer.content_key = hashlib.sha256(repr((spec.prompt, spec.seed, digests)).encode()).hexdigest()
        if answer.content_key in self.made:
            answer.clip.digest = answer.content_key
        return answer


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqlJobStore]:
    url = f"sqlite+aiosqlite:///{tmp_path / 'graph.sqlite'}"
    await migrate(url, schema="graph", migrations=MIGRATIONS)
    async with Database(url, schema="graph") as database:
        yield SqlJobStore(database, Outbox(database, Bus("nats://127.0.0.1:1", name="unused"), tables.outbox))


@pytest.fixture
def objects(tmp_path: Path) -> ObjectStore:
    return open_objects((tmp_path / "objects").as_uri())
