"""What the trace store may keep. Environment prefix `ARTIFEX_TRACES_`, read once in `__main__`."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class TraceStoreSettings(BaseSettings):
    """Limits: whatever is exceeded first, the traces that were written to longest ago go."""

    model_config = SettingsConfigDict(env_prefix="ARTIFEX_TRACES_", frozen=True)

    listen: str = "127.0.0.1:4317"
    max_traces: int = Field(default=2000, ge=1)
    max_bytes: int = Field(default=256 * 1024 * 1024, ge=1024)
    max_age_seconds: float = Field(default=14 * 86400, gt=0)
    max_trace_bytes: int = Field(default=16 * 1024 * 1024, ge=1024)
    """A trace that has grown so large keeps what it has and takes no more."""
