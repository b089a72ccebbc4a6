"""Merge's blends where formulas end: beyond 0 and 1, beside poles, without coverage; and how far results reach."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from artifex.nodes import Frame, OldNode, Window
from services.graph.domain.compile.compiler import compile
from services.graph.domain.evaluate.colour import WorkingColour
from services.graph.domain.evaluate.pull import FramePuller
from services.graph.nodes.composite.merge import Merge
from tests.unit.services.graph.domain.evaluate.random_graphs import CATALOGUE
from tests.unit.services.graph.nodes.oracles import blends
from tests.unit.services.graph.nodes.oracles.merge import by_formula, lattice, merged
from tests.unit.services.graph.support import document, output, picture

OPERATIONS = Merge.operation.choices
NEUTRAL = {
    "screen": 0.0, "exclusion": 0.0, "difference": 0.0, "plus": 0.0, "from": 0.0, "color-dodge": 0.0,
    "overlay": 0.5, "hard-light": 0.5, "soft-light": 0.5, "vivid-light": 0.5, "linear-light": 0.5,
    "multiply": 1.0, "color-burn": 1.0, "linear-burn": 1.0,
}  # fmt: skip
CONTINUOUS = ("screen", "exclusion", "overlay", "hard-light", "soft-light", "linear-light", "linear-burn", "pin-light")
RISING = ("screen", "plus", "lighten", "darken", "hard-light", "color-dodge", "color-burn", "linear-burn",
          "linear-light", "vivid-light", "pin-light", "soft-light", "multiply", "hypot")  # fmt: skip


def grey(values: NDArray[np.float64], alpha: float = 1.0) -> Frame:
    row = np.asarray(values, np.float32)[None, :, None]
    return Frame(np.concatenate([row * alpha] * 3 + [np.full_like(row, alpha)], -1))


def blend(operation: str, s: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float32]:
    """Red of opaque greys."""
    frames = grey(s), grey(b)
    return merged(*frames, size=(len(s), 1), operation=operation).filled(frames[1].window)[0, :, 0]


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_pair_of_colours_and_alphas_in_eighths(operation: str) -> None:
    """Where formulas change over (0, ½, 1), at poles, below 0, beyond 1, and where there is no coverage."""
    a, b = lattice()
    result = merged(a, b, size=(a.window.width, a.window.height), operation=operation).filled(b.window)
    expected = by_formula(operation, a.pixels.astype(np.float64), b.pixels.astype(np.float64))
    np.testing.assert_allclose(result, expected, rtol=2e-6, atol=4e-6)


@pytest.mark.parametrize("operation", NEUTRAL)
def test_the_neutral_colour_leaves_any_backdrop(operation: str) -> None:
    behind = np.array([-2.0, -0.1, 0.0, 0.2, 0.5, 0.7, 1.0, 1.5, 16.0, 900.0])
    if operation == "difference":
        behind = np.abs(behind)
    result = blend(operation, np.full_like(behind, NEUTRAL[operation]), behind)
    np.testing.assert_allclose(result, behind, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("operation", CONTINUOUS)
@pytest.mark.parametrize("border", [0.0, 0.5, 1.0])
def test_nothing_jumps_where_the_formula_changes(operation: str, border: float) -> None:
    others = np.linspace(-0.5, 3.0, 36)
    near, far = np.full_like(others, border - 1e-4), np.full_like(others, border + 1e-4)
    for first, second in (((near, others), (far, others)), ((others, near), (others, far))):
        # The steepest is soft-light's √b at 0, whose place the formula's other half takes: a slope of 4 and less.
        np.testing.assert_allclose(blend(operation, *first), blend(operation, *second), atol=2e-3)


@pytest.mark.parametrize("operation", RISING)
def test_more_light_in_front_never_gives_less(operation: str) -> None:
    front = np.linspace(0.0, 20.0, 400)
    for behind in (0.0, 0.3, 0.8, 1.0, 1.2, 9.0):
        result = blend(operation, front, np.full_like(front, behind))
        assert np.diff(result).min() > -1e-5, behind


@pytest.mark.parametrize("operation", [name for name in OPERATIONS if name not in ("minus", "from")])
def test_light_gives_no_negative_light(operation: str) -> None:
    a, b = (Frame(np.abs(picture(seed, 40, 30)) * 4) for seed in (1, 2))
    for frame in (a, b):
        frame.pixels[..., 3] = np.minimum(frame.pixels[..., 3], 1.0)
    result = merged(a, b, size=(40, 30), operation=operation).filled(b.window)
    assert result.min() > -2e-5


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("params", [{}, {"beyond": "extend"}, {"space": "display"}], ids=str)
def test_finite_pictures_give_finite_results(operation: str, params: dict[str, Any]) -> None:
    values = np.array([0.0, -0.0, 1e-45, -1e-45, 1e-38, 1e-20, 0.5, 1.0, 1.0 + 2**-23, -1.0, 65504.0, 1e9, -1e9, 1e18])
    alphas = np.array([0.0, 1e-45, 1e-38, 1e-20, 0.5, 1.0 - 2**-24, 1.0])
    a, aa, b, ba = (part.ravel() for part in np.meshgrid(values, alphas, values, alphas, indexing="ij"))
    fronts, backs = (
        Frame(np.stack([colour, -colour, colour * 0.5, alpha], -1)[None].astype(np.float32))
        for colour, alpha in ((a, aa), (b, ba))
    )
    result = merged(fronts, backs, size=(a.size, 1), operation=operation, **params)
    assert np.isfinite(result.pixels).all()


def test_light_without_coverage_is_light() -> None:
    """A flare on nothing has no straight colour; it is screened, added and laid over as light."""
    flare, behind = grey(np.array([0.3, 2.0])), grey(np.array([0.5, 0.5]))
    flare.pixels[..., 3] = 0.0
    for operation, expected in (("screen", [0.65, 2.0]), ("plus", [0.8, 2.5]), ("over", [0.8, 2.5])):
        result = merged(flare, behind, size=(2, 1), operation=operation).pixels
        np.testing.assert_allclose(result[0, :, 0], expected, atol=1e-6)
        np.testing.assert_array_equal(result[..., 3], 1.0)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6))
def test_what_was_added_can_be_taken_away(seed: int) -> None:
    a, b = (Frame(picture(seed + n, 7, 5, alpha=False), opaque=True) for n in range(2))
    added = merged(a, b, size=(7, 5), operation="plus")
    np.testing.assert_allclose(merged(a, added, size=(7, 5), operation="from").pixels, b.pixels, atol=1e-5)
    np.testing.assert_allclose(merged(added, b, size=(7, 5), operation="minus").pixels, a.pixels, atol=1e-5)


def test_edges_that_fit_each_other_close_and_edges_that_are_shared_stay() -> None:
    coverage = np.linspace(0, 1, 17)
    front, rest, behind = (Frame(np.zeros((1, 17, 4), np.float32)) for _ in range(3))
    front.pixels[..., :] = coverage[None, :, None]
    rest.pixels[..., :] = 1 - coverage[None, :, None]
    behind.pixels[..., :] = 0.5 * coverage[None, :, None]
    np.testing.assert_allclose(merged(front, rest, size=(17, 1), operation="disjoint-over").pixels, 1.0, atol=1e-6)
    conjoint = merged(front, front, size=(17, 1), operation="conjoint-over").pixels
    np.testing.assert_array_equal(conjoint, front.pixels)
    assert merged(front, rest, size=(17, 1)).pixels.min() < 0.8


def test_luminosity_takes_the_light_of_a_and_color_all_else() -> None:
    a, b = (Frame(np.abs(picture(seed, 20, 16, alpha=False)), opaque=True) for seed in (5, 6))
    light = merged(a, b, size=(20, 16), operation="luminosity").pixels.astype(np.float64)[..., :3]
    np.testing.assert_allclose(light @ blends.LUMA, a.pixels[..., :3] @ blends.LUMA, atol=2e-5)
    colour = merged(a, b, size=(20, 16), operation="color").pixels.astype(np.float64)[..., :3]
    np.testing.assert_allclose(colour @ blends.LUMA, b.pixels[..., :3] @ blends.LUMA, atol=2e-5)


BLENDS = [name for name in OPERATIONS if name in blends.PUBLISHED or name == "linear-light"]


@pytest.mark.parametrize("operation", BLENDS)
def test_on_the_display_edges_mix_as_light_and_masks_leave_b(operation: str) -> None:
    a, b = (Frame(np.abs(picture(seed, 30, 20))) for seed in (1, 2))
    size = (30, 20)
    mask = Frame(np.random.default_rng(3).integers(0, 2, (20, 30, 1)).astype(np.float32))
    whole = merged(a, b, size=size, operation=operation, space="display").pixels.astype(np.float64)
    aa, ba = (frame.pixels[..., 3:].astype(np.float64) for frame in (a, b))
    solid = [Frame(np.concatenate([f.pixels[..., :3] / f.pixels[..., 3:], np.ones((20, 30, 1))], -1).astype(np.float32))
             for f in (a, b)]  # fmt: skip
    both = merged(solid[0], solid[1], size=size, operation=operation, space="display").pixels[..., :3]
    expected = aa * ba * both + a.pixels[..., :3] * (1 - ba) + b.pixels[..., :3] * (1 - aa)
    np.testing.assert_allclose(whole[..., :3], expected, rtol=2e-4, atol=2e-4)
    np.testing.assert_allclose(whole[..., 3:], aa + ba - aa * ba, atol=1e-6)
    masked = merged(a, b, mask, size, operation=operation, space="display").pixels
    kept = mask.pixels[..., 0] == 0
    np.testing.assert_array_equal(masked[kept], b.pixels[kept])
    np.testing.assert_allclose(masked[~kept], whole[~kept], rtol=1e-6, atol=1e-6)


def test_sums_of_light_are_the_same_on_the_display() -> None:
    a, b = Frame(picture(1, 9, 9)), Frame(picture(2, 9, 9))
    for operation in OPERATIONS:
        if operation not in BLENDS and operation not in ("clear", "destination"):
            shown = merged(a, b, size=(9, 9), operation=operation, space="display").pixels
            np.testing.assert_array_equal(shown, merged(a, b, size=(9, 9), operation=operation).pixels)


WINDOWS = {
    "clear": Window(0, 0, 0, 0), "in": Window(6, 5, 4, 5), "mask": Window(6, 5, 4, 5),
    "copy": Window(6, 5, 8, 6), "out": Window(6, 5, 8, 6), "destination-atop": Window(6, 5, 8, 6),
    "stencil": Window(2, 1, 8, 9), "atop": Window(2, 1, 8, 9), "destination": Window(2, 1, 8, 9),
}  # fmt: skip
"""By operation, of a at (6, 5), 8x6, and b at (2, 1), 8x9; of all others both together."""


@pytest.mark.parametrize("operation", OPERATIONS)
def test_the_result_reaches_as_far_as_anything_can_be_seen(operation: str) -> None:
    a, b = Frame(picture(1, 8, 6), 6, 5), Frame(picture(2, 8, 9), 2, 1)
    result = merged(a, b, operation=operation)
    expected = WINDOWS.get(operation, Window(2, 1, 12, 10))
    assert result.window == expected or (expected.empty and result.window.empty)
    if operation == "destination":
        return
    mask = Frame(np.ones((20, 3, 1), np.float32), 11, 0)
    masked = merged(a, b, mask, operation=operation).window
    alone = operation in ("in", "mask", "stencil", "atop", "clear")
    assert masked == (b.window if alone else Window(2, 1, 12, 10))
    assert merged(a, b, Frame.empty(1), operation=operation).window == b.window


@pytest.mark.parametrize("operation", ["screen", "overlay", "exclusion"])
def test_old_documents_keep_their_polynomials(operation: str) -> None:
    (step,) = Merge.schema.upgrades
    for given_operation in (operation, {"keys": [[0, "over"], [1, operation, "step"]]}):
        old = OldNode({}, {"operation": given_operation})
        step.change(old)
        assert old.params["beyond"] == "extend"
    plates = {name: {"type": "Plate", "params": {"seed": seed}} for name, seed in (("p", 1), ("q", 5))}
    bright = {
        f"{name}8": {"type": "ColorCorrector", "inputs": {"video": name}, "params": {"exposure": 3}} for name in plates
    }
    merge = {"type": "Merge", "inputs": {"a": "p8", "b": "q8"}, "params": {"operation": operation}}
    shown = []
    for said in ({"version": "1.0.0"}, {"params": {"operation": operation, "beyond": "extend"}}, {}):
        nodes = {**plates, **bright, "x": {**merge, **said}, "out": output("x")}
        shown.append(
            FramePuller(compile(document(nodes), CATALOGUE, "", {}), {}, WorkingColour("ACEScg")).frame(0).pixels
        )
    np.testing.assert_array_equal(shown[0], shown[1])
    assert np.abs(shown[0] - shown[2]).max() > 0.5
    plain = OldNode({}, {"operation": "over"})
    step.change(plain)
    assert plain.params == {"operation": "over"}
    a, b = picture(1, 9, 9), picture(2, 9, 9)
    result = merged(Frame(a), Frame(b.copy()), size=(9, 9), operation=operation, beyond="extend").pixels
    wide_a, wide_b = a.astype(np.float64), b.astype(np.float64)
    aa, ba = wide_a[..., 3:], wide_b[..., 3:]
    s, d = wide_a[..., :3] / aa, wide_b[..., :3] / ba
    mixed = blends.published(operation)(s, d) if operation != "overlay" else blends.hard_light(d, s)
    colour = aa * (1 - ba) * s + aa * ba * mixed + (1 - aa) * ba * d
    np.testing.assert_allclose(result[..., :3], colour, atol=1e-5)
