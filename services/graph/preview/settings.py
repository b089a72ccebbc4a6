"""Settings of previews, from environment variables with the prefix `ARTIFEX_GRAPH_PREVIEW_`."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class PreviewSettings(BaseSettings):
    """Read once, in `__main__`."""

    model_config = SettingsConfigDict(env_prefix="ARTIFEX_GRAPH_PREVIEW_", frozen=True)

    sessions: int = Field(default=8, ge=0, le=1000)
    """At a time in one process of the API; each has a child process. 0 where previews are not offered."""

    sessions_of_tenant: int = Field(default=4, ge=1)
    """Of these, for one tenant."""

    threads: int = Field(default=2, ge=1, le=256)
    """Of one session's evaluator and decoders."""

    memory_bytes: int = Field(default=4 << 30, ge=256 << 20)
    """Address space of one child. A graph or a file that wants more loses its child and no more."""

    cache_bytes: int = Field(default=512 << 20, ge=0)
    """Of that, for results that an edit may leave as they are."""

    decoded_bytes: int = Field(default=256 << 20, ge=0)
    """Of that, for decoded frames that a playback has passed: what is paused on need not be decoded again. Shared among
    a document's files; 1080p of 4:2:0 in 8 bits takes 3 MiB a frame, and a playback is `read_ahead` frames ahead."""

    read_ahead: int = Field(default=24, ge=2, le=1000)
    """Frames of a playback that are rendered before their time, and wait."""

    idle_seconds: float = Field(default=1800.0, gt=0)
    """A session ends when its client has said nothing for so long and nothing plays."""

    render_seconds: float = Field(default=60.0, gt=0)
    """A child that is silent for so long over a picture is replaced."""

    download_bytes: int = Field(default=20 << 30, ge=0)
    """Sources kept on local disk when the object store is remote."""
