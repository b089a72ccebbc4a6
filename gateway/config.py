"""The whole Envoy configuration, rendered from settings.

client --TLS?--> public listener --gRPC--> auth | media | graph | generator | collab
                    |  JWT filter asks for the keys
                    v
                 listener `jwks` (a Unix socket of this process) --transcodes--> auth.GetJwks
"""

from __future__ import annotations

from collections.abc import Mapping

from gateway.clusters import OTLP_CLUSTER, clusters
from gateway.envoy import Config, percent, seconds, socket_address, typed
from gateway.filters import jwks_chain, public_chain, strip_private_headers
from gateway.replies import local_reply_config
from gateway.routes import jwks_route_config, route_config
from gateway.settings import GatewaySettings

_ACCESS_LOG_FIELDS = {
    "time": "%START_TIME(%Y-%m-%dT%H:%M:%S.%3fZ)%",
    "logger": "gateway.access",
    "method": "%REQ(X-ENVOY-ORIGINAL-METHOD?:METHOD)%",
    # Without the query, which may hold what should not be kept.
    "path": "%PATH(NQ:ORIG_OR_PATH)%",
    "route": "%ROUTE_NAME%",
    "protocol": "%PROTOCOL%",
    "status": "%RESPONSE_CODE%",
    "grpc_status": "%GRPC_STATUS%",
    "details": "%RESPONSE_CODE_DETAILS%",
    "flags": "%RESPONSE_FLAGS%",
    "duration_ms": "%DURATION%",
    "upstream_ms": "%RESPONSE_DURATION%",
    "bytes_in": "%BYTES_RECEIVED%",
    "bytes_out": "%BYTES_SENT%",
    "tenant": "%REQ(X-ARTIFEX-TENANT)%",
    "user": "%REQ(X-ARTIFEX-USER)%",
    "peer": "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
    "upstream": "%UPSTREAM_CLUSTER%",
    "request_id": "%REQ(X-REQUEST-ID)%",
    "trace_id": "%TRACE_ID%",
}


def _access_log() -> Config:
    return {
        "name": "envoy.access_loggers.stdout",
        "filter": {"not_health_check_filter": {}},
        "typed_config": typed(
            "extensions.access_loggers.stream.v3.StdoutAccessLog",
            log_format={"json_format": _ACCESS_LOG_FIELDS, "omit_empty_values": False},
        ),
    }


def _tracing(otlp_endpoint: str, sampling: float) -> Config:
    """Without a collector the tracer still makes and passes on trace ids: the logs of all processes agree on them."""
    provider: Config = {"service_name": "gateway"}
    if otlp_endpoint:
        provider["grpc_service"] = {"envoy_grpc": {"cluster_name": OTLP_CLUSTER}, "timeout": "1s"}
    return {
        "client_sampling": percent(100),
        "random_sampling": percent(sampling),
        "overall_sampling": percent(100),
        "spawn_upstream_span": True,
        "operation": "%REQ(X-ENVOY-ORIGINAL-METHOD?:METHOD)% %PATH(NQ:ORIG_OR_PATH)%",
        "upstream_operation": "%REQ(:PATH)%",
        "custom_tags": [
            {"tag": "artifex.tenant", "value": "%REQ(X-ARTIFEX-TENANT)%"},
            {"tag": "artifex.user", "value": "%REQ(X-ARTIFEX-USER)%"},
        ],
        "provider": {
            "name": "envoy.tracers.opentelemetry",
            "typed_config": typed("config.trace.v3.OpenTelemetryConfig", **provider),
        },
    }


def _manager(**fields: object) -> Config:
    return {
        "name": "envoy.filters.network.http_connection_manager",
        "typed_config": typed("extensions.filters.network.http_connection_manager.v3.HttpConnectionManager", **fields),
    }


def _public_manager(
    settings: GatewaySettings, *, issuer: str, audience: str, descriptor_file: str, otlp_endpoint: str
) -> Config:
    return _manager(
        stat_prefix="public",
        codec_type="AUTO",
        server_name="artifex",
        use_remote_address=True,
        xff_num_trusted_hops=settings.trusted_hops,
        normalize_path=True,
        merge_slashes=True,
        path_with_escaped_slashes_action="REJECT_REQUEST",
        strip_matching_host_port=True,
        early_header_mutation_extensions=[strip_private_headers()],
        common_http_protocol_options={
            "idle_timeout": "3600s",
            "headers_with_underscores_action": "REJECT_REQUEST",
        },
        http2_protocol_options={
            "max_concurrent_streams": 1024,
            "initial_stream_window_size": 1 << 20,
            "initial_connection_window_size": 1 << 24,
            "connection_keepalive": {"interval": "60s", "timeout": "20s"},
        },
        request_headers_timeout="10s",
        stream_idle_timeout=seconds(settings.stream_idle_timeout_seconds),
        generate_request_id=True,
        always_set_request_id_in_response=True,
        tracing=_tracing(otlp_endpoint, settings.trace_sampling),
        access_log=[_access_log()] if settings.access_log else [],
        local_reply_config=local_reply_config(settings.max_request_bytes),
        route_config=route_config(settings),
        http_filters=public_chain(settings, issuer=issuer, audience=audience, descriptor_file=descriptor_file),
    )


def _tls(settings: GatewaySettings) -> Config:
    return {
        "name": "envoy.transport_sockets.tls",
        "typed_config": typed(
            "extensions.transport_sockets.tls.v3.DownstreamTlsContext",
            common_tls_context={
                "alpn_protocols": ["h2", "http/1.1"],
                "tls_params": {"tls_minimum_protocol_version": "TLSv1_2"},
                "tls_certificates": [
                    {
                        "certificate_chain": {"filename": str(settings.tls_certificate)},
                        "private_key": {"filename": str(settings.tls_key)},
                    }
                ],
            },
        ),
    }


def render(
    settings: GatewaySettings,
    *,
    endpoints: Mapping[str, str],
    descriptor_file: str,
    jwks_socket: str,
    issuer: str,
    audience: str,
    otlp_endpoint: str = "",
) -> Config:
    """Envoy's bootstrap as plain data, ready for JSON.

    `endpoints` maps each service's name to its gRPC `host:port`; in `descriptor_file` lies `api.descriptor_set()`.
    `jwks_socket` is a Unix socket that no other gateway of this machine uses; one that begins with @ is abstract.
    """
    chain: Config = {
        "filters": [
            _public_manager(
                settings,
                issuer=issuer,
                audience=audience,
                descriptor_file=descriptor_file,
                otlp_endpoint=otlp_endpoint,
            )
        ]
    }
    if settings.tls_certificate is not None:
        chain["transport_socket"] = _tls(settings)
    public: Config = {
        "name": "public",
        "address": socket_address(settings.host, settings.port),
        "per_connection_buffer_limit_bytes": 1 << 20,
        "filter_chains": [chain],
    }
    jwks: Config = {
        "name": "jwks",
        # Not an internal listener: those take no connection from the main thread, which is where keys are fetched.
        "address": {"pipe": {"path": jwks_socket}},
        "filter_chains": [
            {
                "filters": [
                    _manager(
                        stat_prefix="jwks",
                        route_config=jwks_route_config(),
                        http_filters=jwks_chain(descriptor_file),
                    )
                ]
            }
        ],
    }
    return {
        "node": {"id": "gateway", "cluster": "artifex"},
        "admin": {"address": socket_address(settings.admin_host, settings.admin_port)},
        "layered_runtime": {
            "layers": [
                {
                    "name": "static",
                    # By default a span may wait five seconds for company.
                    "static_layer": {"tracing.opentelemetry.flush_interval_ms": 1000},
                }
            ]
        },
        "overload_manager": {
            "resource_monitors": [
                {
                    "name": "envoy.resource_monitors.global_downstream_max_connections",
                    "typed_config": typed(
                        "extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
                        max_active_downstream_connections=settings.max_connections,
                    ),
                }
            ]
        },
        "static_resources": {
            "listeners": [public, jwks],
            "clusters": clusters(endpoints, jwks_socket=jwks_socket, otlp_endpoint=otlp_endpoint),
        },
    }
