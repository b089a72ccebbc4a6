"""Nodes as the engine runs them, compiled and fused, beside the same nodes asked one by one."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from artifex.nodes import Frame, Pixels, Window
from services.graph.domain.compile.compiler import compile
from services.graph.domain.evaluate.colour import WorkingColour
from services.graph.domain.evaluate.pull import FramePuller
from services.graph.nodes import BUILTIN
from services.graph.nodes.color.color_corrector import ColorCorrector
from services.graph.nodes.color.lut import LUT
from tests.unit.services.graph.domain.evaluate.random_graphs import CATALOGUE
from tests.unit.services.graph.nodes.applied import applied
from tests.unit.services.graph.nodes.oracles.lut import LookFile, cube, lattice, look_file
from tests.unit.services.graph.support import document, node, output

COLOUR = WorkingColour("ACEScg")
WHOLE = Window(0, 0, 64, 36)
PLATE: dict[str, Any] = {"type": "Plate", "params": {"seed": 3, "opacity": 0.0}}


def engine(nodes: dict[str, Any], looks: dict[str, LookFile], index: int = 0, **options: bool) -> Pixels:
    infos = {name: look.info for name, look in looks.items()}
    compiled = compile(document({**nodes, "out": output("x")}), CATALOGUE, "", infos, **options)
    return FramePuller(compiled, looks, COLOUR).frame(index).filled(WHOLE)


def look(source: str, **params: Any) -> dict[str, Any]:
    return {"type": "LUT", "inputs": {"video": source}, "params": {"asset": "assets/look", **params}}


@pytest.mark.parametrize("optimise", [True, False])
@pytest.mark.parametrize("mix", [1.0, 0.35, 0.0])
def test_a_look_between_grades(mix: float, optimise: bool) -> None:
    grade = {"exposure": 0.4, "gamma": (1.2, 1.0, 0.9, 1.0)}
    graded = {"type": "ColorCorrector", "params": {"exposure": 0.4, "gamma": [1.2, 1.0, 0.9]}}
    nodes = {
        "plate": PLATE,
        "before": {**graded, "inputs": {"video": "plate"}},
        "look": look("before", mix=mix),
        "x": {**graded, "inputs": {"video": "look"}},
    }
    source = look_file("cube")
    ours = engine(nodes, {"look": source}, optimise=optimise)
    frame = Frame(engine({"x": PLATE}, {}))
    for step in (node(ColorCorrector, **grade), node(LUT, asset="assets/look", mix=mix), node(ColorCorrector, **grade)):
        frame = applied(step, {"video": frame}, source=source)
    np.testing.assert_allclose(ours, frame.pixels, atol=5e-5)


def test_a_look_that_fades_in() -> None:
    """Rendered while it is mixed in, a grade when it is whole: no jump between the two."""
    source = look_file("cube")
    nodes = {
        "plate": {"type": "Plate", "params": {"speed": 0.0}},
        "bright": {"type": "ColorCorrector", "inputs": {"video": "plate"}, "params": {"exposure": 0.4}},
        "x": look("bright", mix={"keys": [[0, 0], [0.4, 1]]}),
    }
    frames = [engine(nodes, {"x": source}, index).astype(np.float64) for index in range(12)]
    for index, pixels in enumerate(frames):
        mix = min(index / 10, 1.0)
        np.testing.assert_allclose(pixels, frames[0] + mix * (frames[11] - frames[0]), atol=5e-5)


def test_curves_move_with_their_keys() -> None:
    """Halfway between two keys each point is halfway, and the curve goes through it."""
    low, high = [[0, 0], [0.4, 0.3], [1, 0.9]], [[0, 0], [0.4, 0.5], [1, 1.1]]
    middle = [[0, 0], [0.4, 0.4], [1, 1.0]]
    plate = {"type": "Plate", "params": {"speed": 0.0}}
    curves = {"type": "Curves", "inputs": {"video": "plate"}}
    keyed = {**curves, "params": {"master": {"keys": [[0, low], [0.4, high]]}}}
    frames = [engine({"plate": plate, "x": keyed}, {}, index) for index in (0, 5, 10)]
    for pixels, points in zip(frames, (low, middle, high), strict=True):
        still = engine({"plate": plate, "x": {**curves, "params": {"master": points}}}, {})
        np.testing.assert_allclose(pixels, still, atol=1e-6)
    assert np.abs(frames[2] - frames[0]).max() > 0.1


@pytest.mark.parametrize("optimise", [True, False])
def test_grades_of_all_kinds_in_a_row(optimise: bool) -> None:
    """Those that the kernel knows, and one that it does not in the middle."""
    row: list[tuple[str, dict[str, Any]]] = [
        ("CDL", {"slope": [1.1, 1.0, 0.9], "power": 1.1}),
        ("ColorWheels", {"style": "video", "gamma": [1.1, 1.0, 0.95], "saturation": 1.1}),
        ("Curves", {"master": [[0, 0.02], [0.4, 0.42], [1, 1]], "hue_vs_saturation": [[0, 1.2], [120, 0.8]]}),
        ("HDRGrading", {"shadows": [0.2, 0.1, 0.0], "shoulder": 0.7}),
        ("FilmEmulation", {"stock": "soft"}),
        ("ColorSpace", {"compress_gamut": True}),
    ]
    types = {node_type.schema.type: node_type for node_type in BUILTIN}
    names = ["plate", *[f"n{index}" for index in range(len(row) - 1)], "x"]
    nodes: dict[str, Any] = {"plate": {"type": "Plate", "params": {"opacity": 0.3}}}
    frame = Frame(engine({"x": nodes["plate"]}, {}))
    for (kind, params), before, name in zip(row, names, names[1:], strict=False):
        nodes[name] = {"type": kind, "inputs": {"video": before}, "params": params}
        parsed = {key: types[kind].schema.parameters[key].parse(value) for key, value in params.items()}
        frame = applied(node(types[kind], **parsed), {"video": frame})
    # OCIO's approximations in the middle, which the nodes after it make more of.
    np.testing.assert_allclose(engine(nodes, {}, optimise=optimise), frame.pixels, atol=1e-4)


def test_looks_of_equal_settings_are_told_apart_by_their_files(tmp_path: Path) -> None:
    other = tmp_path / "other.cube"
    other.write_text(cube(1.0 - lattice(5)))
    nodes = {
        "plate": {"type": "Plate", "params": {"opacity": 1.0}},
        "one": look("plate"),
        "two": look("plate", asset="assets/other"),
        "x": {"type": "Merge", "inputs": {"a": "one", "b": "two"}, "params": {"operation": "difference"}},
    }
    same = engine(nodes, {"one": look_file("cube"), "two": look_file("cube")})
    different = engine(nodes, {"one": look_file("cube"), "two": LookFile(other)})
    assert np.abs(same[..., :3]).max() < 1e-6
    assert np.abs(different[..., :3]).max() > 0.1


def test_a_key_is_one_work_for_picture_and_matte() -> None:
    nodes = {
        "plate": {"type": "Plate", "params": {"opacity": 1.0}},
        "key": {"type": "ChromaKey", "inputs": {"video": "plate"}},
        "x": {"type": "Merge", "inputs": {"a": "plate", "b": "key.video", "mask": "key.mask"}},
    }
    merged = engine(nodes, {})
    assert np.isfinite(merged).all()
    assert 0.0 < merged[..., 3].mean() < 1.0
