"""What the generating nodes have in common, and what those that begin with a picture take from the graph."""

from fractions import Fraction
from typing import Any

import pytest

from artifex.generator.v1 import messages_pb2 as generator
from artifex.media.v1 import messages_pb2 as media
from artifex.nodes import Capture, ParameterError, Request, Window
from services.graph.nodes.generator.generated import GeneratedNode
from services.graph.nodes.generator.i2v_generator import I2VGenerator
from services.graph.nodes.generator.t2v_generator import T2VGenerator
from services.graph.nodes.generator.ti2v_generator import TI2VGenerator
from tests.unit.services.graph.nodes.test_t2v_generator import Shot
from tests.unit.services.graph.support import Context, node

TYPES: list[type[GeneratedNode]] = [T2VGenerator, I2VGenerator, TI2VGenerator]


def figures(spec: generator.GenerationSpec) -> tuple[float, ...]:
    return (spec.steps, spec.guidance_scale, spec.guidance_scale_2, spec.flow_shift)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [(T2VGenerator, (40, 4, 3, 12)), (I2VGenerator, (40, 3.5, 3.5, 5)), (TI2VGenerator, (50, 5, 5, 5))],
)
def test_without_a_preset_a_model_is_run_as_its_authors_run_it(
    kind: type[GeneratedNode], expected: tuple[float, ...]
) -> None:
    spec = node(kind, prompt="rain").materialise()
    assert figures(spec) == expected
    assert spec.preset == generator.GENERATION_PRESET_UNSPECIFIED
    assert figures(node(kind, prompt="rain", steps=6, flow_shift=3.0).materialise()) == (6, *expected[1:3], 3)


@pytest.mark.parametrize("kind", TYPES)
def test_a_preset_or_a_recipe_gives_what_is_left_at_zero(kind: type[GeneratedNode]) -> None:
    drafted = node(kind, prompt="rain", preset="draft", steps=7).materialise()
    assert drafted.preset == generator.GENERATION_PRESET_DRAFT
    assert figures(drafted) == (7, 0, 0, 0)
    # Its size and its length are the document's business.
    assert (drafted.width, drafted.frame_count) == (node(kind, prompt="p").width, node(kind, prompt="p").frames)
    own = node(kind, prompt="rain", preset="model").materialise()
    assert (own.preset, figures(own)) == (generator.GENERATION_PRESET_UNSPECIFIED, (0, 0, 0, 0))
    distilled = node(kind, prompt="rain", recipe="lightning-4", profile="memory").materialise()
    assert (distilled.recipe, figures(distilled)) == ("lightning-4", (0, 0, 0, 0))
    assert distilled.profile == generator.GENERATION_PROFILE_MEMORY


def test_a_strength_without_a_style_makes_no_other_shot() -> None:
    plain = node(T2VGenerator, prompt="rain").materialise()
    assert node(T2VGenerator, prompt="rain", style_strength=0.5).materialise() == plain
    styled = node(T2VGenerator, prompt="rain", style="styles/noir", style_strength=0.5).materialise()
    assert (styled.style, styled.style_strength) == ("styles/noir", 0.5)


@pytest.mark.parametrize("name", ["guidance", "guidance_2"])
def test_guidance_is_the_presets_or_begins_at_one(name: str) -> None:
    assert list(node(T2VGenerator, prompt="p", **{name: 0.0}).misfits(64, 36)) == []
    assert list(node(T2VGenerator, prompt="p", **{name: 1.0}).misfits(64, 36)) == []
    ((place, message),) = node(T2VGenerator, prompt="p", **{name: 0.5}).misfits(64, 36)
    assert place == name
    assert "give 0" in message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("film", [("film", 1, 1)]),
        ("film=0.5", [("film", 0.5, 0.5)]),
        ("film=0.8,-0.25; ink-2.v1", [("film", 0.8, -0.25), ("ink-2.v1", 1, 1)]),
    ],
)
def test_loras_are_named_with_their_strengths(text: str, expected: list[tuple[str, float, float]]) -> None:
    shot = node(T2VGenerator, prompt="p", loras=text)
    spec = shot.materialise()
    assert [(lora.name, lora.strength, lora.strength_2) for lora in spec.loras] == expected
    assert list(shot.misfits(64, 36)) == []


def test_a_lora_has_a_strength_that_there_is() -> None:
    ((place, message),) = node(I2VGenerator, prompt="p", loras="film=0.5; ink=1,4.5").misfits(64, 36)
    assert (place, message) == ("loras", "the strength of ink is beyond 4")
    for wrong in ("film=", "film=x", "a b", "film=1,2,3", "film,ink", ";".join("abcdefghi")):
        with pytest.raises(ParameterError, match="NAME=HIGH,LOW"):
            T2VGenerator.schema.parameters["loras"].parse(wrong)


def test_a_step_cache_is_asked_for_by_its_name() -> None:
    assert not node(T2VGenerator, prompt="p").materialise().step_cache
    asked = node(T2VGenerator, prompt="p", step_cache="first-block").materialise()
    assert asked.step_cache == generator.STEP_CACHE_FIRST_BLOCK


class Short(Shot):
    """Of the frames that were asked for the model made nine."""

    info = media.MediaInfo(video_streams=[media.VideoStream(width=32, height=16, frame_count=9)])


@pytest.mark.parametrize(
    ("after", "time", "expected"), [("hold", "2", 8.5 / 16), ("black", "10/16", None), ("loop", "10/16", 1.5 / 16)]
)
def test_a_shot_that_came_out_shorter_ends_where_it_ends(after: str, time: str, expected: float | None) -> None:
    shot = node(T2VGenerator, prompt="p", frames=17, fps=16, after=after)
    frame = shot.render(Context({}, T2VGenerator.video, time=Fraction(time), source=Short()))
    assert (None if frame.window.empty else frame.pixels[0, 0, 0]) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("kind", "params", "expected"),
    [
        (
            I2VGenerator,
            {"image_time": Fraction(2), "last_image_time": Fraction(5)},
            (Capture("image", "first", Fraction(2)), Capture("last_image", "last", Fraction(5))),
        ),
        (TI2VGenerator, {"image_time": Fraction(1, 3)}, (Capture("image", "first", Fraction(1, 3)),)),
    ],
)
def test_pictures_are_captured_and_never_read_while_rendering(
    kind: type[GeneratedNode], params: dict[str, Any], expected: tuple[Capture, ...]
) -> None:
    shot = node(kind, prompt="p", **params)
    assert tuple(shot.captures()) == expected
    request = Request(Fraction(0), Fraction(25), 64, 36, Window(0, 0, 64, 36), kind.video, Shot())
    assert all(shot.frames_needed(capture.input, request) == () for capture in expected)
    assert not tuple(node(T2VGenerator, prompt="p").captures())
