"""Logs: one JSON object a line, or plain text for a terminal, each with its trace; credentials never get out."""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Literal, TextIO

from libs.chassis.principal import find_principal
from libs.chassis.telemetry import current_span_id, current_trace_id

# What every LogRecord has; whatever else is on one was passed in `extra`.
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
# JWTs, API key secrets and anything else that follows "Bearer".
_SECRETS = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]*|\bafx_[\w-]+|(?<=[Bb]earer )[\w.~+/=-]{8,}")
_REDACTED = "[redacted]"

_NOTHING: Mapping[str, Any] = MappingProxyType({})
_bound: ContextVar[Mapping[str, Any]] = ContextVar("artifex_log_fields", default=_NOTHING)


@contextmanager
def bound(**fields: Any) -> Iterator[None]:
    """Put `fields` on every record of the block, such as `bound(tenant="studio", job="renderJobs/01j...")`."""
    token = _bound.set({**_bound.get(), **fields})
    try:
        yield
    finally:
        _bound.reset(token)


def redact(text: str) -> str:
    """`text` without tokens and secrets."""
    return _SECRETS.sub(_REDACTED, text)


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    principal = find_principal()
    fields: dict[str, Any] = {} if principal is None else {"tenant": principal.tenant}
    fields.update(_bound.get())
    fields.update({key: value for key, value in vars(record).items() if key not in _STANDARD})
    return fields


class JsonFormatter(logging.Formatter):
    """`ts level service logger message trace_id span_id tenant`, then the record's own fields, then `exception`."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "ts": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "service": self._service,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if trace_id := current_trace_id():
            line |= {"trace_id": trace_id, "span_id": current_span_id()}
        # A field never replaces one of the standard ones.
        line |= {key: value for key, value in _fields(record).items() if key not in line}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return redact(json.dumps(line, default=str, ensure_ascii=False))


class TextFormatter(logging.Formatter):
    """For people: time, level, logger, message, then `key=value`."""

    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created, UTC).astimezone().strftime("%H:%M:%S.%f")[:-3]
        words = [time, f"{record.levelname:<7}", record.name, record.getMessage()]
        words += [f"{key}={value}" for key, value in _fields(record).items()]
        if record.exc_info:
            words.append("\n" + self.formatException(record.exc_info))
        return redact(" ".join(words))


class _StandardError(logging.StreamHandler[TextIO]):
    """Writes to whatever standard error is at the time, which tests replace."""

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stderr
        super().emit(record)


def setup_logging(
    service: str, *, level: str = "INFO", style: Literal["json", "text"] = "json", stream: TextIO | None = None
) -> logging.Handler:
    """Send every log record of the process to `stream` (standard error); returns the handler that does it."""
    handler = _StandardError() if stream is None else logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter(service) if style == "json" else TextFormatter())
    root = logging.getLogger()
    for former in [known for known in root.handlers if isinstance(known.formatter, (JsonFormatter, TextFormatter))]:
        root.removeHandler(former)
    root.addHandler(handler)
    root.setLevel(level)
    logging.captureWarnings(True)
    return handler
