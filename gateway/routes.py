"""The route table: which rpc goes to which service, and for how long.

The transcoder keeps the route that the REST path had (`match_incoming_request_route`), so every rpc is routed twice: by
its gRPC path and by each of its REST bindings. What no route knows is answered 404 by Envoy itself.
"""

from __future__ import annotations

from gateway.api import UPSTREAMS, Rpc, rpcs
from gateway.envoy import Config, header_is, http_filter, seconds, typed
from gateway.settings import GatewaySettings

# These read or hash a whole file before they answer.
SLOW_METHODS = frozenset({"/artifex.media.v1.MediaService/FinishUpload"})

# Safe for every rpc: in all of these cases the request has not reached a handler.
_RETRY: Config = {
    "retry_on": "connect-failure,refused-stream",
    "num_retries": 3,
    "retry_back_off": {"base_interval": "0.05s", "max_interval": "0.5s"},
}


def _action(rpc: Rpc, settings: GatewaySettings) -> Config:
    action: Config = {
        "cluster": rpc.upstream,
        "retry_policy": _RETRY,
        # The limits are those of `max_stream_duration`: unlike `timeout`, it answers gRPC callers DEADLINE_EXCEEDED.
        "timeout": "0s",
    }
    if rpc.streaming:
        action["max_stream_duration"] = {"max_stream_duration": "0s", "grpc_timeout_header_max": "0s"}
        # A conversation is ended by the service that holds it, which knows whether silence means anything.
        idle = 0.0 if rpc.conversation else settings.stream_idle_timeout_seconds
        action["idle_timeout"] = seconds(idle)
    else:
        slow = rpc.path in SLOW_METHODS
        limit = seconds(settings.slow_unary_timeout_seconds if slow else settings.unary_timeout_seconds)
        action["max_stream_duration"] = {"max_stream_duration": limit, "grpc_timeout_header_max": limit}
        action["idle_timeout"] = "0s"
    return action


def _grpc_route(rpc: Rpc, settings: GatewaySettings) -> Config:
    return {"name": rpc.path, "match": {"path": rpc.path}, "route": _action(rpc, settings)}


def _rest_routes(rpc: Rpc, settings: GatewaySettings) -> list[Config]:
    routes = []
    for binding in rpc.bindings:
        path: Config = {"path": binding.template} if binding.is_literal else {"safe_regex": {"regex": binding.regex}}
        route: Config = {
            "name": f"{binding.verb} {binding.template}",
            "match": {**path, "headers": [header_is(":method", binding.verb)]},
            "route": _action(rpc, settings),
        }
        if not rpc.client_streaming:
            # The whole JSON is needed to make one message of it; a stream must never be held back.
            limit = http_filter(
                "buffer", "buffer.v3.BufferPerRoute", buffer={"max_request_bytes": settings.max_request_bytes}
            )
            route["typed_per_filter_config"] = {limit["name"]: limit["typed_config"]}
        routes.append(route)
    return routes


def _infrastructure_routes() -> list[Config]:
    """gRPC health and reflection, which every service has: `x-artifex-service` picks one, auth answers without it."""
    routes: list[Config] = []
    for prefix in ("/grpc.health.v1.Health/", "/grpc.reflection."):
        for upstream in (*UPSTREAMS, ""):
            match: Config = {"prefix": prefix, "grpc": {}}
            if upstream:
                match["headers"] = [header_is("x-artifex-service", upstream)]
            action: Config = {"cluster": upstream or "auth", "timeout": "0s"}
            routes.append({"name": f"{prefix}{upstream}", "match": match, "route": action})
    return routes


def _cors(settings: GatewaySettings) -> Config:
    local = {"safe_regex": {"regex": r"https?://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?"}}
    return typed(
        "extensions.filters.http.cors.v3.CorsPolicy",
        allow_origin_string_match=[local, *({"exact": origin} for origin in settings.cors_origins)],
        allow_methods="GET, POST, PATCH, PUT, DELETE, OPTIONS",
        allow_headers=(
            "authorization, content-type, grpc-timeout, x-grpc-web, x-user-agent, x-request-id, x-artifex-service,"
            " traceparent, tracestate"
        ),
        expose_headers="grpc-status, grpc-message, grpc-status-details-bin, retry-after, x-request-id",
        max_age="7200",
    )


def route_config(settings: GatewaySettings) -> Config:
    """The public listener's table."""
    known = rpcs()
    # The CORS filter answers preflights itself, but only where a route to a cluster leads it to the policy of its host.
    # First of all, since preflights need no token: those of foreign pages must meet no route to a service.
    preflight: Config = {
        "name": "preflight",
        "match": {"prefix": "/", "headers": [header_is(":method", "OPTIONS")]},
        "route": {"cluster": "none", "cluster_not_found_response_code": "NOT_FOUND"},
    }
    routes = [preflight, *(_grpc_route(rpc, settings) for rpc in known)]
    routes += [route for rpc in known for route in _rest_routes(rpc, settings)]
    routes += _infrastructure_routes()
    host: Config = {
        "name": "api",
        "domains": ["*"],
        "routes": routes,
        "typed_per_filter_config": {"envoy.filters.http.cors": _cors(settings)},
    }
    return {"name": "public", "virtual_hosts": [host], "validate_clusters": False}


def jwks_route_config() -> Config:
    """The internal listener's table: the one path from which the JWT filter reads the public keys."""
    for rpc in rpcs():
        if rpc.method == "GetJwks":
            route: Config = {
                "match": {"path": rpc.bindings[0].template},
                "route": {"cluster": rpc.upstream, "timeout": "5s", "retry_policy": _RETRY},
            }
            return {"name": "jwks", "virtual_hosts": [{"name": "jwks", "domains": ["*"], "routes": [route]}]}
    raise LookupError("the API has no GetJwks")
