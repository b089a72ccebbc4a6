"""Every way in which a generation is refused or fails, by its type."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from artifex.generator.v1 import messages_pb2 as pb
from artifex.generator.v1 import work_pb2
from libs.chassis.errors import ArtifexError, Internal
from libs.chassis.ids import new_id
from libs.chassis.testing import eventually
from tests.integration.generator.served import Generator, generator, graph_work
from tests.support.triton import I2V, NANO, TritonServer

Change = Callable[[pb.GenerationSpec], None]


def of(**fields: object) -> Change:
    def change(spec: pb.GenerationSpec) -> None:
        spec.MergeFrom(pb.GenerationSpec(**fields))  # type: ignore[arg-type]

    return change


CASES: dict[str, tuple[Change, str, str]] = {
    "unknown model": (of(model="models/no-such-model"), "ERROR_REASON_REQUEST_INVALID", "spec.model"),
    "model without weights": (of(model="models/wan22-t2v-a14b"), "ERROR_REASON_MODEL_ABSENT", ""),
    "empty prompt": (of(prompt="  \n "), "ERROR_REASON_PROMPT_REFUSED", "spec.prompt"),
    "no picture to go on from": (of(model=f"models/{I2V}"), "ERROR_REASON_REQUEST_INVALID", "spec.image"),
    "picture for words alone": (of(image="assets/any"), "ERROR_REASON_REQUEST_INVALID", "spec.image"),
    "unknown recipe": (of(recipe="none-such"), "ERROR_REASON_REQUEST_INVALID", "spec.recipe"),
    "unknown LoRA": (of(loras=[pb.Lora(name="none")]), "ERROR_REASON_REQUEST_INVALID", "spec.loras[0]"),
    "unknown style": (of(style="styles/none-such"), "ERROR_REASON_REQUEST_INVALID", "spec.style"),
}


@pytest.mark.parametrize("case", CASES)
async def test_what_cannot_be_made_is_refused_and_fails_a_render_jobs_task_by_its_reason(
    running: Generator, spec: pb.GenerationSpec, case: str
) -> None:
    change, reason, field = CASES[case]
    change(spec)
    with pytest.raises(ArtifexError) as refused:
        await running.create(spec)
    assert refused.value.reason == reason
    assert [violation.field for violation in refused.value.violations] == ([field] if field else [])
    work = graph_work(spec)
    await running.bus.publish("work.generate.normal", work, key=new_id())
    await eventually(lambda: "failed" in running.verbs(work.generation), what="the failed event")
    event = work_pb2.GenerationFailedEvent.FromString(running.told(work.generation, "failed"))
    assert event.failure.reason == reason
    assert "completed" not in running.verbs(work.generation)


WORDS = ("a red circle", "", " ", "강", "雨" * 300, "\u202e", "no blood, no", "x" * 4000, "(((", "a\0b", "not a cat")


def chance(draw: random.Random) -> pb.GenerationSpec:
    """Any spec at all, most of them wrong somewhere."""
    spec = pb.GenerationSpec(prompt=draw.choice(WORDS), negative_prompt=draw.choice(WORDS), seed=draw.randrange(-1, 9))
    models = ("", f"models/{NANO}", f"models/{I2V}", "models/wan22-i2v-a14b", "models/none", "NO MODEL")
    fields: dict[str, Callable[[], object]] = {
        "model": lambda: draw.choice(models),
        "width": lambda: draw.choice((-1, 1, 16, 63, 64, 65, 832, 4096, 5000)),
        "height": lambda: draw.choice((1, 17, 48, 480, 4096)),
        "frame_count": lambda: draw.choice((1, 2, 9, 81, 82, 1000, 1001)),
        "steps": lambda: draw.choice((1, 4, 200, 201)),
        "guidance_scale": lambda: draw.choice((0.5, 1.0, 4.0, 31.0, float("nan"), float("inf"))),
        "guidance_scale_2": lambda: draw.choice((0.1, 30.0)),
        "flow_shift": lambda: draw.choice((1e-9, 5.0, 100.0, float("nan"))),
        "preset": lambda: draw.randrange(0, 7),
        "profile": lambda: draw.randrange(0, 6),
        "style": lambda: draw.choice(("styles/none", "styles/film-noir", "style")),
        "style_strength": lambda: draw.choice((0.0, 0.3, 2.0, 3.0)),
        "extend_prompt": lambda: True,
        "image": lambda: draw.choice(("assets/none", "asset")),
        "last_image": lambda: "assets/none",
        "recipe": lambda: draw.choice(("lightning-4", "NO")),
        "step_cache": lambda: draw.randrange(0, 6),
    }
    for name in draw.sample(sorted(fields), draw.randrange(0, 8)):
        setattr(spec, name, fields[name]())
    if draw.random() < 0.2:
        spec.frame_rate.numerator, spec.frame_rate.denominator = draw.choice(((24, 1), (0, 1), (1, 0), (-5, 3)))
    if draw.random() < 0.2:
        spec.loras.add(name=draw.choice(("none", "../../etc/passwd")), strength=draw.choice((0.5, 9.0)))
    return spec


async def test_five_hundred_requests_of_any_kind_are_answered_or_refused_and_none_is_a_fault_of_ours(
    tmp_path: Path, triton: TritonServer
) -> None:
    draw = random.Random(20261122)
    taken, faults = 0, []
    async with generator(tmp_path, triton.endpoint, roles=frozenset({"api"}), with_media=True) as running:
        for _ in range(500):
            spec = chance(draw)
            try:
                await running.create(spec)
                taken += 1
            except Internal as error:
                faults.append((spec, error))
            except ArtifexError:
                continue
    assert not faults
    assert 20 < taken < 480
