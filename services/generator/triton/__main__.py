"""`python -m services.generator.triton`: prepare the model repository, then become the Triton server.

The process is replaced rather than wrapped, so a supervisor's signals reach the server itself.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import sys
from pathlib import Path

from services.generator.nano import DENOISERS, NANO_VERSION
from services.generator.nano.build import build
from services.generator.triton import devices, server
from services.generator.triton.repository import assemble
from services.generator.triton.settings import TritonSettings
from services.generator.triton.weights import discover
from services.generator.triton.writers import find_writer

_LOG = logging.getLogger("services.generator.triton")


def main() -> None:
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s")
    settings = TritonSettings()
    try:
        installation = server.Installation.find(settings.venv)
    except server.TritonMissing as error:
        sys.exit(f"triton: {error}")
    folder = settings.home / "triton"
    folder.mkdir(parents=True, exist_ok=True)
    settings.models_folder.mkdir(parents=True, exist_ok=True)
    if settings.build_nano:
        _build_nano(settings.models_folder)
    weights = discover(settings.models_folder, folder / "digests.json")
    _LOG.info("models: %s", ", ".join(w.model for w in weights if w.card["available"]) or "none")
    writer = find_writer(settings.models_folder, settings.writer, folder / "digests.json")
    _LOG.info("writer of prompts: %s", writer.path.name if writer else "by rule, as there is no instruction model")
    device = devices.found(settings)
    _LOG.info("device: %s, %.1f GB", device["name"], device["memory"] / 1e9)
    assemble(folder / "repository", weights, settings, device, writer)
    server.link_backend(installation, folder / "backends")
    server.sweep_shared_memory(settings)
    arguments = server.command(installation, settings, folder / "repository", folder / "backends")
    sys.stderr.flush()
    # Python looks for modules in the folder it runs in, and torch asks for one named as our own folders are.
    os.chdir("/")
    os.execve(installation.server, arguments, server.environment(installation, settings))


def _nano_version(target: Path) -> int | None:
    """Which version of `services.generator.nano` this model is; None for one that is not its work."""
    card = target / "artifex.json"
    version = json.loads(card.read_text(encoding="utf-8")).get("nano_version") if card.exists() else None
    return version if isinstance(version, int) else None


def _build_nano(models: Path) -> None:
    for model in DENOISERS:
        target = models / model
        if target.exists() and _nano_version(target) in (None, NANO_VERSION):
            continue
        if not os.access(models, os.W_OK):
            _LOG.warning("%s cannot be written, so it stays without %s", models, model)
            continue
        shutil.rmtree(target, ignore_errors=True)
        _LOG.info("putting %s together", model)
        build(model, target)


if __name__ == "__main__":
    main()
