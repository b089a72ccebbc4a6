"""The table of docs/plans.md, and of `artifex generations plans`, is what the planner says."""

from __future__ import annotations

import pytest

from artifex.cli.plan_table import COLUMNS, models_of, row, way
from artifex.errors import NotFound
from artifex.generator.v1 import messages_pb2 as pb
from docs.plans import PAGE, rows, written


def test_the_documents_table_is_what_is_planned() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page.count("\n| wan22-") == len(list(rows())) == 3 * 4 * 3
    assert written(page) == page, "run `python -m docs.plans`"


def test_every_way_in_the_table_fits_its_device_by_its_own_sums() -> None:
    for cells in rows():
        of = dict(zip(COLUMNS, cells, strict=True))
        peak = max(float(of[stage].removesuffix(" GB")) for stage in ("encode", "denoise", "decode"))
        assert peak < 0.97 * float(of["device"].removesuffix(" GB")), of
        assert "does not fit" not in of["way"]


def test_what_is_plain_is_not_said_and_what_does_not_fit_says_what_would() -> None:
    choices = [
        pb.PlanChoice(subject=subject, choice=choice)
        for subject, choice in (
            ("precision", "float8"),
            ("experts", "streamed"),
            ("text_encoder", "cpu"),
            ("vae", "whole"),
            ("attention", "native"),
            ("windows", "3"),
        )
    ]
    assert way(pb.GenerationPlan(fits=True, choices=choices)) == "float8, experts streamed, text encoder cpu, 3 runs"
    near = pb.GenerationSpec(width=640, height=352, frame_count=33)
    assert way(pb.GenerationPlan(nearest=near)) == "does not fit; 640x352, 33 frames would"
    assert way(pb.GenerationPlan()) == "does not fit; nor does less"


@pytest.mark.parametrize("fits", [True, False])
def test_what_is_not_reckoned_is_not_told(fits: bool) -> None:
    cells = row(pb.GenerationPlan(fits=fits, seconds=90, spec=pb.GenerationSpec(model="models/m")), "draft", 10**9)
    assert cells[5:] == ("-", "-", "-", "-", "1 min 30 s" if fits else "-")


def test_models_are_planned_by_name_or_all_that_are_not_embedded() -> None:
    models = [pb.Model(name=f"models/{name}") for name in ("mine", "wan22-nano-t2v", "wan22-t2v-a14b")]
    assert models_of(models, ()) == [models[0], models[2]]
    assert models_of(models, ["models/wan22-nano-t2v", "mine"]) == models[:2]
    with pytest.raises(NotFound, match="no model wan22-t2v-14b; there are: mine, wan22-nano-t2v, wan22-t2v-a14b"):
        models_of(models, ["mine", "wan22-t2v-14b"])
