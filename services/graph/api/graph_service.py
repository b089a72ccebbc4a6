"""GraphService: decode, command, encode."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import grpc

from artifex.graph.v1 import messages_pb2, plan_pb2, preview_pb2, service_pb2_grpc
from libs.chassis.principal import current_principal
from services.graph.commands.explain_graph import ExplainGraph
from services.graph.commands.node_types import get_node_type, list_node_types
from services.graph.commands.validate_graph import ValidateGraph
from services.graph.domain.compile.catalogue import Catalogue
from services.graph.preview.host import Previews

_Context = grpc.aio.ServicerContext[Any, Any]


class GraphServicer(service_pb2_grpc.GraphServiceServicer):
    def __init__(
        self, catalogue: Catalogue, validate: ValidateGraph, explain: ExplainGraph, previews: Previews
    ) -> None:
        self._catalogue = catalogue
        self._validate = validate
        self._explain = explain
        self._previews = previews

    async def ListNodeTypes(
        self, request: messages_pb2.ListNodeTypesRequest, context: _Context
    ) -> messages_pb2.ListNodeTypesResponse:
        return list_node_types(self._catalogue, current_principal(), request)

    async def GetNodeType(
        self, request: messages_pb2.GetNodeTypeRequest, context: _Context
    ) -> messages_pb2.GetNodeTypeResponse:
        return messages_pb2.GetNodeTypeResponse(node_type=get_node_type(self._catalogue, request.name))

    async def ValidateGraph(
        self, request: messages_pb2.ValidateGraphRequest, context: _Context
    ) -> messages_pb2.ValidateGraphResponse:
        return await self._validate(request.document_json)

    async def ExplainGraph(
        self, request: plan_pb2.ExplainGraphRequest, context: _Context
    ) -> plan_pb2.ExplainGraphResponse:
        return await self._explain(current_principal(), request)

    async def Preview(
        self, request_iterator: AsyncIterator[preview_pb2.PreviewRequest], context: _Context
    ) -> AsyncIterator[preview_pb2.PreviewResponse]:
        with self._previews.session(current_principal()) as session:
            # Closed before the rpc ends, so that no child outlives its client.
            async with aclosing(session.responses(request_iterator)) as responses:
                async for response in responses:
                    yield response
