"""What a step is expected to cost, before anything has run: for showing where the time will go, not for charging it.

A node type may say so itself (`Node.cost`). For the others there are the figures below: processor time of single nodes
over 1280x720 H.264 footage, at usual parameters, on a core with AVX-512. Elsewhere they differ, their shares little.
"""

from typing import Final

from artifex.nodes import Node, Request
from services.graph.domain.compile.runs import GradeRun, MotionRun
from services.graph.domain.compile.unknown import Asked

_PASS: Final = 5.6
"""Of reading and writing a picture and of dividing by alpha and multiplying again: what neighbours in a run share."""

_TYPES: Final = {
    "AudioMixer": 0.0,
    "Blur": 8.4,
    "ChromaKey": 7.0,
    "ColorCorrector": 7.2,
    "Crop": 3.3,
    "I2VGenerator": 13.0,
    "ImageToVideo": 0.0,
    "LUT": 13.5,
    "MaskToImage": 1.5,
    "MediaInput": 13.0,
    "Merge": 4.0,
    "Muted": 0.0,
    "T2VGenerator": 13.0,
    "TI2VGenerator": 13.0,
    "TextInput": 2.0,
    "VideoToImage": 0.0,
}
"""Nanoseconds for a pixel of the document."""
_OTHERS: Final = 8.0


def cost(node: Node, request: Request) -> float:
    """Nanoseconds for a pixel of the result on one core."""
    if isinstance(node, GradeRun):
        parts = [cost(member, request) for _, member in node.members]
        return sum(max(0.0, part - _PASS) for part in parts) + _PASS
    if isinstance(node, MotionRun):
        return max(cost(member, request) for _, member in node.members)
    try:
        told = node.cost(request)
    except Asked:
        told = None
    return told if told is not None else _TYPES.get(node.schema.type, _OTHERS)
