"""What a render worker does about pictures that generations go on from: renders those that are not there yet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from artifex.common.v1 import types_pb2
from artifex.graph.v1 import work_pb2
from libs.chassis.objects import ObjectStore
from libs.chassis.sandbox import SandboxPool
from services.graph.adapters.capture_store import ObjectCaptureStore


class FrameCaptures:
    def __init__(self, objects: ObjectStore, children: SandboxPool) -> None:
        self._store = ObjectCaptureStore(objects)
        self._children = children

    async def make(self, work: work_pb2.CaptureWork, request: dict[str, Any]) -> tuple[types_pb2.Blob, float]:
        """The picture, stored, and what it cost in seconds of the evaluator; nothing, where it was rendered before.

        `request` is the child's.
        """
        key = str((await self._children.call({**request, "kind": "capture_key"}))["key"])
        known = await self._store.find(work.actor.tenant, key)
        if known is not None:
            return known, 0.0
        answer = await self._children.call(request)
        path = Path(request["output"])
        return await self._store.put(work.actor.tenant, key, path, str(answer["media_type"])), float(answer["seconds"])
