"""A durable consumer at work: pull, handle, acknowledge; for ever, whatever happens to the server."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import NoReturn

from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig
from nats.js.errors import NotFoundError
from opentelemetry.trace import SpanKind, Status, StatusCode

from libs.chassis.bus.connection import ANY_ERROR, OUTAGES, RETRY_SECONDS, Connection, Link
from libs.chassis.bus.dead_letters import Publish, bury
from libs.chassis.bus.delivery import Declined, Delivery, Handler
from libs.chassis.bus.pull import Lease, Puller
from libs.chassis.bus.streams import WORK, ensure_streams
from libs.chassis.clock import utcnow
from libs.chassis.errors import ArtifexError
from libs.chassis.telemetry import extract, meter, tracer

_log = logging.getLogger(__name__)
_tracer = tracer(__name__)
_ACK_ATTEMPTS = 5
_ACK_TIMEOUT = 5.0
_LATE_ACK_TIMEOUT = 1.0


@dataclass(frozen=True)
class ConsumerOptions:
    """How one consumer takes its messages."""

    stream: str
    durable: str
    subjects: Sequence[str]
    """On WORK in the order of their urgency; there each subject has a durable consumer of its own."""
    concurrency: int
    ack_wait: float
    """Seconds without a sign of life after which the server gives a message to somebody else."""
    max_deliver: int
    """Attempts before a message is a dead letter; -1 for no end."""
    backoff: Sequence[float]
    """Seconds to wait before the second, third… attempt; the last value repeats."""
    replicas: int
    one_queue: bool = False
    """The subjects are one queue in the order of publication, also on WORK."""
    admit: Callable[[], Awaitable[None]] | None = None
    """Awaited before each message is asked for; only where one durable consumer is pulled from."""


class Consumer:
    """Runs one handler over one durable consumer; see `Bus.consume`."""

    def __init__(self, connection: Connection, publish: Publish, options: ConsumerOptions, handler: Handler) -> None:
        self._connection = connection
        self._publish = publish
        self._options = options
        self._handler = handler
        numbers = meter(__name__)
        self._age = numbers.create_histogram(
            "artifex.queue.age", unit="s", description="From the publication of a message to the start of its handling"
        )
        self._handled = numbers.create_counter("artifex.queue.handled", description="Messages, by how handling ended")

    async def run(self) -> NoReturn:
        """Handle messages until cancelled; what is in hand then is given back for others."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self._options.concurrency):
                group.create_task(self._work())
        raise AssertionError("a consumer ends only by cancellation")

    async def _work(self) -> NoReturn:
        failures = 0
        while True:
            link = await self._connection.link()
            try:
                durables = await link.call(self._ensure(link.jetstream))
                options = self._options
                async with Puller(link, stream=options.stream, durables=durables, ack_wait=options.ack_wait) as puller:
                    while True:
                        if options.admit is not None:
                            await options.admit()
                        lease = await puller.next()
                        failures = 0
                        await self._handle(lease, link)
            except ANY_ERROR as error:
                pause = RETRY_SECONDS[min(failures, len(RETRY_SECONDS) - 1)]
                failures += 1
                _log.info("consumer %s pulls anew in %.2f s: %r", self._options.durable, pause, error)
                await asyncio.sleep(pause)

    async def _ensure(self, jetstream: JetStreamContext) -> list[str]:
        """Make streams and consumers where they are missing; the consumers' names in the order of urgency."""
        options = self._options
        await ensure_streams(jetstream, replicas=options.replicas)
        filters: dict[str, list[str]]
        if options.stream == WORK and len(options.subjects) > 1 and not options.one_queue:
            # A consumer delivers in the order of publication, so urgency needs one for each subject.
            filters = {f"{options.durable}-{subject.rsplit('.', 1)[1]}": [subject] for subject in options.subjects}
            # One of before the subjects were told apart would be in their way; what it holds stays in the stream.
            with suppress(NotFoundError):
                await jetstream.delete_consumer(options.stream, options.durable)
        else:
            filters = {options.durable: list(options.subjects)}
        for durable, subjects in filters.items():
            config = ConsumerConfig(
                name=durable,
                durable_name=durable,
                ack_policy=AckPolicy.EXPLICIT,
                ack_wait=options.ack_wait,
                max_deliver=options.max_deliver,
                filter_subject=subjects[0] if len(subjects) == 1 else None,
                filter_subjects=subjects if len(subjects) > 1 else None,
            )
            await jetstream.add_consumer(options.stream, config)
        return list(filters)

    async def _handle(self, lease: Lease, link: Link) -> None:
        message = lease.message
        meta = message.metadata
        headers = dict(message.headers or {})
        delivery = Delivery(
            subject=message.subject,
            data=message.data,
            headers=headers,
            attempt=meta.num_delivered,
            last_attempt=0 < self._options.max_deliver <= meta.num_delivered,
            sequence=meta.sequence.stream,
            published_at=meta.timestamp,
        )
        attributes = {"consumer": self._options.durable}
        self._age.record((utcnow() - meta.timestamp).total_seconds(), attributes)
        outcome = "cancelled"
        with _tracer.start_as_current_span(
            f"consume {message.subject}",
            context=extract(headers),
            kind=SpanKind.CONSUMER,
            attributes={
                "messaging.system": "nats",
                "messaging.destination.name": message.subject,
                "messaging.message.id": delivery.key,
                "artifex.attempt": delivery.attempt,
            },
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                await self._handler(delivery)
            except asyncio.CancelledError:
                await asyncio.shield(lease.give_back())
                raise
            except Declined as declined:
                outcome, delay = "declined", declined.delay
                await self._settle(message, lambda: message.nak(delay=delay))
            except Exception as error:  # noqa: BLE001 - a handler's failure is the message's, never the consumer's
                span.set_status(Status(StatusCode.ERROR, str(error)))
                outcome = await self._fail(message, delivery, error)
            else:
                outcome = "acknowledged"
                await self._acknowledge(message, link)
            finally:
                lease.stop()
                self._handled.add(1, attributes | {"outcome": outcome})

    async def _fail(self, message: Msg, delivery: Delivery, error: Exception) -> str:
        permanent = isinstance(error, ArtifexError) and error.permanent
        if permanent or delivery.last_attempt:
            known = isinstance(error, ArtifexError)
            if not known:
                _log.error("handling %s failed for good", delivery.subject, exc_info=error)
            await bury(
                self._publish,
                stream=self._options.stream,
                sequence=delivery.sequence,
                subject=delivery.subject,
                data=delivery.data,
                headers=delivery.headers,
                reason=error.reason if isinstance(error, ArtifexError) else "ERROR_REASON_INTERNAL",
                message=str(error) or type(error).__name__,
                attempts=delivery.attempt,
                consumer=self._options.durable,
            )
            await self._settle(message, message.term)
            return "dead"
        backoff = self._options.backoff
        delay = backoff[min(delivery.attempt, len(backoff)) - 1]
        _log.warning(
            "attempt %d at %s failed, again in %.1f s", delivery.attempt, delivery.subject, delay, exc_info=error
        )
        await self._settle(message, lambda: message.nak(delay=delay))
        return "repeated"

    async def _acknowledge(self, message: Msg, delivered: Link) -> None:
        """Acknowledge and wait for the server's word, so that finished work is not done again after a crash.

        A server that restarted since it `delivered` the message may not know of that, and then it does not answer.
        """
        for _ in range(_ACK_ATTEMPTS):
            link = await self._connection.link()
            late = link is not delivered
            try:
                await link.call(message.ack_sync(timeout=_LATE_ACK_TIMEOUT if late else _ACK_TIMEOUT))
            except OUTAGES as error:
                _log.warning("the acknowledgement of %s got no answer: %r", message.subject, error)
                if late and not link.down.is_set():
                    break
            else:
                return
        _log.warning("%s is done but stays unacknowledged; it will be delivered again", message.subject)

    async def _settle(self, message: Msg, send: Callable[[], Awaitable[None]]) -> None:
        await self._connection.link()
        try:
            await send()
        except OUTAGES as error:
            _log.warning("%s returns by itself, the server did not hear of it: %r", message.subject, error)
