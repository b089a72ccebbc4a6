"""What made generated clips: as assets and movies carry it, and what can be asked for again.

An asset that holds generated clips has a GenerationProvenance of each in its provenance's details, under `generations`;
a movie has the same in its own metadata, as JSON under `artifex_provenance`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Final

from google.protobuf import json_format

from artifex.generator.v1 import messages_pb2 as generator

DETAIL: Final = "generations"
"""The key among a provenance's details."""
TAG: Final = "artifex_provenance"
"""The name of a movie's metadata; Matroska writes it in capitals."""
SCHEMA: Final = "artifex.provenance/1"


def told(generations: Iterable[generator.GenerationProvenance]) -> str:
    """A list in JSON; the same text for the same clips, each of them once. Empty where there are none."""
    found = {
        _text(json_format.MessageToDict(generation, preserving_proto_field_name=True)): None
        for generation in generations
    }
    return f"[{','.join(found)}]" if found else ""


def heard(text: str) -> list[generator.GenerationProvenance]:
    """What `told` wrote. What a newer studio added is passed over; ValueError for what is no such list."""
    if not text:
        return []
    try:
        found = json.loads(text)
        if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
            raise ValueError("it is no list of objects")
        return [
            json_format.ParseDict(each, generator.GenerationProvenance(), ignore_unknown_fields=True) for each in found
        ]
    except (ValueError, json_format.ParseError) as error:
        raise ValueError(f"this is no provenance of generated clips: {error}") from error


def movie_words(generations: str) -> dict[str, str]:
    """The metadata of a movie with these clips, as `told` has them: only what follows from its content, so that equal
    movies are equal bytes. Nothing where nothing in it was generated."""
    if not generations:
        return {}
    return {TAG: _text({"schema": SCHEMA, DETAIL: json.loads(generations)})}


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
