"""What Envoy answers by itself, in the form in which the services answer: a `google.rpc.Status` with typed details.

REST callers get it as a JSON body, gRPC callers in `grpc-status-details-bin`, so that a client needs one way of reading
errors whoever made them.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field

from google.protobuf import duration_pb2, json_format
from google.protobuf.message import Message
from google.rpc import code_pb2, error_details_pb2, status_pb2

from artifex.common.v1 import error_reason_pb2 as reasons
from gateway.envoy import TRANSCODED_HEADER, Config

DOMAIN = "artifex.studio"
JWT_FAILURE_KEY = "failure"
"""Under this key the JWT filter leaves what was wrong with a token."""


@dataclass(frozen=True)
class Reply:
    http: int
    grpc: int
    reason: reasons.ErrorReason.ValueType
    message: str
    metadata: Mapping[str, str] = field(default_factory=dict)
    retry_after: float | None = None
    jwt_failure: str | None = None
    """The JWT filter's message to which this reply belongs; any when None."""
    answer: int | None = None
    """The HTTP status to answer with, where Envoy's own does not fit."""

    def status(self) -> status_pb2.Status:
        status = status_pb2.Status(code=self.grpc, message=self.message)
        details: list[Message] = [
            error_details_pb2.ErrorInfo(
                reason=reasons.ErrorReason.Name(self.reason), domain=DOMAIN, metadata=self.metadata
            )
        ]
        if self.retry_after is not None:
            wait = duration_pb2.Duration()
            wait.FromMilliseconds(int(self.retry_after * 1000))
            details.append(error_details_pb2.RetryInfo(retry_delay=wait))
        for detail in details:
            status.details.add().Pack(detail)
        return status


def replies(max_request_bytes: int) -> list[Reply]:
    """From the most special to the most general; the first match answers."""
    return [
        # The transcoder's own words name the field; what is wrong with paths and headers, Envoy does not say.
        Reply(
            400,
            code_pb2.INVALID_ARGUMENT,
            reasons.ERROR_REASON_REQUEST_INVALID,
            "The request cannot be read. %LOCAL_REPLY_BODY%",
        ),
        Reply(
            401,
            code_pb2.UNAVAILABLE,
            reasons.ERROR_REASON_DEPENDENCY_UNAVAILABLE,
            "Tokens cannot be verified at the moment.",
            {"dependency": "auth"},
            retry_after=1.0,
            jwt_failure="Jwks remote fetch is failed",
            answer=503,
        ),
        Reply(
            401,
            code_pb2.UNAUTHENTICATED,
            reasons.ERROR_REASON_TOKEN_MISSING,
            "This call needs an access token: send `authorization: Bearer <token>`.",
            jwt_failure="Jwt is missing",
        ),
        Reply(
            401,
            code_pb2.UNAUTHENTICATED,
            reasons.ERROR_REASON_TOKEN_EXPIRED,
            "The access token has expired: exchange the API key for a new one.",
            jwt_failure="Jwt is expired",
        ),
        Reply(
            401,
            code_pb2.UNAUTHENTICATED,
            reasons.ERROR_REASON_TOKEN_INVALID,
            "The access token is not valid here.",
        ),
        Reply(
            403,
            code_pb2.UNAUTHENTICATED,
            reasons.ERROR_REASON_TOKEN_INVALID,
            "The access token is not meant for this installation.",
            answer=401,
        ),
        Reply(
            404,
            code_pb2.UNIMPLEMENTED,
            reasons.ERROR_REASON_UNIMPLEMENTED,
            "Nothing is served under this path and method.",
        ),
        Reply(
            408,
            code_pb2.DEADLINE_EXCEEDED,
            reasons.ERROR_REASON_DEADLINE_EXCEEDED,
            "The call took longer than its deadline.",
        ),
        Reply(
            413,
            code_pb2.RESOURCE_EXHAUSTED,
            reasons.ERROR_REASON_LIMIT_EXCEEDED,
            "The request is larger than this gateway takes in one message.",
            {"limit": "max_request_bytes", "value": str(max_request_bytes)},
        ),
        Reply(
            429,
            code_pb2.RESOURCE_EXHAUSTED,
            reasons.ERROR_REASON_RATE_LIMITED,
            "Too many requests.",
            retry_after=1.0,
        ),
        Reply(
            503,
            code_pb2.UNAVAILABLE,
            reasons.ERROR_REASON_DEPENDENCY_UNAVAILABLE,
            "The service does not answer at the moment.",
            {"dependency": "upstream"},
            retry_after=1.0,
        ),
        Reply(
            504,
            code_pb2.DEADLINE_EXCEEDED,
            reasons.ERROR_REASON_DEADLINE_EXCEEDED,
            "The call took longer than its deadline.",
        ),
    ]


def _on_header(matcher: Config) -> Config:
    return {"header_filter": {"header": matcher}}


def _filter(reply: Reply, *, grpc: bool) -> Config:
    status: Config = {
        "status_code_filter": {
            "comparison": {"op": "EQ", "value": {"default_value": reply.http, "runtime_key": "gateway.unset"}}
        }
    }
    content: Config = {"name": "content-type", "string_match": {"prefix": "application/grpc"}}
    transcoded: Config = {"name": TRANSCODED_HEADER, "present_match": True}
    caller: Config
    if grpc:
        plain = {**transcoded, "present_match": False}
        caller = {"and_filter": {"filters": [_on_header(content), _on_header(plain)]}}
    else:
        other = {**content, "invert_match": True, "treat_missing_header_as_empty": True}
        caller = {"or_filter": {"filters": [_on_header(other), _on_header(transcoded)]}}
    filters: list[Config] = [status, caller]
    if reply.jwt_failure is not None:
        matcher: Config = {
            "filter": "envoy.filters.http.jwt_authn",
            "path": [{"key": JWT_FAILURE_KEY}, {"key": "message"}],
            "value": {"string_match": {"exact": reply.jwt_failure}},
        }
        filters.append({"metadata_filter": {"matcher": matcher, "match_if_key_not_found": False}})
    return {"and_filter": {"filters": filters}}


def _header(key: str, value: str) -> Config:
    return {"header": {"key": key, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}


def local_reply_config(max_request_bytes: int) -> Config:
    mappers: list[Config] = []
    for reply in replies(max_request_bytes):
        status = reply.status()
        retry = [] if reply.retry_after is None else [_header("retry-after", str(max(1, round(reply.retry_after))))]
        body = json_format.MessageToDict(status)
        encoded = base64.b64encode(status.SerializeToString()).rstrip(b"=").decode()
        override: Config = {} if reply.answer is None else {"status_code": reply.answer}
        mappers += [
            {
                **override,
                "filter": _filter(reply, grpc=True),
                "headers_to_add": [_header("grpc-status-details-bin", encoded), *retry],
                "body_format_override": {"text_format_source": {"inline_string": reply.message}},
            },
            {
                **override,
                "filter": _filter(reply, grpc=False),
                "headers_to_add": retry,
                "body_format_override": {"json_format": body},
            },
        ]
    return {"mappers": mappers}
