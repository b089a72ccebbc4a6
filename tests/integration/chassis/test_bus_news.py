"""What others publish, heard at once: on a real nats-server."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

from libs.chassis.bus import Bus, News
from libs.chassis.testing import NatsServer, eventually


async def test_all_that_listen_hear_what_goes_into_a_stream_also_after_the_bus_restarts(tmp_path: Path) -> None:
    async with (
        NatsServer(tmp_path / "nats") as nats,
        Bus(nats.url, name="teller") as teller,
        Bus(nats.url, name="one") as one,
        Bus(nats.url, name="two") as two,
        asyncio.TaskGroup() as group,
    ):
        await teller.ensure_streams()
        heard = [0, 0]

        def hear(who: int) -> None:
            heard[who] += 1

        listening = [
            group.create_task(News(bus, "evt.*.thing.>", partial(hear, who)).run())
            for who, bus in enumerate((one, two))
        ]
        await eventually(lambda: heard == [1, 1], what="the links")
        await teller.publish("evt.studio.thing.made", b"", key="a")
        await teller.publish("evt.studio.other.made", b"", key="b")
        await teller.publish("evt.studio.thing.made", b"", key="c")
        await eventually(lambda: heard == [3, 3], what="both of the thing's")

        nats.kill9()
        await eventually(lambda: not one.connection.connected and not two.connection.connected)
        before = list(heard)
        nats.launch()
        await eventually(lambda: heard[0] > before[0] and heard[1] > before[1], timeout=20, what="the new links")
        await teller.publish("evt.studio.thing.made", b"", key="d")
        await eventually(lambda: heard[0] > before[0] + 1 and heard[1] > before[1] + 1, what="news after the outage")
        for task in listening:
            task.cancel()
