"""What lies in the models folder: which weights this build can run, their limits and their digest."""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_LOG = logging.getLogger(__name__)
_MODEL_ID = re.compile(r"^[a-z0-9-]{1,64}$")
_CARD_FILE = "artifex.json"

_A14B: dict[str, Any] = {
    "random_weights": False,
    "size_multiple": 16,
    "max_width": 1280,
    "max_height": 1280,
    "frame_multiple": 4,
    "max_frames": 81,
    "frame_rate": "16",
    "text_tokens": 512,
}
_TI2V_5B = {**_A14B, "size_multiple": 32, "max_frames": 121, "frame_rate": "24"}
_CARDS: dict[str, dict[str, Any]] = {
    "text": {**_A14B, "kind": "text"},
    "image": {**_A14B, "kind": "image"},
    "text_image": {**_TI2V_5B, "kind": "text_image"},
}
"""What holds for Wan2.2's published weights by what they are given, where they bring no card of their own."""


@dataclass(frozen=True)
class Weights:
    """One runnable model."""

    model: str
    """Its id: the folder's name."""
    path: Path
    card: dict[str, Any]
    """Limits and labels, with `weights_digest` added."""


def discover(models: Path, digest_cache: Path) -> list[Weights]:
    """The runnable models, by id. A folder that holds something else is named in the log and left out.

    Hashing 60 GB takes minutes, so digests are kept in `digest_cache` for as long as no file changes size or time.
    """
    found: list[Weights] = []
    digests: dict[str, str] = json.loads(digest_cache.read_text()) if digest_cache.exists() else {}
    known = dict(digests)
    for path in sorted(p for p in models.iterdir() if p.is_dir() and not p.name.startswith(".")):
        if is_language_model(path):
            continue  # a writer of prompts
        kind, reason = _kind(path)
        if reason:
            _LOG.warning("models folder: %s left out: %s", path.name, reason)
            continue
        fingerprint = fingerprint_of(path)
        if fingerprint not in known:
            _LOG.info("hashing the weights of %s", path.name)
            known[fingerprint] = weights_digest(path)
        card_file = path / _CARD_FILE
        own = json.loads(card_file.read_text(encoding="utf-8")) if card_file.exists() else {}
        card = {"display_name": path.name, **_CARDS[kind], **own, "weights_digest": known[fingerprint]}
        found.append(Weights(path.name, path, card))
    if known != digests:
        digest_cache.parent.mkdir(parents=True, exist_ok=True)
        digest_cache.write_text(json.dumps(known, indent=2))
    return found


def is_language_model(path: Path) -> bool:
    """True for a model that goes on with text, in the layout of transformers."""
    config = path / "config.json"
    if not config.exists():
        return False
    try:
        content = json.loads(config.read_text(encoding="utf-8"))
    except ValueError:
        return False
    names = content.get("architectures") if isinstance(content, dict) else None
    return isinstance(names, list) and any(str(name).endswith("ForCausalLM") for name in names)


def weights_digest(path: Path) -> str:
    """SHA-256 over the names and contents of all files but the card and hidden ones, in the order of their names."""
    digest = hashlib.sha256()
    for file in _files(path):
        with file.open("rb") as stream:
            content = hashlib.file_digest(stream, "sha256").hexdigest()
        digest.update(f"{file.relative_to(path).as_posix()}\0{content}\n".encode())
    return digest.hexdigest()


def fingerprint_of(path: Path) -> str:
    """Changes with the name, size or time of any file below."""
    digest = hashlib.sha256(str(path).encode())
    for file in _files(path):
        status = file.stat()
        digest.update(f"{file}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _files(path: Path) -> Iterator[Path]:
    for file in sorted(path.rglob("*")):
        hidden = any(part.startswith(".") for part in file.relative_to(path).parts)
        if file.is_file() and not hidden and file != path / _CARD_FILE:
            yield file


def _kind(path: Path) -> tuple[str, str]:
    """What the model in a folder is given, or why it cannot be run."""
    if not _MODEL_ID.match(path.name):
        return "", "its name is no model id (lower-case letters, digits, hyphens)"
    index = path / "model_index.json"
    if not index.exists():
        return "", "no model_index.json, so not in diffusers layout"
    try:
        content = json.loads(index.read_text(encoding="utf-8"))
        card = json.loads((path / _CARD_FILE).read_text(encoding="utf-8")) if (path / _CARD_FILE).exists() else {}
    except ValueError as error:
        return "", f"its model_index.json or {_CARD_FILE} is not JSON: {error}"
    if not isinstance(content, dict) or not isinstance(card, dict):
        return "", f"its model_index.json or {_CARD_FILE} is no JSON object"
    name = content.get("_class_name")
    if name not in ("WanPipeline", "WanImageToVideoPipeline"):
        return "", f"{name} is not one of the pipelines that run here"
    if content.get("expand_timesteps"):
        return "text_image", ""
    return ("image" if name == "WanImageToVideoPipeline" else "text"), ""
