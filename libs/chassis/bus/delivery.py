"""One message as a handler sees it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from google.protobuf.message import DecodeError, Message

from libs.chassis.errors import InvalidArgument

MessageT = TypeVar("MessageT", bound=Message)


@dataclass(frozen=True)
class Delivery:
    """A message handed to one handler, perhaps not for the first time."""

    subject: str
    data: bytes
    headers: Mapping[str, str]
    attempt: int
    """1 for the first delivery."""
    last_attempt: bool
    """True when a failure now is the last: the message then becomes a dead letter."""
    sequence: int
    """The message's place in its stream."""
    published_at: datetime

    @property
    def key(self) -> str:
        """The `Nats-Msg-Id` that it was published with."""
        return self.headers.get("Nats-Msg-Id", "")

    def parse(self, kind: type[MessageT]) -> MessageT:
        """The body as a `kind`; raises `InvalidArgument`, which makes a dead letter of it, when it is none."""
        try:
            return kind.FromString(self.data)
        except DecodeError as error:
            raise InvalidArgument(f"The message on {self.subject} is no {kind.DESCRIPTOR.full_name}.") from error


class Declined(Exception):
    """Raised by a handler that leaves the message to another process: it is delivered again after `delay` seconds.

    Each time counts as an attempt: whoever declines has a number of times after which it does not.
    """

    def __init__(self, delay: float) -> None:
        super().__init__(f"left to another, again in {delay} s")
        self.delay = delay


Handler = Callable[[Delivery], Awaitable[None]]
