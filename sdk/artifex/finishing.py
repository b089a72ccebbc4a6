"""What is done to a generated shot for a large screen, as nodes of a graph: enlarged, sharpened, graded.

    job = await studio.renders.create(clip_document(asset, CINEMA))

renders a generated clip so; `Finish.nodes` puts the same nodes behind any other, such as a T2VGenerator in a document
of your own. Noise is not reduced: that takes a look at several frames at once, for which there is no node yet.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

from artifex.generator.v1 import messages_pb2 as generator
from artifex.media.v1 import messages_pb2 as media

Nodes = dict[str, Any]
"""Nodes of a document, by id."""

LARGEST: Final = 8
"""How many times a picture is enlarged at most: as much as the node Upscaler does."""


@dataclass(frozen=True)
class Finish:
    """How a shot is finished. A step whose numbers change nothing is left out."""

    width: int = 1920
    height: int = 1080
    """The shot is enlarged, never made smaller, to what fits into this many pixels."""
    model: str = ""
    """The network that invents detail, of those of the node Upscaler, such as "x4plus"; empty for Lanczos."""
    sharpening: float = 0.5
    """How much of what a blur takes away is added, 0 to 1 (an unsharp mask)."""
    contrast: float = 1.05
    """Around middle grey; 1 changes nothing."""
    saturation: float = 1.05
    """1 changes nothing."""

    def factor(self, width: int, height: int) -> Fraction:
        """How many times as wide and high a shot of this size becomes: from 1 to `LARGEST`."""
        return max(Fraction(1), min(Fraction(self.width, width), Fraction(self.height, height), Fraction(LARGEST)))

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Pixels of the document that holds a finished shot of this size. They are even, as codecs of movies want."""
        factor = self.factor(width, height)
        return int(width * factor) // 2 * 2, int(height * factor) // 2 * 2

    def nodes(self, source: str, width: int, height: int, *, prefix: str = "") -> tuple[Nodes, str]:
        """The nodes behind `source` ("shot", "plate.video"), which shows a shot of this size, and the last one's id.

        That is `source` where nothing is to be done. `prefix` begins each id, to tell several shots' nodes apart.
        """
        found: Nodes = {}
        factor = self.factor(width, height)

        def add(name: str, kind: str, inputs: dict[str, str], **params: Any) -> str:
            found[prefix + name] = _node(kind, inputs, **params)
            return prefix + name

        shown = source
        if factor > 1:
            shown = add("enlarged", "Upscaler", {"video": shown}, factor=float(factor), **self._network())
        if self.sharpening:
            # What is finer than the shot's own pixels, enlarged, is no detail of it.
            size = max(1.0, round(float(factor) * 0.75, 2))
            soft = add("soft", "Blur", {"video": shown}, size=[size, size], edges="repeat")
            detail = add("detail", "Merge", {"a": shown, "b": soft}, operation="minus")
            shown = add("sharp", "Merge", {"a": detail, "b": shown}, operation="plus", mix=self.sharpening)
        if (self.contrast, self.saturation) != (1.0, 1.0):
            grade = {"contrast": self.contrast, "saturation": self.saturation}
            shown = add("graded", "ColorCorrector", {"video": shown}, **grade)
        return found, shown

    def told(self, width: int, height: int) -> str:
        """What becomes of a shot of this size, for people."""
        steps = {
            "enlarged": self.factor(width, height) > 1,
            "sharpened": self.sharpening > 0,
            "graded": (self.contrast, self.saturation) != (1.0, 1.0),
        }
        across, down = self.size(width, height)
        return f"then {', '.join(step for step, done in steps.items() if done)}, to {across}x{down}"

    def _network(self) -> dict[str, Any]:
        return {"method": "real-esrgan", "model": self.model} if self.model else {}


CINEMA: Final = Finish()
"""What the preset "cinema" ends with: its models make 720p, and it shows 1080p."""
UNTOUCHED: Final = Finish(width=1, height=1, sharpening=0.0, contrast=1.0, saturation=1.0)
"""The shot as it was generated."""


def finish_of(spec: generator.GenerationSpec) -> Finish:
    """How `artifex generate` finishes a shot of this spec: by its preset."""
    return CINEMA if spec.preset == generator.GENERATION_PRESET_CINEMA else UNTOUCHED


def clip_document(clip: media.Asset, finish: Finish = UNTOUCHED) -> str:
    """The document that renders every frame of a generated clip once, finished, to "shot.mp4"."""
    stream = clip.media.video_streams[0]
    rate = Fraction(stream.frame_rate.numerator, stream.frame_rate.denominator)
    nodes: Nodes = {"clip": {"type": "MediaInput", "params": {"asset": clip.name}}}
    behind, shown = finish.nodes("clip.video", stream.width, stream.height)
    nodes |= behind
    nodes["out"] = _node("FileOutput", {"video": shown}, path="shot.mp4")
    width, height = finish.size(stream.width, stream.height)
    settings = {"width": width, "height": height, "fps": str(rate), "duration": str(stream.frame_count / rate)}
    return json.dumps({"schema": "artifex.graph/1", "settings": settings, "nodes": nodes}, ensure_ascii=False)


def _node(kind: str, inputs: dict[str, str], **params: Any) -> dict[str, Any]:
    return {"type": kind, "inputs": inputs, "params": params}
