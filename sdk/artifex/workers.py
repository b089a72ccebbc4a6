"""The processes that render."""

from __future__ import annotations

from collections.abc import AsyncIterator

from artifex.graph.v1 import messages_pb2 as graph
from artifex.graph.v1 import service_pb2_grpc as graph_grpc
from artifex.transport import Transport


class Workers:
    """The workers of the installation, which all tenants share."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._stub = graph_grpc.RenderServiceStub(transport.channel)

    async def list(self) -> AsyncIterator[graph.Worker]:
        """Those that are there, and those lost a short while ago, by name; fetched page by page."""
        pages = self._transport.pages(
            self._stub.ListWorkers, graph.ListWorkersRequest(), name="RenderService/ListWorkers"
        )
        async for page in pages:
            for worker in page.workers:
                yield worker
