"""The files of a document's assets, on this machine, for the child that reads them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from typing import Any

from google.protobuf import json_format

from artifex.media.v1 import messages_pb2 as media_pb2
from libs.chassis.objects import LocalCache, ObjectMissing, blob_key
from services.graph.ports import MediaCatalogue


class AssetFiles:
    """Finds and fetches the assets of one tenant."""

    def __init__(self, tenant: str, media: MediaCatalogue, files: LocalCache) -> None:
        self._tenant = tenant
        self._media = media
        self._files = files

    async def fetch(self, names: Sequence[str], pins: AsyncExitStack) -> dict[str, dict[str, Any] | None]:
        """By name: path, description and digest of files that stay until `pins` is closed; None for what the caller
        does not have.
        """
        assets = await self._media.find(names)
        found: dict[str, dict[str, Any] | None] = dict.fromkeys(names)
        for name, asset in assets.items():
            with suppress(ObjectMissing):
                found[name] = await self._file(asset, pins)
        return found

    async def _file(self, asset: media_pb2.Asset, pins: AsyncExitStack) -> dict[str, Any]:
        path = await pins.enter_async_context(self._files.path(blob_key(self._tenant, asset.blob.digest)))
        return {"path": str(path), "media": json_format.MessageToDict(asset.media), "digest": asset.blob.digest}
