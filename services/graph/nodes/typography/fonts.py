"""The fonts that come with the installation, all under the SIL Open Font License."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import freetype
import uharfbuzz as hb

WEIGHTS: Final[dict[str, int]] = {"light": 300, "regular": 400, "bold": 700}
SLANT: Final = 0.2126
"""The tangent of 12 degrees, by which upright fonts lean where they have no italics."""


@dataclass(frozen=True, slots=True)
class _Files:
    """Where a family's files are, and what is in them."""

    package: str
    variable: str = ""
    """One variable font for all weights, or one file that has a single weight."""
    static: tuple[tuple[str, str], ...] = ()
    """Or one file for each weight."""
    italic: str = ""
    index: int = 0
    """In a collection."""
    colour: bool = False
    """Whether glyphs bring their own colours (COLR)."""


def _more(script: str) -> _Files:
    return _Files("manimgx_fonts", f"NotoSans{script}[wght].ttf")


def _rare(name: str, index: int = 0) -> _Files:
    return _Files("dynamic_font", f"assets/fonts/fallback/{name}", index=index)


_CHOSEN: Final = {
    "Noto Sans": _Files(
        "fontpkg_noto_sans", "files/NotoSans[wdth,wght].ttf", italic="files/NotoSans-Italic[wdth,wght].ttf"
    ),
    "Nanum Gothic": _Files(
        "koreanize_matplotlib",
        static=(
            ("light", "fonts/NanumGothicLight.ttf"),
            ("regular", "fonts/NanumGothic.ttf"),
            ("bold", "fonts/NanumGothicBold.ttf"),
        ),
    ),
    "Noto Sans Arabic": _Files("fontpkg_noto_sans_arabic", "files/NotoSansArabic[wdth,wght].ttf"),
    "Noto Sans Hebrew": _more("Hebrew"),
    "Noto Sans Thai": _more("Thai"),
    # The same characters have other forms in Korean, Japanese and Chinese.
    "Noto Sans CJK KR": _rare("NotoSansCJK-Regular.ttc", 1),
    "Noto Sans CJK JP": _rare("NotoSansCJK-Regular.ttc", 0),
    "Noto Sans CJK SC": _rare("NotoSansCJK-Regular.ttc", 2),
    "Noto Sans CJK TC": _rare("NotoSansCJK-Regular.ttc", 3),
    "Noto Emoji": _Files("manimgx_fonts", "NotoEmoji[wght].ttf"),
}
_SCRIPTS: Final = (
    "Armenian", "Bengali", "Devanagari", "Ethiopic", "Georgian", "Gujarati", "Gurmukhi", "Kannada", "Khmer", "Lao",
    "Malayalam", "Myanmar", "Oriya", "Sinhala", "Tamil", "Telugu",
)  # fmt: skip
_RARE: Final = ("Tibetan", "Mongolian", "Cherokee", "NKo", "Thaana", "SyriacEastern", "CanadianAboriginal", "Tifinagh")
COLOUR_EMOJI: Final = "Noto Color Emoji"
PLAIN_EMOJI: Final = "Noto Emoji"
"""Of one colour, the text's. Before it all others are asked for a character, and colours for an emoji."""
_FAMILIES: Final = {
    **_CHOSEN,
    **{f"Noto Sans {script}": _more(script) for script in _SCRIPTS},
    **{f"Noto Sans {script}": _rare(f"NotoSans{script}-Regular.ttf") for script in _RARE},
    "Noto Sans Symbols": _more("Symbols"),
    "Noto Sans Symbols 2": _rare("NotoSansSymbols2-Regular.ttf"),
    COLOUR_EMOJI: _Files("dynamic_font", "assets/fonts/NotoColorEmoji-Regular.ttf", colour=True),
}
FAMILIES: Final = tuple(_CHOSEN)
"""Those that can be asked for."""


class Font:
    """One family in one weight, for shaping (HarfBuzz) and for outlines (FreeType)."""

    def __init__(self, family: str, weight: str, italic: bool = False) -> None:
        self.family = family
        files = _FAMILIES[family]
        self.colour = files.colour
        self.slant = SLANT if italic and not files.italic and not files.colour else 0.0
        """By how much its outlines are leant."""
        self._path = _folder(files.package) / _file(files, weight, italic)
        self._index, self._weight = files.index, WEIGHTS[weight]
        self._face = hb.Face(hb.Blob.from_file_path(str(self._path)), files.index)
        self.shaper = hb.Font(self._face)
        self._variable = bool(files.variable) and "fvar" in self._face.table_tags
        if self._variable:
            self.shaper.set_variations({"wght": self._weight})
        self.units = int(self._face.upem)
        extents = self.shaper.get_font_extents("ltr")
        self.ascent = extents.ascender / self.units
        """Of the em, above the base line."""
        self.descent = -extents.descender / self.units
        self.line_gap = extents.line_gap / self.units

    @cached_property
    def outlines(self) -> freetype.Face:
        """For whoever draws, one at a time."""
        face = freetype.Face(str(self._path), self._index)
        if self._variable:
            axes = face.get_variation_info().axes
            face.set_var_design_coords([self._weight if axis.tag == "wght" else axis.default for axis in axes])
        return face

    def covers(self, text: str) -> bool:
        """Whether there is a glyph for every character; those that are never seen count as covered."""
        return all(self.shaper.get_nominal_glyph(ord(char)) is not None or is_invisible(char) for char in text)


def is_invisible(char: str) -> bool:
    """Joiners, direction marks and variation selectors: they steer shaping and have no glyph of their own."""
    return (
        char in "\u200b\u200c\u200d\u200e\u200f\u061c\u2060\ufeff"
        or "\u202a" <= char <= "\u202e"
        or ("\u2066" <= char <= "\u2069" or "\ufe00" <= char <= "\ufe0f")
        # Tags, of which the flags of regions are spelled.
        or "\U000e0020" <= char <= "\U000e007f"
    )


def font(family: str, weight: str, italic: bool = False) -> Font:
    """A font, the same one for all threads: where it changes a run ends, and with it kerning."""
    asked = (family, weight, italic)
    return _loaded.get(asked) or _loaded.setdefault(asked, Font(*asked))


_loaded: Final[dict[tuple[str, str, bool], Font]] = {}


def fallback(family: str, weight: str, italic: bool = False) -> Iterator[Font]:
    """The chosen family, and then all others; each is loaded when it comes to it."""
    others = [name for name in _FAMILIES if name not in (family, PLAIN_EMOJI)]
    for name in (family, *others, *([PLAIN_EMOJI] if family != PLAIN_EMOJI else [])):
        yield font(name, weight, italic)


def _file(files: _Files, weight: str, italic: bool) -> str:
    return files.italic if italic and files.italic else files.variable or dict(files.static)[weight]


def _folder(package: str) -> Path:
    # The packages are only looked up: one of them would import a plotting library.
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError(f"the font package {package} is not installed; install the project's requirements")
    return Path(next(iter(spec.submodule_search_locations)))
