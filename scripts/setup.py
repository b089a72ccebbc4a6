"""Make this checkout ready to run: environments, generated stubs, native kernels. Every make target begins with it.

Needs Python 3.11 to 3.13 and a package index; no root, no compiler. Each step leaves a stamp that names the hash of
everything the step depends on, inside what it made, so that a second run does nothing and a changed lock file is
followed. This file runs on the machine's own Python, before anything is installed: standard library only.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
VENV_TRITON = ROOT / ".venv-triton"
TRITON_LOCK = ROOT / "services" / "generator" / "triton" / "requirements.lock"
UV = "uv==0.13.9"
STAMP = "artifex-setup.sha256"


class SetupError(Exception):
    """A step failed; the message says which, why and what to do."""


def say(text: str) -> None:
    sys.stdout.write(f"setup: {text}\n")
    sys.stdout.flush()


def digest(*parts: str | Path) -> str:
    total = hashlib.sha256(sys.version.encode())
    for part in parts:
        total.update(part.read_bytes() if isinstance(part, Path) else part.encode())
        total.update(b"\0")
    return total.hexdigest()


def up_to_date(venv: Path, wanted: str) -> bool:
    stamp = venv / STAMP
    return stamp.is_file() and stamp.read_text() == wanted and (venv / "bin" / "python").exists()


_FETCHED = r"\s*(Downloading|Prepared|Installed|Building) "


def run(what: str, command: list[str | Path], env: Mapping[str, str] | None = None, shown: str = _FETCHED) -> None:
    """Run one step, showing the lines that match; a failure shows those that name the culprit."""
    say(what)
    process = subprocess.Popen(
        [str(part) for part in command],
        env={**{key: value for key, value in os.environ.items() if key != "VIRTUAL_ENV"}, **(env or {})},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        if re.search(shown, line):
            sys.stdout.write(f"  {line.strip()}\n")
            sys.stdout.flush()
        lines.append(line.rstrip())
    if process.wait() == 0:
        return
    pattern = re.compile(r"fail|error|cause|could not|no matching|not found|timed out", re.IGNORECASE)
    culprits = [line.strip() for line in lines if pattern.search(line)] or lines[-5:]
    raise SetupError(
        "\n".join(
            [
                f"{what}: failed",
                *(f"  {line}" for line in culprits[-8:]),
                "Retry with `make setup`: what was downloaded is kept, only the rest is fetched again.",
                "Behind a mirror, set pip's own index-url or find-links (pip.conf or PIP_INDEX_URL, PIP_FIND_LINKS).",
            ]
        )
    )


def pip_setting(name: str) -> str:
    """A setting as pip would see it: PIP_<NAME>, else its configuration files."""
    value = os.environ.get(f"PIP_{name.upper().replace('-', '_')}", "")
    if value:
        return value
    python = VENV / "bin" / "python"
    answer = subprocess.run([python, "-m", "pip", "config", "get", f"global.{name}"], capture_output=True, text=True)
    return answer.stdout.strip() if answer.returncode == 0 else ""


def uv_environment() -> dict[str, str]:
    """uv reads no pip configuration: hand it over. What the user set for uv itself wins."""
    env = {
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_NO_PROGRESS": "1",
        # Trust whom the machine trusts, as pip and curl do: studios inspect TLS with authorities of their own.
        "UV_SYSTEM_CERTS": os.environ.get("UV_SYSTEM_CERTS", "1"),
        "UV_HTTP_TIMEOUT": os.environ.get("UV_HTTP_TIMEOUT", "180"),
        "UV_HTTP_RETRIES": os.environ.get("UV_HTTP_RETRIES", "5"),
        "UV_PROJECT_ENVIRONMENT": str(VENV),
    }
    if not os.environ.get("UV_CACHE_DIR") and not os.access(os.environ.get("HOME", "/nonexistent"), os.W_OK):
        env["UV_CACHE_DIR"] = str(ROOT / "build" / "uv-cache")
    for setting, variable in (
        ("find-links", "UV_FIND_LINKS"),
        ("index-url", "UV_DEFAULT_INDEX"),
        ("cert", "SSL_CERT_FILE"),
    ):
        if not os.environ.get(variable):
            value = ",".join(pip_setting(setting).split())
            if value:
                env[variable] = value
    return env


def make_venv() -> None:
    wanted = digest(UV, ROOT / "pyproject.toml", ROOT / "uv.lock")
    if up_to_date(VENV, wanted):
        return
    if not (VENV / "bin" / "python").exists():
        shutil.rmtree(VENV, ignore_errors=True)
        run(f"making .venv with Python {sys.version.split()[0]}", [sys.executable, "-m", "venv", VENV])
    if not (VENV / "bin" / "uv").exists() or UV.split("==")[1] not in _output(VENV / "bin" / "uv", "--version"):
        run(f"installing {UV}", [VENV / "bin" / "python", "-m", "pip", "install", "--quiet", UV])
    run("installing the locked packages into .venv", [VENV / "bin" / "uv", "sync", "--frozen"], uv_environment())
    (VENV / STAMP).write_text(wanted)


def make_triton_venv() -> None:
    """Triton's wheel needs numpy<2 and its own protobuf, so it gets an environment of its own."""
    wanted = digest(UV, TRITON_LOCK)
    if up_to_date(VENV_TRITON, wanted):
        return
    env, uv = uv_environment(), VENV / "bin" / "uv"
    if not (VENV_TRITON / "bin" / "python").exists():
        run("making .venv-triton", [uv, "venv", "--clear", "--python", VENV / "bin" / "python", VENV_TRITON], env)
    install: list[str | Path] = [uv, "pip", "install", "--python", VENV_TRITON / "bin" / "python", "-r", TRITON_LOCK]
    run("installing Triton and its model runtime into .venv-triton", install, env)
    (VENV_TRITON / STAMP).write_text(wanted)


def make_stubs() -> None:
    """The generator checks its own fingerprint; here only file times are compared, which costs no interpreter start."""
    stamp = ROOT / "build" / "protos.sha256"
    sources = [ROOT / "protos" / "generate.py", ROOT / "uv.lock", *(ROOT / "protos").rglob("*.proto")]
    made = ROOT / "sdk" / "artifex" / "common" / "v1"
    if not made.exists():
        stamp.unlink(missing_ok=True)
    if stamp.exists() and all(source.stat().st_mtime <= stamp.stat().st_mtime for source in sources):
        return
    path = f"{VENV / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
    run("generating the stubs from protos/", [VENV / "bin" / "python", "protos/generate.py"], {"PATH": path})
    stamp.touch()


def make_kernels() -> None:
    """The builder compares hashes itself; here only file times are compared, which costs no interpreter start."""
    stamp = ROOT / "build" / "kernels.sha256"
    kernels = ROOT / "libs" / "kernels"
    sources = [kernels / "build.py", kernels / "variants.py", ROOT / "uv.lock", *(kernels / "src").iterdir()]
    if not (kernels / "_build").exists():
        stamp.unlink(missing_ok=True)
    if stamp.exists() and all(source.stat().st_mtime <= stamp.stat().st_mtime for source in sources):
        return
    run(
        "compiling the native kernels",
        [VENV / "bin" / "python", "-m", "libs.kernels.build"],
        shown=r"no native|not inst",
    )
    stamp.touch()


def _output(*command: str | Path) -> str:
    return subprocess.run([str(part) for part in command], capture_output=True, text=True).stdout


@contextlib.contextmanager
def one_at_a_time() -> Iterator[None]:
    """Two make targets at once must not install into the same folder."""
    build = ROOT / "build"
    build.mkdir(exist_ok=True)
    with (build / "setup.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def main() -> int:
    if not (3, 11) <= sys.version_info[:2] < (3, 14):
        say(
            f"Python 3.11, 3.12 or 3.13 is needed, this is {sys.version.split()[0]}: run `make setup PYTHON=python3.11`"
        )
        return 1
    started = time.monotonic()
    try:
        with one_at_a_time():
            make_venv()
            make_triton_venv()
            make_stubs()
            make_kernels()
    except SetupError as error:
        say(str(error))
        return 1
    if time.monotonic() - started > 2:
        say(f"ready after {time.monotonic() - started:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
