"""The `Assets` port over the media service's API, called on behalf of the caller."""

from __future__ import annotations

import grpc

from artifex.media.v1 import messages_pb2 as media_pb2
from artifex.media.v1 import service_pb2_grpc as media_grpc
from libs.chassis.errors import InvalidArgument
from services.generator.domain.pictures import shape_of
from services.generator.ports import Still


class MediaAssets:
    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = media_grpc.MediaServiceStub(channel)

    async def picture(self, name: str) -> Still:
        response = await self._stub.GetAsset(media_pb2.GetAssetRequest(name=name))
        asset: media_pb2.Asset = response.asset
        if not asset.media.video_streams:
            raise InvalidArgument(
                f"{name} ({asset.display_name}) holds no picture; give a still or a movie",
                reason="ERROR_REASON_MEDIA_UNSUPPORTED",
                metadata={"file": asset.display_name},
            )
        return Still(asset.blob, shape_of(asset.media.video_streams[0]))
