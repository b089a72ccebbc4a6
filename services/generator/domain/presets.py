"""How large and how carefully, by one word."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from artifex.generator.v1 import messages_pb2 as pb


@dataclass(frozen=True)
class Preset:
    """What a spec leaves at 0 is filled in from it. Sizes in pixels."""

    width: int
    height: int
    frame_count: int
    steps: int
    guidance_scale: float
    guidance_scale_2: float
    flow_shift: float


PRESETS: Final[Mapping[int, Preset]] = MappingProxyType(
    {
        pb.GENERATION_PRESET_DRAFT: Preset(832, 480, 41, 25, 2.5, 3.0, 3.0),
        pb.GENERATION_PRESET_PREVIEW: Preset(1280, 720, 81, 36, 3.0, 3.5, 4.0),
        pb.GENERATION_PRESET_PRODUCTION: Preset(1280, 720, 121, 60, 3.5, 4.5, 5.0),
        # To be upscaled to 1080p afterwards: the models make no larger pictures.
        pb.GENERATION_PRESET_CINEMA: Preset(1280, 720, 241, 80, 4.0, 5.0, 5.0),
    }
)

QUALITY_STEPS: Final = 1.25
"""The profile QUALITY makes so many times the preset's steps."""

MOST_STEPS: Final = 200


def name_of(preset: int) -> str:
    """As in "draft"."""
    name: str = pb.GenerationPreset.Name(preset)  # type: ignore[arg-type]
    return name.removeprefix("GENERATION_PRESET_").lower()
