"""What `artifex graph explain` says of shots and of the pictures that they go on from."""

from __future__ import annotations

from typing import Any

import pytest

from artifex.cli.graph import capture_text, shot_text
from artifex.common.v1 import types_pb2 as common
from artifex.generator.v1 import messages_pb2 as generator
from artifex.graph.v1 import plan_pb2 as pb

ABOUT = "shot (T2VGenerator): 64x48, 9 frames, 4 steps by models/m"


def shot(state: pb.PlanGeneration.State.ValueType, **more: Any) -> pb.PlanGeneration:
    spec = generator.GenerationSpec(model="models/m", width=64, height=48, frame_count=9, steps=4)
    return pb.PlanGeneration(node="shot", type="T2VGenerator", state=state, spec=spec, seconds=90, device="cpu", **more)


@pytest.mark.parametrize(
    ("told", "text"),
    [
        (
            shot(pb.PlanGeneration.STATE_NEEDED),
            f"{ABOUT}: generated first, about 1 min 30 s on cpu, from published rates",
        ),
        (
            shot(pb.PlanGeneration.STATE_NEEDED, calibrated=True),
            f"{ABOUT}: generated first, about 1 min 30 s on cpu, measured",
        ),
        (shot(pb.PlanGeneration.STATE_STORED), f"{ABOUT}: known from before"),
        (
            shot(pb.PlanGeneration.STATE_REFUSED, failure=common.Failure(message="it does not fit")),
            f"{ABOUT}: cannot be generated: it does not fit",
        ),
        (
            pb.PlanGeneration(
                node="shot",
                type="T2VGenerator",
                state=pb.PlanGeneration.STATE_UNKNOWN,
                failure=common.Failure(message="generator does not answer"),
            ),
            "shot (T2VGenerator): nobody knows: generator does not answer",
        ),
        (
            shot(pb.PlanGeneration.STATE_UNKNOWN),
            f"{ABOUT}: about 1 min 30 s on cpu, from published rates, unless it is known once its prompt is told",
        ),
    ],
)
def test_a_shot_is_told_with_what_it_takes_and_whether_it_is_known(told: pb.PlanGeneration, text: str) -> None:
    assert shot_text(told) == text


def test_a_picture_is_told_with_its_place_and_what_comes_before() -> None:
    capture = pb.PlanCapture(
        node="on",
        role=generator.PlannedPicture.ROLE_FIRST,
        input=pb.PlanInput(name="image"),
        frame=8,
        state=pb.PlanCapture.STATE_NEEDED,
        after=["words"],
    )
    assert capture_text(capture) == "on begins with frame 8 of its image: rendered first, after words"
    capture.role = generator.PlannedPicture.ROLE_LAST
    capture.state = pb.PlanCapture.STATE_STORED
    assert capture_text(capture) == "on ends with frame 8 of its image: known from before"
