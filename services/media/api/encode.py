"""From the domain to the contract's messages."""

from __future__ import annotations

from artifex.media.v1 import messages_pb2 as pb
from libs.chassis.clock import to_timestamp
from services.media.domain.announcements import asset_message
from services.media.domain.model import Asset, Upload


def upload(value: Upload) -> pb.Upload:
    return pb.Upload(
        name=value.name,
        display_name=value.display_name,
        size=value.size,
        digest=value.digest,
        committed_size=value.committed_size,
        expire_time=to_timestamp(value.expire_time),
    )


def created(value: Upload | Asset) -> pb.CreateUploadResponse:
    if isinstance(value, Upload):
        return pb.CreateUploadResponse(upload=upload(value))
    return pb.CreateUploadResponse(asset=asset_message(value))
