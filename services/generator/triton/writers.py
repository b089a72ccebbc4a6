"""The instruction model that extends prompts, such as Qwen2.5-1.5B-Instruct: a folder in the layout of transformers."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from pathlib import Path

from services.generator.triton.weights import (
    fingerprint_of,
    is_language_model,
    keep_digests,
    known_digests,
    weights_digest,
)

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Writer:
    path: Path
    weights_digest: str


def find_writer(models: Path, wanted: str, digest_cache: Path) -> Writer | None:
    """The instruction model in the folder `wanted` of the models folder, or the first by name where that is empty.

    One that cannot be used is named in the log and left out. Digests are kept in `digest_cache`, as those of the models
    that make video.
    """
    folders = [models / wanted] if wanted else sorted(models.iterdir())
    for path in folders:
        if wanted and not is_language_model(path):
            _LOG.warning("writer %s left out: no config.json in it tells of a model for text", wanted)
        elif not path.name.startswith(".") and is_language_model(path):
            if _has_chat_template(path):
                return Writer(path, _digest(path, digest_cache))
            _LOG.warning(
                "writer %s left out: its tokenizer has no chat template, so it takes no instructions", path.name
            )
    return None


def _has_chat_template(path: Path) -> bool:
    if (path / "chat_template.jinja").exists():
        return True
    try:
        config = json.loads((path / "tokenizer_config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(config, dict) and bool(config.get("chat_template"))


def _digest(path: Path, cache: Path) -> str:
    known = known_digests(cache)
    fingerprint = fingerprint_of(path)
    if fingerprint not in known:
        _LOG.info("hashing the weights of %s", path.name)
        known[fingerprint] = weights_digest(path)
        keep_digests(cache, known)
    return known[fingerprint]
