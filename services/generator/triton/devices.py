"""What the models will run on, as the launcher finds it: told by the catalogue, so that generations can be planned."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

from services.generator.triton.settings import TritonSettings

_LOG = logging.getLogger(__name__)
_QUERY_SECONDS: Final = 20.0
_MIB: Final = 1 << 20
_LIMIT: Final = Path("/sys/fs/cgroup/memory.max")
_HOPPER: Final = ("H100", "H200", "H800", "H20")


def found(settings: TritonSettings) -> dict[str, Any]:
    """As `services.generator.domain.plan.devices.Device.parse` takes it."""
    host = host_memory()
    processor = {
        "kind": "cpu",
        "name": "cpu",
        "memory": _allowed(host, settings),
        "host_memory": host,
        "threads": settings.threads,
        "attention": "native",
    }
    if settings.device == "cpu":
        return processor
    accelerator = _accelerator()
    if accelerator is None:
        return processor
    name, memory = accelerator
    return {
        "kind": "cuda",
        "name": name,
        "memory": _allowed(memory, settings),
        "host_memory": host,
        "threads": settings.threads,
        "attention": attention(name, settings.venv),
    }


def _allowed(memory: int, settings: TritonSettings) -> int:
    return min(memory, settings.memory or memory)


def host_memory() -> int:
    """Bytes that this machine, or the container on it, has."""
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        limit = _LIMIT.read_text(encoding="ascii").strip()
    except OSError:
        return whole
    return min(whole, int(limit)) if limit.isdigit() else whole


def parse_listing(listing: str) -> tuple[str, int] | None:
    """Name and bytes of the first device that nvidia-smi lists; None where it lists none."""
    for line in listing.splitlines():
        name, _, mebibytes = line.rpartition(",")
        if name.strip() and mebibytes.strip().isdigit():
            return name.strip(), int(mebibytes) * _MIB
    return None


def attention(name: str, venv: Path) -> str:
    """The fastest attention that a CUDA device has with the packages of an environment, as diffusers calls it."""
    packages = {path.name for path in venv.glob("lib/python*/site-packages/*")}
    if "flash_attn_interface" in packages and any(hopper in name for hopper in _HOPPER):
        return "_flash_3"
    if "sageattention" in packages:
        return "sage"
    return "flash" if "flash_attn" in packages else "_native_cudnn"


def _accelerator() -> tuple[str, int] | None:
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return None
    # Models are on the first device that they are shown.
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")[0].strip()
    chosen = [f"--id={visible}"] if visible else []
    query = [tool, "--query-gpu=name,memory.total", "--format=csv,noheader,nounits", *chosen]
    try:
        answer = subprocess.run(query, capture_output=True, text=True, check=True, timeout=_QUERY_SECONDS)
    except (OSError, subprocess.SubprocessError) as error:
        _LOG.warning("nvidia-smi does not tell the device, so plans are made for the processor: %s", error)
        return None
    return parse_listing(answer.stdout)
