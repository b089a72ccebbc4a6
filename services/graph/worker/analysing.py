"""What a render worker does about analyses of whole clips: hands over what was found, and finds what was not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from artifex.common.v1 import types_pb2
from artifex.graph.v1 import work_pb2
from libs.chassis.errors import NotFound
from libs.chassis.objects import ObjectMissing, ObjectStore
from libs.chassis.sandbox import SandboxPool
from services.graph.adapters.analysis_store import ObjectAnalysisStore
from services.graph.worker.probing import Progress

Work = work_pb2.AnalyseWork | work_pb2.CaptureWork | work_pb2.FramesWork | work_pb2.AudioWork


class ClipAnalyses:
    def __init__(self, objects: ObjectStore, children: SandboxPool) -> None:
        self._store = ObjectAnalysisStore(objects)
        self._children = children

    async def given(self, work: Work) -> dict[str, str]:
        """What was found for the work item, as JSON by node. Raises NotFound, naming the node, for what is gone."""
        found: dict[str, str] = {}
        for result in work.analyses:
            try:
                found[result.node] = await self._store.read(work.actor.tenant, result.blob)
            except ObjectMissing as error:
                raise NotFound(
                    f"nodes.{result.node}",
                    message=f"what was found of the clip for nodes.{result.node} was deleted; render again",
                    metadata={"node": result.node},
                ) from error
        return found

    async def make(
        self, work: work_pb2.AnalyseWork, request: dict[str, Any], tell: Progress
    ) -> tuple[types_pb2.Blob, float]:
        """What is found for the work item, stored, and what it cost in seconds of the evaluator; nothing, where another
        job has found it meanwhile. `request` is the child's."""
        key = str((await self._children.call({**request, "kind": "analysis_key"}))["key"])
        known = await self._store.find(work.actor.tenant, key)
        if known is not None:
            return known, 0.0
        answer = await self._children.call(request, on_progress=tell)
        path = Path(request["output"])
        return await self._store.put(work.actor.tenant, key, path, str(answer["media_type"])), float(answer["seconds"])
