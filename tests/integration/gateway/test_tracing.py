"""One trace holds the client's span, the gateway's two and the service's."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from libs.chassis.testing import eventually
from libs.chassis.tracestore.server import serve
from libs.chassis.tracestore.settings import TraceStoreSettings
from tests.integration.gateway.conftest import Gateway
from tests.support.services import Forge, Services

TRACE, CLIENT_SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


async def test_the_gateway_stands_between_client_and_service_in_the_trace(tmp_path: Path) -> None:
    async with serve(TraceStoreSettings(listen="127.0.0.1:0"), tmp_path) as port:
        services = Services(tmp_path / "home", ("auth",), ARTIFEX_OTLP_ENDPOINT=f"127.0.0.1:{port}")
        async with services.process("auth"), Gateway(tmp_path / "gateway", services) as gateway:
            token = (await Forge.of(services)).token("ROLE_ARTIST", tenant="acme")
            answer = await asyncio.to_thread(
                gateway.call,
                "GET",
                "/v1/caller",
                token=token,
                headers={"traceparent": f"00-{TRACE}-{CLIENT_SPAN}-01"},
            )
            assert answer.status == 200
            file = tmp_path / "traces" / f"{TRACE}.jsonl"

            def spans() -> list[dict[str, Any]]:
                return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

            await eventually(lambda: {span["service"] for span in spans()} >= {"gateway", "auth"}, what="the spans")
            await eventually(lambda: sum(span["service"] == "gateway" for span in spans()) == 2, what="both spans")
    by_parent = {span["parent_span_id"]: span for span in spans()}
    received = by_parent[CLIENT_SPAN]
    sent = by_parent[received["span_id"]]
    handled = by_parent[sent["span_id"]]
    assert (received["service"], sent["service"], handled["service"]) == ("gateway", "gateway", "auth")
    assert received["name"] == "GET /v1/caller"
    assert received["attributes"]["artifex.tenant"] == "acme"
