"""GraphService: decode, command, encode."""

from __future__ import annotations

from typing import Any

import grpc

from artifex.graph.v1 import messages_pb2, service_pb2_grpc
from libs.chassis.principal import current_principal
from services.graph.commands.node_types import get_node_type, list_node_types
from services.graph.commands.validate_graph import ValidateGraph
from services.graph.domain.compile.catalogue import Catalogue

_Context = grpc.aio.ServicerContext[Any, Any]


class GraphServicer(service_pb2_grpc.GraphServiceServicer):
    def __init__(self, catalogue: Catalogue, validate: ValidateGraph) -> None:
        self._catalogue = catalogue
        self._validate = validate

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
