"""The node catalogue, and what is said of graph documents before they are rendered."""

from __future__ import annotations

from collections.abc import AsyncIterator

from artifex.graph.v1 import messages_pb2 as graph
from artifex.graph.v1 import plan_pb2 as plan
from artifex.graph.v1 import service_pb2_grpc as graph_grpc
from artifex.transport import Transport


class Graphs:
    """What can be built, and whether a document can be rendered."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._stub = graph_grpc.GraphServiceStub(transport.channel)

    async def node_types(self) -> AsyncIterator[graph.NodeType]:
        """Every node type of the installation, fetched page by page."""
        pages = self._transport.pages(
            self._stub.ListNodeTypes, graph.ListNodeTypesRequest(), name="GraphService/ListNodeTypes"
        )
        async for page in pages:
            for node_type in page.node_types:
                yield node_type

    async def node_type(self, type_name: str) -> graph.NodeType:
        """One node type, by the name that documents use: "ColorCorrector"."""
        answer = await self._transport.unary(
            self._stub.GetNodeType,
            graph.GetNodeTypeRequest(name=f"nodeTypes/{type_name.removeprefix('nodeTypes/')}"),
            name="GraphService/GetNodeType",
        )
        return answer.node_type

    async def validate(self, document_json: str) -> graph.ValidateGraphResponse:
        """All problems of a document at once; its frame count, rate and size when there are none."""
        return await self._transport.unary(
            self._stub.ValidateGraph,
            graph.ValidateGraphRequest(document_json=document_json),
            name="GraphService/ValidateGraph",
        )

    async def explain(self, document_json: str, output_node: str = "") -> plan.ExplainGraphResponse:
        """How a document would be rendered: all its problems, or the plan of one output.

        `output_node` is the output to explain; empty for the only one that writes something.
        """
        return await self._transport.unary(
            self._stub.ExplainGraph,
            plan.ExplainGraphRequest(document_json=document_json, output_node=output_node),
            name="GraphService/ExplainGraph",
        )
