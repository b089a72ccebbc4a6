"""Video generation on the installation's own models."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterable
from typing import Final

from artifex.errors import ApiError, DeadlineExceeded, JobCancelled, JobFailed
from artifex.generator.v1 import messages_pb2 as generator
from artifex.generator.v1 import service_pb2_grpc as generator_grpc
from artifex.transport import Silence, Transport

ENDED: Final = (
    generator.Generation.STATE_SUCCEEDED,
    generator.Generation.STATE_FAILED,
    generator.Generation.STATE_CANCELLED,
)


class Generations:
    """The tenant's generations, and what can be asked for."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._stub = generator_grpc.GeneratorServiceStub(transport.channel)

    async def models(self) -> AsyncIterator[generator.Model]:
        """The models that the installation knows. `available` tells which have their weights there, and `remedy` what
        the others lack; `random_weights` which were never trained."""
        pages = self._transport.pages(
            self._stub.ListModels, generator.ListModelsRequest(), name="GeneratorService/ListModels"
        )
        async for page in pages:
            for model in page.models:
                yield model

    async def styles(self) -> AsyncIterator[generator.Style]:
        """The looks that a spec can ask for by name."""
        pages = self._transport.pages(
            self._stub.ListStyles, generator.ListStylesRequest(), name="GeneratorService/ListStyles"
        )
        async for page in pages:
            for style in page.styles:
                yield style

    async def plan(
        self,
        spec: generator.GenerationSpec,
        *,
        device_memory_bytes: int = 0,
        pictures: Iterable[generator.PlannedPicture] = (),
    ) -> generator.GenerationPlan:
        """What a generation will be and take, without spending any of it; see `foresee`."""
        return (await self.foresee(spec, device_memory_bytes=device_memory_bytes, pictures=pictures)).plan

    async def foresee(
        self,
        spec: generator.GenerationSpec,
        *,
        device_memory_bytes: int = 0,
        pictures: Iterable[generator.PlannedPicture] = (),
    ) -> generator.PlanGenerationResponse:
        """What a generation will be and take, on a device of so much memory, or else on the installation's own; and its
        clip, where an equal one was made before. What cannot be made is told, not refused. `pictures`: given beside
        those that the spec names, perhaps such as are still to be made."""
        return await self._transport.unary(
            self._stub.PlanGeneration,
            generator.PlanGenerationRequest(spec=spec, device_memory_bytes=device_memory_bytes, pictures=pictures),
            name="GeneratorService/PlanGeneration",
        )

    async def create(
        self,
        spec: generator.GenerationSpec,
        *,
        priority: generator.GenerationPriority.ValueType = generator.GENERATION_PRIORITY_UNSPECIFIED,
        request_id: str = "",
    ) -> generator.Generation:
        """Queue a generation. The same spec on the same model and kind of device gives the same bytes. What is left at
        0 or empty comes from the preset; `plan` of the answer says what was taken otherwise than given."""
        answer = await self._transport.unary(
            self._stub.CreateGeneration,
            generator.CreateGenerationRequest(spec=spec, priority=priority, request_id=request_id or str(uuid.uuid4())),
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
        """The generation as it changes, until it has ended; a paused one is waited for. A broken stream is taken up
        again after the last change seen; gives up when nobody answers for `patience` seconds after it broke."""
        silence, sequence = Silence(patience), 0
        while True:
            silence.asks()
            try:
                messages = self._transport.stream(
                    self._stub.WatchGeneration,
                    generator.WatchGenerationRequest(name=name, after_sequence=sequence),
                    name="GeneratorService/WatchGeneration",
                )
                async for message in messages:
                    sequence = message.sequence
                    silence.ends()
                    yield message.generation
                    if message.generation.state in ENDED:
                        return
            except ApiError as error:
                silence.goes_on(error)
            await asyncio.sleep(silence.pause())

    async def output(self, name: str, *, patience: float = 120.0) -> generator.Generation:
        """The generation once it has succeeded and its clip is an asset, which follows shortly after.

        Raises JobFailed or JobCancelled when it ends otherwise, DeadlineExceeded when there is no asset `patience`
        seconds after the end.
        """
        generation = await self.get(name)
        if generation.state not in ENDED:
            async for newest in self.watch(name):
                generation = newest
        raise_unless_made(generation)
        loop = asyncio.get_running_loop()
        began, looks = loop.time(), 0
        while not generation.output_asset:
            if loop.time() - began > patience:
                raise DeadlineExceeded(
                    f"{name} succeeded, and its clip is no asset yet: the media service is behind; look again later",
                    code="DEADLINE_EXCEEDED",
                )
            await asyncio.sleep(min(0.05 * 2**looks, 1.0))
            looks += 1
            generation = await self.get(name)
        return generation

    async def preview(self, name: str) -> bytes:
        """A JPEG of what the middle of a generation's clip is going to look like, by its newest preview; there is none
        while its `preview` is unset."""
        answer = await self._transport.unary(
            self._stub.GetGenerationPreview,
            generator.GetGenerationPreviewRequest(name=name),
            name="GeneratorService/GetGenerationPreview",
        )
        return bytes(answer.image.data)

    async def pause(self, name: str) -> generator.Generation:
        """Put a generation down within one denoising step, to be taken up where it stopped."""
        answer = await self._transport.unary(
            self._stub.PauseGeneration,
            generator.PauseGenerationRequest(name=name),
            name="GeneratorService/PauseGeneration",
        )
        return answer.generation

    async def resume(self, name: str) -> generator.Generation:
        """Queue a paused generation again."""
        answer = await self._transport.unary(
            self._stub.ResumeGeneration,
            generator.ResumeGenerationRequest(name=name),
            name="GeneratorService/ResumeGeneration",
        )
        return answer.generation

    async def cancel(self, name: str) -> generator.Generation:
        """Stop a generation within one denoising step."""
        answer = await self._transport.unary(
            self._stub.CancelGeneration,
            generator.CancelGenerationRequest(name=name),
            name="GeneratorService/CancelGeneration",
        )
        return answer.generation


def raise_unless_made(generation: generator.Generation) -> None:
    """Turn a generation that ended without a clip into its exception."""
    if generation.state == generator.Generation.STATE_SUCCEEDED:
        return
    failure = generation.failure
    kind = JobCancelled if generation.state == generator.Generation.STATE_CANCELLED else JobFailed
    word = generator.Generation.State.Name(generation.state).removeprefix("STATE_").lower()
    message = f"{generation.name} {word}" + (f": {failure.message}" if failure.message else "")
    raise kind(message, name=generation.name, reason=failure.reason, metadata=dict(failure.metadata))
