"""A graph service that offers previews, in this process: real gRPC, real children, real files."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import grpc
import numpy as np
import psutil
from numpy.typing import NDArray

from artifex.common.v1 import types_pb2
from artifex.graph.v1 import preview_pb2 as pb
from artifex.graph.v1 import service_pb2, service_pb2_grpc
from artifex.media.v1 import messages_pb2 as media_pb2
from artifex.nodes import Frame, Window
from libs.chassis.errors import NotFound
from libs.chassis.objects import LocalCache, ObjectStore, blob_key, open_objects, put_blob_file
from libs.chassis.principal import current_principal
from libs.chassis.rpc.channel import from_rpc_error, service_channel
from libs.chassis.rpc.server import GrpcServer
from libs.chassis.testing.tokens import TokenMint
from libs.frames.probe import probe
from services.graph.adapters.analysis_store import ObjectAnalysisStore
from services.graph.adapters.capture_store import ObjectCaptureStore
from services.graph.adapters.neighbours import GeneratorService
from services.graph.api.graph_service import GraphServicer
from services.graph.commands.explain_graph import ExplainGraph
from services.graph.commands.validate_graph import ValidateGraph
from services.graph.domain.compile.catalogue import catalogue
from services.graph.domain.compile.compiler import compile
from services.graph.domain.documents.document import parse_document
from services.graph.domain.evaluate.colour import WorkingColour
from services.graph.domain.evaluate.pull import FramePuller
from services.graph.domain.evaluate.sources import SourceFile, open_sources
from services.graph.nodes.output.viewer import Viewer
from services.graph.preview.host import Previews
from services.graph.preview.session import SessionLimits
from tests.unit.services.graph.support import footage, footage_info, node


class Shelf:
    """Media and documents of several tenants: what the caller's does not have does not exist."""

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects
        self.assets: dict[tuple[str, str], media_pb2.Asset] = {}
        self.documents: dict[tuple[str, str], str] = {}

    async def add(self, path: Path, tenant: str = "studio") -> str:
        blob = await put_blob_file(self._objects, tenant, path, "video/mp4")
        name = f"assets/{blob.digest[:16]}"
        self.assets[tenant, name] = media_pb2.Asset(name=name, blob=blob, media=probe(path))
        return name

    async def add_torn(self, whole: str) -> str:
        """An asset that claims to be another, and whose bytes are no media."""
        asset = media_pb2.Asset()
        asset.CopyFrom(self.assets["studio", whole])
        asset.name, asset.blob.digest = "assets/torn", "0" * 64
        await self._objects.put_bytes(blob_key("studio", asset.blob.digest), b"torn" * 1000)
        self.assets["studio", asset.name] = asset
        return asset.name

    async def find(self, names: Sequence[str]) -> dict[str, media_pb2.Asset]:
        tenant = current_principal().tenant
        return {name: self.assets[tenant, name] for name in names if (tenant, name) in self.assets}

    async def read(self, name: str, revision: int) -> str:
        try:
            return self.documents[current_principal().tenant, name]
        except KeyError:
            raise NotFound(name) from None


@dataclass
class Picture:
    """A picture with all its chunks."""

    head: pb.PreviewPicture
    data: bytes

    @property
    def pixels(self) -> NDArray[Any]:
        """Decoded: [height, width, 3 or 4], red first."""
        shape = (self.head.height, self.head.width, 4)
        if self.head.format == pb.PREVIEW_FORMAT_RGBA16F:
            return np.frombuffer(self.data, "<f2").reshape(shape)
        if self.head.format == pb.PREVIEW_FORMAT_RGBA8:
            return np.frombuffer(self.data, np.uint8).reshape(shape)
        decoded = cv2.imdecode(np.frombuffer(self.data, np.uint8), cv2.IMREAD_COLOR)
        assert decoded is not None
        return cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB)


@dataclass
class Talk:
    """The client's side of one session."""

    call: Any
    heard: list[pb.PreviewResponse] = field(default_factory=list)

    async def say(self, **request: Any) -> None:
        await self.call.write(pb.PreviewRequest(**request))

    async def edit(self, path: str, value: object) -> None:
        change = pb.PreviewChange(set=pb.PreviewSet(path=path, value_json=json.dumps(value)))
        await self.say(edit=pb.PreviewEdit(changes=[change]))

    async def hear(self, kind: str) -> Any:
        """The next message of a kind; raises the typed error that the stream ends with."""
        while True:
            try:
                response = await asyncio.wait_for(self.call.read(), 60)
            except grpc.aio.AioRpcError as error:
                raise from_rpc_error(error) from error
            if response is grpc.aio.EOF:
                raise EOFError
            self.heard.append(response)
            if response.WhichOneof("response") == kind:
                return getattr(response, kind)

    async def picture(self, *, drafts: bool = False) -> Picture:
        """The next picture, by default one that is no draft."""
        while True:
            head = await self.hear("picture")
            data = head.data
            while len(data) < head.size:
                chunk = await self.hear("chunk")
                assert (chunk.id, chunk.offset) == (head.id, len(data))
                data += chunk.data
            if drafts or not head.draft:
                return Picture(head, data)

    async def status(self, state: pb.PreviewStatus.State.ValueType) -> pb.PreviewStatus:
        while True:
            status: pb.PreviewStatus = await self.hear("status")
            if status.state == state:
                return status


@dataclass
class Previewing:
    """The running service."""

    stub: service_pb2_grpc.GraphServiceAsyncStub
    mint: TokenMint
    shelf: Shelf
    previews: Previews

    @asynccontextmanager
    async def open(
        self, document: dict[str, Any] | str, *, tenant: str = "studio", **options: Any
    ) -> AsyncIterator[Talk]:
        """A session about a document, or about a stored one by name."""
        opening = pb.PreviewOpen(**options)
        if isinstance(document, str):
            opening.document = document
        else:
            opening.document_json = json.dumps(document)
        call = self.stub.Preview(metadata=self.mint.metadata(tenant=tenant))
        talk = Talk(call)
        try:
            await talk.say(open=opening)
            yield talk
        finally:
            call.cancel()


def children() -> list[psutil.Process]:
    """The preview children of this process that live."""
    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            if "services.graph.preview.child:serve" in process.cmdline() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.NoSuchProcess:
            continue
    return found


def look(scale: tuple[int, int] = (1, 1), **options: Any) -> pb.PreviewLook:
    """A look at a scale, without loss and without drafts unless said otherwise."""
    options = {"format": pb.PREVIEW_FORMAT_PNG, "no_drafts": True, **options}
    return pb.PreviewLook(scale=types_pb2.Rational(numerator=scale[0], denominator=scale[1]), **options)


def titled(text: str = "A", frames: int = 48) -> dict[str, Any]:
    """A white title on nothing, which a grade can dim."""
    return {
        "schema": "artifex.graph/1",
        "settings": {"width": 192, "height": 108, "fps": "24", "duration": frames / 24},
        "nodes": {
            "title": {"type": "TextInput", "params": {"text": text, "size": 48}},
            "grade": {"type": "ColorCorrector", "inputs": {"video": "title"}},
            "out": {"type": "FileOutput", "inputs": {"video": "grade"}, "params": {"path": "a.mp4"}},
        },
    }


def graded(asset: str) -> dict[str, Any]:
    return {
        "schema": "artifex.graph/1",
        "settings": {"width": 1280, "height": 720, "fps": "25", "duration": 4},
        "nodes": {
            "plate": {"type": "MediaInput", "params": {"asset": asset}},
            "grade": {"type": "ColorCorrector", "inputs": {"video": "plate.video"}, "params": {"exposure": 0.5}},
            "out": {"type": "FileOutput", "inputs": {"video": "grade"}, "params": {"path": "a.mp4"}},
        },
    }


def rendered(document: dict[str, Any], frame: int, scale: Fraction, window: Window) -> np.ndarray[Any, Any]:
    """What the evaluator makes of a document with footage, in this process."""
    parsed = parse_document(json.dumps(document))
    compiled = compile(parsed, catalogue(), "", {"plate": footage_info()})
    colour = WorkingColour("ACEScg")
    with open_sources({"plate": SourceFile(footage(), footage_info(), "x")}, colour, threads=1) as sources:
        return FramePuller(compiled, sources, colour, scale=scale).frame(frame, window).filled(window)


def shown(pixels: np.ndarray[Any, Any], window: Window) -> np.ndarray[Any, Any]:
    """As a screen gets it."""
    return node(Viewer).show(Frame(pixels, window.x, window.y), window, WorkingColour("ACEScg"))


@asynccontextmanager
async def previewing(
    folder: Path, *, sessions: int = 4, sessions_of_tenant: int = 4, **limits: Any
) -> AsyncIterator[Previewing]:
    """The service on a free port; `limits` are fields of SessionLimits."""
    objects = open_objects((folder / "objects").as_uri())
    shelf = Shelf(objects)
    given: dict[str, Any] = {
        "threads": 1,
        "memory_bytes": 2 << 30,
        "cache_bytes": 128 << 20,
        "read_ahead": 12,
        "idle_seconds": 600.0,
        "render_seconds": 60.0,
        **limits,
    }
    previews = Previews(
        shelf,
        shelf,
        LocalCache(objects, folder / "cache", 1 << 30),
        SessionLimits(**given),
        most=sessions,
        most_of_tenant=sessions_of_tenant,
    )
    types = catalogue()
    mint = TokenMint()
    async with (
        # Nobody listens there: these documents generate nothing.
        service_channel("127.0.0.1:1", service="generator") as nobody,
        GrpcServer(
            "127.0.0.1:0",
            verifier=mint.verifier(),
            servicers=[
                (
                    service_pb2_grpc.add_GraphServiceServicer_to_server,
                    GraphServicer(
                        types,
                        ValidateGraph(types, shelf),
                        ExplainGraph(
                            types,
                            shelf,
                            ObjectAnalysisStore(objects),
                            ObjectCaptureStore(objects),
                            GeneratorService(nobody),
                        ),
                        previews,
                    ),
                )
            ],
            services=[service_pb2.DESCRIPTOR.services_by_name["GraphService"]],
            drain=1.0,
        ) as server,
        grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel,
    ):
        yield Previewing(service_pb2_grpc.GraphServiceStub(channel), mint, shelf, previews)
        previews.close()
