"""Graph documents that several suites render."""

from __future__ import annotations

import json
from typing import Any

Document = dict[str, Any]


def graded(
    asset: str, *, width: int = 192, height: int = 128, rate: str = "24", duration: float | str = 1.0
) -> Document:
    """Footage, a stop brighter, with its sound."""
    return {
        "schema": "artifex.graph/1",
        "settings": {"width": width, "height": height, "fps": rate, "duration": duration},
        "nodes": {
            "plate": {"type": "MediaInput", "params": {"asset": asset}},
            "grade": {"type": "ColorCorrector", "inputs": {"video": "plate.video"}, "params": {"exposure": 0.5}},
            "out": {
                "type": "FileOutput",
                "inputs": {"video": "grade", "audio": "plate.audio"},
                "params": {"path": "graded.mp4"},
            },
        },
    }


def silent(document: Document) -> Document:
    """The same without sound."""
    copy: Document = json.loads(json.dumps(document))
    for node in copy["nodes"].values():
        node.get("inputs", {}).pop("audio", None)
    return copy


def titled(text: str = "안녕 Artifex", *, frames: int = 48) -> Document:
    """A title alone: needs no media."""
    return {
        "schema": "artifex.graph/1",
        "settings": {"width": 192, "height": 128, "fps": "24", "duration": frames / 24},
        "nodes": {
            "title": {"type": "TextInput", "params": {"text": text, "size": 32}},
            "out": {"type": "FileOutput", "inputs": {"video": "title"}, "params": {"path": "title.mp4"}},
        },
    }


def normalised(asset: str, *, loudness: float, duration: float | str = "21/4", rate: str = "4") -> Document:
    """Footage in a small picture, its sound brought to a loudness in LUFS and stored without loss."""
    document = graded(asset, width=64, height=36, rate=rate, duration=duration)
    nodes = document["nodes"]
    nodes["mix"] = {
        "type": "AudioMixer",
        "inputs": {"audio": "plate.audio"},
        "params": {"normalize": "loudness", "loudness": loudness},
    }
    nodes["out"]["inputs"]["audio"] = "mix"
    nodes["out"]["params"] = {"path": "normalised.mov", "audio_codec": "pcm"}
    return document


def everything(asset: str, *, duration: float | str = 2.0) -> Document:
    """Every node of the house but the look in one frame: graded, blurred footage, a generated and keyed shot in a
    corner, a title that fades in, all of it cropped; and a viewer, which changes nothing."""
    return {
        "schema": "artifex.graph/1",
        "settings": {"width": 640, "height": 360, "fps": "25", "duration": duration},
        "nodes": {
            "plate": {"type": "MediaInput", "params": {"asset": asset}},
            "grade": {"type": "ColorCorrector", "inputs": {"video": "plate.video"}, "params": {"exposure": 0.3}},
            "shot": {
                "type": "T2VGenerator",
                "params": {
                    "prompt": "a red kite over the sea",
                    "seed": 7,
                    "width": 64,
                    "height": 64,
                    "frames": 9,
                    "steps": 3,
                },
            },
            "key": {"type": "ChromaKey", "inputs": {"video": "shot.video"}, "params": {"black": 0.1}},
            "corner": {
                "type": "Transform2D",
                "inputs": {"video": "key"},
                "params": {"translate": [200, 100], "scale": [2.0, 2.0]},
            },
            "soft": {"type": "Blur", "inputs": {"video": "grade"}, "params": {"size": 2, "edges": "repeat"}},
            "inset": {"type": "Merge", "inputs": {"a": "corner", "b": "soft"}, "params": {"operation": "over"}},
            "title": {"type": "TextInput", "params": {"text": "안녕 Artifex", "size": 48}},
            "comp": {
                "type": "Merge",
                "inputs": {"a": "title", "b": "inset"},
                "params": {"operation": "over", "mix": {"keys": [[0.0, 0.0], [1.0, 1.0, "ease_in_out"]]}},
            },
            "cut": {
                "type": "Crop",
                "inputs": {"video": "comp"},
                "params": {"top_left": [0, 0.05], "bottom_right": [1, 0.95], "softness": 4},
            },
            "mix": {"type": "AudioMixer", "inputs": {"audio": "plate.audio"}},
            "view": {"type": "Viewer", "inputs": {"video": "comp"}, "params": {"view": "aces"}},
            "out": {
                "type": "FileOutput",
                "inputs": {"video": "cut", "audio": "mix"},
                "params": {"path": "everything.mp4"},
            },
        },
    }
