"""The colours that movies are delivered in, by the names that documents use; what an HDR10 movie says of its light."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from libs.frames.colour_tags import ColourTags
from libs.kernels.types import Siting

PQ_PEAK: Final = 10_000.0
"""The brightest light of SMPTE ST 2084, in cd/m²."""
WHITE: Final = 203.0
"""Reference white in cd/m² (ITU-R BT.2408): the working space's 1, in and out."""
HLG_WHITE: Final = 0.794887
"""The same in HLG (ITU-R BT.2100): signal 0.75, as light of OCIO's curve."""


@dataclass(frozen=True)
class Delivery:
    """One way to encode colour; all but its range and, of R'G'B', its matrix."""

    primaries: str
    transfer: str
    matrix: str
    """All three by libavutil's names of ITU-T H.273."""
    siting: Siting
    """Of chroma that is halved both ways."""
    bits: int
    """The fewest that carry it without visible steps."""
    metadata: bool = False
    """Whether its light is absolute, so that the movie tells how bright it is and on what it was judged."""

    def tags(self, *, rgb: bool) -> ColourTags:
        """What a stream of it says of itself."""
        return ColourTags(self.primaries, self.transfer, "gbr" if rgb else self.matrix, "pc" if rgb else "tv")


DELIVERIES: Final = {
    # ITU-R BT.709, shown by BT.1886. H.264's and HEVC's own siting.
    "rec709": Delivery("bt709", "bt709", "bt709", "left", 8),
    # The same transfer with DCI-P3's primaries and the white of D65 (SMPTE RP 431-2, EG 432-1).
    "p3": Delivery("smpte432", "bt709", "bt709", "left", 8),
    # ITU-R BT.2020 and BT.2100: ten bits at least, chroma on the top left.
    "rec2020": Delivery("bt2020", "bt2020-10", "bt2020nc", "topleft", 10),
    "hdr10": Delivery("bt2020", "smpte2084", "bt2020nc", "topleft", 10, metadata=True),
    "hlg": Delivery("bt2020", "arib-std-b67", "bt2020nc", "topleft", 10),
}
"""By name."""

Chromaticity = tuple[float, float]

_D65: Final[Chromaticity] = (0.3127, 0.3290)
PRIMARIES: Final[dict[str, tuple[Chromaticity, Chromaticity, Chromaticity]]] = {
    "p3": ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
    "rec2020": ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    "rec709": ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060)),
}
"""Red, green and blue of displays in CIE x and y; their white is D65."""


@dataclass(frozen=True)
class Mastering:
    """The display on which a movie was judged (SMPTE ST 2086); luminances in cd/m²."""

    primaries: str = "p3"
    """One of `PRIMARIES`."""
    peak: float = 1000.0
    black: float = 0.0001

    @property
    def chromaticities(self) -> tuple[Chromaticity, Chromaticity, Chromaticity, Chromaticity]:
        """Red, green, blue and white."""
        return (*PRIMARIES[self.primaries], _D65)


USUAL_MASTERING: Final = Mastering()


@dataclass(frozen=True)
class Display:
    """A display as a stream describes it: CIE x and y of red, green, blue and white, and luminances in cd/m²."""

    chromaticities: tuple[Chromaticity, ...]
    """Four, or none where the stream does not say."""
    peak: float
    black: float


@dataclass(frozen=True)
class LightLevel:
    """How bright a clip is (CTA-861.3): of each pixel the largest of R, G and B, as light in cd/m²."""

    brightest: float = 0.0
    """MaxCLL: of the brightest pixel."""
    average: float = 0.0
    """MaxFALL: of the frame that is brightest on average."""

    def joined(self, other: LightLevel) -> LightLevel:
        """Of both clips together."""
        return LightLevel(max(self.brightest, other.brightest), max(self.average, other.average))

    def rounded(self) -> tuple[int, int]:
        """Both as metadata has them, in whole cd/m². What is lit at all is 1 at least: 0 means that nobody looked."""
        return _whole(self.brightest), _whole(self.average)


def _whole(light: float) -> int:
    return min(max(round(light), 1 if light > 0 else 0), 65535)
