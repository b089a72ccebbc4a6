from fractions import Fraction
from typing import cast

import pytest

import artifex.nodes
from artifex.nodes import (
    AUDIO,
    EMPTY,
    VIDEO,
    Curve,
    DeclarationError,
    Float,
    Input,
    Node,
    Output,
    Request,
    String,
)

BODY = {"__doc__": "A node.", "category": "Test", "out": Output(VIDEO, "Out.")}


class Example(Node):
    """Does something.

    And more.
    """

    category = "Test"
    video = Input(VIDEO, "In.")
    audio = Input(AUDIO, "Sound.", multiple=True, required=False)
    out = Output(VIDEO, "Out.", name="video")
    amount = Float(1.0, doc="How much.", minimum=0)
    gain = Float(0.0, doc="Of one.", per=audio)


def test_a_class_says_all_about_itself() -> None:
    schema = Example.schema
    assert (schema.type, schema.version, schema.summary) == ("Example", "1.0.0", "Does something.")
    assert schema.documentation.endswith("And more.")
    assert list(schema.inputs) == ["video", "audio"]
    assert list(schema.outputs) == ["video"]
    assert list(schema.parameters) == ["amount", "gain"]
    assert schema.asset_parameter is None


def test_parameters_are_descriptors_on_the_class_and_values_on_a_node() -> None:
    node = Example({"amount": 2.5, "gain": 0.0})
    assert Example.amount.minimum == 0
    assert node.amount + 1.0 == 3.5


def test_by_default_a_node_reads_its_inputs_here_and_now() -> None:
    node = Example({"amount": 1.0})
    request = Request(Fraction(3), Fraction(25), 4, 4, EMPTY, Example.out, None)
    assert node.frames_needed("video", request) == (Fraction(3),)
    assert node.region_needed("video", request) is EMPTY


def test_the_fingerprint_follows_the_parameters() -> None:
    request = Request(Fraction(3), Fraction(25), 4, 4, EMPTY, Example.out, None)
    prints = {repr(Example({"amount": amount}).fingerprint(request)) for amount in (1.0, 2.0, 1.0)}
    assert len(prints) == 2


def test_a_class_without_output_must_say_that_it_is_a_sink() -> None:
    with pytest.raises(DeclarationError, match="sink"):
        type("Lost", (Node,), {"__doc__": "Lost.", "category": "Test"})


def test_a_class_needs_a_docstring() -> None:
    with pytest.raises(DeclarationError, match="docstring"):
        type("Silent", (Node,), {"category": "Test", "out": Output(VIDEO, "Out.")})


def test_names_of_the_node_itself_are_taken() -> None:
    with pytest.raises(DeclarationError, match="render"):
        type(
            "Shadow",
            (Node,),
            {"__doc__": "S.", "category": "T", "o": Output(VIDEO, "O."), "render": String("", doc="d")},
        )


def test_per_needs_a_multiple_input() -> None:
    single = Input(VIDEO, "One.")
    body = {
        "__doc__": "P.",
        "category": "T",
        "o": Output(VIDEO, "O."),
        "i": single,
        "p": Float(0.0, doc="d", per=single),
    }
    with pytest.raises(DeclarationError, match="multiple"):
        type("Per", (Node,), body)


def test_every_public_name_is_there() -> None:
    for name in artifex.nodes.__all__:
        assert hasattr(artifex.nodes, name)
    assert cast(type, artifex.nodes.Curve) is Curve
    assert artifex.nodes.__all__ == sorted(artifex.nodes.__all__, key=lambda n: (not n.isupper(), n[0].islower(), n))
