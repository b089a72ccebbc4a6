"""The table of docs/plans.md: `python -m docs.plans` writes it anew."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from artifex.cli.plan_table import COLUMNS, MEMORIES, row
from artifex.cli.shots import PRESETS
from artifex.generator.v1.messages_pb2 import GenerationSpec
from services.generator.domain.filling import filled
from services.generator.domain.models import with_absent
from services.generator.domain.plan.devices import Device, imagined
from services.generator.domain.plan.planner import plan

PAGE: Final = Path(__file__).with_suffix(".md")
_PROCESSOR: Final = Device("cpu", "cpu", 16 << 30, 16 << 30)
"""What plans for a device of so much memory are made on, where no accelerator is."""
_TABLE: Final = re.compile(rf"^\| {COLUMNS[0]} \| {COLUMNS[1]} \|.*?(?=^$)", re.MULTILINE | re.DOTALL)


def rows() -> Iterator[tuple[str, ...]]:
    """Of each published model, preset and size of device, without a profile; `COLUMNS` are above them."""
    cards = with_absent({})
    for model in sorted(model for model in cards if "nano" not in model):
        card = cards[model]
        for preset, value in PRESETS.items():
            spec = GenerationSpec(model=card.name, prompt="anything", preset=value)
            found = filled(spec, card, cards, ["first"] if card.kind == "image" else [])
            for memory in MEMORIES:
                message = plan(found, card, cards[card.image_form], imagined(_PROCESSOR, memory))
                yield row(message, preset, memory)


def written(page: str) -> str:
    """The page with its table as it is to be."""
    lines = [COLUMNS, ("---",) * len(COLUMNS), *rows()]
    table = "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
    return _TABLE.sub(lambda _: table, page, count=1)


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
