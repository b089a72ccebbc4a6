"""What an operator can set on the collab service. Read once, in `__main__`."""

from __future__ import annotations

from pydantic_settings import BaseSettings, SettingsConfigDict


class CollabSettings(BaseSettings):
    """Environment prefix `ARTIFEX_COLLAB_`."""

    model_config = SettingsConfigDict(env_prefix="ARTIFEX_COLLAB_", frozen=True)

    listen: str = "127.0.0.1:8105"
