"""Every error that may leave a service, as a tree of one class per gRPC code; knows no transport.

    ArtifexError
      InvalidArgument      the request, file or graph is wrong; repeating it cannot help
      Unauthenticated      no token, or not a good one
      PermissionDenied     the role or the licence does not allow it
      NotFound             no such resource in the caller's tenant
      AlreadyExists        the id or unique name is taken
      Aborted              lost a race: read again and repeat
      FailedPrecondition   the resource's state does not allow it
      OutOfRange           an offset or range outside the content
      ResourceExhausted    a rate or size limit
      Unavailable          something needed does not answer; try again
      DeadlineExceeded     the caller's time is over
      Unimplemented        nothing of that name is served here
      DataLoss             bytes are not what was announced
      Cancelled            somebody cancelled it
      Internal             a fault of ours

`reason` is always the name of an `artifex.common.v1.ErrorReason` value; `REASONS` says which class each belongs to.
Messages are for people and are shown to callers: they name the place and the remedy, and no internals.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class Violation:
    """One field that is wrong: its path (`graph.nodes.grade.inputs.video`), what is wrong, and a stable reason."""

    field: str
    description: str
    reason: str = ""


class ArtifexError(Exception):
    """The root of the tree; raise one of the classes below it.

    `retry_after` is in seconds, and None when repeating the call would not help.
    """

    code: ClassVar[str] = "UNKNOWN"
    """The name of the gRPC status code."""
    default_reason: ClassVar[str] = "ERROR_REASON_UNSPECIFIED"
    permanent: ClassVar[bool] = True
    """True when the same work would fail the same way again: queues give up at once instead of trying anew."""
    default_retry_after: ClassVar[float | None] = None

    def __init__(
        self,
        message: str,
        *,
        reason: str = "",
        metadata: Mapping[str, str] | None = None,
        violations: Sequence[Violation] = (),
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason or self.default_reason
        self.metadata: dict[str, str] = dict(metadata or {})
        self.violations: tuple[Violation, ...] = tuple(violations)
        self.retry_after = self.default_retry_after if retry_after is None else retry_after

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.message!r}, reason={self.reason!r}, metadata={self.metadata!r})"


class InvalidArgument(ArtifexError):
    """The request breaks the contract; `violations` names each field."""

    code = "INVALID_ARGUMENT"
    default_reason = "ERROR_REASON_REQUEST_INVALID"


class Unauthenticated(ArtifexError):
    """No credentials, or credentials that prove nothing."""

    code = "UNAUTHENTICATED"
    default_reason = "ERROR_REASON_TOKEN_INVALID"


class PermissionDenied(ArtifexError):
    """The caller is known and may not do this."""

    code = "PERMISSION_DENIED"
    default_reason = "ERROR_REASON_PERMISSION_MISSING"


class NotFound(ArtifexError):
    """No such resource in the caller's tenant; another tenant's resources look exactly the same."""

    code = "NOT_FOUND"
    default_reason = "ERROR_REASON_RESOURCE_NOT_FOUND"

    def __init__(
        self, resource: str, *, message: str = "", reason: str = "", metadata: Mapping[str, str] | None = None
    ) -> None:
        """`resource` is a resource name such as `assets/01j...`."""
        super().__init__(
            message or f"{resource} was not found", reason=reason, metadata={"resource": resource, **(metadata or {})}
        )


class AlreadyExists(ArtifexError):
    """The id or unique name is taken."""

    code = "ALREADY_EXISTS"
    default_reason = "ERROR_REASON_RESOURCE_EXISTS"


class Aborted(ArtifexError):
    """Somebody else changed it in between; read it again and repeat."""

    code = "ABORTED"
    default_reason = "ERROR_REASON_ETAG_MISMATCH"
    permanent = False


class FailedPrecondition(ArtifexError):
    """The resource is not in a state that allows this."""

    code = "FAILED_PRECONDITION"
    default_reason = "ERROR_REASON_STATE_CONFLICT"


class OutOfRange(ArtifexError):
    """An offset or range outside what there is."""

    code = "OUT_OF_RANGE"
    default_reason = "ERROR_REASON_RANGE_INVALID"


class ResourceExhausted(ArtifexError):
    """A limit of the installation or of the tenant."""

    code = "RESOURCE_EXHAUSTED"
    default_reason = "ERROR_REASON_LIMIT_EXCEEDED"
    permanent = False


class Unavailable(ArtifexError):
    """Something this service needs does not answer. Metadata names the `dependency`."""

    code = "UNAVAILABLE"
    default_reason = "ERROR_REASON_DEPENDENCY_UNAVAILABLE"
    permanent = False
    default_retry_after = 1.0


class DeadlineExceeded(ArtifexError):
    """The time that the caller allowed is over."""

    code = "DEADLINE_EXCEEDED"
    default_reason = "ERROR_REASON_DEADLINE_EXCEEDED"
    permanent = False


class Unimplemented(ArtifexError):
    """Nothing of that name is served here."""

    code = "UNIMPLEMENTED"
    default_reason = "ERROR_REASON_UNIMPLEMENTED"


class DataLoss(ArtifexError):
    """The bytes are not those that were announced or stored."""

    code = "DATA_LOSS"
    default_reason = "ERROR_REASON_UPLOAD_DIGEST_MISMATCH"


class Cancelled(ArtifexError):
    """Somebody cancelled the work; no fault. Not to be mixed up with `asyncio.CancelledError`, which stops a task."""

    code = "CANCELLED"
    default_reason = "ERROR_REASON_CANCELLED"


class Internal(ArtifexError):
    """A fault of ours. With the default reason its message is kept from callers, who get an id to quote."""

    code = "INTERNAL"
    default_reason = "ERROR_REASON_INTERNAL"
    permanent = False


REASONS: Mapping[str, type[ArtifexError]] = {
    "ERROR_REASON_TOKEN_MISSING": Unauthenticated,
    "ERROR_REASON_TOKEN_INVALID": Unauthenticated,
    "ERROR_REASON_TOKEN_EXPIRED": Unauthenticated,
    "ERROR_REASON_API_KEY_INVALID": Unauthenticated,
    "ERROR_REASON_PERMISSION_MISSING": PermissionDenied,
    "ERROR_REASON_FEATURE_NOT_LICENSED": PermissionDenied,
    "ERROR_REASON_REQUEST_INVALID": InvalidArgument,
    "ERROR_REASON_GRAPH_INVALID": InvalidArgument,
    "ERROR_REASON_PAGE_TOKEN_INVALID": InvalidArgument,
    "ERROR_REASON_MEDIA_UNREADABLE": InvalidArgument,
    "ERROR_REASON_MEDIA_TRUNCATED": InvalidArgument,
    "ERROR_REASON_MEDIA_UNSUPPORTED": InvalidArgument,
    "ERROR_REASON_RESOURCE_NOT_FOUND": NotFound,
    "ERROR_REASON_RESOURCE_EXISTS": AlreadyExists,
    "ERROR_REASON_REQUEST_ID_REUSED": AlreadyExists,
    "ERROR_REASON_ETAG_MISMATCH": Aborted,
    "ERROR_REASON_STATE_CONFLICT": FailedPrecondition,
    "ERROR_REASON_UPLOAD_OFFSET_MISMATCH": OutOfRange,
    "ERROR_REASON_UPLOAD_DIGEST_MISMATCH": DataLoss,
    "ERROR_REASON_STORED_DATA_CHANGED": DataLoss,
    "ERROR_REASON_RANGE_INVALID": OutOfRange,
    "ERROR_REASON_RATE_LIMITED": ResourceExhausted,
    "ERROR_REASON_LIMIT_EXCEEDED": ResourceExhausted,
    "ERROR_REASON_DEPENDENCY_UNAVAILABLE": Unavailable,
    "ERROR_REASON_DEADLINE_EXCEEDED": DeadlineExceeded,
    "ERROR_REASON_UNIMPLEMENTED": Unimplemented,
    "ERROR_REASON_INTERNAL": Internal,
    "ERROR_REASON_DECODER_CRASHED": Internal,
    "ERROR_REASON_MODEL_FAILED": Internal,
    "ERROR_REASON_NODE_PACK_FAILED": Internal,
    "ERROR_REASON_MODEL_ABSENT": FailedPrecondition,
    "ERROR_REASON_DOES_NOT_FIT": ResourceExhausted,
    "ERROR_REASON_PROMPT_REFUSED": InvalidArgument,
    "ERROR_REASON_CANCELLED": Cancelled,
}
"""The class that carries each reason."""

CODES: Mapping[str, type[ArtifexError]] = {kind.code: kind for kind in REASONS.values()}
"""The class of each status code's name."""


def rebuild(
    kind: type[ArtifexError],
    message: str,
    *,
    reason: str = "",
    metadata: Mapping[str, str] | None = None,
    violations: Sequence[Violation] = (),
    retry_after: float | None = None,
) -> ArtifexError:
    """An error of class `kind` as it was before it crossed a process border."""
    if issubclass(kind, NotFound):
        fields = dict(metadata or {})
        return kind(fields.pop("resource", ""), message=message, reason=reason, metadata=fields)
    return kind(message, reason=reason, metadata=metadata, violations=violations, retry_after=retry_after)
