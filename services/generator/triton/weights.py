"""What lies in the models folder: which weights this build can run, their limits and their digest."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any, Final

from services.generator.domain.architecture import Architecture
from services.generator.domain.known import LIMITS
from services.generator.domain.models import ModelCard, Recipe
from services.generator.domain.step_caches import CacheMeasure

_LOG = logging.getLogger(__name__)
_MODEL_ID = re.compile(r"^[a-z0-9-]{1,64}$")
_CARD_FILE = "artifex.json"
_RECIPES: Final = "recipes"
"""NAME.json each: {"sigmas": [1.0, 0.75, 0.5, 0.25], "sampler": "euler"}, or {"steps": 4, "flow_shift": 5.0, "sampler":
"unipc"}; "guidance_scale" and "guidance_scale_2" where they are not 1; "loras": [{"name": "...", "strength": 1.0,
"strength_2": 0.0}] where the model is distilled by those."""
_LORAS: Final = "loras"
_MAGNITUDES_FILE: Final = "magnitudes.json"
_CACHES_FILE: Final = "caches.json"
_WEIGHTED: Final = ("transformer", "transformer_2", "text_encoder", "vae")
_PARTS: Final = ("transformer", "text_encoder", "vae")
_LORA_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,100}")
"""What a spec can ask for."""


@dataclass(frozen=True)
class Weights:
    """One model."""

    model: str
    """Its id: the folder's name."""
    path: Path
    card: dict[str, Any]
    """As `ModelCard.parse` takes it."""


def discover(models: Path, digest_cache: Path) -> list[Weights]:
    """The models, by id; the card of one that lacks something is not `available`, and its `remedy` says what to put
    where. A folder that holds something else is named in the log and left out.

    Hashing 60 GB takes minutes, so digests are kept in `digest_cache` for as long as no file changes size or time.
    """
    found: list[Weights] = []
    digests = known_digests(digest_cache)
    for path in sorted(p for p in models.iterdir() if p.is_dir() and not p.name.startswith(".")):
        try:
            weights = None if is_language_model(path) else _weights(path, digests, digest_cache)
        except OSError as error:
            _LOG.warning("models folder: %s left out: it cannot be read: %s", path.name, error)
            continue
        if weights is not None:
            found.append(weights)
    return found


def _weights(path: Path, digests: dict[str, str], digest_cache: Path) -> Weights | None:
    """The model in a folder; None, and a line in the log, for what is none. Raises OSError."""
    kind, reason = _kind(path)
    if reason:
        _LOG.warning("models folder: %s left out: %s", path.name, reason)
        return None
    lacking = missing(path)
    fingerprint = "" if lacking else fingerprint_of(path)
    if fingerprint and fingerprint not in digests:
        _LOG.info("hashing the weights of %s", path.name)
        digests[fingerprint] = weights_digest(path)
        keep_digests(digest_cache, digests)
    card_file = path / _CARD_FILE
    own = json.loads(card_file.read_text(encoding="utf-8")) if card_file.exists() else {}
    beside = {
        "recipes": recipes(path),
        "loras": loras(path),
        "magnitudes": magnitudes(path),
        "step_caches": step_caches(path),
        "architecture": architecture(path),
    }
    state = {"weights_digest": digests.get(fingerprint, ""), "available": not lacking, "remedy": lacking}
    card = {"display_name": path.name, **LIMITS[kind], **beside, **own, **state}
    try:
        ModelCard.parse(path.name, card)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        _LOG.warning("models folder: %s left out: its %s is no card of a model: %r", path.name, _CARD_FILE, error)
        return None
    if lacking:
        _LOG.warning("models folder: %s cannot be run: %s", path.name, lacking)
    return Weights(path.name, path, card)


def known_digests(cache: Path) -> dict[str, str]:
    """What was kept; nothing where the file is torn, which costs no more than hashing anew."""
    try:
        found = json.loads(cache.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(key): str(value) for key, value in found.items()} if isinstance(found, dict) else {}


def keep_digests(cache: Path, digests: Mapping[str, str]) -> None:
    """Replace what is kept, at once."""
    cache.parent.mkdir(parents=True, exist_ok=True)
    partial = cache.with_name(f".{cache.name}.{os.getpid()}")
    partial.write_text(json.dumps(digests, indent=2), encoding="utf-8")
    partial.replace(cache)


def is_language_model(path: Path) -> bool:
    """True for a model that goes on with text, in the layout of transformers."""
    try:
        content = json.loads((path / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    names = content.get("architectures") if isinstance(content, dict) else None
    return isinstance(names, list) and any(str(name).endswith("ForCausalLM") for name in names)


def missing(path: Path) -> str:
    """What lacks of a model whose model_index.json is there, and what to do about it; empty where nothing does."""
    index = json.loads((path / "model_index.json").read_text(encoding="utf-8"))
    lacking: list[str] = []
    packed = [folder.name for folder in _packed_alone(_experts(path, index))]
    for part, made in index.items():
        if part.startswith("_") or not isinstance(made, list) or made[:1] == [None]:
            continue
        folder = path / part
        if part not in _WEIGHTED:
            lacking += [] if folder.is_dir() and any(folder.iterdir()) else [f"{part}/"]
            continue
        if not (folder / "config.json").exists():
            lacking.append(f"{part}/config.json")
        if part in packed:
            lacking += [] if _packed(folder) else [f"{part}/*.gguf (one)"]
            continue
        shards = _shards(folder)
        lacking += [f"{part}/{shard}" for shard in shards if not (folder / shard).exists()]
        if not shards and not _is_whole(folder):
            lacking.append(f"{part}/*.safetensors")
    if not lacking:
        return ""
    more = f" and {len(lacking) - 3} more" if len(lacking) > 3 else ""
    return (
        f"{', '.join(lacking[:3])}{more} of it {'is' if len(lacking) == 1 else 'are'} not there: put what lacks into "
        f"the folder {path.name} of ARTIFEX_MODELS, and start the model server again"
    )


def _experts(path: Path, index: Mapping[str, Any]) -> list[Path]:
    """The folders of a model's transformers."""
    return [path / part for part in ("transformer", "transformer_2") if (index.get(part) or [None])[0] is not None]


def _packed_alone(experts: list[Path]) -> list[Path]:
    """These folders, if the model is to be run of GGUF files: some are there, and not all of the weights themselves."""
    files = any(any(folder.glob("*.gguf")) for folder in experts)
    return experts if files and not all(map(_is_whole, experts)) else []


def _is_whole(folder: Path) -> bool:
    """Whether a part's weights themselves are there."""
    return any((*folder.glob("*.safetensors"), *folder.glob("*.bin")))


def _packed(folder: Path) -> Path | None:
    """An expert's GGUF file, where there is one and no more; see artifex_wan/packed.py."""
    found = list(folder.glob("*.gguf"))
    return found[0] if len(found) == 1 else None


def _shards(folder: Path) -> list[str]:
    """The files that a part's weights are spread over, where an index tells them."""
    names: set[str] = set()
    for index in folder.glob("*.safetensors.index.json"):
        try:
            names |= {str(name) for name in json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()}
        except (ValueError, KeyError, TypeError, AttributeError):
            # A torn index: what it names is not known, and it itself has to come again.
            names.add(f"{index.name} (torn)")
    return sorted(names)


def architecture(path: Path) -> dict[str, Any] | None:
    """What the model is built of, as `Architecture.parse` takes it; None, and a line in the log, where none tells."""
    try:
        index = json.loads((path / "model_index.json").read_text(encoding="utf-8"))
        found: dict[str, Any] = {
            part: json.loads((path / part / "config.json").read_text(encoding="utf-8")) for part in _PARTS
        }
        second = index.get("transformer_2") or [None]
        found |= {
            "experts": 1 if second[0] is None else 2,
            "boundary_ratio": index.get("boundary_ratio"),
            "expand_timesteps": bool(index.get("expand_timesteps")),
        }
        folders = _experts(path, index)
        files = [_packed(folder) for folder in folders]
        found |= {
            "packed": max(file.stat().st_size for file in files if file) if all(files) else 0,
            "whole": not _packed_alone(folders),
        }
        Architecture.parse(found)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        _LOG.warning("models folder: what %s will take of a device cannot be reckoned: %r", path.name, error)
        return None
    return found


def recipes(path: Path) -> dict[str, dict[str, Any]]:
    """The distilled recipes beside a model's weights, by name; one of another form is named in the log and left out."""
    found = {}
    there = set(loras(path))
    for file in sorted((path / _RECIPES).glob("*.json")):
        try:
            values = json.loads(file.read_text(encoding="utf-8"))
            recipe = Recipe.parse(file.stem, values)
            absent = {name for name, _, _ in recipe.loras} - there
            if absent:
                raise ValueError(f"its LoRAs {', '.join(sorted(absent))} do not lie beside the model")
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            _LOG.warning("models folder: %s left out: %r", file, error)
            continue
        found[file.stem] = values
    return found


def loras(path: Path) -> list[str]:
    """The names of the LoRAs beside a model's weights; what nobody could ask for is named in the log and left out."""
    found = []
    for file in sorted((path / _LORAS).glob("*.safetensors")):
        if _LORA_NAME.fullmatch(file.stem) and file.is_file():
            found.append(file.stem)
        else:
            _LOG.warning("models folder: %r left out: a LoRA has a name of letters, digits and ._-", str(file))
    return found


def magnitudes(path: Path) -> bool:
    """Whether what the step cache "magnitude" goes by lies beside a model's weights; see artifex_wan/magnitudes.py."""
    file = path / _MAGNITUDES_FILE
    if not file.exists():
        return False
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        if not all(ratios and all(0 < float(ratio) < inf for ratio in ratios) for ratios in found.values()):
            raise ValueError("an expert has no numbers, or some that are none of lengths")
    except (OSError, ValueError, TypeError, AttributeError) as error:
        _LOG.warning("models folder: %s left out: %r", file, error)
        return False
    return bool(found)


def step_caches(path: Path) -> dict[str, Any]:
    """What step caches were measured to do with a model's weights, by cache; see artifex_wan/compare.py."""
    file = path / _CACHES_FILE
    if not file.exists():
        return {}
    try:
        found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        for item in found.items():
            CacheMeasure.parse(*item)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        _LOG.warning("models folder: %s left out: %r", file, error)
        return {}
    return found


def weights_digest(path: Path) -> str:
    """SHA-256 over the names and contents of all files, in the order of their names, but the card, hidden ones, and
    what is only told of the weights."""
    digest = hashlib.sha256()
    for file in _files(path):
        with file.open("rb") as stream:
            content = hashlib.file_digest(stream, "sha256").hexdigest()
        digest.update(os.fsencode(f"{file.relative_to(path).as_posix()}\0{content}\n"))
    return digest.hexdigest()


def fingerprint_of(path: Path) -> str:
    """Changes with the name, size or time of any file below."""
    digest = hashlib.sha256(os.fsencode(path))
    for file in _files(path):
        status = file.stat()
        digest.update(os.fsencode(f"{file}\0{status.st_size}\0{status.st_mtime_ns}\n"))
    return digest.hexdigest()


def _files(path: Path) -> Iterator[Path]:
    for file in sorted(path.rglob("*")):
        hidden = any(part.startswith(".") for part in file.relative_to(path).parts)
        if file.is_file() and not hidden and file not in (path / _CARD_FILE, path / _CACHES_FILE):
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
