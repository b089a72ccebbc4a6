"""A mutation as its caller may repeat it; what keeps the answers is `libs.chassis.idempotency`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from google.protobuf.message import Message

Result = TypeVar("Result")
Response = TypeVar("Response", bound=Message)


@dataclass(frozen=True)
class Repeat(Generic[Result, Response]):
    """How a repeated request is recognised, and how a result becomes the answer that is kept for it."""

    method: str
    request_id: str
    """Empty: the request is not guarded against repetition."""
    request: Message
    encode: Callable[[Result], Response]
