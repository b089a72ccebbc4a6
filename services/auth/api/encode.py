"""Domain objects as messages."""

from __future__ import annotations

from collections.abc import Mapping

from artifex.auth.v1 import messages_pb2 as pb
from artifex.common.v1 import policy_pb2
from libs.chassis.clock import to_timestamp
from services.auth.domain.model import ApiKey, Tenant, User


def tenant(value: Tenant) -> pb.Tenant:
    return pb.Tenant(
        name=f"tenants/{value.id}",
        display_name=value.display_name,
        operator=value.operator,
        features=[policy_pb2.Feature.Value(name) for name in value.features],
        create_time=to_timestamp(value.created_at),
    )


def user(value: User) -> pb.User:
    return pb.User(
        name=value.name,
        email=value.email,
        display_name=value.display_name,
        role=policy_pb2.Role.Value(value.role),
        create_time=to_timestamp(value.created_at),
        etag=value.etag,
    )


def api_key(value: ApiKey) -> pb.ApiKey:
    return pb.ApiKey(
        name=value.name,
        user=f"users/{value.user}",
        display_name=value.display_name,
        prefix=value.prefix,
        create_time=to_timestamp(value.created_at),
        expire_time=None if value.expires_at is None else to_timestamp(value.expires_at),
        last_use_time=None if value.last_used_at is None else to_timestamp(value.last_used_at),
    )


def jwk(value: Mapping[str, str]) -> pb.Jwk:
    return pb.Jwk(**value)
