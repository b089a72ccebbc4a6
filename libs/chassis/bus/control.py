"""Cancellation that reaches every worker at once: a set of cancelled keys, shared through a key-value bucket.

A key is the name of what is cancelled, such as `renderJobs/01j...`. Workers hear of a new key directly, as it is
published; on every new link, and every half minute, they read the bucket whole, so no outage hides a key. Keys are
forgotten after a day.
"""

import asyncio
import logging
from contextlib import suppress
from typing import Any, NoReturn
from weakref import WeakValueDictionary

from nats.aio.msg import Msg

from libs.chassis.bus.bus import Bus
from libs.chassis.bus.connection import ANY_ERROR, RETRY_SECONDS, Link
from libs.chassis.bus.streams import CANCELLED

_log = logging.getLogger(__name__)
_PREFIX = f"$KV.{CANCELLED}."
_REFRESH_SECONDS = 30.0


class Control:
    """The cancelled keys as this process knows them; run `watch()` as a background task."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._cancelled: set[str] = set()
        # Marked here, and perhaps not in the bucket yet.
        self._announcing: set[str] = set()
        # Events live as long as somebody waits on them.
        self._events: WeakValueDictionary[str, asyncio.Event] = WeakValueDictionary()
        self._loaded = asyncio.Event()

    async def cancel(self, key: str) -> None:
        """Tell every worker; returns once the bucket has the key. Waits out outages."""
        self._announcing.add(key)
        try:
            self._mark(key)
            await self._bus.publish_raw(_PREFIX + key, b"")
        finally:
            self._announcing.discard(key)

    def is_cancelled(self, key: str) -> bool:
        """True once the cancellation has reached this process."""
        return key in self._cancelled

    def event(self, key: str) -> asyncio.Event:
        """Set as soon as `key` is cancelled; perhaps already."""
        event = self._events.get(key)
        if event is None:
            event = asyncio.Event()
            self._events[key] = event
            if key in self._cancelled:
                event.set()
        return event

    async def ready(self) -> None:
        """Wait until `watch` has read the bucket for the first time."""
        await self._loaded.wait()

    async def watch(self) -> NoReturn:
        """Follow the bucket, for ever."""
        failures = 0
        while True:
            link = await self._bus.connection.link()
            try:
                await self._bus.ensure_streams()
                subscription = await link.client.subscribe(f"{_PREFIX}>", cb=self._on_message)
                try:
                    while not link.down.is_set():
                        await link.call(self._refresh(link))
                        failures = 0
                        with suppress(TimeoutError):
                            async with asyncio.timeout(_REFRESH_SECONDS):
                                await link.down.wait()
                finally:
                    if not link.client.is_closed:
                        await subscription.unsubscribe()
            except ANY_ERROR as error:
                pause = RETRY_SECONDS[min(failures, len(RETRY_SECONDS) - 1)]
                failures += 1
                _log.info("the watch over cancellations starts anew in %.2f s: %r", pause, error)
                await asyncio.sleep(pause)

    async def _refresh(self, link: Link) -> None:
        """Read the whole bucket, and forget what it has forgotten.

        Keys heard of meanwhile are in it too, since they are published by being stored.
        """
        known = self._cancelled - self._announcing
        stored: set[str] = set()
        bucket = await link.jetstream.key_value(CANCELLED)
        watcher: Any = await bucket.watchall(ignore_deletes=True, meta_only=True)
        try:
            while (entry := await watcher.updates(timeout=5.0)) is not None:
                stored.add(entry.key)
                self._mark(entry.key)
        finally:
            await watcher.stop()
        self._cancelled -= known - stored - self._announcing
        self._loaded.set()

    async def _on_message(self, message: Msg) -> None:
        self._mark(message.subject.removeprefix(_PREFIX))

    def _mark(self, key: str) -> None:
        self._cancelled.add(key)
        if event := self._events.get(key):
            event.set()
