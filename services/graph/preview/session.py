"""One preview session: between a client's stream and the child that draws.

What the client has said is kept (said.py), so that a child that died is replaced by one that knows as much.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf import json_format
from google.protobuf.message import DecodeError

from artifex.common.v1 import types_pb2
from artifex.graph.v1 import preview_pb2
from libs.chassis.errors import DeadlineExceeded, Unavailable
from libs.chassis.objects import LocalCache
from libs.chassis.principal import Principal
from libs.chassis.rpc.failures import to_failure
from libs.chassis.sandbox import Limits, SandboxCrashed, SandboxSession, SandboxTimeout
from services.graph import models
from services.graph.ports import Documents, MediaCatalogue
from services.graph.preview import wire
from services.graph.preview.assets import AssetFiles
from services.graph.preview.outbox import Outbox, Parts
from services.graph.preview.playback import Playback
from services.graph.preview.said import Said

CHILD: Final = "services.graph.preview.child:serve"
_CRASHES_ALLOWED: Final = 2

_Picture = list[preview_pb2.PreviewResponse]
_State = preview_pb2.PreviewStatus.State


@dataclass(frozen=True)
class SessionLimits:
    """What one session may use."""

    threads: int
    memory_bytes: int
    """Of the child."""
    cache_bytes: int
    """Of that for results that may be wanted again."""
    read_ahead: int
    """Frames of a playback that wait for their time."""
    idle_seconds: float
    """A client that says nothing for so long, while nothing plays, has left."""
    render_seconds: float
    """A child that is silent for so long over something hangs."""
    decoded_bytes: int = 0
    """Of the child's memory for decoded frames that a playback has passed."""


class PreviewSession:
    """Give `responses` the client's requests once, and send what it yields; closing it ends the child."""

    def __init__(
        self,
        caller: Principal,
        media: MediaCatalogue,
        documents: Documents,
        files: LocalCache,
        limits: SessionLimits,
        closing: asyncio.Event,
    ) -> None:
        self._assets = AssetFiles(caller.tenant, media, files)
        self._documents = documents
        self._limits = limits
        self._closing = closing
        self._outbox = Outbox()

        self._opened = asyncio.Event()
        self._heard_all = False
        self._said = Said()

        self._child: SandboxSession | None = None
        self._told = 0
        """How many things the child was told that may make it work."""
        self._done = 0
        """After how many of them it had nothing left to do."""
        self._asked = 0.0
        self._crashes = 0
        self._something_new = asyncio.Event()
        self._cancelled_before = 0
        """By children that are gone."""
        self._cancelled = 0
        self._state: _State.ValueType = preview_pb2.PreviewStatus.STATE_STARTING
        self._movie: preview_pb2.PreviewDocument | None = None

        self._wants_play: preview_pb2.PreviewPlay | None = None
        """What to play, or playing."""
        self._playback = Playback(limits.read_ahead, self._tell, self._show_frame)

    async def responses(
        self, requests: AsyncIterator[preview_pb2.PreviewRequest]
    ) -> AsyncGenerator[preview_pb2.PreviewResponse, None]:
        """What to send to the client, until it hangs up and all is answered.

        Raises:
            InvalidArgument: a request breaks the contract. What is wrong with a document does not.
            NotFound: the stored document is not the caller's tenant's.
            DeadlineExceeded: nothing was said for too long.
            Unavailable: something that is needed does not answer, or the server is about to end.
        """
        tasks = [
            asyncio.create_task(work, name=f"preview {name}")
            for name, work in {
                "requests": self._hear(requests),
                "child": self._keep_a_child(),
                "playback": self._playback.run(self._stop, self._say_status),
                "end": self._end_with_the_server(),
            }.items()
        ]
        for task in tasks:
            task.add_done_callback(lambda _: self._outbox.wake())
        try:
            while True:
                for task in tasks:
                    if task.done():
                        task.result()
                batch = self._outbox.take()
                for response in batch:
                    yield response
                if batch:
                    continue
                if self._over:
                    return
                await self._outbox.wait()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    @property
    def _over(self) -> bool:
        """Whether the client says nothing more, and all that it said is answered."""
        if not self._heard_all or self._playback.playing or not self._outbox.empty:
            return False
        settled = self._child is not None and self._done >= self._told
        return self._said.sequence == 0 or settled or self._state == preview_pb2.PreviewStatus.STATE_FAILED

    async def _end_with_the_server(self) -> None:
        await self._closing.wait()
        raise Unavailable("the server is about to end; open the preview again", retry_after=0.1)

    # -- the client ----------------------------------------------------------------------------------------------------

    async def _hear(self, requests: AsyncIterator[preview_pb2.PreviewRequest]) -> None:
        while (request := await self._next(requests)) is not None:
            match self._said.count(request):
                case "open":
                    await self._open(request.open)
                case "edit" | "seek" | "look" | "meters":
                    self._said.change(request)
                    await self._changed(request)
                case "play":
                    await self._play(request.play)
                case "pause":
                    await self._stop()
                case "acknowledge":
                    self._outbox.acknowledge(request.acknowledge.id)
        self._heard_all = True
        if self._wants_play is not None and self._wants_play.loop:
            # Nobody is left who could stop it.
            await self._stop()
        self._outbox.wake()

    async def _next(self, requests: AsyncIterator[preview_pb2.PreviewRequest]) -> preview_pb2.PreviewRequest | None:
        """The next request; None when the client has hung up. Raises DeadlineExceeded when it has left otherwise."""
        reading = asyncio.ensure_future(anext(requests, None))
        try:
            while True:
                done, _ = await asyncio.wait([reading], timeout=self._limits.idle_seconds)
                if done:
                    return reading.result()
                if not self._playback.playing:
                    raise DeadlineExceeded(
                        f"nothing was said for {self._limits.idle_seconds:g} s; open the preview again"
                    )
        finally:
            reading.cancel()

    async def _open(self, opening: preview_pb2.PreviewOpen) -> None:
        text = opening.document_json or await self._documents.read(opening.document, opening.revision)
        self._said.open(opening, text)
        self._outbox.window = opening.window
        self._opened.set()

    async def _changed(self, request: preview_pb2.PreviewRequest) -> None:
        """Tell the child of a request that changes what is to be seen; a playback goes on with it."""
        await self._tell(wire.pack_request(self._said.sequence, request))
        if self._wants_play is None or not self._playback.playing:
            return
        if request.HasField("seek"):
            await self._start_playing(self._wants_play, self._said.frame)
        else:
            await self._playback.change()

    async def _tell(self, body: bytes) -> None:
        """Tell the child something that it has not been told yet; where there is none, the next will know anyhow."""
        self._something_new.set()
        if self._child is None:
            return
        self._told += body[:1] != wire.STEPS
        self._asked = time.monotonic()
        # Of its death `_converse` hears too.
        with suppress(SandboxCrashed):
            await self._child.send(body)

    def _say_status(self, failure: types_pb2.Failure | None = None) -> None:
        counters = preview_pb2.PreviewCounters()
        counters.CopyFrom(self._outbox.counters)
        counters.cancelled = self._cancelled_before + self._cancelled
        counters.dropped += self._playback.dropped
        status = preview_pb2.PreviewStatus(
            state=self._state, frame=self._said.frame, failure=failure, counters=counters
        )
        self._outbox.say(preview_pb2.PreviewResponse(status=status))

    # -- the child -----------------------------------------------------------------------------------------------------

    async def _keep_a_child(self) -> None:
        """One child after the other: each is told all that the client has said so far."""
        await self._opened.wait()
        threads = str(self._limits.threads)
        while True:
            self._say_status()
            try:
                async with (
                    SandboxSession(
                        CHILD,
                        limits=Limits(memory_bytes=self._limits.memory_bytes),
                        # Libraries that count cores for themselves would take those of the other sessions.
                        env={
                            "OMP_NUM_THREADS": threads,
                            "OPENBLAS_NUM_THREADS": threads,
                            "MKL_NUM_THREADS": threads,
                            **models.environment(),
                        },
                    ) as child,
                    AsyncExitStack() as pins,
                ):
                    await self._converse(child, pins)
            except (SandboxCrashed, SandboxTimeout) as error:
                await self._recover(error)

    async def _recover(self, error: SandboxCrashed | SandboxTimeout) -> None:
        """The child is gone: say so, and wait for something new where another would die of the same."""
        self._child = None
        self._crashes += 1
        self._cancelled_before, self._cancelled = self._cancelled_before + self._cancelled, 0
        self._end_playback()
        if self._crashes < _CRASHES_ALLOWED:
            self._state = preview_pb2.PreviewStatus.STATE_STARTING
            self._say_status(to_failure(error))
            return
        self._state = preview_pb2.PreviewStatus.STATE_FAILED
        self._something_new.clear()
        self._say_status(to_failure(error))
        await self._something_new.wait()
        self._state = preview_pb2.PreviewStatus.STATE_STARTING

    async def _converse(self, child: SandboxSession, pins: AsyncExitStack) -> None:
        """Tell a new child everything, and hear it until it dies."""
        # From here on requests are sent to it as they come; the first words are written before any of them.
        self._child, self._told, self._done = child, 1, 0
        self._asked = time.monotonic()
        begin = {
            **self._said.told(),
            "threads": self._limits.threads,
            "cache_bytes": self._limits.cache_bytes,
            "decoded_bytes": self._limits.decoded_bytes,
        }
        await child.send(wire.pack_object(wire.OBJECT, {"begin": begin}))
        parts: _Picture = []
        while True:
            body = await self._receive(child)
            try:
                match body[:1]:
                    case wire.WORD:
                        await self._pass_on(wire.unpack_response(body))
                    case wire.PART:
                        parts.append(wire.unpack_response(body))
                    case wire.END:
                        self._take_picture(parts, wire.unpack_object(body))
                        parts = []
                    case wire.OBJECT:
                        await self._take_object(pins, wire.unpack_object(body))
                    case _:
                        raise SandboxCrashed("The work's process spoke out of turn.")
            except (DecodeError, ValueError, KeyError) as error:
                raise SandboxCrashed("The work's process spoke out of turn.") from error

    async def _receive(self, child: SandboxSession) -> bytes:
        receiving = asyncio.ensure_future(child.receive())
        limit = self._limits.render_seconds
        try:
            while True:
                begun = time.monotonic()
                done, _ = await asyncio.wait([receiving], timeout=limit)
                if done:
                    return receiving.result()
                if self._is_busy and time.monotonic() - max(begun, self._asked) >= limit:
                    raise SandboxTimeout(f"A picture took longer than {limit:g} s.")
        finally:
            receiving.cancel()

    @property
    def _is_busy(self) -> bool:
        """Whether the child owes us something."""
        return self._done < self._told or self._playback.owed

    async def _pass_on(self, word: preview_pb2.PreviewResponse) -> None:
        if word.HasField("document"):
            before, self._movie = self._movie, word.document
            if self._state == preview_pb2.PreviewStatus.STATE_STARTING:
                self._state = preview_pb2.PreviewStatus.STATE_PAUSED
                self._say_status()
            if self._wants_play is not None and before != word.document:
                await self._start_playing(self._wants_play, self._said.frame)
        self._outbox.say(word)

    def _take_picture(self, parts: _Picture, told: dict[str, Any]) -> None:
        self._crashes = 0
        self._cancelled = told["cancelled"]
        if "serial" in told:
            self._playback.offer(told, parts)
        elif not self._playback.playing:
            self._outbox.show(parts, playing=False)

    async def _take_object(self, pins: AsyncExitStack, told: dict[str, Any]) -> None:
        if "idle" in told:
            self._done, self._cancelled = told["idle"], told["cancelled"]
            if self._state == preview_pb2.PreviewStatus.STATE_STARTING:
                self._state = preview_pb2.PreviewStatus.STATE_PAUSED
                self._say_status()
            self._outbox.wake()
        elif "assets" in told:
            await self._tell(wire.pack_object(wire.OBJECT, {"assets": await self._assets.fetch(told["assets"], pins)}))
        elif "failure" in told:
            if "serial" in told:
                self._end_playback()
            self._say_status(json_format.ParseDict(told["failure"], types_pb2.Failure()))

    # -- playback ------------------------------------------------------------------------------------------------------

    async def _play(self, play: preview_pb2.PreviewPlay) -> None:
        self._wants_play = play
        # Else it begins as soon as it is known what there is to play.
        if self._movie is not None and self._child is not None:
            await self._start_playing(play, self._said.frame)

    async def _start_playing(self, play: preview_pb2.PreviewPlay, frame: int) -> None:
        assert self._movie is not None
        await self._playback.start(play, self._movie, frame)
        self._said.frame = self._playback.frame
        self._state = preview_pb2.PreviewStatus.STATE_PLAYING
        self._say_status()

    def _show_frame(self, picture: Parts) -> None:
        self._said.frame = self._playback.frame
        self._outbox.show(picture, playing=True)

    async def _stop(self) -> None:
        """End the playback on the frame that was sent last, which is then drawn as any other."""
        if self._end_playback():
            await self._tell(wire.pack_object(wire.OBJECT, {"stop": self._said.frame}))

    def _end_playback(self) -> bool:
        """Whether there was one."""
        self._wants_play = None
        if not self._playback.playing:
            return False
        self._playback.end()
        self._state = preview_pb2.PreviewStatus.STATE_PAUSED
        self._say_status()
        return True
