"""Assemble Triton's model repository: one model for each folder of weights, the catalogue that lists them, and the
writer of prompts where there is one."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from services.generator.triton.settings import TritonSettings
from services.generator.triton.weights import Weights
from services.generator.triton.writers import Writer

CATALOGUE = "artifex-catalogue"
WRITER = "artifex-writer"
_TEMPLATES = Path(__file__).resolve().parents[1] / "model_repository"


def assemble(
    folder: Path,
    weights: Sequence[Weights],
    settings: TritonSettings,
    device: Mapping[str, Any],
    writer: Writer | None = None,
) -> None:
    """Write the repository anew into `folder`; what was there before is removed. `device`: see devices.py.

    Weights of which something lacks are in the catalogue alone.
    """
    shutil.rmtree(folder, ignore_errors=True)
    cards = {}
    for entry in weights:
        card = {**entry.card, "load": {**settings.load, **entry.card.get("load", {})}}
        cards[entry.model] = card
        if not card["available"]:
            continue
        _instantiate(
            "wan",
            folder / entry.model,
            {
                "weights": str(entry.path),
                "weights_digest": str(card["weights_digest"]),
                "card": json.dumps(card),
                "threads": str(settings.threads),
                "device": settings.device,
                "load": json.dumps(card["load"]),
                "otlp_endpoint": settings.otlp_endpoint,
            },
        )
    if writer is not None:
        _instantiate(
            "writer",
            folder / WRITER,
            {
                "weights": str(writer.path),
                "writer": f"{writer.path.name} {writer.weights_digest[:12]}",
                "threads": str(settings.writer_threads),
                "device": settings.writer_device,
                "otlp_endpoint": settings.otlp_endpoint,
            },
        )
    _instantiate(
        "catalogue",
        folder / CATALOGUE,
        {"cards": json.dumps(cards), "device": json.dumps(device)},
    )


def _instantiate(template: str, target: Path, parameters: Mapping[str, str]) -> None:
    for part in (template, "shared"):
        shutil.copytree(_TEMPLATES / part, target, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
    config = target / "config.pbtxt"
    # A JSON string is also a string of protobuf's text format.
    entries = [
        f"parameters {{ key: {json.dumps(key)} value {{ string_value: {json.dumps(value)} }} }}\n"
        for key, value in parameters.items()
    ]
    config.write_text(config.read_text(encoding="utf-8") + "".join(entries), encoding="utf-8")
