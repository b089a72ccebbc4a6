"""Presets within what a model can make."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from artifex.cli.generate import PRESETS, Preset, document, fitted
from artifex.generator.v1 import messages_pb2 as generator
from services.graph.domain.documents.document import parse_document

WAN = generator.Model(size_multiple=16, max_width=1280, max_height=720, frame_multiple=4, max_frames=81)


def test_a_preset_that_fits_stays_as_it_is() -> None:
    assert {name: fitted(preset, WAN) for name, preset in PRESETS.items()} == PRESETS


@given(
    preset=st.sampled_from(list(PRESETS.values())),
    multiple=st.sampled_from([8, 16, 32]),
    width=st.integers(64, 2000),
    height=st.integers(64, 2000),
    frames=st.integers(1, 120),
)
def test_a_fitted_shot_keeps_the_models_limits(
    preset: Preset, multiple: int, width: int, height: int, frames: int
) -> None:
    model = generator.Model(
        size_multiple=multiple, max_width=width, max_height=height, frame_multiple=4, max_frames=frames
    )
    shot = fitted(preset, model)
    assert shot.width % multiple == shot.height % multiple == 0
    assert 0 < shot.width <= width
    assert 0 < shot.height <= height
    assert (shot.frames - 1) % 4 == 0
    assert 0 < shot.frames <= frames


def test_the_document_is_one_that_the_engine_reads() -> None:
    text = document('a "quoted" 등불', 7, PRESETS["draft"], "models/wan22-nano-t2v")
    parsed = parse_document(text)
    assert set(parsed.nodes) == {"shot", "out"}
    assert json.loads(text)["settings"]["duration"] == "17/16"
