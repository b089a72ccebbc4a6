"""Settings of the generator, from environment variables with the prefix `ARTIFEX_GENERATOR_`."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from libs.chassis.settings import Roles


def _parts(value: str | tuple[str, ...]) -> tuple[str, ...]:
    """The parts of a list with commas."""
    return tuple(filter(None, map(str.strip, value.split(",")))) if isinstance(value, str) else value


class GeneratorSettings(BaseSettings):
    """Read once, in `__main__`."""

    model_config = SettingsConfigDict(env_prefix="ARTIFEX_GENERATOR_", frozen=True)

    listen: str = "127.0.0.1:8104"
    """Address of the API; a port of 0 takes any free one."""

    roles: Roles = frozenset({"api", "worker"})
    """`api` answers calls, `worker` has Triton generate."""

    triton_endpoint: str = "127.0.0.1:8111"
    """`host:port` of Triton's gRPC; several that share the work are separated by commas."""

    default_model: str = Field(default="wan22-nano-t2v", pattern=r"^[a-z0-9-]{1,64}$")
    """The model of a spec that names none."""

    resident_models: int = Field(default=1, ge=1)
    """So many models stay in memory; the one that was loaded first makes room."""

    concurrency: int = Field(default=1, ge=1)
    """Generations at a time on each Triton. A model computes one after the other anyway."""

    refused_terms: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_parts)] = ()
    """What no clip is made of, separated by commas; see docs/prompts.md."""

    checkpoint_every: int = Field(default=5, ge=0, le=200)
    """Steps after which a run can be taken up by another worker, or another model server; 0 for never."""

    preview_every: int = Field(default=10, ge=0, le=200)
    """Steps from one preview to the next; 0 for none. Each costs the decoding of one frame; there are fewer where they
    would take more than half a hundredth of the time, unless a spec asks for them."""

    progress_seconds: float = Field(default=0.2, ge=0, le=60)
    """From one told step to the next, at least: each is stored, published and seen, which takes longer than a quick
    step. A run's first and last are always told."""

    ack_wait_seconds: float = Field(default=10.0, ge=1)
    """A worker silent for so long is taken for dead, and its work item goes to another."""

    max_deliver: int = Field(default=8, ge=1)
    """Attempts at a work item before the generation fails."""

    @property
    def triton_endpoints(self) -> tuple[str, ...]:
        return _parts(self.triton_endpoint)
