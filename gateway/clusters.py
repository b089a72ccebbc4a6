"""The gateway's upstreams: one gRPC cluster per service, the key source, and the trace collector."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.envoy import Config, socket_address, typed

JWKS_CLUSTER = "jwks"
OTLP_CLUSTER = "otlp"

_HTTP = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


def split_address(address: str) -> tuple[str, int]:
    """`host:port` apart; an IPv6 host stands in brackets."""
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdigit():
        raise ValueError(f"{address!r} is not of the form host:port")
    return host.strip("[]"), int(port)


def _http2() -> Config:
    # Pings find a peer that vanished without closing, which a watch stream would otherwise wait for for ever. A gRPC
    # server takes those that come more often than every five minutes for an attack, and hangs up.
    options: Config = {
        "connection_keepalive": {"interval": "330s", "timeout": "10s"},
        "initial_stream_window_size": 1 << 20,
        "initial_connection_window_size": 1 << 24,
    }
    return {_HTTP: typed(_HTTP.removeprefix("envoy."), explicit_http_config={"http2_protocol_options": options})}


def _assignment(name: str, endpoint: Config) -> Config:
    return {"cluster_name": name, "endpoints": [{"lb_endpoints": [{"endpoint": {"address": endpoint}}]}]}


def grpc_cluster(name: str, address: str, *, health_check: bool) -> Config:
    cluster: Config = {
        "name": name,
        "type": "STRICT_DNS",
        "dns_lookup_family": "V4_PREFERRED",
        "connect_timeout": "1s",
        "lb_policy": "LEAST_REQUEST",
        "per_connection_buffer_limit_bytes": 1 << 20,
        "typed_extension_protocol_options": _http2(),
        "circuit_breakers": {
            "thresholds": [
                {"max_connections": 1024, "max_pending_requests": 4096, "max_requests": 10_000, "max_retries": 64}
            ]
        },
        "load_assignment": _assignment(name, socket_address(*split_address(address))),
    }
    if health_check:
        # With every instance unhealthy Envoy still tries one (panic routing), so a late check never refuses a call.
        cluster["health_checks"] = [
            {
                "timeout": "1s",
                "interval": "5s",
                "no_traffic_interval": "2s",
                "unhealthy_interval": "1s",
                "unhealthy_threshold": 2,
                "healthy_threshold": 1,
                "grpc_health_check": {},
            }
        ]
    return cluster


def jwks_cluster(socket: str) -> Config:
    """Reaches the listener in this same process that turns the auth service's GetJwks into RFC 7517 JSON."""
    return {
        "name": JWKS_CLUSTER,
        "connect_timeout": "1s",
        "load_assignment": _assignment(JWKS_CLUSTER, {"pipe": {"path": socket}}),
    }


def clusters(endpoints: Mapping[str, str], *, jwks_socket: str, otlp_endpoint: str) -> list[Config]:
    """`endpoints`: gRPC address by service name. `otlp_endpoint`: `host:port`, or empty for no export."""
    result = [grpc_cluster(name, address, health_check=True) for name, address in endpoints.items()]
    result.append(jwks_cluster(jwks_socket))
    if otlp_endpoint:
        result.append(grpc_cluster(OTLP_CLUSTER, otlp_endpoint, health_check=False))
    return result
