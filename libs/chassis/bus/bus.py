"""The bus: publish once, consume at least once, over NATS JetStream."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import TracebackType
from typing import Literal, NoReturn, Self

from google.protobuf.message import Message
from nats.errors import BadSubjectError, MaxPayloadError
from nats.js.errors import APIError, NoStreamResponseError
from opentelemetry.trace import SpanKind

from libs.chassis.bus import dead_letters
from libs.chassis.bus.connection import OUTAGES, REQUEST_TIMEOUT, RETRY_SECONDS, Connection
from libs.chassis.bus.consumer import Consumer, ConsumerOptions
from libs.chassis.bus.dead_letters import DeadLetter
from libs.chassis.bus.delivery import Delivery, Handler
from libs.chassis.bus.streams import ADVISORIES, PUBLIC_PREFIXES, ensure_streams
from libs.chassis.errors import InvalidArgument
from libs.chassis.telemetry import inject, tracer

_log = logging.getLogger(__name__)
_tracer = tracer(__name__)


class Bus:
    """A service's connection to the bus; an async context manager that waits for the server to be there.

    Outages are no errors here: every call waits them out, until its caller cancels it.

    `name` shows in the server's monitoring; `replicas` is how many servers keep each message (3 in a cluster).
    """

    def __init__(self, url: str, *, name: str, replicas: int = 1) -> None:
        self.connection = Connection(url, name=name)
        self.replicas = replicas

    async def __aenter__(self) -> Self:
        await self.connection.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.connection.close()

    async def check(self) -> bool:
        """True while the server is connected; for health checks."""
        return self.connection.connected

    async def ensure_streams(self) -> None:
        """Make the streams where they are missing. Publishing and consuming do it by themselves when need be."""
        failures = 0
        while True:
            link = await self.connection.link()
            try:
                return await link.call(ensure_streams(link.jetstream, replicas=self.replicas))
            except OUTAGES as error:
                failures = await _pause(failures, "making the streams", error)

    async def publish(
        self, subject: str, message: bytes | Message, *, key: str, headers: Mapping[str, str] | None = None
    ) -> None:
        """Hand a message to its stream and wait until the stream has it, through any outage.

        `key` becomes the `Nats-Msg-Id`: the stream keeps the first of several messages with one key. Raises
        `InvalidArgument` for what the server will never take, such as a body over 1 MB or a subject of no stream.
        """
        if not subject.startswith(PUBLIC_PREFIXES):
            raise InvalidArgument(
                f"{subject} belongs to no stream: subjects begin with {' or '.join(PUBLIC_PREFIXES)}."
            )
        data = message if isinstance(message, bytes) else message.SerializeToString()
        with _tracer.start_as_current_span(
            f"publish {subject}",
            kind=SpanKind.PRODUCER,
            attributes={
                "messaging.system": "nats",
                "messaging.destination.name": subject,
                "messaging.message.id": key,
            },
        ):
            sent = {**(headers or {}), "Nats-Msg-Id": key}
            inject(sent)
            await self.publish_raw(subject, data, sent)

    async def publish_raw(self, subject: str, data: bytes, headers: Mapping[str, str] | None = None) -> None:
        """`publish` without a span, a key or a trace of its own."""
        failures = 0
        while True:
            link = await self.connection.link()
            try:
                sent = dict(headers or {})
                await link.call(link.jetstream.publish(subject, data, timeout=REQUEST_TIMEOUT, headers=sent))
            except NoStreamResponseError as error:
                failures = await _pause(failures, f"publishing to {subject}", error)
                await self.ensure_streams()
            except OUTAGES as error:
                failures = await _pause(failures, f"publishing to {subject}", error)
            except (MaxPayloadError, BadSubjectError, APIError) as error:
                raise InvalidArgument(f"The bus does not take a message on {subject}: {error}.") from error
            else:
                return

    async def consume(
        self,
        *,
        stream: Literal["WORK", "EVENTS", "DEAD"],
        durable: str,
        subjects: list[str],
        handler: Handler,
        concurrency: int = 1,
        ack_wait: float = 15.0,
        max_deliver: int = 5,
        backoff: Sequence[float] = (1.0, 5.0, 15.0, 30.0),
        one_queue: bool = False,
        admit: Callable[[], Awaitable[None]] | None = None,
    ) -> NoReturn:
        """Hand the messages on `subjects` to `handler`, until cancelled.

        Processes with the same `durable` share the messages. On WORK the subjects are in the order of their urgency,
        and no two durables may name the same subject. At most `concurrency` handlers run at once.

        A handler that returns has its message acknowledged. One that raises an `ArtifexError` that is `permanent` makes
        it a dead letter; any other exception brings it again after `backoff` (seconds before the second, third…
        attempt), and makes it a dead letter after `max_deliver` attempts. While the handler runs the server is told so
        every third of `ack_wait` seconds, so only a dead worker's message is given to another. Every message may come
        more than once: handlers must be idempotent. A handler that raises `Declined` leaves the message to another.

        `admit` is awaited before each message is asked for: a process that does not want work for a while takes none.
        It needs one durable consumer, that is `one_queue` or a single subject.
        """
        options = ConsumerOptions(
            stream, durable, subjects, concurrency, ack_wait, max_deliver, backoff, self.replicas, one_queue, admit
        )
        reaper = ConsumerOptions(ADVISORIES, "reaper", [">"], 1, 30.0, -1, (1.0, 5.0, 30.0), self.replicas)
        async with asyncio.TaskGroup() as group:
            group.create_task(Consumer(self.connection, self._publish_dead, options, handler).run())
            group.create_task(Consumer(self.connection, self._publish_dead, reaper, self._reap).run())
        raise AssertionError("a consumer ends only by cancellation")

    async def list_dead(self, limit: int = 100) -> list[DeadLetter]:
        """The newest dead letters, newest first."""
        await self.ensure_streams()
        link = await self.connection.link()
        return await link.call(dead_letters.list_dead(link.jetstream, limit))

    async def _reap(self, notice: Delivery) -> None:
        link = await self.connection.link()
        await link.call(dead_letters.reap(link.jetstream, self._publish_dead, notice))

    async def _publish_dead(self, subject: str, data: bytes, key: str, headers: Mapping[str, str]) -> None:
        await self.publish_raw(subject, data, {**headers, "Nats-Msg-Id": key})


async def _pause(failures: int, what: str, error: Exception) -> int:
    if failures == 0:
        _log.info("%s waits for the bus: %r", what, error)
    await asyncio.sleep(RETRY_SECONDS[min(failures, len(RETRY_SECONDS) - 1)])
    return failures + 1
