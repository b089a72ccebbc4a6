"""The `ModelServers` port: any number of Tritons that share the work."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from types import TracebackType
from typing import Self, TypeVar

from libs.chassis.errors import Unavailable
from services.generator.adapters.triton import TritonModelServer
from services.generator.domain.models import ModelCard
from services.generator.domain.plan.devices import Device
from services.generator.ports import ModelServer

T = TypeVar("T")
_log = logging.getLogger(__name__)
_LOOK_SECONDS = 0.5
"""How often servers that did not answer are asked again."""
_ROUNDS = ((1.0, False), (2.0, True), (10.0, False))
"""Seconds that servers are given to answer for as long as none does, and whether one that is not there is looked for: a
channel looks only once a second for a server that started again, and a machine may have too much to do."""
_UNSUITED = 2
_LACKING = 4
"""From these on a rank is that of a server that cannot have the work; see `_rank`."""


class TritonServers:
    """Async context manager over all of them."""

    def __init__(self, endpoints: Sequence[str], *, resident: int = 1, turns: int = 1) -> None:
        """`turns`: requests at a time on each; `resident`: as `TritonModelServer` takes it."""
        self._servers = [TritonModelServer(endpoint, resident=resident) for endpoint in endpoints]
        self._turns = turns
        self._busy = dict.fromkeys(self._servers, 0)
        self._given_back = asyncio.Event()
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        for server in self._servers:
            await self._stack.enter_async_context(server)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def models(self) -> Mapping[str, ModelCard]:
        found: dict[str, ModelCard] = {}
        for cards in await self._answers(TritonModelServer.models):
            here = _available(cards)
            for model, card in cards.items():
                told = replace(card, apart=card.image_form not in here)
                # Whichever server has its weights tells of it, and best one that has what goes on from it.
                if model not in found or _worth(told) > _worth(found[model]):
                    found[model] = told
        return found

    async def loaded(self) -> frozenset[str]:
        return frozenset[str]().union(*await self._answers(TritonModelServer.loaded))

    async def devices(self, *models: str) -> Sequence[Device]:
        async def told(server: TritonModelServer) -> tuple[bool, Sequence[Device]]:
            return set(models) <= _available(await server.models()), await server.devices()

        answers = await self._answers(told)
        having = any(has for has, _ in answers)
        return [device for has, devices in answers if has or not having for device in devices]

    async def _answers(self, question: Callable[[TritonModelServer], Awaitable[T]]) -> list[T]:
        """Those of the servers that answer; raises Unavailable where none does."""
        ready = await _ready(self._servers)
        found = await asyncio.gather(*(_unless_gone(question(server)) for server in ready))
        answers = [answer for answer in found if answer is not None]
        if not answers:
            raise Unavailable("the model server does not answer", metadata={"dependency": "triton"})
        return answers

    @asynccontextmanager
    async def take(
        self, *models: str, suits: Callable[[Device], bool] = lambda device: True
    ) -> AsyncIterator[ModelServer]:
        server = await self._free(models, suits)
        try:
            yield server
        finally:
            self._busy[server] -= 1
            self._given_back.set()
            self._given_back = asyncio.Event()

    async def _free(self, models: Sequence[str], suits: Callable[[Device], bool]) -> TritonModelServer:
        told = False
        while True:
            given_back = self._given_back
            ready = await _ready(self._servers)
            ranks = {server: await _rank(server, models, suits) for server in ready}
            able = [server for server in ready if ranks[server] < _UNSUITED]
            if not able and len(ready) == len(self._servers):
                able = [server for server in ready if ranks[server] < _LACKING] or ready
            # Looked at after the last await: nobody else takes one meanwhile.
            free = [server for server in able if self._busy[server] < self._turns]
            if free:
                chosen = min(free, key=lambda server: (ranks[server], self._busy[server]))
                self._busy[chosen] += 1
                return chosen
            if not able and not told:
                told = True
                _log.warning("work waits for a model server that has %s to answer", " and ".join(models))
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_SECONDS):
                    await given_back.wait()


def _available(cards: Mapping[str, ModelCard]) -> set[str]:
    return {model for model, card in cards.items() if card.available}


def _worth(card: ModelCard) -> tuple[bool, bool]:
    return card.available, not card.apart


async def _unless_gone(answer: Awaitable[T]) -> T | None:
    try:
        return await answer
    except Unavailable:
        return None


async def _ready(servers: Sequence[TritonModelServer]) -> list[TritonModelServer]:
    for seconds, looking in _ROUNDS:
        answers = await asyncio.gather(*(server.check(seconds, looking=looking) for server in servers))
        if any(answers):
            return [server for server, ready in zip(servers, answers, strict=True) if ready]
    return []


async def _rank(server: TritonModelServer, models: Sequence[str], suits: Callable[[Device], bool]) -> int:
    """The lower the sooner the server could begin with the first of the models; from _UNSUITED on they do not fit its
    device, from _LACKING on it lacks some."""
    try:
        has = _available(await server.models())
        lacked = [model for model in models if model not in has]
        if lacked:
            # Best one that lacks only what goes on from its clip.
            return _LACKING + (models[0] in lacked)
        suited = all(suits(device) for device in await server.devices())
        return (0 if suited else _UNSUITED) + (models[0] not in await server.loaded())
    except Unavailable:
        return _LACKING + 2  # gone between two questions
