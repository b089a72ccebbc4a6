from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, Literal

import pytest

from libs.chassis.logs import bound, redact, setup_logging
from libs.chassis.principal import Principal, acting_as
from libs.chassis.settings import PlatformSettings
from libs.chassis.telemetry import current_span_id, current_trace_id, setup_telemetry, tracer

Start = Callable[[Literal["json", "text"]], io.StringIO]


@pytest.fixture
def start() -> Iterator[Start]:
    """Switches logging on, into a buffer, and back to how it was after the test."""
    root = logging.getLogger()
    level = root.level
    handlers = []

    def begin(style: Literal["json", "text"]) -> io.StringIO:
        stream = io.StringIO()
        handlers.append(setup_logging("media", level="INFO", style=style, stream=stream))
        return stream

    yield begin
    for handler in handlers:
        root.removeHandler(handler)
    root.setLevel(level)
    logging.captureWarnings(False)


def last_line(stream: io.StringIO) -> dict[str, Any]:
    line: dict[str, Any] = json.loads(stream.getvalue().splitlines()[-1])
    return line


def test_a_line_is_one_json_object(start: Start) -> None:
    stream = start("json")
    logging.getLogger("some.module").info("chunk %d\nis done", 3, extra={"frames": 24, "level": "not this one"})
    line = last_line(stream)
    assert datetime.fromisoformat(line.pop("ts")).utcoffset() is not None
    assert line == {
        "level": "INFO",
        "service": "media",
        "logger": "some.module",
        "message": "chunk 3\nis done",
        "frames": 24,
    }


def test_an_exception_is_logged_whole(start: Start) -> None:
    stream = start("json")
    try:
        raise KeyError("lost")
    except KeyError:
        logging.getLogger(__name__).exception("failed")
    assert "KeyError: 'lost'" in last_line(stream)["exception"]


async def test_a_line_names_its_trace_and_its_tenant(start: Start) -> None:
    stream = start("json")
    async with setup_telemetry("media", PlatformSettings(otlp_endpoint="")):
        with (
            tracer(__name__).start_as_current_span("work"),
            acting_as(Principal("acme", "ann", "ROLE_ARTIST", token="t")),
            bound(job="renderJobs/01j"),
        ):
            logging.getLogger(__name__).info("x")
            expected = {"trace_id": current_trace_id(), "span_id": current_span_id()}
    assert last_line(stream).items() >= {**expected, "tenant": "acme", "job": "renderJobs/01j"}.items()
    logging.getLogger(__name__).info("y")
    assert not last_line(stream).keys() & {"trace_id", "tenant", "job"}


def test_text_is_for_people(start: Start) -> None:
    stream = start("text")
    logging.getLogger("some.module").warning("low disk", extra={"free": "1 GB"})
    assert stream.getvalue().endswith("WARNING some.module low disk free=1 GB\n")


def test_a_second_set_up_replaces_the_first(start: Start) -> None:
    first, second = start("json"), start("json")
    logging.getLogger(__name__).info("once")
    assert (first.getvalue(), second.getvalue().count("once")) == ("", 1)


@pytest.mark.parametrize(
    "secret",
    ["eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJhbm4ifQ.c2lnbmF0dXJl", "afx_3kTq-9Zz_x", "Bearer opaque.token/with+signs=="],
)
@pytest.mark.parametrize("style", ["json", "text"])
def test_credentials_never_get_into_a_log(start: Start, style: Literal["json", "text"], secret: str) -> None:
    stream = start(style)
    log = logging.getLogger(__name__)
    try:
        raise ValueError(f"bad header {secret!r}")
    except ValueError:
        log.exception("call with %s failed", secret, extra={"header": {"authorization": secret}})
    assert secret.removeprefix("Bearer ") not in stream.getvalue()
    assert stream.getvalue().count("[redacted]") >= 3


def test_ordinary_text_is_left_alone() -> None:
    assert redact("the bearer of eyJ tidings, afx-less") == "the bearer of eyJ tidings, afx-less"
