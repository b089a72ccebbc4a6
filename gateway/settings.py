"""What an operator can set on the gateway. Read once, in `__main__`."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class GatewaySettings(BaseSettings):
    """The public port and its limits. Environment prefix `ARTIFEX_GATEWAY_`."""

    model_config = SettingsConfigDict(env_prefix="ARTIFEX_GATEWAY_", frozen=True)

    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    admin_host: str = "127.0.0.1"
    """Envoy's admin page can stop the gateway and shows its configuration: keep it where nobody else reaches it."""
    admin_port: int = Field(default=8119, ge=0, le=65535)

    tls_certificate: Path | None = None
    """PEM chain. With the key below, the port speaks TLS 1.2 or newer only."""
    tls_key: Path | None = None

    concurrency: int = Field(default=2, ge=1, le=256)
    """Envoy's worker threads."""
    log_level: str = "warning"
    access_log: bool = True
    """One JSON line per request on standard output."""

    max_connections: int = Field(default=10_000, ge=1)
    max_request_bytes: int = Field(default=4 * 1024 * 1024, ge=1024)
    """The largest body of a REST request that is one message. In streams the services limit each message."""
    unary_timeout_seconds: float = Field(default=60.0, gt=0)
    slow_unary_timeout_seconds: float = Field(default=600.0, gt=0)
    """For the few rpcs that read a whole file before they answer."""
    stream_idle_timeout_seconds: float = Field(default=900.0, gt=0)
    """A stream that carries nothing for so long is closed; a watcher goes on from the last event it saw."""

    drain_seconds: int = Field(default=20, ge=1)
    """How long `python -m gateway drain` waits for the calls under way."""

    tenant_requests_per_second: int = Field(default=200, ge=1)
    tenant_burst: int = Field(default=400, ge=1)
    public_requests_per_second: int = Field(default=20, ge=1)
    """Per client address, for the rpcs that ask for no token: it bounds the guessing of API keys."""
    public_burst: int = Field(default=60, ge=1)
    rate_limit_entries: int = Field(default=10_000, ge=20)
    """Tenants (and client addresses) that are counted apart; beyond, the least recently seen starts afresh."""

    trusted_hops: int = Field(default=0, ge=0, le=8)
    """Proxies in front of this one whose X-Forwarded-For is believed."""
    cors_origins: list[str] = []
    """Origins of web pages that may call the API: `["https://studio.example"]`. Pages of this machine always may."""
    trace_sampling: float = Field(default=100.0, ge=0, le=100)
    """Percent of the requests without a `traceparent` whose spans are exported."""

    config_file: Path | None = None
    """Where the rendered configuration is written; `ARTIFEX_HOME/gateway/envoy.json` when unset."""

    @model_validator(mode="after")
    def _tls_is_whole(self) -> Self:
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("set both ARTIFEX_GATEWAY_TLS_CERTIFICATE and ARTIFEX_GATEWAY_TLS_KEY, or neither")
        return self
