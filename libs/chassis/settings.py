"""What every service is told about the installation it runs in, from environment variables prefixed `ARTIFEX_`.

The defaults are the laptop's: one machine, SQLite and files under `~/.artifex`, every server on the loopback address.
A cluster differs from it by these settings alone. They are read once, in a service's `__main__`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


def _split(value: object) -> object:
    return frozenset(part.strip() for part in value.split(",")) if isinstance(value, str) else value


Roles = Annotated[frozenset[Literal["api", "worker"]], NoDecode, BeforeValidator(_split), Field(min_length=1)]
"""What one process of a service does, in its setting separated by commas: a cluster scales the two apart."""


class PlatformSettings(BaseSettings):
    """Settings that all services share; each service adds a class of its own with the prefix `ARTIFEX_<NAME>_`."""

    model_config = SettingsConfigDict(env_prefix="ARTIFEX_", frozen=True)

    home: Path = Field(default_factory=lambda: Path.home() / ".artifex")
    """Where the laptop's databases, objects, token and traces lie."""
    nats_url: str = "nats://127.0.0.1:4222"
    """One or more NATS servers, separated by commas."""
    nats_replicas: int = Field(default=1, ge=1, le=5)
    """How many servers keep each message: 1 for a lone server, 3 in a cluster of three or more."""
    database_url: str = ""
    """Empty: an SQLite file per service under `home`. Else `postgresql+asyncpg://...`, with a schema per service."""
    objects_url: str = ""
    """Empty: files under `home`. Else `s3://bucket?endpoint=http://host:port&region=name`; the credentials come from
    `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`."""
    otlp_endpoint: str = ""
    """`host:port` that takes OTLP over gRPC. Empty: traces have ids, and are sent nowhere."""

    auth_endpoint: str = "127.0.0.1:8101"
    media_endpoint: str = "127.0.0.1:8102"
    graph_endpoint: str = "127.0.0.1:8103"
    generator_endpoint: str = "127.0.0.1:8104"
    collab_endpoint: str = "127.0.0.1:8105"

    token_issuer: str = "artifex"
    """`iss` of the access tokens."""
    token_audience: str = "artifex-api"
    """`aud` of the access tokens."""

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["json", "text"] = "json"

    @field_validator("home")
    @classmethod
    def _absolute(cls, home: Path) -> Path:
        return home.expanduser().absolute()

    def database_url_for(self, service: str) -> str:
        """The SQLAlchemy URL of the service's own database."""
        return self.database_url or f"sqlite+aiosqlite:///{self.home / 'db' / f'{service}.sqlite'}"

    def objects_url_or_default(self) -> str:
        """The object store's URL: `objects_url`, or the files under `home`."""
        return self.objects_url or (self.home / "objects").as_uri()
