"""The error tree against the contract's `ErrorReason`, whose comments are the oracle."""

from __future__ import annotations

import re
from pathlib import Path

import grpc
import pytest

from artifex.common.v1 import error_reason_pb2
from libs.chassis import errors

ROOT = Path(__file__).resolve().parents[4]
PROTO = ROOT / "protos" / "artifex" / "common" / "v1" / "error_reason.proto"


def documented_codes() -> dict[str, str]:
    """Reason -> the code that the comment above it begins with."""
    found = re.findall(r"((?:^  //.*\n)+)  (ERROR_REASON_\w+) = \d+;", PROTO.read_text(), re.MULTILINE)
    return {reason: comment.strip().removeprefix("// ").partition(".")[0] for comment, reason in found}


def test_every_reason_is_documented_with_the_code_of_its_class() -> None:
    reasons = set(error_reason_pb2.ErrorReason.keys()) - {"ERROR_REASON_UNSPECIFIED"}
    assert documented_codes() == {reason: kind.code for reason, kind in errors.REASONS.items()}
    assert set(errors.REASONS) == reasons


@pytest.mark.parametrize("kind", errors.CODES.values(), ids=lambda kind: kind.__name__)
def test_every_class_has_a_grpc_code_and_a_reason_of_its_own_code(kind: type[errors.ArtifexError]) -> None:
    assert kind.code in grpc.StatusCode.__members__
    assert errors.REASONS[kind.default_reason] is kind


def test_the_tree_is_drawn_whole() -> None:
    drawn = set(re.findall(r"^      (\w+) ", errors.__doc__ or "", re.MULTILINE))
    assert drawn == {
        kind.__name__ for kind in errors.ArtifexError.__subclasses__() if kind.__module__ == errors.__name__
    }


def test_every_reason_named_in_the_code_exists() -> None:
    named = {
        (path.relative_to(ROOT), reason)
        for folder in ("libs", "services", "gateway", "sdk/artifex")
        for path in (ROOT / folder).rglob("*.py")
        if not path.name.endswith(("_pb2.py", "_pb2_grpc.py"))
        for reason in re.findall(r"\bERROR_REASON_[A-Z_]+[A-Z]\b", path.read_text())
    }
    known = set(error_reason_pb2.ErrorReason.keys())
    assert {entry for entry in named if entry[1] not in known} == set()


def test_an_error_keeps_what_it_is_given() -> None:
    violation = errors.Violation("name", "is empty", "string.min_len")
    error = errors.InvalidArgument("bad", metadata={"file": "a.mp4"}, violations=[violation], retry_after=2.0)
    assert (error.message, str(error), error.reason) == ("bad", "bad", "ERROR_REASON_REQUEST_INVALID")
    assert (error.metadata, error.violations, error.retry_after) == ({"file": "a.mp4"}, (violation,), 2.0)


def test_not_found_names_the_resource() -> None:
    error = errors.NotFound("assets/01j")
    assert error.message == "assets/01j was not found"
    assert error.metadata == {"resource": "assets/01j"}


def test_unavailable_may_be_tried_again_and_a_bad_request_may_not() -> None:
    assert errors.Unavailable("x").retry_after == 1.0
    assert not errors.Unavailable.permanent
    assert errors.InvalidArgument("x").retry_after is None
    assert errors.InvalidArgument.permanent


@pytest.mark.parametrize("kind", errors.CODES.values(), ids=lambda kind: kind.__name__)
def test_rebuild_restores_every_class(kind: type[errors.ArtifexError]) -> None:
    metadata = {"resource": "assets/x", "extra": "1"}
    error = errors.rebuild(kind, "what happened", reason="ERROR_REASON_INTERNAL", metadata=metadata)
    assert type(error) is kind
    assert (error.message, error.reason, error.metadata) == ("what happened", "ERROR_REASON_INTERNAL", metadata)
