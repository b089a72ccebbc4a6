"""Everything that can go wrong, as exceptions. What a service says travels in `google.rpc` details and is read here.

ArtifexError
├── ApiError                    a service refused or failed; has code, reason, metadata, violations
│   ├── InvalidArgument
│   │   └── GraphInvalid        .violations names node, key and reason of every problem
│   ├── Unauthenticated
│   ├── PermissionDenied
│   ├── NotFound
│   ├── AlreadyExists
│   ├── Aborted
│   ├── FailedPrecondition
│   ├── OutOfRange
│   ├── ResourceExhausted
│   ├── Unimplemented
│   ├── Unavailable             nobody answers; safe to try again later
│   ├── DeadlineExceeded
│   ├── DataLoss
│   ├── Cancelled
│   └── Internal
├── NotSignedIn                 no token was given and none is stored
├── FileProblem                 a local file is missing or cannot be read or understood
├── JobFailed                   a render or generation ended without a result
│   └── JobCancelled
└── VerificationFailed          an output is not what was ordered
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import grpc
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2

DOMAIN = "artifex.studio"


@dataclass(frozen=True)
class Violation:
    """One thing that is wrong with a request."""

    field: str
    """Where: a field path as in "upload.size", or a place in a graph as in "nodes.grade.inputs.video"."""
    description: str
    reason: str = ""


class ArtifexError(Exception):
    """The root of all errors of this package."""


class ApiError(ArtifexError):
    """A service refused a call, or failed at it."""

    def __init__(
        self,
        message: str,
        *,
        code: str = "UNKNOWN",
        reason: str = "",
        metadata: Mapping[str, str] | None = None,
        violations: Sequence[Violation] = (),
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        """The gRPC status code's name."""
        self.reason = reason
        """The name of an `artifex.common.v1.ErrorReason` value; empty when something before the services answered."""
        self.metadata = dict(metadata or {})
        self.violations = tuple(violations)
        self.retry_after = retry_after
        """Seconds after which another try makes sense, when the service told."""


class InvalidArgument(ApiError):
    """The request breaks the contract."""


class GraphInvalid(InvalidArgument):
    """The graph cannot be rendered; each violation names a place in the document."""


class Unauthenticated(ApiError):
    """The token is missing, wrong or too old."""


class PermissionDenied(ApiError):
    """The caller's role or licence does not allow the call."""


class NotFound(ApiError):
    """No such resource in the caller's tenant."""


class AlreadyExists(ApiError):
    """The name is taken."""


class Aborted(ApiError):
    """The resource changed meanwhile."""


class FailedPrecondition(ApiError):
    """The resource's state does not allow the call."""


class OutOfRange(ApiError):
    """The offset or range lies outside the content."""


class ResourceExhausted(ApiError):
    """A rate or a size limit."""


class Unimplemented(ApiError):
    """The server does not offer the call."""


class Unavailable(ApiError):
    """Nobody answers now."""


class DeadlineExceeded(ApiError):
    """The answer did not come in time."""


class DataLoss(ApiError):
    """The bytes received are not the bytes sent."""


class Cancelled(ApiError):
    """The call was cancelled."""


class Internal(ApiError):
    """A fault of the service; `metadata["error_id"]` finds its trace in the service's log."""


class NotSignedIn(ArtifexError):
    """No token was given and none is stored."""


class FileProblem(ArtifexError):
    """A local file is missing, or cannot be read or understood."""


class JobFailed(ArtifexError):
    """A render or generation ended without a result."""

    def __init__(self, message: str, *, name: str, reason: str = "", metadata: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.name = name
        self.reason = reason
        self.metadata = dict(metadata or {})


class JobCancelled(JobFailed):
    """Somebody cancelled it."""


class VerificationFailed(ArtifexError):
    """An output exists and is not what was ordered."""


_CLASSES: dict[grpc.StatusCode, type[ApiError]] = {
    grpc.StatusCode.INVALID_ARGUMENT: InvalidArgument,
    grpc.StatusCode.UNAUTHENTICATED: Unauthenticated,
    grpc.StatusCode.PERMISSION_DENIED: PermissionDenied,
    grpc.StatusCode.NOT_FOUND: NotFound,
    grpc.StatusCode.ALREADY_EXISTS: AlreadyExists,
    grpc.StatusCode.ABORTED: Aborted,
    grpc.StatusCode.FAILED_PRECONDITION: FailedPrecondition,
    grpc.StatusCode.OUT_OF_RANGE: OutOfRange,
    grpc.StatusCode.RESOURCE_EXHAUSTED: ResourceExhausted,
    grpc.StatusCode.UNIMPLEMENTED: Unimplemented,
    grpc.StatusCode.UNAVAILABLE: Unavailable,
    grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineExceeded,
    grpc.StatusCode.DATA_LOSS: DataLoss,
    grpc.StatusCode.CANCELLED: Cancelled,
    grpc.StatusCode.INTERNAL: Internal,
}


def from_rpc_error(error: grpc.aio.AioRpcError) -> ApiError:
    """The exception for a failed call, with everything that its `google.rpc` details tell."""
    if status_lost(error):
        return Unavailable("the server ended the call while it was written to; why was lost", code="UNAVAILABLE")
    code = error.code()
    message = error.details() or code.name
    reason, metadata, violations, retry_after = "", {}, [], None
    for detail in _details(error):
        info, bad, retry = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest(), error_details_pb2.RetryInfo()
        if detail.Unpack(info):
            if info.domain == DOMAIN:
                reason, metadata = info.reason, dict(info.metadata)
        elif detail.Unpack(bad):
            violations += [Violation(v.field, v.description, v.reason) for v in bad.field_violations]
        elif detail.Unpack(retry):
            retry_after = retry.retry_delay.ToTimedelta().total_seconds()
    kind = _CLASSES.get(code, ApiError)
    if reason == "ERROR_REASON_GRAPH_INVALID":
        kind = GraphInvalid
    return kind(
        message, code=code.name, reason=reason, metadata=metadata, violations=violations, retry_after=retry_after
    )


def status_lost(error: grpc.aio.AioRpcError) -> bool:
    """Whether gRPC put an error of its own over what the server said.

    A write that meets the end of its call overwrites the status that came with it: https://github.com/grpc/grpc/issues/36066.
    Asking again tells it, most of the time.
    """
    return error.code() is grpc.StatusCode.INTERNAL and error.details() == "Internal error from Core"


def _details(error: grpc.aio.AioRpcError) -> list[any_pb2.Any]:
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            raw = value if isinstance(value, bytes) else value.encode("latin-1")
            return list(status_pb2.Status.FromString(raw).details)
    return []
