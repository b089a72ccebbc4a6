"""What an operator can set on the auth service. Read once, in `__main__`."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class AuthSettings(BaseSettings):
    """Environment prefix `ARTIFEX_AUTH_`."""

    model_config = SettingsConfigDict(env_prefix="ARTIFEX_AUTH_", frozen=True)

    listen: str = "127.0.0.1:8101"
    token_ttl_seconds: int = Field(default=900, ge=30, le=86_400)
    signing_key_days: int = Field(default=90, ge=1)
    """A new signing key takes over after so many days."""

    first_tenant: str = Field(default="studio", pattern=r"^[a-z][a-z0-9-]{2,38}[a-z0-9]$")
    """The operator's own tenant, made at the first start together with its first admin."""
    first_admin_email: str = "admin@studio.localdomain"
    first_key_file: Path | None = None
    """Where the first admin's API key is written, with mode 0600; `ARTIFEX_HOME/token` when unset."""
    first_key: SecretStr | None = None
    """The first admin's API key itself, as `python -m services.auth new-key` makes one: then no file is written. This
    is how a cluster hands the key over, from a secret that all replicas share."""
