"""Small pieces of Envoy's configuration language that the other modules share."""

from __future__ import annotations

from typing import Any

Config = dict[str, Any]

TENANT_HEADER = "x-artifex-tenant"
"""Set from the verified token, after whatever the client sent under this name was removed."""
USER_HEADER = "x-artifex-user"
TRANSCODED_HEADER = "x-envoy-original-method"
"""The transcoder sets it on a REST request that it turned into gRPC."""

_FILTER = "type.googleapis.com/envoy.extensions.filters.http."


def typed(type_name: str, **fields: Any) -> Config:
    """An `Any` of a type under `envoy.`, as in `typed("config.trace.v3.OpenTelemetryConfig", ...)`."""
    return {"@type": f"type.googleapis.com/envoy.{type_name}", **fields}


def http_filter(name: str, type_name: str, **fields: Any) -> Config:
    return {"name": f"envoy.filters.http.{name}", "typed_config": {"@type": _FILTER + type_name, **fields}}


def seconds(value: float) -> str:
    """A protobuf duration; Envoy reads at most nine decimals."""
    return f"{value:.3f}".rstrip("0").rstrip(".") + "s"


def percent(value: float) -> Config:
    return {"value": value}


def socket_address(host: str, port: int) -> Config:
    return {"socket_address": {"address": host, "port_value": port}}


def header_is(name: str, value: str) -> Config:
    return {"name": name, "string_match": {"exact": value}}
