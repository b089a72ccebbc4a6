"""Networks that enlarge pictures, from weights that users bring, run by ncnn on the processor."""

import threading
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from artifex.nodes import Colour, Pixels
from libs.chassis.errors import FailedPrecondition
from services.graph.models import Weights
from services.graph.nodes.display import through_display

_VIDEO: Final = "animevideov3"
_FILES: Final = {"x4plus": "realesrgan-x4plus", "x4plus-anime": "realesrgan-x4plus-anime"}
MODELS: Final = (*_FILES, _VIDEO)

_PIECE: Final = 128
"""Pixels of a side that are given to a network at once, without their surroundings."""
_AROUND: Final = 16
"""Of these, on each side: what lies farther hardly counts."""


def weights_for(model: str, factor: float) -> Weights:
    """The files of a model for enlarging by up to 8 times."""
    name = _FILES.get(model) or f"realesr-{_VIDEO}-x{_video_scale(factor)}"
    return Weights(f"Real-ESRGAN's {model}", (f"real-esrgan/{name}.param", f"real-esrgan/{name}.bin"))


def network(model: str, factor: float, threads: int) -> "Network":
    """The network of a model; FailedPrecondition where its weights are missing or cannot be read."""
    weights = weights_for(model, factor)
    scale = 4 if model in _FILES else _video_scale(factor)
    return _opened(weights.paths(), weights.key(), scale, threads)


class Network:
    """One network that makes pictures `scale` times as large. Safe to share between threads."""

    def __init__(self, description: Path, weights: Path, scale: int, threads: int) -> None:
        # Here, since it takes a while and few need it.
        import ncnn  # type: ignore[import-untyped]

        self._ncnn: Any = ncnn
        self._scale = scale
        net = ncnn.Net()
        options = net.opt
        options.use_vulkan_compute = False
        options.num_threads = threads
        # Full precision everywhere, so that one machine gives what another does.
        options.use_fp16_packed = options.use_fp16_storage = options.use_fp16_arithmetic = False
        options.use_bf16_storage = False
        if net.load_param(str(description)) != 0 or net.load_model(str(weights)) != 0:
            raise FailedPrecondition(f"{description.name} and {weights.name} are no model that ncnn can run")
        self._net: Any = net
        self._lock = threading.Lock()

    def enlarge(
        self, pixels: Pixels, size: tuple[int, int], colour: Colour, plainly: Callable[[Pixels], Pixels]
    ) -> Pixels:
        """Premultiplied RGBA at `size` (height, width); `plainly` enlarges what a network does not see."""
        return through_display(
            [pixels], colour, lambda shown: self._sized(shown[0], size), lambda left: plainly(left[0])
        )

    def _sized(self, shown: Pixels, size: tuple[int, int]) -> Pixels:
        made = self.made(shown)
        if made.shape[:2] == size:
            return made
        shrinks = size[0] < made.shape[0]
        method = cv2.INTER_AREA if shrinks else cv2.INTER_LANCZOS4
        return np.asarray(cv2.resize(made, size[::-1], interpolation=method), np.float32)

    def made(self, shown: Pixels) -> Pixels:
        """sRGB [height, width, 3] of 0 to 1, `scale` times as large, made in pieces that see beyond their edges."""
        height, width = shown.shape[:2]
        scale = self._scale
        around = np.asarray(
            cv2.copyMakeBorder(shown, _AROUND, _AROUND, _AROUND, _AROUND, cv2.BORDER_REPLICATE), np.float32
        )
        result = np.empty((height * scale, width * scale, 3), np.float32)
        for top in range(0, height, _PIECE):
            for left in range(0, width, _PIECE):
                bottom, right = min(top + _PIECE, height), min(left + _PIECE, width)
                piece = around[top : bottom + 2 * _AROUND, left : right + 2 * _AROUND]
                inner = slice(_AROUND * scale, -_AROUND * scale)
                result[top * scale : bottom * scale, left * scale : right * scale] = self._run(piece)[inner, inner]
        return result

    def _run(self, piece: Pixels) -> Pixels:
        planes = np.ascontiguousarray(piece.transpose(2, 0, 1))
        with self._lock:
            extractor = self._net.create_extractor()
            failed = extractor.input(self._net.input_names()[0], self._ncnn.Mat(planes))
            state, found = extractor.extract(self._net.output_names()[0])
            made = np.array(found, np.float32)
        wanted = (3, piece.shape[0] * self._scale, piece.shape[1] * self._scale)
        if failed or state or made.shape != wanted:
            raise FailedPrecondition(f"the network gives {list(made.shape)} numbers where {list(wanted)} are expected")
        return made.transpose(1, 2, 0)


def _video_scale(factor: float) -> int:
    return 2 if factor <= 2.0 else 3 if factor <= 3.0 else 4


@lru_cache(maxsize=2)
def _opened(paths: tuple[Path, ...], _key: str, scale: int, threads: int) -> Network:
    description, weights = paths
    return Network(description, weights, scale, threads)
