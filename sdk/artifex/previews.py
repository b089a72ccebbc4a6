"""Previews: a live look at a document while it is edited, over one stream."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from fractions import Fraction
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeAlias

import grpc
from opentelemetry import trace

from artifex.common.v1 import types_pb2 as common
from artifex.errors import GraphInvalid, Internal, Unavailable, Violation, from_rpc_error
from artifex.graph.v1 import preview_pb2 as preview
from artifex.graph.v1 import service_pb2_grpc as graph_grpc
from artifex.transport import Transport

if TYPE_CHECKING:
    # Generic in the stubs alone.
    _Call = grpc.aio.StreamStreamCall[preview.PreviewRequest, preview.PreviewResponse]

DEFAULT_WINDOW = 8
"""Pictures that may be on their way: enough for a playback over a long line, few enough that what comes is new."""


@dataclass(frozen=True)
class Picture:
    """A picture with what was measured on it."""

    head: preview.PreviewPicture
    """All about it; its own `data` may be only a part."""
    data: bytes
    """All of its bytes, in the format that was asked for."""
    scopes: preview.PreviewScopes | None = None
    probes: Sequence[preview.PreviewProbe] = ()


Event: TypeAlias = Picture | preview.PreviewDocument | preview.PreviewProblems | preview.PreviewStatus


class _Half:
    """A picture that is being received."""

    def __init__(self, head: preview.PreviewPicture) -> None:
        self.head = head
        self.missing = head.parts
        """Messages that are still to come."""
        self._data = bytearray(head.data)
        self._scopes: preview.PreviewScopes | None = None
        self._probes: Sequence[preview.PreviewProbe] = ()

    def take(self, response: preview.PreviewResponse) -> bool:
        """Whether the message is a part of it."""
        if response.HasField("chunk"):
            self._data += response.chunk.data
        elif response.HasField("scopes"):
            self._scopes = response.scopes
        elif response.HasField("probes"):
            self._probes = response.probes.probes
        else:
            return False
        self.missing -= 1
        return True

    def whole(self) -> Picture:
        return Picture(self.head, bytes(self._data), self._scopes, self._probes)


class Previews:
    """Opens preview sessions."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._stub = graph_grpc.GraphServiceStub(transport.channel)

    def open(
        self,
        document_json: str = "",
        *,
        document: str = "",
        revision: int = 0,
        look: preview.PreviewLook | None = None,
        frame: int = 0,
        meters: preview.PreviewMeters | None = None,
        window: int = DEFAULT_WINDOW,
    ) -> PreviewSession:
        """A session about a document's text, or about a stored one by name. Use it as an async context manager.

        `look` may be made by `look_at`, `meters` by `measure`. `window` bounds the pictures on their way.
        """
        opening = preview.PreviewOpen(revision=revision, look=look, frame=frame, meters=meters, window=window)
        if document:
            opening.document = document
        else:
            opening.document_json = document_json
        return PreviewSession(self._transport, self._stub, opening)


class PreviewSession:
    """One session. Say things with its methods, and hear what comes of them with `events` or `picture`.

    Sequence numbers count what was said, from 1 for the opening: a picture names the last that it takes account of.
    Methods raise `ApiError` classes. A stream that broke is not mended: open another session.
    """

    def __init__(
        self, transport: Transport, stub: graph_grpc.GraphServiceAsyncStub, opening: preview.PreviewOpen
    ) -> None:
        self._transport = transport
        self._stub = stub
        self._opening = opening
        self._call: _Call | None = None
        self._span: trace.Span | None = None
        self.sequence = 0
        """The number of what was said last."""
        self.changed = 0
        """The number of what was said last that asks for a picture."""
        self.movie: preview.PreviewDocument | None = None
        """The newest known size, rate and length."""
        self.status = preview.PreviewStatus()
        """As of the last status event."""
        self.problems: Sequence[Violation] = ()
        """What keeps the newest revision from being rendered."""
        self._seen = 0
        self._acknowledged = 0

    async def __aenter__(self) -> Self:
        # Made current only while the headers are written: the session lasts, and others' calls are none of it.
        self._span = self._transport.start_span("GraphService/Preview")
        with trace.use_span(self._span):
            metadata = await self._transport.metadata()
        self._call = self._stub.Preview(metadata=metadata)
        await self._say(preview.PreviewRequest(open=self._opening))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._call is not None:
            self._call.cancel()
        if self._span is not None:
            self._span.end()

    async def edit(
        self,
        values: Mapping[str, Any] | None = None,
        *,
        remove: Sequence[str] = (),
        merge: Mapping[str, Any] | None = None,
    ) -> int:
        """Change the document, all at once: take out paths, put values at paths ("nodes.grade.params.exposure"), merge
        a JSON merge patch. The number of the request."""
        changes = [preview.PreviewChange(remove=path) for path in remove]
        changes += [
            preview.PreviewChange(set=preview.PreviewSet(path=path, value_json=json.dumps(value)))
            for path, value in (values or {}).items()
        ]
        if merge is not None:
            changes.append(preview.PreviewChange(merge_json=json.dumps(merge)))
        return await self._say(preview.PreviewRequest(edit=preview.PreviewEdit(changes=changes)))

    async def replace(self, document_json: str) -> int:
        """Put another document in the place of this one."""
        change = preview.PreviewChange(document_json=document_json)
        return await self._say(preview.PreviewRequest(edit=preview.PreviewEdit(changes=[change])))

    async def seek(self, frame: int) -> int:
        """Move the playhead."""
        return await self._say(preview.PreviewRequest(seek=preview.PreviewSeek(frame=frame)))

    async def look(self, look: preview.PreviewLook) -> int:
        """Look at something else, or otherwise."""
        return await self._say(preview.PreviewRequest(look=look))

    async def measure(self, meters: preview.PreviewMeters) -> int:
        """Measure something else."""
        return await self._say(preview.PreviewRequest(meters=meters))

    async def play(self, *, rate: float = 1.0, first_frame: int = 0, end_frame: int = 0, loop: bool = False) -> int:
        """Play from the playhead on, within a range; an end of 0 is the document's."""
        play = preview.PreviewPlay(rate=rate, first_frame=first_frame, end_frame=end_frame, loop=loop)
        return await self._write(preview.PreviewRequest(play=play))

    async def pause(self) -> int:
        """Stop playing."""
        return await self._write(preview.PreviewRequest(pause=preview.PreviewPause()))

    async def events(self) -> AsyncGenerator[Event, None]:
        """All that the server says, in order, until it ends the session. A picture is acknowledged when what follows it
        is asked for, so that a consumer who takes their time is not sent what will be old by then."""
        half: _Half | None = None
        async for response in self._responses():
            kind = response.WhichOneof("response")
            if kind == "picture":
                half = _Half(response.picture)
            elif half is not None and half.take(response):
                pass
            elif kind is not None:
                yield self._noted(getattr(response, kind))
            if half is not None and half.missing == 0:
                self._seen = half.head.id
                whole, half = half.whole(), None
                yield whole

    async def picture(self) -> Picture:
        """The next picture that is no draft and takes account of all that was said.

        Raises GraphInvalid with every problem when there will be none, and the failure when the rendering failed.
        """
        async with aclosing(self.events()) as events:
            async for event in events:
                if isinstance(event, Picture):
                    if not event.head.draft and event.head.sequence >= self.changed:
                        return event
                elif isinstance(event, preview.PreviewProblems):
                    if event.problems and event.sequence >= self.changed:
                        raise self._invalid()
                elif isinstance(event, preview.PreviewStatus) and event.HasField("failure"):
                    failure = event.failure
                    raise Internal(
                        failure.message, code="INTERNAL", reason=failure.reason, metadata=dict(failure.metadata)
                    )
        raise Unavailable("the preview ended before there was a picture", code="UNAVAILABLE")

    def _invalid(self) -> GraphInvalid:
        return GraphInvalid(
            "the document cannot be rendered",
            code="INVALID_ARGUMENT",
            reason="ERROR_REASON_GRAPH_INVALID",
            violations=self.problems,
        )

    def _noted(
        self, event: preview.PreviewDocument | preview.PreviewProblems | preview.PreviewStatus
    ) -> preview.PreviewDocument | preview.PreviewProblems | preview.PreviewStatus:
        if isinstance(event, preview.PreviewDocument):
            self.movie = event
        elif isinstance(event, preview.PreviewStatus):
            self.status = event
        else:
            self.problems = [Violation(found.path, found.message, found.reason) for found in event.problems]
        return event

    async def _say(self, request: preview.PreviewRequest) -> int:
        """Of what changes a picture."""
        await self._write(request)
        self.changed = self.sequence
        return self.sequence

    async def _write(self, request: preview.PreviewRequest) -> int:
        self.sequence += 1
        try:
            await self._stream.write(request)
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error) from None
        except asyncio.InvalidStateError:
            raise Unavailable("the preview has ended", code="UNAVAILABLE") from None
        return self.sequence

    async def _responses(self) -> AsyncIterator[preview.PreviewResponse]:
        while True:
            if self._opening.window and self._seen > self._acknowledged:
                self._acknowledged = self._seen
                await self._write(preview.PreviewRequest(acknowledge=preview.PreviewAcknowledge(id=self._seen)))
            try:
                response = await self._stream.read()
            except grpc.aio.AioRpcError as error:
                raise from_rpc_error(error) from None
            if not isinstance(response, preview.PreviewResponse):
                return
            yield response

    @property
    def _stream(self) -> _Call:
        if self._call is None:
            raise RuntimeError("use the session in an `async with`")
        return self._call


def look_at(
    node: str = "",
    *,
    scale: Fraction | float | str = 1,
    region: tuple[int, int, int, int] | None = None,
    format: preview.PreviewFormat.ValueType = preview.PREVIEW_FORMAT_JPEG,
    quality: int = 0,
    drafts: bool = True,
) -> preview.PreviewLook:
    """What to look at and how: `region` is x, y, width and height in pixels of the document."""
    share = Fraction(scale).limit_denominator(10_000)
    return preview.PreviewLook(
        node=node,
        scale=common.Rational(numerator=share.numerator, denominator=share.denominator),
        region=preview.PreviewRegion(x=region[0], y=region[1], width=region[2], height=region[3]) if region else None,
        format=format,
        quality=quality,
        no_drafts=not drafts,
    )


SCOPES = {
    name.removeprefix("PREVIEW_SCOPE_KIND_").lower(): kind
    for name, kind in preview.PreviewScopeKind.items()
    if kind != preview.PREVIEW_SCOPE_KIND_UNSPECIFIED
}
"""Kinds of scopes by name: "waveform", "parade", "vectorscope", "histogram"."""


def measure(
    scopes: Sequence[str] = (),
    probes: Sequence[tuple[int, int]] = (),
    *,
    data: bool = False,
    picture: bool = False,
) -> preview.PreviewMeters:
    """What to measure on each picture: scopes by name, as bins or as one picture of all, and pixels of the document."""
    return preview.PreviewMeters(
        scopes=[SCOPES[name] for name in scopes],
        scope_data=data,
        scope_picture=picture,
        probes=[preview.PreviewPoint(x=x, y=y) for x, y in probes],
    )
