"""Errors of the tree in `libs.chassis.errors` become gRPC statuses; the only place that ends an rpc with one.

Every failure carries `google.rpc.ErrorInfo` (domain, reason, metadata), `BadRequest` where fields are at fault, and
`RetryInfo` where trying again may help.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import DecodeError, Message
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from artifex.errors import DOMAIN
from libs.chassis.errors import CODES, ArtifexError, InvalidArgument, Unimplemented
from libs.chassis.rpc.failures import public_error
from libs.chassis.rpc.interceptors.around import AroundInterceptor, Call

if TYPE_CHECKING:
    from libs.chassis.rpc.interceptors.around import Context, Continuation, Handler

STATUSES: Mapping[type[ArtifexError], grpc.StatusCode] = {kind: grpc.StatusCode[name] for name, kind in CODES.items()}
"""The gRPC status of each class of the tree; a subclass has its nearest ancestor's."""

# A status travels in HTTP/2 trailers, of which peers refuse more than 8 KiB: the message percent-encoded, and all of it
# once more in base 64 as the details.
_MAX_MESSAGE_BYTES = 1500
_MAX_DETAILS_BYTES = 4000


def status_code(error: ArtifexError) -> grpc.StatusCode:
    """The gRPC status of an error."""
    return next(STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES)


def to_status(error: ArtifexError) -> status_pb2.Status:
    """The whole `google.rpc.Status` of an error, small enough for the trailers it travels in.

    Violations beyond that are left out, and the ErrorInfo's metadata tells their number as `violations_omitted`.
    """
    info = error_details_pb2.ErrorInfo(domain=DOMAIN, reason=error.reason, metadata=error.metadata)
    details: list[Message] = [info]
    message = _shortened(error.message)
    room = _MAX_DETAILS_BYTES - info.ByteSize() - len(message.encode())
    if error.violations:
        bad = error_details_pb2.BadRequest()
        for count, violation in enumerate(error.violations):
            field = error_details_pb2.BadRequest.FieldViolation(
                field=violation.field, description=violation.description, reason=violation.reason
            )
            room -= field.ByteSize() + 4
            if room < 0:
                info.metadata["violations_omitted"] = str(len(error.violations) - count)
                break
            bad.field_violations.append(field)
        details.append(bad)
    if error.retry_after is not None:
        delay = Duration()
        delay.FromMilliseconds(round(error.retry_after * 1000))
        details.append(error_details_pb2.RetryInfo(retry_delay=delay))
    status = status_pb2.Status(code=status_code(error).value[0], message=message)
    for detail in details:
        packed = AnyMessage()
        packed.Pack(detail)
        status.details.append(packed)
    return status


def _shortened(message: str) -> str:
    room = _MAX_MESSAGE_BYTES
    for index, character in enumerate(message):
        encoded = character.encode()
        room -= 1 if len(encoded) == 1 and character.isprintable() and character != "%" else 3 * len(encoded)
        if room < 0:
            return message[:index] + "…"
    return message


class ErrorInterceptor(AroundInterceptor):
    """Ends a failed rpc with a typed status, also where the method is unknown or its bytes are no message."""

    @asynccontextmanager
    async def around(self, call: Call) -> AsyncIterator[None]:
        try:
            yield
        except grpc.aio.AbortError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller gets a typed answer and the log the rest
            await call.context.abort_with_status(rpc_status.to_status(to_status(public_error(error))))

    async def intercept_service(
        self, continuation: Continuation, handler_call_details: grpc.HandlerCallDetails
    ) -> Handler:
        method = handler_call_details.method
        handler = await continuation(handler_call_details) or _unknown(method)
        return self.wrap(_decoding(handler), method)


class _Decoder(AroundInterceptor):
    def __init__(self, handler: Handler) -> None:
        self._decode = handler.request_deserializer

    def check(self, call: Call, request: Any) -> Any:
        if self._decode is None:
            return request
        try:
            return self._decode(request)
        except DecodeError as error:
            raise InvalidArgument("the bytes sent are not a message of the rpc's request type") from error


def _decoding(handler: Handler) -> Handler:
    # gRPC would decode outside of any interceptor, and answer bad bytes with an untyped UNKNOWN that quotes our code.
    return _Decoder(handler).wrap(handler, "", decode=False)


def _unknown(method: str) -> Handler:
    async def refuse(requests: AsyncIterator[bytes], context: Context) -> None:
        raise Unimplemented(f"{method} is not served here")

    # Streams both ways and decodes nothing, so that it fits every kind of call.
    return grpc.stream_stream_rpc_method_handler(refuse)
