"""Every way in which a generation is refused or fails, by its type."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing, suppress
from pathlib import Path
from typing import Any

import pytest

from artifex.generator.v1 import messages_pb2 as pb
from artifex.generator.v1 import work_pb2
from libs.chassis.errors import AlreadyExists, ArtifexError, Internal, ResourceExhausted, Unimplemented
from libs.chassis.ids import new_id
from libs.chassis.testing import eventually
from tests.integration.generator.served import FAILED, Generator, generator, graph_work
from tests.support.fuzz import Fuzzer
from tests.support.triton import I2V, NANO, TI2V, TritonServer

Change = Callable[[pb.GenerationSpec], None]


def of(**fields: Any) -> Change:
    def change(spec: pb.GenerationSpec) -> None:
        spec.MergeFrom(pb.GenerationSpec(**fields))

    return change


INVALID, REFUSED = "ERROR_REASON_REQUEST_INVALID", "ERROR_REASON_PROMPT_REFUSED"
CASES: dict[str, tuple[Change, str, str]] = {
    "unknown model": (of(model="models/no-such-model"), INVALID, "spec.model"),
    "model without weights": (of(model="models/wan22-t2v-a14b"), "ERROR_REASON_MODEL_ABSENT", ""),
    "empty prompt": (of(prompt="  \n "), REFUSED, "spec.prompt"),
    "unsafe prompt": (of(prompt="a naked child"), REFUSED, "spec.prompt"),
    "prompt that the installation refuses": (of(prompt="a Gremlin at dusk"), REFUSED, "spec.prompt"),
    "no picture to go on from": (of(model=f"models/{I2V}"), INVALID, "spec.image"),
    "picture for words alone": (of(image="assets/any"), INVALID, "spec.image"),
    "last picture that the model does not go to": (
        of(model=f"models/{TI2V}", image="assets/any", last_image="assets/any"),
        INVALID,
        "spec.last_image",
    ),
    "rate that is none": (of(frame_rate={"numerator": 500, "denominator": 1}), INVALID, "spec.frame_rate"),
    "unknown recipe": (of(recipe="none-such"), INVALID, "spec.recipe"),
    "unknown LoRA": (of(loras=[pb.Lora(name="none")]), INVALID, "spec.loras[0]"),
    "unknown style": (of(style="styles/none-such"), INVALID, "spec.style"),
}


@pytest.fixture
async def running(tmp_path: Path, triton: TritonServer) -> AsyncIterator[Generator]:
    """Of an installation that makes no gremlins."""
    async with generator(tmp_path, triton.endpoint, refused_terms=("gremlin",)) as found:
        yield found


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TritonServer]:
    """On a device that nothing fits."""
    with TritonServer(tmp_path_factory.mktemp("small"), env={"ARTIFEX_GENERATOR_TRITON_MEMORY": "1000000"}) as server:
        yield server


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
    await assert_task_fails(running, spec, reason)


async def assert_task_fails(running: Generator, spec: pb.GenerationSpec, reason: str) -> None:
    """What waits for such work of a render job is told why there is none."""
    work = graph_work(spec)
    await running.bus.publish("work.generate.normal", work, key=new_id())
    await eventually(lambda: "failed" in running.verbs(work.generation), what="the failed event")
    event = work_pb2.GenerationFailedEvent.FromString(running.told(work.generation, "failed"))
    assert (event.failure.reason, event.task, event.attempt) == (reason, work.task, 1)
    assert event.failure.message
    assert "completed" not in running.verbs(work.generation)
    failed = await running.get(work.generation)
    assert (failed.state, failed.failure) == (FAILED, event.failure)


async def test_what_does_not_fit_is_planned_and_refused_with_its_numbers(
    tmp_path: Path, small: TritonServer, spec: pb.GenerationSpec
) -> None:
    async with generator(tmp_path, small.endpoint) as running:
        answer = await running.stub.PlanGeneration(pb.PlanGenerationRequest(spec=spec))
        assert not answer.plan.fits
        assert answer.refusal.reason == "ERROR_REASON_DOES_NOT_FIT"
        with pytest.raises(ResourceExhausted) as refused:
            await running.create(spec)
        assert refused.value.reason == "ERROR_REASON_DOES_NOT_FIT"
        assert refused.value.message.startswith(answer.plan.shortage)
        assert refused.value.metadata["model"] == NANO
        await assert_task_fails(running, spec, "ERROR_REASON_DOES_NOT_FIT")


async def test_a_request_id_is_for_one_request(running: Generator, spec: pb.GenerationSpec) -> None:
    await running.stub.CreateGeneration(pb.CreateGenerationRequest(spec=spec, request_id="one"))
    spec.seed += 1
    with pytest.raises(AlreadyExists) as refused:
        await running.stub.CreateGeneration(pb.CreateGenerationRequest(spec=spec, request_id="one"))
    assert refused.value.reason == "ERROR_REASON_REQUEST_ID_REUSED"


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


async def watched(running: Generator, request: pb.WatchGenerationRequest) -> None:
    """The first answer, if there is one soon: nobody makes anything here, so most watches have no end."""
    answers: Any = running.stub.WatchGeneration(request)
    async with aclosing(answers) as stream:
        with suppress(TimeoutError):
            async with asyncio.timeout(0.05):
                async for _ in stream:
                    return


async def test_five_hundred_requests_of_any_kind_are_answered_or_refused_and_none_is_a_fault_of_ours(
    tmp_path: Path, triton: TritonServer
) -> None:
    draw = random.Random(20261122)
    names: list[str] = []
    answered, refused, faults = dict[str, int](), dict[str, int](), []

    async with generator(tmp_path, triton.endpoint, roles=frozenset({"api"}), with_media=True) as running:
        stub = running.stub

        async def create(request: pb.CreateGenerationRequest) -> None:
            names.append((await stub.CreateGeneration(request)).generation.name)

        calls: dict[str, tuple[Callable[..., Awaitable[object]], type[Any], int]] = {
            "create": (create, pb.CreateGenerationRequest, 8),
            "plan": (stub.PlanGeneration, pb.PlanGenerationRequest, 6),
            "get": (stub.GetGeneration, pb.GetGenerationRequest, 1),
            "preview": (stub.GetGenerationPreview, pb.GetGenerationPreviewRequest, 1),
            "list": (stub.ListGenerations, pb.ListGenerationsRequest, 1),
            "models": (stub.ListModels, pb.ListModelsRequest, 1),
            "styles": (stub.ListStyles, pb.ListStylesRequest, 1),
            "watch": (lambda request: watched(running, request), pb.WatchGenerationRequest, 2),
            "pause": (stub.PauseGeneration, pb.PauseGenerationRequest, 2),
            "resume": (stub.ResumeGeneration, pb.ResumeGenerationRequest, 2),
            "cancel": (stub.CancelGeneration, pb.CancelGenerationRequest, 1),
        }
        kinds = [kind for kind, (_, _, often) in calls.items() for _ in range(often)]
        for number in range(500):
            kind = draw.choice(kinds)
            call, message, _ = calls[kind]
            request: Any = Fuzzer(number, ("", "x", *names[-5:])).message(message.DESCRIPTOR)
            request = message.FromString(request.SerializeToString())
            if "spec" in message.DESCRIPTOR.fields_by_name and draw.random() < 0.9:
                request.spec.CopyFrom(chance(draw))
                if draw.random() < 0.7:
                    for field in ("request_id", "priority", "device_memory_bytes", "pictures"):
                        if field in message.DESCRIPTOR.fields_by_name:
                            request.ClearField(field)
            if "name" in message.DESCRIPTOR.fields_by_name and names and draw.random() < 0.8:
                # Otherwise few requests would get far.
                request.name = draw.choice(names)
            if draw.random() < 0.7:
                for field in ("page_token", "page_size", "after_sequence"):
                    if field in message.DESCRIPTOR.fields_by_name:
                        request.ClearField(field)
            try:
                await call(request)
                answered[kind] = answered.get(kind, 0) + 1
            except (Internal, Unimplemented) as error:
                faults.append((kind, request, error))
            except ArtifexError:
                refused[kind] = refused.get(kind, 0) + 1
    assert not faults
    # Each kind gets through, and is turned away, now and then; nothing is made here that could be looked at.
    assert set(answered) == set(calls) - {"preview"}
    assert set(refused) >= set(calls) - {"styles", "models", "list"}
