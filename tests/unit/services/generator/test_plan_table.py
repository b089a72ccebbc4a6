"""The table of docs/plans.md, and of `artifex generations plans`, is what the planner says."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from artifex.cli.plan_table import COLUMNS, MEMORIES, row, way
from artifex.cli.shots import PRESETS
from artifex.generator.v1 import messages_pb2 as pb
from services.generator.domain.models import with_absent
from services.generator.domain.plan.devices import Device, imagined
from services.generator.domain.plan.planner import plan
from services.generator.domain.spec import filled
from tests.support.triton import ROOT

CARDS = with_absent({})
CPU = Device("cpu", "cpu", 16 << 30, 16 << 30, 2)


def rows() -> Iterator[tuple[str, ...]]:
    for model in sorted(model for model in CARDS if "nano" not in model):
        card = CARDS[model]
        for preset, value in PRESETS.items():
            spec = pb.GenerationSpec(model=f"models/{model}", prompt="anything", preset=value)
            found = filled(spec, card, CARDS, ["first"] if card.kind == "image" else [])
            for memory in MEMORIES:
                message = plan(found, card, CARDS[card.image_form], imagined(CPU, memory), None)
                yield row(message, preset, memory)


def test_the_documents_table_is_what_is_planned() -> None:
    text = (ROOT / "docs" / "plans.md").read_text(encoding="utf-8")
    told = [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in text.splitlines()]
    made = list(rows())
    assert len(made) == 3 * 4 * 3
    assert COLUMNS in told
    assert [cells for cells in told if cells[0] in CARDS] == made


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
