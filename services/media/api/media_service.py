"""MediaService over gRPC: decode, call the command, encode. The rest is the chassis' interceptors."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from google.api.httpbody_pb2 import HttpBody

from artifex.media.v1 import messages_pb2 as pb
from artifex.media.v1 import service_pb2_grpc
from libs.chassis.errors import InvalidArgument
from libs.chassis.objects import LocalCache, ObjectStore
from libs.chassis.paging import read_page
from libs.chassis.principal import current_principal
from libs.chassis.repeats import Repeat
from services.media.api import encode
from services.media.commands.create_upload import create_upload
from services.media.commands.delete_asset import delete_asset
from services.media.commands.download_asset import download_asset
from services.media.commands.finish_upload import finish_upload
from services.media.commands.get_asset import get_asset
from services.media.commands.get_thumbnail import get_thumbnail
from services.media.commands.get_upload import get_upload
from services.media.commands.list_assets import list_assets
from services.media.commands.write_upload import write_upload
from services.media.domain.announcements import asset_message
from services.media.ports import Decoder, Store

Context = Any  # grpc.aio.ServicerContext; no rpc here needs it


class MediaServicer(service_pb2_grpc.MediaServiceServicer):
    def __init__(
        self,
        store: Store,
        objects: ObjectStore,
        cache: LocalCache,
        decoder: Decoder,
        scratch: Path,
        *,
        max_upload_bytes: int,
        upload_lifetime: timedelta,
    ) -> None:
        self._store = store
        self._objects = objects
        self._cache = cache
        self._decoder = decoder
        self._scratch = scratch
        self._max_upload_bytes = max_upload_bytes
        self._upload_lifetime = upload_lifetime

    async def CreateUpload(self, request: pb.CreateUploadRequest, context: Context) -> pb.CreateUploadResponse:
        return await create_upload(
            self._store,
            current_principal(),
            display_name=request.display_name,
            size=request.size,
            digest=request.digest,
            max_bytes=self._max_upload_bytes,
            lifetime=self._upload_lifetime,
            repeat=Repeat("CreateUpload", request.request_id, request, encode.created),
        )

    async def GetUpload(self, request: pb.GetUploadRequest, context: Context) -> pb.GetUploadResponse:
        upload = await get_upload(self._store, current_principal(), request.name)
        return pb.GetUploadResponse(upload=encode.upload(upload))

    async def WriteUpload(
        self, request_iterator: AsyncIterator[pb.WriteUploadRequest], context: Context
    ) -> pb.WriteUploadResponse:
        requests = aiter(request_iterator)
        first = await anext(requests, None)
        if first is None or not first.name:
            raise InvalidArgument("the first message of a stream names the upload")

        async def pieces() -> AsyncIterator[bytes]:
            yield first.chunk.data
            async for request in requests:
                if request.name and request.name != first.name:
                    raise InvalidArgument("a stream writes to one upload")
                yield request.chunk.data

        committed = await write_upload(
            self._store,
            self._objects,
            current_principal(),
            name=first.name,
            offset=first.offset,
            pieces=pieces(),
            lifetime=self._upload_lifetime,
        )
        return pb.WriteUploadResponse(committed_size=committed)

    async def FinishUpload(self, request: pb.FinishUploadRequest, context: Context) -> pb.FinishUploadResponse:
        asset = await finish_upload(
            self._store, self._objects, self._cache, self._decoder, current_principal(), request.name
        )
        return pb.FinishUploadResponse(asset=asset_message(asset))

    async def GetAsset(self, request: pb.GetAssetRequest, context: Context) -> pb.GetAssetResponse:
        return pb.GetAssetResponse(asset=asset_message(await get_asset(self._store, current_principal(), request.name)))

    async def ListAssets(self, request: pb.ListAssetsRequest, context: Context) -> pb.ListAssetsResponse:
        caller = current_principal()
        page = await read_page(
            "ListAssets",
            caller.tenant,
            request,
            lambda before, limit: list_assets(self._store, caller, before=before, limit=limit),
            lambda asset: asset.id,
        )
        assets = [asset_message(item) for item in page.items]
        return pb.ListAssetsResponse(assets=assets, next_page_token=page.next_token)

    async def DeleteAsset(self, request: pb.DeleteAssetRequest, context: Context) -> pb.DeleteAssetResponse:
        await delete_asset(self._store, self._objects, current_principal(), request.name)
        return pb.DeleteAssetResponse()

    async def DownloadAsset(
        self, request: pb.DownloadAssetRequest, context: Context
    ) -> AsyncIterator[pb.DownloadAssetResponse]:
        asset, pieces = await download_asset(
            self._store,
            self._objects,
            current_principal(),
            name=request.name,
            offset=request.offset,
            length=request.length,
        )
        content_type = asset.blob.media_type
        async for piece in pieces:
            yield pb.DownloadAssetResponse(content=HttpBody(content_type=content_type, data=piece))

    async def GetThumbnail(self, request: pb.GetThumbnailRequest, context: Context) -> pb.GetThumbnailResponse:
        picture = await get_thumbnail(
            self._store,
            self._objects,
            self._cache,
            self._decoder,
            self._scratch,
            current_principal(),
            name=request.name,
            seconds=request.time,
            width=request.width,
        )
        return pb.GetThumbnailResponse(image=HttpBody(content_type="image/jpeg", data=picture))
