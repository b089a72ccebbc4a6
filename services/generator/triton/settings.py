"""Settings of the Triton launcher."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.generator.domain.plan.options import require_choices

_ROOT = Path(__file__).resolve().parents[3]


class TritonSettings(BaseSettings):
    """Read once, from `ARTIFEX_GENERATOR_TRITON_*` and the few variables that the whole platform shares."""

    model_config = SettingsConfigDict(env_prefix="ARTIFEX_GENERATOR_TRITON_", extra="ignore", populate_by_name=True)

    home: Path = Field(default=Path("~/.artifex"), validation_alias="ARTIFEX_HOME")
    """Triton's repository is assembled below it."""
    models: Path | None = Field(default=None, validation_alias="ARTIFEX_MODELS")
    """A folder of model weights, each in diffusers layout in a folder named as the model; default `home`/models."""
    otlp_endpoint: str = Field(default="", validation_alias="ARTIFEX_OTLP_ENDPOINT")
    """host:port that takes OTLP over gRPC; empty for no export."""
    venv: Path = _ROOT / ".venv-triton"
    """The environment that holds Triton, torch and diffusers."""
    host: str = "127.0.0.1"
    grpc_port: int = Field(default=8111, ge=1, le=65535)
    http_port: int = Field(default=8112, ge=1, le=65535)
    metrics_port: int = Field(default=8113, ge=1, le=65535)
    threads: int = Field(default=1, ge=1)
    """CPU threads of a model. Another number may change the last bits of a clip."""
    device: str = Field(default="auto", pattern=r"^(auto|cpu|cuda)$")
    memory: int = Field(default=0, ge=0)
    """Bytes of the device that plans reckon with, where models are not to have all of it; 0 for all."""
    load: dict[str, str] = {}
    """How models lie in memory where neither their cards nor a request say it, as JSON: {"vae": "tiled"}; the choices
    are those of model_repository/wan/artifex_wan/options.py."""
    writer: str = Field(default="", pattern=r"^[A-Za-z0-9._-]{0,100}$")
    """The folder, below the models, of the instruction model that extends prompts; empty for the first there is."""
    writer_device: str = Field(default="cpu", pattern=r"^(auto|cpu|cuda)$")
    """On the CPU it takes no memory from the models that make video."""
    writer_threads: int = Field(default=4, ge=1)
    build_nano: bool = True
    """Put the embedded default models where the models folder lacks them."""

    @model_validator(mode="after")
    def _expand(self) -> TritonSettings:
        require_choices(self.load)
        self.home = self.home.expanduser().resolve()
        self.models = (self.models or self.home / "models").expanduser().resolve()
        self.venv = self.venv.expanduser().absolute()
        return self

    @property
    def models_folder(self) -> Path:
        assert self.models is not None  # set by the validator
        return self.models
