"""Errors at the border: as `Failure` messages inside jobs and events, and hidden where they are ours alone."""

from __future__ import annotations

import logging

from artifex.common.v1 import types_pb2
from libs.chassis.errors import ArtifexError, Internal
from libs.chassis.ids import new_id

_log = logging.getLogger(__name__)


def public_error(error: Exception) -> ArtifexError:
    """The error that may be shown to a caller.

    A typed error is its own. Anything unexpected becomes `internal error; id <id>`, and its trace goes to the log
    under the same id and nowhere else.
    """
    if isinstance(error, ArtifexError) and error.reason != Internal.default_reason:
        return error
    if isinstance(error, Internal) and "error_id" in error.metadata:
        return error  # another service logged it already
    error_id = new_id()
    _log.error("internal error; id %s", error_id, exc_info=error, extra={"error_id": error_id})
    return Internal(f"internal error; id {error_id}", metadata={"error_id": error_id})


def to_failure(error: Exception) -> types_pb2.Failure:
    """Why something in the background failed, in the words of a failed call."""
    shown = public_error(error)
    return types_pb2.Failure(reason=shown.reason, message=shown.message, metadata=shown.metadata)
