from importlib.metadata import EntryPoint

import pytest

from artifex.nodes import VIDEO, DeclarationError, Node, Output, Pack, load
from services.graph.domain.compile.catalogue import Catalogue, catalogue
from services.graph.nodes import BUILTIN


class Third(Node):
    """Comes from a package."""

    category = "Test"
    video = Output(VIDEO, "Out.")


NODES = (Third,)
NOT_NODES = 5


def test_the_nodes_of_this_release_are_there() -> None:
    assert {"MediaInput", "TextInput", "T2VGenerator", "ColorCorrector", "Transform2D", "Merge", "AudioMixer",
            "FileOutput"} <= set(catalogue())  # fmt: skip


@pytest.mark.parametrize("node", BUILTIN)
def test_every_node_documents_itself(node: type[Node]) -> None:
    schema = node.schema
    assert schema.summary.endswith(".")
    assert "Memory:" in schema.documentation
    assert "Cost:" in schema.documentation
    docs = {
        **{name: port.doc for name, port in schema.inputs.items()},
        **{name: port.doc for name, port in schema.outputs.items()},
        **{name: parameter.doc for name, parameter in schema.parameters.items()},
    }
    assert [name for name, doc in docs.items() if not doc.endswith(".")] == []


def test_one_name_means_one_type() -> None:
    class Third(Node):
        """Another of that name."""

        category = "Test"
        video = Output(VIDEO, "Out.")

    with pytest.raises(DeclarationError, match="both offer"):
        Catalogue([*NODES, Third])


def offered(value: str) -> Pack:
    return Pack("looks", "1.0.0", (EntryPoint("all", value, "artifex.nodes"),))


@pytest.mark.parametrize("value", [f"{__name__}:Third", __name__])
def test_packages_offer_types_by_entry_point(value: str) -> None:
    assert [node.schema.type for node in load(offered(value))] == ["Third"]


def test_an_entry_point_to_something_else_is_named() -> None:
    with pytest.raises(DeclarationError, match="all = math:pi"):
        load(offered("math:pi"))


def test_a_misspelt_type_is_recognised() -> None:
    assert catalogue().closest("colorcorector") == "ColorCorrector"
    assert catalogue().closest("Merge2") == "Merge"
    assert catalogue().closest("zzzzzz") is None
