"""Dead letters: messages that no handler could handle, kept with the reason in the DEAD stream.

Most are buried by the consumer that failed last. A message whose workers all died without a word is found by the
server's MAX_DELIVERIES notice: such notices are captured in a stream of their own, so that none is lost while nobody
listens, and the message, which would otherwise lie in its work queue for ever, is moved from there to DEAD.
"""

import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from libs.chassis.bus.delivery import Delivery
from libs.chassis.bus.streams import DEAD, WORK
from libs.chassis.clock import utcnow

_log = logging.getLogger(__name__)
_PREFIX = "Artifex-Dead-"
Publish = Callable[[str, bytes, str, Mapping[str, str]], Awaitable[None]]


@dataclass(frozen=True)
class DeadLetter:
    """One message that was given up."""

    sequence: int
    """Its place in the DEAD stream."""
    subject: str
    """Where it was published first."""
    data: bytes
    headers: Mapping[str, str]
    """Those it was published with."""
    reason: str
    """The name of an `ErrorReason` value."""
    message: str
    attempts: int
    consumer: str
    buried_at: datetime


async def bury(
    publish: Publish,
    *,
    stream: str,
    sequence: int,
    subject: str,
    data: bytes,
    headers: Mapping[str, str],
    reason: str,
    message: str,
    attempts: int,
    consumer: str,
) -> None:
    """Copy a message to DEAD; the caller removes the original afterwards. Burying twice leaves one grave."""
    kept = {name: value for name, value in headers.items() if not name.startswith("Nats-")}
    kept |= {
        f"{_PREFIX}Reason": reason,
        f"{_PREFIX}Message": " ".join(message.split())[:1000] or reason,
        f"{_PREFIX}Attempts": str(attempts),
        f"{_PREFIX}Consumer": consumer,
        f"{_PREFIX}At": utcnow().isoformat(),
    }
    if "Nats-Msg-Id" in headers:
        kept[f"{_PREFIX}Key"] = headers["Nats-Msg-Id"]
    await publish(f"dead.{subject}", data, f"{stream}/{consumer}/{sequence}", kept)
    _log.error("dead letter: %s after %d attempts by %s: %s", subject, attempts, consumer, message)


async def list_dead(jetstream: JetStreamContext, limit: int) -> list[DeadLetter]:
    """The newest `limit` dead letters, newest first."""
    state = (await jetstream.stream_info(DEAD)).state
    letters: list[DeadLetter] = []
    sequence = state.last_seq
    while len(letters) < limit and sequence >= max(state.first_seq, 1):
        try:
            raw = await jetstream.get_msg(DEAD, sequence)
        except NotFoundError:
            sequence -= 1
            continue
        sequence -= 1
        headers = raw.headers or {}
        original = {name: value for name, value in headers.items() if not name.startswith((_PREFIX, "Nats-"))}
        if f"{_PREFIX}Key" in headers:
            original["Nats-Msg-Id"] = headers[f"{_PREFIX}Key"]
        letters.append(
            DeadLetter(
                sequence=raw.seq or 0,
                subject=(raw.subject or "").removeprefix("dead."),
                data=raw.data or b"",
                headers=original,
                reason=headers.get(f"{_PREFIX}Reason", ""),
                message=headers.get(f"{_PREFIX}Message", ""),
                attempts=int(headers.get(f"{_PREFIX}Attempts", "0")),
                consumer=headers.get(f"{_PREFIX}Consumer", ""),
                buried_at=datetime.fromisoformat(headers[f"{_PREFIX}At"]),
            )
        )
    return letters


async def reap(jetstream: JetStreamContext, publish: Publish, notice: Delivery) -> bool:
    """Bury the message that a MAX_DELIVERIES notice names; False when it was handled after all and is gone."""
    advisory = json.loads(notice.data)
    stream, consumer, sequence = advisory["stream"], advisory["consumer"], advisory["stream_seq"]
    try:
        raw = await jetstream.get_msg(stream, sequence)
    except NotFoundError:
        return False
    await bury(
        publish,
        stream=stream,
        sequence=sequence,
        subject=raw.subject or "",
        data=raw.data or b"",
        headers=raw.headers or {},
        reason="ERROR_REASON_INTERNAL",
        message="Every worker that took it died or fell silent.",
        attempts=advisory["deliveries"],
        consumer=consumer,
    )
    if stream == WORK:
        await jetstream.delete_msg(stream, sequence)
    return True
