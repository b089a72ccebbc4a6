"""The fonts that come with the installation, all under the SIL Open Font License."""

from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import freetype
import uharfbuzz as hb

WEIGHTS: Final[dict[str, int]] = {"light": 300, "regular": 400, "bold": 700}


@dataclass(frozen=True, slots=True)
class _Files:
    """Where a family's files are: one variable font, or one file for each weight."""

    package: str
    variable: str = ""
    static: tuple[tuple[str, str], ...] = ()


_FAMILIES: Final = {
    "Noto Sans": _Files("fontpkg_noto_sans", "files/NotoSans[wdth,wght].ttf"),
    "Nanum Gothic": _Files(
        "koreanize_matplotlib",
        static=(
            ("light", "fonts/NanumGothicLight.ttf"),
            ("regular", "fonts/NanumGothic.ttf"),
            ("bold", "fonts/NanumGothicBold.ttf"),
        ),
    ),
    "Noto Sans Arabic": _Files("fontpkg_noto_sans_arabic", "files/NotoSansArabic[wdth,wght].ttf"),
}
FAMILIES: Final = tuple(_FAMILIES)
"""By preference: a character that the chosen family lacks is taken from the first of these that has it."""


class Font:
    """One family in one weight, for shaping (HarfBuzz) and for outlines (FreeType)."""

    def __init__(self, family: str, weight: str) -> None:
        self.family = family
        files = _FAMILIES[family]
        path = _folder(files.package) / (files.variable or dict(files.static)[weight])
        blob = path.read_bytes()
        self._hb_face = hb.Face(blob)
        self.shaper = hb.Font(self._hb_face)
        self.outlines = freetype.Face(str(path))
        if files.variable:
            self.shaper.set_variations({"wght": WEIGHTS[weight]})
            axes = self.outlines.get_variation_info().axes
            self.outlines.set_var_design_coords(
                [WEIGHTS[weight] if axis.tag == "wght" else axis.default for axis in axes]
            )
        self.units = int(self._hb_face.upem)
        extents = self.shaper.get_font_extents("ltr")
        self.ascent = extents.ascender / self.units
        """Of the em, above the base line."""
        self.descent = -extents.descender / self.units
        self.line_gap = extents.line_gap / self.units

    def covers(self, text: str) -> bool:
        """Whether there is a glyph for every character; those that are never seen count as covered."""
        return all(self.shaper.get_nominal_glyph(ord(char)) is not None or is_invisible(char) for char in text)


def is_invisible(char: str) -> bool:
    """Joiners, direction marks and variation selectors: they steer shaping and have no glyph of their own."""
    return (
        char in "\u200b\u200c\u200d\u200e\u200f\u061c\u2060\ufeff"
        or "\u202a" <= char <= "\u202e"
        or ("\u2066" <= char <= "\u2069" or "\ufe00" <= char <= "\ufe0f")
    )


@cache
def font(family: str, weight: str) -> Font:
    """A font, loaded once."""
    return Font(family, weight)


def fallback(family: str, weight: str) -> list[Font]:
    """The chosen family, and then all others."""
    return [font(name, weight) for name in (family, *(other for other in FAMILIES if other != family))]


def _folder(package: str) -> Path:
    # The packages are only looked up: one of them would import a plotting library.
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError(f"the font package {package} is not installed; install the project's requirements")
    return Path(next(iter(spec.submodule_search_locations)))
