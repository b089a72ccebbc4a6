"""Viewer beside the arithmetic of its views in float64, and OpenImageIO's conversions."""

from typing import Any

import numpy as np
import OpenImageIO as oiio

from artifex.nodes import Frame
from services.graph.domain.evaluate.colour import CONFIG, WorkingColour
from services.graph.nodes.output.viewer import Viewer
from tests.unit.services.graph.nodes.oracles.comparison import Comparison, largest
from tests.unit.services.graph.nodes.oracles.pictures import WHOLE, Array, array, buffer, chart, noise
from tests.unit.services.graph.support import node

# SMPTE RP 177 from ACES AP1 (TB-2014-004) to Rec.709 by way of Bradford's adaptation, as ACES publishes it.
TO_REC709 = np.array([
    [1.70505099, -0.62179212, -0.08325887],
    [-0.13025641, 1.14080474, -0.01054832],
    [-0.02400336, -0.12896898, 1.15297233],
])  # fmt: skip


def shown(frame: Frame, **params: Any) -> Array:
    return np.asarray(node(Viewer, **params).show(frame, WHOLE, WorkingColour("ACEScg")), np.float64)


def _rec709(exposure: float) -> float:
    frame = chart()
    linear = frame.pixels[..., :3].astype(np.float64) * 2.0**exposure @ TO_REC709.T
    expected = np.clip(np.maximum(linear, 0) ** (1 / 2.4), 0, 1)
    return largest(shown(frame, exposure=exposure), expected)


def _srgb() -> float:
    frame = noise(2)
    linear = np.clip(frame.pixels[..., :3].astype(np.float64) @ TO_REC709.T, 0, None)
    # IEC 61966-2-1.
    curve = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return largest(shown(frame, view="srgb"), np.clip(curve, 0, 1))


def _aces() -> float:
    frame = noise(3, alpha=False)
    display, view = "Rec.1886 Rec.709 - Display", "ACES 2.0 - SDR 100 nits (Rec.709)"
    result = oiio.ImageBufAlgo.ociodisplay(
        buffer(frame.pixels), display, view, fromspace="ACEScg", unpremult=False, colorconfig=CONFIG
    )
    return largest(shown(frame, view="aces"), np.clip(array(result)[..., :3], 0, 1))


COMPARISONS = [
    Comparison("Viewer", "BT.1886 arithmetic float64", "rec709", 2e-4, lambda: _rec709(0.0)),
    Comparison("Viewer", "BT.1886 arithmetic float64", "rec709, −3 stops", 2e-4, lambda: _rec709(-3.0)),
    Comparison("Viewer", "IEC 61966-2-1 float64", "srgb", 2e-4, _srgb),
    Comparison("Viewer", "OpenImageIO ociodisplay", "aces", 2e-5, _aces),
]
