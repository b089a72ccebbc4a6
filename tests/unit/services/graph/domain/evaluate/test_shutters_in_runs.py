"""Several moves in a row of which some have a shutter: together they make what they make one by one."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artifex.nodes import Frame, Motion, Node, Window
from services.graph.domain.compile.compiler import compile
from services.graph.domain.compile.runs import MotionRun
from services.graph.domain.evaluate.colour import WorkingColour
from services.graph.domain.evaluate.moving import moved
from services.graph.domain.evaluate.pull import FramePuller
from services.graph.nodes.transform.transform2d import Transform2D
from tests.unit.services.graph.domain.evaluate.random_graphs import CATALOGUE
from tests.unit.services.graph.support import Context, document, node, output, picture

WHOLE = Window(0, 0, 64, 36)


def chain(*params: dict[str, Any]) -> dict[str, Any]:
    nodes: dict[str, Any] = {"n0": {"type": "Plate", "params": {"speed": 0}}}
    for number, own in enumerate(params, 1):
        nodes[f"n{number}"] = {"type": "Transform2D", "inputs": {"video": f"n{number - 1}"}, "params": own}
    return {**nodes, "out": output(f"n{len(params)}")}


def frame(nodes: dict[str, Any], index: int, *, optimise: bool = True, region: Window = WHOLE) -> Any:
    compiled = compile(document(nodes), CATALOGUE, "", {}, optimise=optimise)
    assert (MotionRun in [step.type for step in compiled.steps]) == optimise
    made = FramePuller(compiled, {}, WorkingColour("ACEScg")).frame(index, region)
    return made.crop(region).filled(region)


def moving(x: int, y: int, shutter: int) -> dict[str, Any]:
    """By `x` and `y` pixels in a quarter of a frame, of which four samples lie in a frame: whole pixels at each."""
    speed = {"keys": [[0, [0, 0]], [1, [100 * x, 100 * y]]]}
    return {"translate": speed, "shutter": shutter, "shutter_samples": 4, "shutter_phase": 45, "filter": "bilinear"}


@settings(max_examples=12, deadline=None)
@given(
    st.lists(st.tuples(st.integers(-2, 2), st.integers(-1, 1), st.sampled_from([0, 360])), min_size=2, max_size=4),
    st.integers(0, 4),
)
def test_fused_is_unfused(moves: list[tuple[int, int, int]], index: int) -> None:
    # What leaves the surroundings and comes back is kept by a run alone: moves of this size leave none.
    nodes = chain(*(moving(*move) for move in moves))
    np.testing.assert_allclose(frame(nodes, index), frame(nodes, index, optimise=False), atol=2e-5)
    part = Window(11, 5, 23, 17)
    np.testing.assert_allclose(frame(nodes, index, region=part), frame(nodes, index)[part.inside(WHOLE)], atol=1e-5)


def test_turns_of_a_run_blur_as_they_do_alone() -> None:
    spin = {"rotate": {"keys": [[0, 0], [1, 500]]}, "scale": [0.5, 0.5], "pivot_of": "frame", "shutter": 180}
    nodes = chain(spin, {"translate": [3.5, 1.25]}, {**spin, "scale": [1.5, 1.5]})
    # Two resamplings in the place of three are a little sharper, also where the card's edge is.
    difference = np.abs(frame(nodes, 3) - frame(nodes, 3, optimise=False))
    assert difference.mean() < 3e-3


def test_cards_pins_and_mirrors_in_a_row_show_what_they_show_one_by_one() -> None:
    """One resampling in the place of four is sharper, and in the same place."""
    turn = {"keys": [[0, [0, 0, 0]], [1, [40, -60, 300]]]}
    row = [
        ("Transform3D", {"rotate": turn, "scale": 0.8, "pivot_of": "frame"}),
        ("CornerPin", {"top_left": [0.05, 0.1], "bottom_right": [0.9, 0.95]}),
        ("Flip", {"axis": "horizontal"}),
        ("Transform2D", {"rotate": 15, "pivot_of": "frame"}),
    ]
    nodes: dict[str, Any] = {"n0": {"type": "Plate", "params": {"speed": 0}}}
    for number, (name, params) in enumerate(row, 1):
        nodes[f"n{number}"] = {"type": name, "inputs": {"video": f"n{number - 1}"}, "params": params}
    nodes["out"] = output("n4")
    difference = np.abs(frame(nodes, 9) - frame(nodes, 9, optimise=False))
    assert difference.mean() < 5e-3
    assert np.median(difference) < 2e-3


def made(shutter: float, **params: Any) -> Node:
    found = node(Transform2D, shutter=shutter, **params)
    found.then = (
        tuple(node(Transform2D, **{**params, "rotate": angle}) for angle in (0.0, 7.0, 30.0)) if shutter else ()
    )
    return found


@pytest.mark.parametrize("shutters", [(0, 180, 0), (180, 180, 0), (180, 0, 180), (180, 180, 180)])
def test_resamplings_in_turn_are_all_of_them_as_one(shutters: tuple[int, int, int]) -> None:
    members = {str(number): made(angle, translate=(4.0, -3.0), rotate=5.0, filter="lanczos4")
               for number, angle in enumerate(shutters)}  # fmt: skip
    run = MotionRun(members)
    request = Context({}, Transform2D.moved, (64, 36)).request
    plate = Frame(picture(3, 20, 14), 20, 10)
    moves = run.moves(plate.window, request)
    assert len(moves) == max(1, sum(angle > 0 for angle in shutters))
    whole = run.motion(plate.window, request)
    assert len(whole.shutter) == 3 ** sum(angle > 0 for angle in shutters)
    point = np.array([31.0, 12.0, 1.0])
    in_turn = [point]
    for move, _ in moves:
        in_turn = [matrix @ at for at in in_turn for matrix in move.shutter or (move.matrix,)]
    np.testing.assert_allclose(np.mean(in_turn, axis=0), np.mean([m @ point for m in whole.shutter], axis=0))
    result = plate
    for move, region in moves:
        result = moved(result, move, region)
    expected = moved(plate, Motion(np.eye(3), "lanczos4", whole.shutter), WHOLE)
    difference = np.abs(result.crop(WHOLE).filled(WHOLE) - expected.filled(WHOLE))
    assert difference.mean() < 0.02
