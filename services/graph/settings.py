"""Settings of the graph service, from environment variables with the prefix `ARTIFEX_GRAPH_`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class GraphSettings(BaseSettings):
    """Read once, in `__main__`."""

    model_config = SettingsConfigDict(env_prefix="ARTIFEX_GRAPH_", frozen=True)

    listen: str = "127.0.0.1:8103"
    """Address of the API; a port of 0 takes any free one."""

    chunk_frames: int = Field(default=0, ge=0, le=10_000)
    """Frames of a chunk, each a closed GOP of its own. Zero: by what such frames have cost (see domain/jobs/costs.py).
    Never derived from the number of workers, or the same job would give other bytes on another cluster."""

    max_chunks: int = Field(default=2000, ge=1, le=5000)
    """Chunks grow for movies that would need more full ones than this: a work item must name them all."""

    silence_seconds: float = Field(default=30.0, gt=0)
    """A task of which nothing was heard for so long is looked for in the queue, and queued anew if it is lost."""

    reap_seconds: float = Field(default=5.0, gt=0)
    """How often lost tasks and left-over segments are looked for."""

    settle_seconds: float = Field(default=120.0, ge=0)
    """So long after its end a job's folder is swept a second time, for what slow workers stored late."""

    tenant_weights: dict[str, Annotated[float, Field(gt=0)]] = Field(default_factory=dict)
    """Shares of tenants in the render workers, as JSON: {"studio": 2.0}. Tenants that are not named weigh 1."""

    failed_kept_seconds: float = Field(default=86_400.0, ge=0)
    """How long the segments of a failed job wait for a retry."""


class WorkerSettings(BaseSettings):
    """Settings of one render worker, from environment variables with the prefix `ARTIFEX_GRAPH_WORKER_`."""

    model_config = SettingsConfigDict(env_prefix="ARTIFEX_GRAPH_WORKER_", frozen=True)

    concurrency: int = Field(default=1, ge=1, le=64)
    """Work items at a time, each in a child process of its own. One: scale by starting more workers."""

    threads: int = Field(default=1, ge=1, le=256)
    """Threads of one child's evaluator and codecs."""

    memory_bytes: int = Field(default=8 << 30, ge=256 << 20)
    """Address space of one child. A graph or a file that wants more loses its child and no more."""

    wall_seconds: float = Field(default=3600.0, gt=0)
    """Longest time for one work item."""

    tasks_per_child: int = Field(default=200, ge=1)
    """A child is replaced after so many work items, which bounds what a leaking decoder can hold."""

    cache_bytes: int = Field(default=20 << 30, ge=0)
    """Sources kept on local disk when the object store is remote."""

    frame_cache_bytes: int = Field(default=0, ge=0)
    """Frames kept on local disk, for all workers of this machine together: what the last step of a graph reads, so that
    a render after a change near the output begins there. 0 for none: writing every frame makes a first render up to a
    third slower (33 MB for one of 1080p), so it is for whoever renders a comp again and again."""

    ack_wait_seconds: float = Field(default=10.0, ge=1)
    """A worker silent for so long is taken for dead, and its work item goes to another."""

    rest_seconds: float = Field(default=30.0, gt=0)
    """How long a worker takes no work after it failed at several tasks in a row; longer each time that it is no better
    for it."""

    max_deliver: int = Field(default=100, ge=1)
    """Deliveries of a work item before its job fails. Only of one that ends each worker before that can say a word: how
    often a task is tried is counted by the graph service (domain/jobs/blame.py)."""
