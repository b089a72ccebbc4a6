"""GeneratorService over gRPC: decode, call the command, encode. The rest is the chassis' interceptors."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from google.api.httpbody_pb2 import HttpBody

from artifex.generator.v1 import messages_pb2 as pb
from artifex.generator.v1 import service_pb2_grpc
from libs.chassis.paging import read_page
from libs.chassis.principal import current_principal
from services.generator.commands.cancel_generation import cancel_generation
from services.generator.commands.create_generation import create_generation
from services.generator.commands.get_generation import get_generation, places
from services.generator.commands.get_preview import get_preview
from services.generator.commands.list_generations import list_generations
from services.generator.commands.list_models import list_models
from services.generator.commands.list_styles import list_styles
from services.generator.commands.pause_generation import pause_generation
from services.generator.commands.plan_generation import Planner, plan_generation
from services.generator.commands.resume_generation import resume_generation
from services.generator.commands.watch_generation import Wakeups, watch_generation
from services.generator.messages import generation_message, model_message, style_message
from services.generator.ports import Assets, Cancellations, Checkpoints, Clips, ModelLists, Store

Context = Any  # grpc.aio.ServicerContext; no rpc here needs it


class GeneratorServicer(service_pb2_grpc.GeneratorServiceServicer):
    def __init__(
        self,
        store: Store,
        server: ModelLists,
        clips: Clips,
        assets: Assets,
        checkpoints: Checkpoints,
        cancellations: Cancellations,
        wakeups: Wakeups,
        planner: Planner,
        turns: int,
    ) -> None:
        """`turns`: how many generations are made at a time."""
        self._store = store
        self._server = server
        self._clips = clips
        self._assets = assets
        self._checkpoints = checkpoints
        self._cancellations = cancellations
        self._wakeups = wakeups
        self._planner = planner
        self._turns = turns

    async def ListModels(self, request: pb.ListModelsRequest, context: Context) -> pb.ListModelsResponse:
        page = await read_page(
            "ListModels",
            current_principal().tenant,
            request,
            lambda after, limit: list_models(self._server, after, limit),
            lambda model: model[0].model,
        )
        models = [model_message(card, loaded=loaded) for card, loaded in page.items]
        return pb.ListModelsResponse(models=models, next_page_token=page.next_token)

    async def ListStyles(self, request: pb.ListStylesRequest, context: Context) -> pb.ListStylesResponse:
        page = await read_page("ListStyles", current_principal().tenant, request, list_styles, lambda style: style.id)
        return pb.ListStylesResponse(styles=map(style_message, page.items), next_page_token=page.next_token)

    async def CreateGeneration(
        self, request: pb.CreateGenerationRequest, context: Context
    ) -> pb.CreateGenerationResponse:
        return await create_generation(
            self._store, self._planner, self._assets, current_principal(), request, turns=self._turns
        )

    async def PlanGeneration(self, request: pb.PlanGenerationRequest, context: Context) -> pb.PlanGenerationResponse:
        return await plan_generation(
            self._store, self._clips, self._planner, self._assets, current_principal(), request
        )

    async def GetGeneration(self, request: pb.GetGenerationRequest, context: Context) -> pb.GetGenerationResponse:
        return pb.GetGenerationResponse(generation=await self._read(request.name))

    async def GetGenerationPreview(
        self, request: pb.GetGenerationPreviewRequest, context: Context
    ) -> pb.GetGenerationPreviewResponse:
        picture = await get_preview(self._store, self._clips, current_principal(), request.name)
        return pb.GetGenerationPreviewResponse(image=HttpBody(content_type="image/jpeg", data=picture))

    async def ListGenerations(self, request: pb.ListGenerationsRequest, context: Context) -> pb.ListGenerationsResponse:
        caller = current_principal()
        page = await read_page(
            "ListGenerations",
            caller.tenant,
            request,
            lambda before, limit: list_generations(self._store, caller, before, limit),
            lambda generation: generation.id,
        )
        found = await places(self._store, page.items, self._turns)
        generations = [generation_message(item, place) for item, place in zip(page.items, found, strict=True)]
        return pb.ListGenerationsResponse(generations=generations, next_page_token=page.next_token)

    async def WatchGeneration(
        self, request: pb.WatchGenerationRequest, context: Context
    ) -> AsyncIterator[pb.WatchGenerationResponse]:
        changes = watch_generation(
            self._store, self._wakeups, current_principal(), request.name, request.after_sequence, self._turns
        )
        async for generation, place, sequence in changes:
            yield pb.WatchGenerationResponse(generation=generation_message(generation, place), sequence=sequence)

    async def PauseGeneration(self, request: pb.PauseGenerationRequest, context: Context) -> pb.PauseGenerationResponse:
        await pause_generation(self._store, self._cancellations, current_principal(), request.name)
        self._wakeups.notify()
        return pb.PauseGenerationResponse(generation=await self._read(request.name))

    async def ResumeGeneration(
        self, request: pb.ResumeGenerationRequest, context: Context
    ) -> pb.ResumeGenerationResponse:
        await resume_generation(self._store, current_principal(), request.name)
        self._wakeups.notify()
        return pb.ResumeGenerationResponse(generation=await self._read(request.name))

    async def CancelGeneration(
        self, request: pb.CancelGenerationRequest, context: Context
    ) -> pb.CancelGenerationResponse:
        generation = await cancel_generation(
            self._store, self._checkpoints, self._cancellations, current_principal(), request.name
        )
        self._wakeups.notify()
        return pb.CancelGenerationResponse(generation=generation_message(generation))

    async def _read(self, name: str) -> pb.Generation:
        generation = await get_generation(self._store, current_principal(), name)
        (place,) = await places(self._store, [generation], self._turns)
        return generation_message(generation, place)
