"""Pulling messages from durable consumers, one at a time, the most urgent first, each kept alive from its arrival.

The pull protocol is spoken directly (a JSON request on `$JS.API.CONSUMER.MSG.NEXT`, answers on an inbox): the client
library's `fetch` cannot ask several consumers at once, and leaves a request out when the link breaks under it.
"""

import asyncio
import json
import logging
from typing import Self

from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from libs.chassis.bus.connection import OUTAGES, Link, LinkLost

_log = logging.getLogger(__name__)
_LINGER = 20.0  # how long the server holds an unanswered pull
_GRACE = 5.0
_EMPTY = ("404", "408")  # no message now; the pull expired
_HEARTBEAT = "100"


class Lease:
    """A message that is ours until it is acknowledged; the server hears of it every third of `ack_wait`."""

    def __init__(self, message: Msg, ack_wait: float) -> None:
        self.message = message
        self._beat = asyncio.create_task(self._keep_alive(ack_wait / 3))

    async def _keep_alive(self, interval: float) -> None:
        while True:
            await asyncio.sleep(interval)
            try:
                await self.message.in_progress()
            except OUTAGES as error:
                # The server will deliver it again; handlers are idempotent.
                _log.warning("could not prolong %s: %r", self.message.subject, error)

    def stop(self) -> None:
        self._beat.cancel()

    async def give_back(self) -> None:
        """Let another worker have it now."""
        self.stop()
        try:
            await self.message.nak()
        except OUTAGES as error:
            _log.info("could not give %s back, it returns by itself: %r", self.message.subject, error)


class Puller:
    """Pulls from the durable consumers of one stream; `durables` are in the order of their urgency.

    At most one message of each consumer is held here at a time. An async context manager; what is held at its end is
    given back.
    """

    def __init__(self, link: Link, *, stream: str, durables: list[str], ack_wait: float) -> None:
        self._link = link
        self._stream = stream
        self._durables = durables
        self._ack_wait = ack_wait
        self._inbox = link.client.new_inbox()
        self._answers: asyncio.Queue[Msg | None] = asyncio.Queue()
        self._asked: set[str] = set()
        self._held: dict[str, Lease] = {}
        self._subscription: Subscription | None = None
        self._watch: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._subscription = await self._link.client.subscribe(f"{self._inbox}.*", cb=self._answers.put)
        self._watch = asyncio.create_task(self._tell_when_down())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._watch is not None:
            self._watch.cancel()
        if self._subscription is not None and not self._link.down.is_set():
            try:
                await self._subscription.unsubscribe()
            except OUTAGES as error:
                _log.info("the pull was not taken back: %r", error)
        while not self._answers.empty():
            answer = self._answers.get_nowait()
            if answer is not None and not _status(answer):
                await Lease(answer, self._ack_wait).give_back()
        for lease in self._held.values():
            await lease.give_back()

    async def _tell_when_down(self) -> None:
        await self._link.down.wait()
        await self._answers.put(None)

    async def next(self) -> Lease:
        """The next message of the most urgent consumer that has one; waits for ever. Raises `LinkLost`."""
        while True:
            for durable in self._durables:
                # A consumer whose pull is still out has nothing, or it would have answered.
                if len(self._durables) > 1 and durable not in self._held and durable not in self._asked:
                    await self._ask(durable, linger=None)
                    while durable in self._asked:
                        await self._take_answer(_GRACE)
                if durable in self._held:
                    return self._held.pop(durable)
            for durable in self._durables:
                if durable not in self._asked:
                    await self._ask(durable, linger=_LINGER)
            await self._take_answer(_LINGER + _GRACE)

    async def _ask(self, durable: str, *, linger: float | None) -> None:
        request = {"batch": 1, "no_wait": True} if linger is None else {"batch": 1, "expires": int(linger * 1e9)}
        await self._link.client.publish(
            f"$JS.API.CONSUMER.MSG.NEXT.{self._stream}.{durable}",
            json.dumps(request).encode(),
            f"{self._inbox}.{self._durables.index(durable)}",
        )
        self._asked.add(durable)

    async def _take_answer(self, timeout: float) -> None:
        try:
            async with asyncio.timeout(timeout):
                answer = await self._answers.get()
        except TimeoutError as error:
            raise LinkLost("a pull was not answered") from error
        if answer is None:
            raise LinkLost("the link broke")
        status = _status(answer)
        if not status:
            durable = answer.metadata.consumer
            self._asked.discard(durable)
            self._held[durable] = Lease(answer, self._ack_wait)
        elif status in _EMPTY:
            self._asked.discard(self._durables[int(answer.subject.rsplit(".", 1)[1])])
        elif status != _HEARTBEAT:
            raise LinkLost(f"{status} {(answer.headers or {}).get('Description', '')}")


def _status(message: Msg) -> str:
    return (message.headers or {}).get("Status", "") if not message.data else ""
