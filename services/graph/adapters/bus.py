"""The bus as seen by commands: bounded in time, since an rpc must not wait out an outage."""

from __future__ import annotations

from libs.chassis.bus import Bus, Control, bounded


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

    async def pending(self, kind: str) -> int:
        async with bounded():
            link = await self._bus.connection.link()
            # A work queue drops an item when it is acknowledged, so what it holds is queued or in some worker's hands.
            info = await link.jetstream.stream_info("WORK", subjects_filter=f"work.{kind}.>")
            return sum((info.state.subjects or {}).values())
