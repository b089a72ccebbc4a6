"""ChromaKey beside its formula in float64 on straight colour, the mixture that it undoes, and FFmpeg's keyers."""

from typing import Any

import numpy as np
from scipy import ndimage

from artifex.nodes import Frame, Output
from libs.kernels import gaussian_reach
from services.graph.domain.evaluate.colour import WorkingColour
from services.graph.nodes.effect.chroma_key import ChromaKey
from tests.unit.services.graph.nodes.applied import applied
from tests.unit.services.graph.nodes.oracles import ffmpeg
from tests.unit.services.graph.nodes.oracles.comparison import Comparison, largest
from tests.unit.services.graph.nodes.oracles.pictures import HEIGHT, WIDTH, Array, chart, noise, straight
from tests.unit.services.graph.support import node

COLOUR = WorkingColour("ACEScg")
GREEN, BLUE = (0.0, 177 / 255, 64 / 255), (0.0, 71 / 255, 187 / 255)


def keyed(
    frame: Frame,
    core: Frame | None = None,
    garbage: Frame | None = None,
    output: Output | None = None,
    plate: Frame | None = None,
    **params: Any,
) -> Frame:
    others = {"core": core, "garbage": garbage, "plate": plate}
    frames = {"video": frame, **{name: other for name, other in others.items() if other is not None}}
    return applied(node(ChromaKey, **params), frames, (frame.window.right, frame.window.bottom), output=output)


def screen(display: tuple[float, float, float] = GREEN) -> Array:
    """The screen's colour in the working space."""
    return np.array(COLOUR.from_display(display), np.float64)


def by_formula(frame: Frame, display: tuple[float, float, float] = GREEN, **p: Any) -> Array:
    """The docstring's formula, written for straight colour."""
    s, values = screen(display), straight(frame.pixels)
    c, alpha = values[..., :3], values[..., 3:]
    k = int(np.argmax(s))
    others = [channel for channel in range(3) if channel != k]

    def spill(x: Array) -> Array:
        rest = x[..., others]
        limit = rest.mean(-1) if p.get("despill_method") == "average" else rest.max(-1)
        result = x.copy()
        result[..., k] -= p.get("despill", 1.0) * np.maximum(x[..., k] - limit, 0)
        return result

    excess = c[..., k] - c[..., others].max(-1)
    raw = np.clip(1 - p.get("gain", 1.0) * excess / (s[k] - s[others].max()), 0, 1)[..., None]
    black, white = p.get("black", 0.0), p.get("white", 1.0)
    step = np.clip((raw - black) / (white - black), 0, 1)
    matte = step + p.get("softness", 0.0) * (step**2 * (3 - 2 * step) - step)
    front = c - np.minimum((1 - raw) * np.maximum(s, 0), np.maximum(c, 0))
    front = spill(front * np.where(raw > 0, matte / np.where(raw > 0, raw, 1), 0))
    return np.concatenate([front * alpha, matte * alpha], -1)


def mixture(
    seed: int, display: tuple[float, float, float] = GREEN, hair: Array | None = None, empty: Array | None = None
) -> tuple[Frame, Array]:
    """Hair before the screen, and what of it there is: premultiplied, of random coverage and brightness, HDR included.

    `hair` is its colour, grey unless given; `empty` the screen in each pixel, one colour unless given.
    """
    random = np.random.default_rng(seed)
    coverage = random.uniform(0, 1, (HEIGHT, WIDTH, 1))
    coverage[::3] = 0.0
    coverage[1::7] = 1.0
    grey = random.uniform(0, 6, (HEIGHT, WIDTH, 1)) * (np.ones(3) if hair is None else hair)
    pixels = coverage * grey + (1 - coverage) * (screen(display) if empty is None else empty)
    opaque = np.concatenate([pixels, np.ones_like(coverage)], -1).astype(np.float32)
    return Frame(opaque, opaque=True), np.concatenate([coverage * grey, coverage], -1)


def uneven(display: tuple[float, float, float] = GREEN) -> Array:
    """A screen whose light falls off to a corner, with folds in it: [height, width, 3]."""
    x, y = np.meshgrid(np.linspace(0, 1, WIDTH), np.linspace(0, 1, HEIGHT))
    light = 1.1 - 0.5 * x * y + 0.08 * np.sin(25 * x + 3 * y)
    return np.asarray(light[..., None] * screen(display))


def plate_of(empty: Array) -> Frame:
    """A picture of the empty screen."""
    return Frame(np.concatenate([empty, np.ones((*empty.shape[:2], 1))], -1).astype(np.float32), opaque=True)


def plain(display: tuple[float, float, float] = GREEN) -> tuple[Frame, "np.ndarray[Any, np.dtype[np.uint8]]", Array]:
    """A screen with clear things before it, as linear light, as 8-bit RGB, and its true coverage."""
    codes = np.empty((48, 64, 3), np.uint8)
    codes[:] = np.round(np.array(display) * 255)
    truth = np.zeros((48, 64))
    for column, color in enumerate([(250, 250, 250), (20, 20, 20), (220, 40, 30), (230, 180, 150)]):
        codes[12:36, 4 + 15 * column : 14 + 15 * column] = color
        truth[12:36, 4 + 15 * column : 14 + 15 * column] = 1.0
    encoded = np.concatenate([codes / 255, np.ones((48, 64, 1))], -1).astype(np.float32)
    return Frame(COLOUR.decoded(encoded), opaque=True), codes, truth


def _formula_error(frame: Frame, **params: Any) -> float:
    return largest(keyed(frame, **params).pixels, by_formula(frame, **params))


def _mixture_error(display: tuple[float, float, float], name: str) -> float:
    frame, front = mixture(5, display)
    return largest(keyed(frame, screen=name).pixels, front)


def _hair_error(subject: tuple[float, float, float]) -> float:
    frame, front = mixture(6, GREEN, np.array(COLOUR.from_display(subject)))
    return largest(keyed(frame, subject=(*subject, 1.0)).pixels, front)


def _uneven_error() -> float:
    frame, front = mixture(7, GREEN, None, uneven())
    return largest(keyed(frame, plate=plate_of(uneven())).pixels, front)


def _blurred_matte_error(sigma: float) -> float:
    frame, _, _ = plain()
    matte = keyed(frame, output=ChromaKey.matte).pixels[..., 0].astype(np.float64)
    expected = ndimage.gaussian_filter(matte, sigma, mode="nearest", radius=gaussian_reach(sigma))
    return largest(keyed(frame, output=ChromaKey.matte, edge_blur=sigma).pixels[..., 0], expected)


def _shrunk_matte_error(size: int) -> float:
    """Clear things with straight edges: what is within the size of an edge is gone."""
    frame, _, truth = plain()
    away = ndimage.distance_transform_edt(np.pad(truth, size, mode="edge"))[size:-size, size:-size] > size
    return largest(keyed(frame, output=ChromaKey.matte, shrink=float(size)).pixels[..., 0], away)


def _ffmpeg_error(name: str, arguments: str) -> float:
    frame, codes, truth = plain()
    matte = keyed(frame, output=ChromaKey.matte).pixels[..., 0]
    theirs = ffmpeg.coverage(codes, name, arguments)
    # Their keyers judge the middle of a fade by other measures; inside and outside there is one answer.
    inner = np.ones_like(truth, dtype=bool)
    if name == "chromakey":
        edge = np.zeros_like(inner)
        edge[:, 1:] |= truth[:, 1:] != truth[:, :-1]
        edge[1:] |= truth[1:] != truth[:-1]
        inner = ~(edge | np.roll(edge, -1, 0) | np.roll(edge, -1, 1) | np.roll(edge, 1, 0) | np.roll(edge, 1, 1))
    return largest(matte[inner], theirs[inner])


COMPARISONS = [
    Comparison("ChromaKey", "formula float64", "defaults on noise with alpha", 2e-6, lambda: _formula_error(noise(1))),
    Comparison("ChromaKey", "formula float64", "clips, softness, mean despill", 2e-6, lambda: _formula_error(
        noise(2), gain=1.3, black=0.08, white=0.9, softness=0.6, despill=0.7, despill_method="average")),
    Comparison("ChromaKey", "formula float64", "ramps from −0.2 to 16", 2e-6, lambda: _formula_error(chart())),
    Comparison("ChromaKey", "the mixture it undoes", "grey hair before green", 4e-6,
               lambda: _mixture_error(GREEN, "green")),
    Comparison("ChromaKey", "the mixture it undoes", "grey hair before blue", 4e-6,
               lambda: _mixture_error(BLUE, "blue")),
    Comparison("ChromaKey", "the mixture it undoes", "brown hair before green", 1e-5,
               lambda: _hair_error((0.35, 0.22, 0.13))),
    Comparison("ChromaKey", "the mixture it undoes", "fair hair before green", 1e-5,
               lambda: _hair_error((0.85, 0.7, 0.45))),
    Comparison("ChromaKey", "the mixture it undoes", "uneven screen, with its plate", 1e-5, _uneven_error),
    Comparison("ChromaKey", "SciPy Gaussian float64", "edge blurred by 2.5", 5e-6, lambda: _blurred_matte_error(2.5)),
    Comparison("ChromaKey", "SciPy distance transform", "edge shrunk by 3", 1e-5, lambda: _shrunk_matte_error(3)),
    Comparison("ChromaKey", "FFmpeg colorkey", "clear in and out", 0.02,
               lambda: _ffmpeg_error("colorkey", "0x00B140:0.2:0.0")),
    Comparison("ChromaKey", "FFmpeg chromakey", "clear in and out", 0.02,
               lambda: _ffmpeg_error("chromakey", "0x00B140:0.1:0.0")),
]  # fmt: skip
