"""Looks: what is taken, what is said of it, and what is refused."""

from pathlib import Path

import pytest

from libs.frames.errors import MediaUnreadable, MediaUnsupported
from libs.frames.looks import FORMATS, look_format, probe_look

CURVE = "LUT_1D_SIZE 3\n0 0 0\n0.4 0.5 0.6\n1 1 1\n"
TABLE = "LUT_3D_SIZE 2\n" + "".join(f"{r} {g} {b}\n" for b in (0, 1) for g in (0, 1) for r in (0, 1))
BOTH = (
    "LUT_1D_SIZE 3\nLUT_1D_INPUT_RANGE 0.0 1.0\nLUT_3D_SIZE 2\nLUT_3D_INPUT_RANGE 0 1\n0 0 0\n.4 .5 .6\n1 1 1\n"
    + TABLE.partition("\n")[2]
)
MATRIX = (
    '<?xml version="1.0"?><ProcessList id="a" compCLFversion="3"><Matrix inBitDepth="32f" outBitDepth="32f">'
    '<Array dim="3 3">1 0.1 0 0 0.9 0 0 0 1.1</Array></Matrix></ProcessList>'
)

_TRIPLES = [f"{1365 * r} {1365 * g} {1365 * b}\n" for r in range(4) for g in range(4) for b in range(4)]
_CLF = '<?xml version="1.0"?><ProcessList xmlns="urn:AMPAS:CLF:v3.0" id="a" compCLFversion="3.0">{}</ProcessList>'
_FLOATS = 'inBitDepth="32f" outBitDepth="32f"'
DIALECTS = {
    "Resolve's curve with a range.cube": "LUT_1D_SIZE 2\nLUT_1D_INPUT_RANGE -0.5 2.0\n0 0 0\n1 1 1\n",
    "Iridas', with a domain and remarks.cube": 'TITLE "a"\n# b\nDOMAIN_MIN 0 0 0\nDOMAIN_MAX 2 2 2\n' + TABLE,
    "one component.spi1d": "Version 1\nFrom -0.5 2.0\nLength 3\nComponents 1\n{\n0\n0.4\n1\n}\n",
    "three.spi1d": "Version 1\nFrom 0.0 1.0\nLength 2\nComponents 3\n{\n0 0 0\n1 1 1\n}\n",
    "a.spi3d": "SPILUT 1.0\n3 3\n2 2 2\n"
    + "".join(f"{r} {g} {b} {r} {g} {b}\n" for r in (0, 1) for g in (0, 1) for b in (0, 1)),
    "Flame's.3dl": "3DMESH\nMesh 2 12\n0 341 682 1023\n" + "".join(_TRIPLES) + "LUT8\ngamma 1.0\n",
    "Lustre's.3dl": "0 341 682 1023\n" + "".join(_TRIPLES),
    "a curve.csp": "CSPLUTV100\n1D\n\n" + "2\n0 1\n0 1\n" * 3 + "\n2\n0 0 0\n1 1 1\n",
    "shaped.csp": "CSPLUTV100\n3D\n\n" + "3\n0 0.5 2\n0 0.6 1\n" * 3 + "\n2 2 2\n" + TABLE.partition("\n")[2],
    "decision list.clf": _CLF.format(
        f'<ASC_CDL {_FLOATS} style="Fwd"><SOPNode><Slope>1.1 1 1</Slope><Offset>0 0 0.1</Offset><Power>1 1 1.2</Power>'
        f"</SOPNode><SatNode><Saturation>0.9</Saturation></SatNode></ASC_CDL>"
    ),
    "logarithm.clf": _CLF.format(
        f'<Log {_FLOATS} style="cameraLinToLog"><LogParams base="2" linSideSlope="1" linSideOffset="0.01" '
        f'logSideSlope="0.05" logSideOffset="0.5" linSideBreak="0.01"/></Log>'
    ),
    "exponent.clf": _CLF.format(
        f'<Exponent {_FLOATS} style="basicMirrorFwd"><ExponentParams exponent="1.2"/></Exponent>'
    ),
    "curve and lattice.clf": _CLF.format(
        f'<LUT1D {_FLOATS}><Array dim="3 1">0 0.4 1</Array></LUT1D>'
        f'<LUT3D {_FLOATS} interpolation="tetrahedral"><Array dim="2 2 2 3">0 0 0 0 0 1 0 1 0 0 1 1 1 0 0 1 0 1 1 1 0 '
        f"1 1 1</Array></LUT3D>"
    ),
}


def written(folder: Path, name: str, text: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


@pytest.mark.parametrize(
    ("name", "text", "grid", "curve"),
    [("a.cube", CURVE, 0, 3), ("a.cube", TABLE, 2, 0), ("a.cube", BOTH, 2, 3), ("a.clf", MATRIX, 0, 0)],
)
def test_it_says_how_fine_the_tables_are(name: str, text: str, grid: int, curve: int, tmp_path: Path) -> None:
    info = probe_look(written(tmp_path, name, text), name[2:])
    assert info.HasField("look")
    assert (info.format, info.look.grid_size, info.look.curve_size) == (name[2:], grid, curve)
    assert not info.video_streams
    assert not info.audio_streams


def test_another_file_in_the_same_place_is_read_anew(tmp_path: Path) -> None:
    assert probe_look(written(tmp_path, "a.cube", TABLE), "cube").look.grid_size == 2
    assert probe_look(written(tmp_path, "a.cube", CURVE), "cube").look.grid_size == 0


@pytest.mark.parametrize("name", DIALECTS)
def test_every_dialect_is_taken(name: str, tmp_path: Path) -> None:
    kind = look_format(name)
    assert kind is not None
    assert probe_look(written(tmp_path, name, DIALECTS[name]), kind).HasField("look")


@pytest.mark.parametrize(
    ("name", "kind"),
    [("look.cube", "cube"), ("LOOK.CUBE", "cube"), ("a.b.spi1d", "spi1d"), ("clip.mp4", None), ("cube", None),
     ("look.icc", None), ("look.cube.zip", None), ("안녕.3dl", "3dl")],
)  # fmt: skip
def test_a_name_tells_a_look_from_media(name: str, kind: str | None) -> None:
    assert look_format(name) == kind


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize(
    "text", ["hello 1 2 3\n4 5 6\n", "", "\n\n", "{}", "LUT_3D_SIZE 2\n0 0 0\n", "LUT_3D_SIZE 4000\n"]
)
def test_what_is_no_look_is_refused_without_a_folder(kind: str, text: str, tmp_path: Path) -> None:
    path = written(tmp_path, f"a.{kind}", text)
    with pytest.raises(MediaUnreadable) as caught:
        probe_look(path, kind)
    assert str(tmp_path) not in caught.value.message
    assert caught.value.metadata["file"] == path.name
    assert len(caught.value.message) < 400


@pytest.mark.parametrize(
    "junk", [b"\x00\x01\x02" * 50, bytes(range(1, 256)) * 9, b"LUT_3D_SIZE \xff\xfe\n"], ids=["nul", "all", "no text"]
)
@pytest.mark.parametrize("kind", FORMATS)
def test_what_is_no_text_is_refused(kind: str, junk: bytes, tmp_path: Path) -> None:
    with pytest.raises(MediaUnreadable, match=r"not text|cannot be read"):
        probe_look(written(tmp_path, f"a.{kind}", junk), kind)


@pytest.mark.parametrize("number", ["nan", "1e40"])
def test_what_makes_no_numbers_is_refused(number: str, tmp_path: Path) -> None:
    """OpenColorIO takes a matrix of them."""
    with pytest.raises(MediaUnreadable, match="no number"):
        probe_look(written(tmp_path, "a.clf", MATRIX.replace("1.1", number)), "clf")


@pytest.mark.parametrize(
    "text",
    [
        '<ProcessList id="a" version="1.7"><Reference path="/etc/passwd" inBitDepth="32f"/></ProcessList>',
        '<ProcessList id="a" version="1.7"><reference path="/etc/passwd" inBitDepth="32f"/></ProcessList>',
        '<!DOCTYPE a [<!ENTITY b "&#60;Reference path=\'/etc/passwd\'/>">]><ProcessList id="a">&b;</ProcessList>',
    ],
)
def test_a_look_may_not_name_other_files(text: str, tmp_path: Path) -> None:
    for name in ("a.clf", "a.cube"):
        with pytest.raises(MediaUnsupported, match="refers to other files"):
            probe_look(written(tmp_path, name, text), name[2:])


def test_a_huge_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.cube"
    with path.open("wb") as file:
        file.truncate(65 * 1024 * 1024)
    with pytest.raises(MediaUnsupported, match="64 MiB"):
        probe_look(path, "cube")


def test_what_is_wrong_is_told_of_a_file_that_lies_under_its_digest(tmp_path: Path) -> None:
    stored = written(tmp_path, "0123456789abcdef", "LUT_3D_SIZE 2\n0 0 0\n")
    with pytest.raises(MediaUnreadable, match="Found 1, expected 8") as refused:
        probe_look(stored, "cube")
    assert str(tmp_path) not in str(refused.value)
    quoting = written(tmp_path, "fedcba9876543210", b"LUT_3D_SIZE 2\n\xff\xfe 0 0\n")
    with pytest.raises(MediaUnreadable):
        probe_look(quoting, "cube")
