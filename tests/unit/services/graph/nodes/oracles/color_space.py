"""ColorSpace beside OpenColorIO's built-in configuration, its spaces, displays and views."""

from functools import partial
from typing import Any

import numpy as np
import PyOpenColorIO as ocio

from artifex.nodes import Frame
from services.graph.nodes.color.color_space import ColorSpace
from tests.unit.services.graph.nodes.oracles.colour import between, by_ocio, changed, delta_e_itp, error
from tests.unit.services.graph.nodes.oracles.comparison import Comparison, largest
from tests.unit.services.graph.nodes.oracles.pictures import Array, noise, straight

NAMES = {
    "display": "Gamma 2.4 Encoded Rec.709", "srgb": "sRGB Encoded Rec.709 (sRGB)", "acescct": "ACEScct",
    "acescc": "ACEScc", "logc3": "ARRI LogC3 (EI800)", "logc4": "ARRI LogC4", "slog3": "S-Log3 S-Gamut3.Cine",
    "vlog": "V-Log V-Gamut", "clog2": "CanonLog2 CinemaGamut D55", "clog3": "CanonLog3 CinemaGamut D55",
    "log3g10": "Log3G10 REDWideGamutRGB", "apple_log": "Apple Log", "linear_rec709": "Linear Rec.709 (sRGB)",
    "linear_p3": "Linear P3-D65", "linear_rec2020": "Linear Rec.2020", "aces2065": "ACES2065-1",
    "display_p3": "sRGB Encoded P3-D65",
}  # fmt: skip
"""The studio configuration's names of documents' words."""

_SDR = "ACES 2.0 - SDR 100 nits ({})"
_HDR = "ACES 2.0 - HDR {} nits ({})"
VIEWS: dict[str, tuple[dict[str, str], str, str]] = {
    "Rec.1886 Rec.709": (
        {"view": "aces2_sdr_rec709", "output_space": "display"}, "Rec.1886 Rec.709 - Display", _SDR.format("Rec.709")),
    "sRGB": ({"view": "aces2_sdr_rec709", "output_space": "srgb"}, "sRGB - Display", _SDR.format("Rec.709")),
    "Display P3": (
        {"view": "aces2_sdr_p3", "output_space": "display_p3"}, "Display P3 - Display", _SDR.format("P3 D65")),
    "P3-D65": ({"view": "aces2_sdr_p3", "output_space": "p3"}, "P3-D65 - Display", _SDR.format("P3 D65")),
    "Rec.2100 HLG": (
        {"view": "aces2_hdr_1000_p3", "output_space": "rec2100_hlg"}, "Rec.2100-HLG - Display",
        _HDR.format(1000, "P3 D65")),
    **{f"Rec.2100 PQ {peak} {gamut}": (
        {"view": f"aces2_hdr_{peak}_{word}", "output_space": "rec2100_pq"}, "Rec.2100-PQ - Display",
        _HDR.format(peak, gamut))
       for peak in (500, 1000, 2000, 4000) for word, gamut in (("p3", "P3 D65"), ("rec2020", "Rec.2020"))},
}  # fmt: skip
"""By name: parameters, and OpenColorIO's display and view."""


def scene() -> Frame:
    """Light from black over ten stops, in colours of all kinds that cameras see."""
    generator = np.random.default_rng(21)
    pixels = (2.0 ** generator.uniform(-8, 5, (24, 32, 4))).astype(np.float32)
    pixels[:4, :, :3] = pixels[:4, :, :1]
    pixels[..., 3] = 1.0
    return Frame(pixels, opaque=True)


def codes(name: str, frame: Frame) -> Array:
    _, display, view = VIEWS[name]
    transform = ocio.DisplayViewTransform("ACEScg", display, view)
    return by_ocio(transform, frame.pixels[..., :3].astype(np.float64))


def ours(name: str, frame: Frame, **more: Any) -> Array:
    return changed(ColorSpace, frame, **{**VIEWS[name][0], **more}).pixels[..., :3].astype(np.float64)


def nits(name: str, display_codes: Array) -> Array:
    """What the display shows, cd/m², in Rec.2020."""
    display = VIEWS[name][1]
    xyz = by_ocio(ocio.ColorSpaceTransform(display, "CIE XYZ-D65 - Display-referred"), display_codes)
    # BT.2020's primaries and D65, from their chromaticities.
    to_rec2020 = np.array([
        [1.716651188, -0.355670784, -0.253366281],
        [-0.666684352, 1.616481237, 0.015768546],
        [0.017639857, -0.042770613, 0.942103121],
    ])  # fmt: skip
    result: Array = 100.0 * np.maximum(xyz, 0.0) @ to_rec2020.T
    return result


def _view_error(name: str) -> float:
    return largest(ours(name, scene()), codes(name, scene()))


def largest_delta_e(name: str) -> float:
    return float(delta_e_itp(nits(name, ours(name, scene())), nits(name, codes(name, scene()))).max())


def _light_error(name: str) -> float:
    """In the working space: what the display shows, 1 of which is its white, or in HDR 203 cd/m²."""
    white = 100.0 if "sdr" in VIEWS[name][0]["view"] else 203.0
    expected = between("Linear Rec.2020", "ACEScg", nits(name, codes(name, scene())) / white)
    result = ours(name, scene(), output_space="working")
    return float((np.abs(result - expected) / np.maximum(1.0, expected.max(-1, keepdims=True))).max())


def _back_error() -> float:
    """What can be shown, taken back to the scene and shown again, is what it was."""
    shown = np.random.default_rng(3).uniform(0.05, 0.8, (16, 16, 3))
    pixels = np.concatenate([shown, np.ones((16, 16, 1))], -1).astype(np.float32)
    params = VIEWS["Rec.1886 Rec.709"][0]
    back = changed(ColorSpace, Frame(pixels, opaque=True), **params, inverse=True)
    return largest(changed(ColorSpace, back, **params).pixels[..., :3], shown)


def gamut_compressed(rgb: Array) -> Array:
    return by_ocio(ocio.LookTransform("ACEScg", "ACEScg", "ACES 1.3 Reference Gamut Compression"), rgb)


def _into_error(word: str) -> float:
    frame = scene()
    expected = between("ACEScg", NAMES[word], straight(frame.pixels)[..., :3])
    result = changed(ColorSpace, frame, output_space=word).pixels[..., :3]
    return float((np.abs(result - expected) / np.maximum(1.0, np.abs(expected))).max())


def _out_of_error(word: str) -> float:
    pixels = np.random.default_rng(5).uniform(0.05, 0.9, (16, 16, 4)).astype(np.float32)
    pixels[..., 3] = 1.0
    expected = between(NAMES[word], "ACEScg", straight(pixels)[..., :3])
    result = changed(ColorSpace, Frame(pixels, opaque=True), input_space=word).pixels[..., :3]
    return float((np.abs(result - expected) / np.maximum(1.0, np.abs(expected).max(-1, keepdims=True))).max())


# Near black a rounding of light is more of a code; of a display's 10 bits a code is 1e-3.
COMPARISONS = [
    *(Comparison("ColorSpace", "OCIO configuration", f"into {word}", 5e-5, partial(_into_error, word))
      for word in NAMES),
    *(Comparison("ColorSpace", "OCIO configuration", f"out of {word}", 2e-5, partial(_out_of_error, word))
      for word in NAMES),
    *(Comparison("ColorSpace", "OCIO display and view", f"{name}, codes", 1e-4, partial(_view_error, name))
      for name in VIEWS),
    *(Comparison("ColorSpace", "OCIO display and view", f"{name}, ΔE ITP", 2e-3, partial(largest_delta_e, name))
      for name in VIEWS),
    *(Comparison("ColorSpace", "OCIO display and view", f"{name}, as light", 1e-5, partial(_light_error, name))
      for name in ("Rec.1886 Rec.709", "Rec.2100 PQ 1000 Rec.2020")),
    Comparison("ColorSpace", "itself, there and back", "ACES 2 SDR Rec.709, codes", 1e-4, _back_error),
    Comparison("ColorSpace", "OCIO look", "ACES 1.3 Reference Gamut Compression", 2e-5,
               partial(error, ColorSpace, gamut_compressed, noise(8), compress_gamut=True)),
]  # fmt: skip
