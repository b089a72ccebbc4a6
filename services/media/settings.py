"""Settings of the media service, from environment variables with the prefix `ARTIFEX_MEDIA_`."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from libs.chassis.settings import Roles


class MediaSettings(BaseSettings):
    """Read once, in `__main__`."""

    model_config = SettingsConfigDict(env_prefix="ARTIFEX_MEDIA_", frozen=True)

    listen: str = "127.0.0.1:8102"
    """Address of the API; a port of 0 takes any free one."""

    roles: Roles = frozenset({"api", "worker"})
    """`api` answers calls, `worker` joins movies and takes in footage."""

    max_upload_bytes: int = Field(default=64 * 1024**3, gt=0)
    """The largest file that is taken."""

    upload_seconds: float = Field(default=24 * 3600.0, gt=0)
    """How long an upload waits for its next byte before it is forgotten."""

    sweep_seconds: float = Field(default=60.0, gt=0)
    """How often forgotten uploads and left-over blobs are looked for."""

    staged_seconds: float = Field(default=6 * 3600.0, gt=0)
    """How long a blob may exist before an asset must name it; longer than storing the largest file takes."""

    scratch: Path | None = None
    """Folder for files in the making; by default `media/scratch` under the platform's home. Emptied at the start, so
    each process needs its own."""

    cache_bytes: int = Field(default=20 * 1024**3, ge=0)
    """How much of a bucket is kept on this machine, where objects lie in one."""

    decoders: int = Field(default=2, ge=1, le=64)
    """Child processes that probe and make thumbnails."""

    assemblers: int = Field(default=1, ge=1, le=64)
    """Movies joined at once, each in a child process of its own."""

    decoder_memory_bytes: int = Field(default=2 * 1024**3, gt=0)
    """Memory of one child process."""

    probe_seconds: float = Field(default=600.0, gt=0)
    """How long reading one file may take."""

    assemble_seconds: float = Field(default=6 * 3600.0, gt=0)
    """How long joining and verifying one movie may take."""

    call_seconds: float = Field(default=3600.0, gt=0)
    """The deadline of calls that bring none: uploads and downloads of large files take their time."""
