"""What a stream says of its colours, in the names of ITU-T H.273, and the YUV matrices that follow from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

PRIMARIES = {
    1: "bt709",
    4: "bt470m",
    5: "bt470bg",
    6: "smpte170m",
    7: "smpte240m",
    8: "film",
    9: "bt2020",
    10: "smpte428",
    11: "smpte431",
    12: "smpte432",
    22: "ebu3213",
}
TRANSFERS = {
    1: "bt709",
    4: "bt470m",
    5: "bt470bg",
    6: "smpte170m",
    7: "smpte240m",
    8: "linear",
    9: "log100",
    10: "log316",
    11: "iec61966-2-4",
    12: "bt1361e",
    13: "iec61966-2-1",
    14: "bt2020-10",
    15: "bt2020-12",
    16: "smpte2084",
    17: "smpte428",
    18: "arib-std-b67",
}
MATRICES = {
    0: "gbr",
    1: "bt709",
    4: "fcc",
    5: "bt470bg",
    6: "smpte170m",
    7: "smpte240m",
    8: "ycgco",
    9: "bt2020nc",
    10: "bt2020c",
    11: "smpte2085",
    12: "chroma-derived-nc",
    13: "chroma-derived-c",
    14: "ictcp",
}
RANGES = {1: "tv", 2: "pc"}

# Kr and Kb of H.273, table 4. Constant-luminance and ICtCp signals need more than a matrix; they are not listed.
_LUMA = {
    "bt709": (0.2126, 0.0722),
    "fcc": (0.30, 0.11),
    "bt470bg": (0.299, 0.114),
    "smpte170m": (0.299, 0.114),
    "smpte240m": (0.212, 0.087),
    "bt2020nc": (0.2627, 0.0593),
}


@dataclass(frozen=True)
class ColourTags:
    """Names as libavutil has them; empty where the stream does not say."""

    primaries: str = ""
    transfer: str = ""
    matrix: str = ""
    range: str = ""

    @classmethod
    def from_codes(cls, primaries: int, transfer: int, matrix: int, range_: int) -> ColourTags:
        """From the numbers of H.273, as libav's contexts and frames carry them."""
        return cls(
            PRIMARIES.get(primaries, ""), TRANSFERS.get(transfer, ""), MATRICES.get(matrix, ""), RANGES.get(range_, "")
        )

    @property
    def codes(self) -> tuple[int, int, int, int]:
        """The way back: primaries, transfer, matrix, range. KeyError where something is not said, or is no name."""
        return (
            _codes(PRIMARIES)[self.primaries],
            _codes(TRANSFERS)[self.transfer],
            _codes(MATRICES)[self.matrix],
            _codes(RANGES)[self.range],
        )


def _codes(names: dict[int, str]) -> dict[str, int]:
    return {name: code for code, name in names.items()}


def effective_matrix(tags: ColourTags, width: int, height: int) -> str:
    """The matrix to decode with: the tagged one, else BT.709 for high definition and BT.601 below, as players do."""
    if tags.matrix in _LUMA:
        return tags.matrix
    return "bt709" if width >= 1280 or height > 576 else "smpte170m"


def has_matrix(tags: ColourTags) -> bool:
    """Whether the tagged matrix, if any, is one that this module can undo."""
    return not tags.matrix or tags.matrix in _LUMA or tags.matrix == "gbr"


def luma_weights(matrix: str) -> tuple[float, float, float]:
    """Kr, Kg, Kb of a matrix by name; KeyError for one without fixed weights."""
    kr, kb = _LUMA[matrix]
    return kr, 1.0 - kr - kb, kb


def yuv_to_rgb(matrix: str, range_: str, scale: float) -> npt.NDArray[np.float64]:
    """A 3x4 affine map from Y, Cb, Cr codes to R'G'B' in 0..1.

    `scale` is the factor by which the codes were multiplied from their 8-bit values: 1 for 8 bits, 256 for 16 bits left
    aligned. Full range is "pc"; anything else is limited.
    """
    kr, kg, kb = luma_weights(matrix)
    full = range_ == "pc"
    black, white, swing = (0.0, 255.0, 255.0) if full else (16.0, 219.0, 224.0)
    rows = np.array(
        [
            [1.0, 0.0, 2.0 * (1.0 - kr)],
            [1.0, -2.0 * (1.0 - kb) * kb / kg, -2.0 * (1.0 - kr) * kr / kg],
            [1.0, 2.0 * (1.0 - kb), 0.0],
        ]
    )
    gain = np.array([1.0 / white, 1.0 / swing, 1.0 / swing])
    linear = rows * gain
    offset = -(linear @ np.array([black, 128.0, 128.0]))
    return np.concatenate([linear / scale, offset[:, None]], axis=1)
