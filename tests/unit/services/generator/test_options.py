"""What an operator may say of how models lie in memory."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from pydantic import ValidationError

from services.generator.domain.plan.options import CHOICES, Options
from services.generator.triton.settings import TritonSettings
from tests.support.triton import ROOT


def test_the_choices_are_those_of_the_models_own_process() -> None:
    file = ROOT / "services" / "generator" / "model_repository" / "wan" / "artifex_wan" / "options.py"
    (found,) = [
        node.value
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "_CHOICES" and node.value is not None
    ]
    assert ast.literal_eval(found) == CHOICES


def test_they_are_choices_of_all_that_is_planned() -> None:
    assert CHOICES.keys() == Options.__dataclass_fields__.keys()


@pytest.mark.parametrize(
    ("load", "said"),
    [({"colour": "blue"}, "load has no colour; there are: precision"), ({"vae": "tilde"}, "whole, tiled")],
)
def test_what_is_no_choice_is_named_before_anything_starts(load: dict[str, str], said: str, tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match=said):
        TritonSettings(home=tmp_path, load=load)
