"""The chain every request passes: health, CORS, gRPC-Web, token, rate limit, size limit, transcoding, routing."""

from __future__ import annotations

from gateway.api import rpcs, service_names
from gateway.clusters import JWKS_CLUSTER
from gateway.envoy import TENANT_HEADER, TRANSCODED_HEADER, USER_HEADER, Config, header_is, http_filter, seconds, typed
from gateway.replies import JWT_FAILURE_KEY
from gateway.settings import GatewaySettings

JWKS_PATH = "/v1/jwks.json"
JWKS_CACHE_SECONDS = 60.0
"""So long the gateway may not know a new signing key; auth publishes keys before it uses them."""

_PROVIDER = "artifex"
# Headers that the gateway sets and believes: whatever a client sends under these names is dropped.
_OURS = (TENANT_HEADER, USER_HEADER, TRANSCODED_HEADER, "x-envoy-original-path")
_ALWAYS: Config = {
    "runtime_key": "gateway.unset",
    "default_value": {"numerator": 100, "denominator": "HUNDRED"},
}


def jwt_filter(issuer: str, audience: str) -> Config:
    """Verifies the bearer token of every request but those to public rpcs, health and reflection."""
    provider: Config = {
        "issuer": issuer,
        "audiences": [audience],
        "remote_jwks": {
            "http_uri": {"uri": f"http://jwks.internal{JWKS_PATH}", "cluster": JWKS_CLUSTER, "timeout": "5s"},
            "cache_duration": seconds(JWKS_CACHE_SECONDS),
            # Fetched in the background from the start on; the port opens at once, health included.
            "async_fetch": {"fast_listener": True, "failed_refetch_duration": "1s"},
            "retry_policy": {"num_retries": 3, "retry_back_off": {"base_interval": "0.1s", "max_interval": "1s"}},
        },
        "from_headers": [{"name": "authorization", "value_prefix": "Bearer "}],
        "forward": True,  # the services verify it again
        "clock_skew_seconds": 5,
        "failed_status_in_metadata": JWT_FAILURE_KEY,
        "claim_to_headers": [
            {"header_name": TENANT_HEADER, "claim_name": "tenant"},
            {"header_name": USER_HEADER, "claim_name": "sub"},
        ],
    }
    rules: list[Config] = [{"match": {"prefix": prefix}} for prefix in ("/grpc.health.v1.Health/", "/grpc.reflection.")]
    for rpc in rpcs():
        if rpc.public:
            rules.append({"match": {"path": rpc.path}})
            rules += [
                {"match": {"path": binding.template, "headers": [header_is(":method", binding.verb)]}}
                for binding in rpc.bindings
            ]
    rules.append({"match": {"prefix": "/"}, "requires": {"provider_name": _PROVIDER}})
    return http_filter(
        "jwt_authn",
        "jwt_authn.v3.JwtAuthentication",
        providers={_PROVIDER: provider},
        rules=rules,
        bypass_cors_preflight=True,
    )


def rate_limit_filter(settings: GatewaySettings) -> Config:
    """One token bucket per tenant, and per client address where no token is asked for.

    A descriptor without a value stands for every value, each with a bucket of its own. Counted by this process alone:
    with several gateways a tenant gets the limit from each.
    """

    def bucket(rate: int, burst: int) -> Config:
        return {"max_tokens": max(burst, rate), "tokens_per_fill": rate, "fill_interval": "1s"}

    no_token: Config = {
        "descriptor_key": "token",
        "descriptor_value": "none",
        "headers": [{"name": TENANT_HEADER, "present_match": False}],
    }
    return http_filter(
        "local_ratelimit",
        "local_ratelimit.v3.LocalRateLimit",
        stat_prefix="gateway",
        # Required, and no limit: every request has one of the descriptors below.
        token_bucket=bucket(1_000_000, 1_000_000),
        always_consume_default_token_bucket=False,
        filter_enabled=_ALWAYS,
        filter_enforced=_ALWAYS,
        rate_limited_as_resource_exhausted=True,
        enable_x_ratelimit_headers="DRAFT_VERSION_03",
        max_dynamic_descriptors=settings.rate_limit_entries,
        rate_limits=[
            {"actions": [{"request_headers": {"header_name": TENANT_HEADER, "descriptor_key": "tenant"}}]},
            {"actions": [{"header_value_match": no_token}, {"remote_address": {}}]},
        ],
        descriptors=[
            {
                "entries": [{"key": "tenant"}],
                "token_bucket": bucket(settings.tenant_requests_per_second, settings.tenant_burst),
            },
            {
                "entries": [{"key": "token", "value": "none"}, {"key": "remote_address"}],
                "token_bucket": bucket(settings.public_requests_per_second, settings.public_burst),
            },
        ],
    )


def transcoder_filter(descriptor_file: str, *, max_body_bytes: int) -> Config:
    return http_filter(
        "grpc_json_transcoder",
        "grpc_json_transcoder.v3.GrpcJsonTranscoder",
        proto_descriptor=descriptor_file,
        services=service_names(),
        convert_grpc_status=True,
        match_incoming_request_route=True,
        print_options={"always_print_primitive_fields": True, "stream_newline_delimited": True},
        request_validation_options={"reject_unknown_query_parameters": True},
        max_request_body_size=max_body_bytes,
        # An answer is one gRPC message of at most 4 MiB; as JSON its strings may grow.
        max_response_body_size=32 * 1024 * 1024,
    )


def public_chain(settings: GatewaySettings, *, issuer: str, audience: str, descriptor_file: str) -> list[Config]:
    size_limit = http_filter("buffer", "buffer.v3.Buffer", max_request_bytes={"value": settings.max_request_bytes})
    return [
        http_filter(
            "health_check",
            "health_check.v3.HealthCheck",
            pass_through_mode=False,
            headers=[header_is(":path", "/healthz")],
        ),
        http_filter("cors", "cors.v3.Cors"),
        http_filter("grpc_web", "grpc_web.v3.GrpcWeb"),
        jwt_filter(issuer, audience),
        rate_limit_filter(settings),
        # Off but for the routes of REST requests that become one message.
        {**size_limit, "disabled": True},
        transcoder_filter(descriptor_file, max_body_bytes=settings.max_request_bytes),
        router(),
    ]


def jwks_chain(descriptor_file: str) -> list[Config]:
    return [transcoder_filter(descriptor_file, max_body_bytes=65_536), router()]


def router() -> Config:
    return http_filter("router", "router.v3.Router")


def strip_private_headers() -> Config:
    """Removes, before anything reads them, the headers that only the gateway may set."""
    return {
        "name": "envoy.http.early_header_mutation.header_mutation",
        "typed_config": typed(
            "extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation",
            mutations=[{"remove": name} for name in _OURS],
        ),
    }
