"""The access matrix: every rpc of a service × every kind of caller, drawn from the options in the protos.

What is expected is read here from the descriptors anew, and not asked of the code that enforces it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

import grpc
from google.protobuf import message_factory
from google.protobuf.descriptor import FileDescriptor, MethodDescriptor
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from artifex.common.v1 import policy_pb2
from artifex.errors import status_lost

ALL_FEATURES = ("FEATURE_CORE", "FEATURE_GENERATION", "FEATURE_COLLABORATION")

LET_IN = ""
"""The refusal of a call that is not refused. What the handler says of an empty request is its own affair."""

# What a caller who was let in never gets: the refusals, and the signs of a call that reached no sound handler.
_NOT_LET_IN = {"UNAUTHENTICATED", "PERMISSION_DENIED", "UNIMPLEMENTED", "UNKNOWN", "INTERNAL", "UNAVAILABLE"}

_ASKED = 20
"""How often a call is made whose status gRPC's client loses, which it often does where a stream is refused at once."""


@dataclass(frozen=True)
class Caller:
    name: str
    role: str = ""
    operator: bool = False
    features: tuple[str, ...] = ALL_FEATURES
    token: str = "good"
    """`good`, `expired` or `none`."""


CALLERS = (
    Caller("operator", "ROLE_ADMIN", operator=True),
    Caller("admin", "ROLE_ADMIN"),
    Caller("lead-artist", "ROLE_LEAD_ARTIST"),
    Caller("artist", "ROLE_ARTIST"),
    Caller("reviewer", "ROLE_REVIEWER"),
    Caller("unlicensed-operator", "ROLE_ADMIN", operator=True, features=("FEATURE_CORE",)),
    Caller("without-token", token="none"),
    Caller("expired", "ROLE_ADMIN", operator=True, token="expired"),
)


@dataclass(frozen=True)
class Rpc:
    method: MethodDescriptor

    @property
    def package(self) -> str:
        """Such as `artifex.auth.v1`."""
        return str(self.method.containing_service.file.package)

    @property
    def path(self) -> str:
        return f"/{self.method.containing_service.full_name}/{self.method.name}"

    def __str__(self) -> str:
        return f"{self.method.containing_service.name}.{self.method.name}"

    def refusal(self, caller: Caller) -> str:
        """The ErrorReason with which the caller is to be refused, or LET_IN."""
        policy = self.method.GetOptions().Extensions[policy_pb2.policy]
        if policy.permission == policy_pb2.PERMISSION_PUBLIC:
            return LET_IN
        if caller.token != "good":
            return {"none": "ERROR_REASON_TOKEN_MISSING", "expired": "ERROR_REASON_TOKEN_EXPIRED"}[caller.token]
        permission = policy_pb2.Permission.DESCRIPTOR.values_by_number[policy.permission]
        grant = permission.GetOptions().Extensions[policy_pb2.grant]
        roles = {policy_pb2.Role.Name(role) for role in grant.roles}
        if caller.role not in roles or (grant.operator_only and not caller.operator):
            return "ERROR_REASON_PERMISSION_MISSING"
        if policy_pb2.Feature.Name(policy.feature) not in caller.features:
            return "ERROR_REASON_FEATURE_NOT_LICENSED"
        return LET_IN

    async def refused_with(self, channel: grpc.aio.Channel, token: str) -> str:
        """Calls with an empty request; LET_IN, or the reason and code of the refusal."""
        error = await self._call(channel, token, message_factory.GetMessageClass(self.method.input_type)())
        if error is None or error.code().name not in _NOT_LET_IN:
            return LET_IN
        info = _error_info(error)
        # A handler that misses a server behind it was reached all the same; one that misses auth was not.
        if info.reason == "ERROR_REASON_DEPENDENCY_UNAVAILABLE" and info.metadata["dependency"] != "auth":
            return LET_IN
        return f"{info.reason or 'untyped'} {error.code().name} {error.details()}"

    async def code_of(self, channel: grpc.aio.Channel, token: str, request: Message) -> str:
        """The name of the status code; of a stream, up to its first answer."""
        error = await self._call(channel, token, request)
        return "OK" if error is None else str(error.code().name)

    async def _call(self, channel: grpc.aio.Channel, token: str, request: Message) -> grpc.aio.AioRpcError | None:
        for _ in range(_ASKED):
            error = await self._call_once(channel, token, request)
            if error is None or not status_lost(error):
                break
        return error

    async def _call_once(self, channel: grpc.aio.Channel, token: str, request: Message) -> grpc.aio.AioRpcError | None:
        metadata = [("authorization", f"Bearer {token}")] if token else []
        answer = message_factory.GetMessageClass(self.method.output_type)
        kind = f"{_kind(self.method.client_streaming)}_{_kind(self.method.server_streaming)}"
        start = getattr(channel, kind)(
            self.path,
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=answer.FromString,
        )
        call = start(iter([request]) if self.method.client_streaming else request, metadata=metadata, timeout=20)
        try:
            if self.method.server_streaming:
                await call.read()
            else:
                await call
        except grpc.aio.AioRpcError as error:
            return error
        finally:
            call.cancel()
            await asyncio.sleep(0)
        return None


def _kind(streaming: bool) -> str:
    return "stream" if streaming else "unary"


def _error_info(error: grpc.aio.AioRpcError) -> error_details_pb2.ErrorInfo:
    info = error_details_pb2.ErrorInfo()
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin" and isinstance(value, bytes):
            for detail in status_pb2.Status.FromString(value).details:
                detail.Unpack(info)
    return info


def rpcs(files: Iterable[FileDescriptor]) -> list[Rpc]:
    """Every rpc of the files' services."""
    return [Rpc(method) for file in files for service in file.services_by_name.values() for method in service.methods]
