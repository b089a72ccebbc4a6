"""Video generation on the installation's own models."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator

from artifex.errors import ApiError
from artifex.generator.v1 import messages_pb2 as generator
from artifex.generator.v1 import service_pb2_grpc as generator_grpc
from artifex.transport import Transport, backoff, is_transient

ENDED = (generator.Generation.STATE_SUCCEEDED, generator.Generation.STATE_FAILED, generator.Generation.STATE_CANCELLED)


class Generations:
    """The tenant's generations."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._stub = generator_grpc.GeneratorServiceStub(transport.channel)

    async def models(self) -> AsyncIterator[generator.Model]:
        """The models that the installation can run. `random_weights` tells which of them were never trained."""
        pages = self._transport.pages(
            self._stub.ListModels, generator.ListModelsRequest(), name="GeneratorService/ListModels"
        )
        async for page in pages:
            for model in page.models:
                yield model

    async def create(self, spec: generator.GenerationSpec, *, request_id: str = "") -> generator.Generation:
        """Queue a generation. The same spec on the same model and kind of device gives the same bytes."""
        answer = await self._transport.unary(
            self._stub.CreateGeneration,
            generator.CreateGenerationRequest(spec=spec, request_id=request_id or str(uuid.uuid4())),
            name="GeneratorService/CreateGeneration",
        )
        return answer.generation

    async def get(self, name: str) -> generator.Generation:
        answer = await self._transport.unary(
            self._stub.GetGeneration,
            generator.GetGenerationRequest(name=name),
            name="GeneratorService/GetGeneration",
        )
        return answer.generation

    async def list(self) -> AsyncIterator[generator.Generation]:
        """Generations, newest first, fetched page by page."""
        pages = self._transport.pages(
            self._stub.ListGenerations, generator.ListGenerationsRequest(), name="GeneratorService/ListGenerations"
        )
        async for page in pages:
            for generation in page.generations:
                yield generation

    async def watch(self, name: str, *, patience: float = 120.0) -> AsyncIterator[generator.Generation]:
        """The generation as it changes, until it has ended. A broken stream is taken up again; gives up when nobody
        answers for `patience` seconds."""
        loop = asyncio.get_running_loop()
        failures, heard = 0, loop.time()
        while True:
            try:
                messages = self._transport.stream(
                    self._stub.WatchGeneration,
                    generator.WatchGenerationRequest(name=name),
                    name="GeneratorService/WatchGeneration",
                )
                async for message in messages:
                    failures, heard = 0, loop.time()
                    yield message.generation
                    if message.generation.state in ENDED:
                        return
            except ApiError as error:
                if not is_transient(error) or loop.time() - heard > patience:
                    raise
                failures = min(failures + 1, 5)
            await asyncio.sleep(backoff(failures))

    async def cancel(self, name: str) -> generator.Generation:
        """Stop a generation within one denoising step."""
        answer = await self._transport.unary(
            self._stub.CancelGeneration,
            generator.CancelGenerationRequest(name=name),
            name="GeneratorService/CancelGeneration",
        )
        return answer.generation
