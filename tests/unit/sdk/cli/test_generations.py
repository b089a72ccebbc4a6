"""What is said of generations: how far they are, and what they would take."""

from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from artifex.cli.generate import cache_text, tell_changes, tell_made
from artifex.cli.generation_progress import GenerationProgress
from artifex.cli.generations import verdict
from artifex.cli.output import Output
from artifex.generator.v1 import messages_pb2 as generator

GB = 10**9
SEEN = [
    generator.Generation(name="generations/g", state=state, queue_position=queue, steps_done=done, seconds_left=left)
    for state, queue, done, left in (
        (generator.Generation.STATE_QUEUED, 2, 0, 0.0),
        (generator.Generation.STATE_QUEUED, 1, 0, 0.0),
        (generator.Generation.STATE_RUNNING, 0, 1, 75.0),
        (generator.Generation.STATE_RUNNING, 0, 2, 70.0),
        (generator.Generation.STATE_PAUSED, 0, 2, 0.0),
    )
]


def test_without_a_terminal_each_state_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    with GenerationProgress(Output(as_json=False)) as progress:
        for generation in SEEN:
            progress.show(generation)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.splitlines() == [
        "generations/g queued, 2 before it",
        "generations/g queued, 1 before it",
        "generations/g running",
        "generations/g paused",
    ]


def test_machines_are_told_every_change(capsys: pytest.CaptureFixture[str]) -> None:
    with GenerationProgress(Output(as_json=True)) as progress:
        for generation in SEEN:
            progress.show(generation)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["event"] for line in lines] == ["progress"] * 5
    assert [line.get("steps_done", 0) for line in lines] == [0, 0, 1, 2, 2]


def test_on_a_terminal_a_bar_says_what_is_left() -> None:
    output = Output(as_json=False)
    screen = io.StringIO()
    output.errors = Console(file=screen, force_terminal=True, width=120)
    with GenerationProgress(output) as progress:
        progress.show(SEEN[2])
    assert "generate" in screen.getvalue()
    assert "1 min 15 s left" in screen.getvalue()
    waiting = generator.Generation(state=generator.Generation.STATE_QUEUED, queue_position=2, seconds_left=150)
    with GenerationProgress(output) as progress:
        progress.show(waiting)
    assert "queued, 2 before it, 2 min 30 s left" in screen.getvalue()


def test_what_was_taken_otherwise_than_given_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    change = generator.Adjustment(field="spec.width", given="850", taken="848", reason="a multiple of 16")
    plan = generator.GenerationPlan(adjustments=[change], prompt_notes=["“rain” is asked for, so it is not forbidden"])
    tell_changes(Output(as_json=False), plan)
    assert capsys.readouterr().err.splitlines() == [
        "width: 848 instead of 850 (a multiple of 16)",
        "“rain” is asked for, so it is not forbidden",
    ]


@pytest.mark.parametrize(
    ("before", "said"),
    [
        (generator.GenerationProvenance(weights_digest="a", device="cuda"), ""),
        (generator.GenerationProvenance(weights_digest="b", device="cuda"), "not those of the first time"),
        (generator.GenerationProvenance(weights_digest="a", device="cpu"), "the first time was on cpu, this on cuda"),
        (
            generator.GenerationProvenance(weights_digest="a", device="cuda", follower_weights_digest="f"),
            "what goes on from its last frame",
        ),
        (
            generator.GenerationProvenance(weights_digest="a", device="cuda", load={"vae": "whole", "compile": "none"}),
            "otherwise the first time (vae)",
        ),
        (generator.GenerationProvenance(weights_digest="a", device="cuda", prompt="by another"), "in other words"),
        (
            generator.GenerationProvenance(
                weights_digest="a", device="cuda", prompt="b", spec=generator.GenerationSpec(prompt="b")
            ),
            "",
        ),
    ],
)
def test_why_a_repeated_shot_may_differ_is_told(
    before: generator.GenerationProvenance, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    made = generator.GenerationProvenance(
        model="models/m", weights_digest="a", device="cuda", load={"vae": "tiled", "compile": "none"}
    )
    tell_made(Output(as_json=False), generator.Generation(provenance=made), before)
    shown = capsys.readouterr().err
    assert (said in shown) if said else shown == ""


def test_what_a_model_that_was_never_trained_shows_is_told_to_mean_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    made = generator.GenerationProvenance(model="models/m", notes=["out of memory: the VAE was tiled"])
    tell_made(Output(as_json=False), generator.Generation(provenance=made, random_weights=True), None)
    shown = capsys.readouterr().err
    assert "the weights of models/m are random" in shown
    assert "the VAE was tiled" in shown


def test_what_was_told_when_it_was_asked_for_is_not_told_again(capsys: pytest.CaptureFixture[str]) -> None:
    plan = generator.GenerationPlan(prompt_notes=["“rain” is asked for, so it is not forbidden"])
    made = generator.GenerationProvenance(notes=[*plan.prompt_notes, "out of memory: the VAE was tiled"])
    tell_made(Output(as_json=False), generator.Generation(plan=plan, provenance=made), None)
    assert capsys.readouterr().err.splitlines() == ["out of memory: the VAE was tiled"]


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        (
            generator.GenerationPlan(fits=True, device="cpu", device_memory_bytes=24 * GB, seconds=95),
            "fits cpu (24 GB); about 1 min 35 s, from published rates",
        ),
        (
            generator.GenerationPlan(
                fits=True, calibrated=True, device="H100", device_count=2, device_memory_bytes=80 * GB, seconds=7500
            ),
            "fits 2 x H100 (80 GB); about 2 h 5 min, measured here",
        ),
        (
            generator.GenerationPlan(
                device="RTX",
                device_memory_bytes=24 * GB,
                shortage="denoise needs 30.1 GB",
                nearest=generator.GenerationSpec(width=832, height=480, frame_count=41),
            ),
            "does not fit RTX (24 GB): denoise needs 30.1 GB; 832x480 and 41 frames would fit",
        ),
        (
            generator.GenerationPlan(device="RTX", device_memory_bytes=GB, shortage="the weights need 3 GB"),
            "does not fit RTX (1 GB): the weights need 3 GB",
        ),
    ],
)
def test_whether_a_plan_fits_is_said_with_its_numbers(plan: generator.GenerationPlan, said: str) -> None:
    assert verdict(plan) == said


def test_what_a_step_cache_saved_is_told_with_what_it_is_known_to_change() -> None:
    use = generator.StepCacheUse(step_cache=generator.STEP_CACHE_FIRST_BLOCK, passes=80, taken_over=31, times=1.6)
    told = "the step cache first-block took over 31 of 80 passes: 1.6 times as fast; "
    assert cache_text(use) == told + "what it changes was not measured with these weights"
    use.measure.psnr = 31.44
    assert cache_text(use) == told + "clips with it are 31.4 dB from those without, where it was measured"
    use.measure.psnr = 0
    assert cache_text(use) == told + "it changed no pixel where it was measured"
    made = generator.Generation(provenance=generator.GenerationProvenance(step_cache_use=use))
    notes: list[str] = []

    class Told(Output):
        def note(self, text: str) -> None:
            notes.append(text)

    tell_made(Told(as_json=False), made, None)
    assert notes == [cache_text(use)]
