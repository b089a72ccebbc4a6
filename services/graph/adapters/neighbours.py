"""The other services, called on behalf of the caller: whatever their token may not see does not exist for us either."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import grpc

from artifex.collab.v1 import messages_pb2 as collab_pb2
from artifex.collab.v1 import service_pb2_grpc as collab_grpc
from artifex.generator.v1 import messages_pb2 as generator_pb2
from artifex.generator.v1 import service_pb2_grpc as generator_grpc
from artifex.media.v1 import messages_pb2 as media_pb2
from artifex.media.v1 import service_pb2_grpc as media_grpc
from libs.chassis.errors import NotFound

_CONCURRENT_CALLS = 16


class MediaService:
    """The `MediaCatalogue` port over the media service's API."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = media_grpc.MediaServiceStub(channel)

    async def find(self, names: Sequence[str]) -> dict[str, media_pb2.Asset]:
        limit = asyncio.Semaphore(_CONCURRENT_CALLS)

        async def get(name: str) -> media_pb2.Asset | None:
            async with limit:
                try:
                    response = await self._stub.GetAsset(media_pb2.GetAssetRequest(name=name))
                except NotFound:
                    return None
                return response.asset

        wanted = list(dict.fromkeys(names))
        # Not a task group: it would wrap the typed error that a call raises.
        found = await asyncio.gather(*(get(name) for name in wanted))
        return {name: asset for name, asset in zip(wanted, found, strict=True) if asset is not None}


class CollabService:
    """The `Documents` port over the collaboration service's API."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = collab_grpc.ProjectServiceStub(channel)

    async def read(self, name: str, revision: int) -> str:
        request = collab_pb2.GetDocumentRequest(name=name, revision=revision)
        response = await self._stub.GetDocument(request)
        return response.document.content_json


class GeneratorService:
    """The `Generations` port over the generator's API."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = generator_grpc.GeneratorServiceStub(channel)

    async def plan(
        self, spec: generator_pb2.GenerationSpec, pictures: Sequence[generator_pb2.PlannedPicture]
    ) -> generator_pb2.PlanGenerationResponse:
        request = generator_pb2.PlanGenerationRequest(spec=spec, pictures=pictures)
        response: generator_pb2.PlanGenerationResponse = await self._stub.PlanGeneration(request)
        return response
