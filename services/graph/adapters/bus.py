"""The bus as seen by commands: bounded in time, since an rpc must not wait out an outage."""

from __future__ import annotations

from collections.abc import Set

from nats.js.errors import NotFoundError

from libs.chassis.bus import Bus, Control, bounded

_MOST_ITEMS = 2000


class BusControl:
    """The `WorkControl` port."""

    def __init__(self, control: Control) -> None:
        self._control = control

    async def cancel(self, key: str) -> None:
        async with bounded():
            await self._control.cancel(key)


class BusQueue:
    """The `WorkQueue` port."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def held(self, kind: str) -> Set[str] | None:
        keys: set[str] = set()
        async with bounded(5.0):
            link = await self._bus.connection.link()
            sequence = 1
            while len(keys) < _MOST_ITEMS:
                try:
                    # A work queue drops an item when it is acknowledged, so what it holds is queued or in some
                    # worker's hands.
                    item = await link.jetstream.get_msg("WORK", seq=sequence, subject=f"work.{kind}.>", next=True)
                except NotFoundError:
                    return keys
                keys.add((item.headers or {}).get("Nats-Msg-Id", ""))
                sequence = (item.seq or sequence) + 1
        return None
