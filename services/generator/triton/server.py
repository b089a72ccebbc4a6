"""The command and environment of the Triton server that the nvidia-pytriton wheel carries."""

from __future__ import annotations

import ctypes.util
import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from services.generator.triton.repository import CATALOGUE
from services.generator.triton.settings import TritonSettings

_SHARED_MEMORY = Path("/dev/shm")

_ASK = """
import json, pathlib, sys, sysconfig
import importlib.util
spec = importlib.util.find_spec("pytriton")
print(json.dumps({
    "version": "%d.%d" % sys.version_info[:2],
    "pytriton": str(pathlib.Path(spec.origin).parent) if spec else "",
    "libdir": sysconfig.get_config_var("LIBDIR") or "",
    "libpython": sysconfig.get_config_var("INSTSONAME") or "",
}))
"""


class TritonMissing(Exception):
    """Triton's environment lacks something; the message names it and the remedy."""


@dataclass(frozen=True)
class Installation:
    """Where the parts of Triton are."""

    server: Path
    backend: Path
    libraries: Path
    stub: Path
    python_libraries: Path | None
    """The folder of libpython, where it is none of the system's own."""

    @staticmethod
    def find(venv: Path) -> Installation:
        """Ask the environment's interpreter. Raises TritonMissing."""
        python = venv / "bin" / "python"
        if not python.exists():
            raise TritonMissing(f"no environment at {venv}; make it from services/generator/triton/requirements.lock")
        answer = subprocess.run([python, "-I", "-c", _ASK], check=True, capture_output=True, text=True)
        found = json.loads(answer.stdout)
        if not found["pytriton"]:
            raise TritonMissing(f"nvidia-pytriton is not installed in {venv}")
        package = Path(found["pytriton"])
        stub = package / "tritonserver" / "python_backend_stubs" / found["version"] / "triton_python_backend_stub"
        if not stub.exists():
            raise TritonMissing(f"Triton has no backend for Python {found['version']} of {venv}; use Python 3.11")
        return Installation(
            server=package / "tritonserver" / "bin" / "tritonserver",
            backend=package / "tritonserver" / "backends" / "python",
            libraries=package.parent / "nvidia_pytriton.libs",
            stub=stub,
            python_libraries=_libpython_folder(found["libdir"], found["version"]),
        )


def _libpython_folder(libdir: str, version: str) -> Path | None:
    """Triton's stub embeds Python, so it needs libpython as a shared library beside the interpreter."""
    name = f"libpython{version}.so.1.0"
    if (Path(libdir) / name).exists():
        return Path(libdir)
    if ctypes.util.find_library(f"python{version}"):
        return None
    raise TritonMissing(
        f"{name} was found neither in {libdir} nor among the system's libraries: Triton's environment needs a Python "
        f"with a shared library, such as one from `uv python install {version}` or the package libpython{version}"
    )


def link_backend(installation: Installation, folder: Path) -> None:
    """Lay out a backend directory: the wheel keeps one stub for each Python apart, Triton wants one in place."""
    shutil.rmtree(folder, ignore_errors=True)
    python = folder / "python"
    python.mkdir(parents=True)
    for name in ("libtriton_python.so", "triton_python_backend_utils.py"):
        (python / name).symlink_to(installation.backend / name)
    (python / installation.stub.name).symlink_to(installation.stub)


def command(installation: Installation, settings: TritonSettings, repository: Path, backends: Path) -> list[str]:
    return [
        str(installation.server),
        f"--model-repository={repository}",
        f"--backend-directory={backends}",
        f"--backend-config=python,shm-region-prefix-name={_shared_memory_prefix(settings)}",
        "--model-control-mode=explicit",
        f"--load-model={CATALOGUE}",
        "--disable-auto-complete-config",
        "--allow-gpu-metrics=false",
        "--log-format=ISO8601",
        # Else one model on its way out makes the whole server unready: for as long as a clip lasts, and for ever where
        # Triton keeps a request that has ended. Others, and the model itself, are loaded beside it all the same.
        "--strict-readiness=false",
        "--exit-timeout-secs=10",
        f"--grpc-address={settings.host}",
        f"--grpc-port={settings.grpc_port}",
        # The generator asks whether it is still there while a step, or a load, takes minutes.
        "--grpc-http2-max-ping-strikes=0",
        f"--http-address={settings.host}",
        f"--http-port={settings.http_port}",
        f"--metrics-address={settings.host}",
        f"--metrics-port={settings.metrics_port}",
    ]


def environment(installation: Installation, settings: TritonSettings) -> dict[str, str]:
    """This process's environment, turned from its own Python to Triton's."""
    env = {key: value for key, value in os.environ.items() if key not in {"PYTHONPATH", "PYTHONHOME"}}
    libraries = [p for p in (installation.python_libraries, installation.libraries) if p]
    env["LD_LIBRARY_PATH"] = os.pathsep.join([*map(str, libraries), *filter(None, [env.get("LD_LIBRARY_PATH")])])
    # The embedded Python finds its environment by the `python3` first on the path.
    env["PATH"] = os.pathsep.join([str(settings.venv / "bin"), env.get("PATH", os.defpath)])
    env["VIRTUAL_ENV"] = str(settings.venv)
    env["OMP_NUM_THREADS"] = str(settings.threads)
    env["TOKENIZERS_PARALLELISM"] = "false"
    return env


def sweep_shared_memory(settings: TritonSettings) -> None:
    """Remove what a killed server on the same port left behind in shared memory."""
    if _SHARED_MEMORY.is_dir():
        for region in _SHARED_MEMORY.glob(f"{_shared_memory_prefix(settings)}*"):
            region.unlink(missing_ok=True)


def _shared_memory_prefix(settings: TritonSettings) -> str:
    return f"artifex-triton-{os.getuid()}-{settings.grpc_port}-"
