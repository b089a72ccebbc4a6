from __future__ import annotations

import logging

import pytest

from libs.chassis import errors
from libs.chassis.rpc.failures import public_error, to_failure


@pytest.mark.parametrize("reason", errors.REASONS)
def test_a_failure_says_what_the_error_said(reason: str) -> None:
    metadata = {"resource": "assets/x", "error_id": "01j"}
    failure = to_failure(errors.rebuild(errors.REASONS[reason], "what happened", reason=reason, metadata=metadata))
    assert (failure.message, failure.reason, dict(failure.metadata)) == ("what happened", reason, metadata)


@pytest.mark.parametrize("error", [KeyError("password"), errors.Internal("table users is locked: password")])
def test_an_unexpected_error_shows_an_id_and_logs_the_rest(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        failure = to_failure(error)
    assert failure.reason == "ERROR_REASON_INTERNAL"
    error_id = failure.metadata["error_id"]
    assert failure.message == f"internal error; id {error_id}"
    assert "password" not in str(failure)
    [record] = caplog.records
    assert error_id in record.getMessage()
    assert record.exc_info
    assert record.exc_info[1] is error


def test_another_services_internal_error_keeps_its_id(caplog: pytest.LogCaptureFixture) -> None:
    error = errors.Internal("internal error; id 01j", metadata={"error_id": "01j"})
    assert public_error(error) is error
    assert caplog.records == []


def test_a_subclass_with_a_reason_of_its_own_is_shown() -> None:
    error = errors.Internal("the decoder died", reason="ERROR_REASON_DECODER_CRASHED", metadata={"file": "a.mp4"})
    assert public_error(error) is error
