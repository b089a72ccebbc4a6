"""Clips that are longer than their model makes at once."""

from __future__ import annotations

from artifex.generator.v1 import messages_pb2 as pb
from libs.chassis.testing import eventually
from services.generator.adapters.triton import TritonModelServer
from services.generator.ports import FrameBytes
from tests.integration.generator.served import PAUSED, SUCCEEDED, Generator, frames_of
from tests.support.triton import I2V, T2V

FRAME = 64 * 64 * 3


async def made(models: TritonModelServer, model: str, spec: pb.GenerationSpec, first: bytes = b"") -> bytes:
    await models.load(model)
    given = {"first": first} if first else {}
    return b"".join([e.data async for e in models.generate(model, spec, pictures=given) if isinstance(e, FrameBytes)])


async def test_a_longer_clip_goes_on_from_its_last_frame_by_the_models_image_form_and_is_resumed_in_any_window(
    running: Generator, models: TritonModelServer, spec: pb.GenerationSpec
) -> None:
    spec.model, spec.width, spec.height, spec.frame_count, spec.steps = f"models/{T2V}", 64, 64, 41, 12
    created = await running.create(spec)
    assert created.spec.frame_count == 41
    await running.until_step(created.name, 18)
    name = pb.PauseGenerationRequest(name=created.name)
    assert (await running.stub.PauseGeneration(name)).generation.state == PAUSED
    kept = [found.key.rsplit("/", 1)[1] async for found in running.objects.list("tenants/studio/checkpoints/")]
    assert "window-0" in kept
    told = len(running.steps(created.name))
    await running.stub.ResumeGeneration(pb.ResumeGenerationRequest(name=created.name))
    done = (await running.watch(created.name))[-1]
    assert done.state == SUCCEEDED, done.failure
    assert (done.steps_done, done.steps_total) == (24, 24)
    await eventually(lambda: running.steps(created.name)[-1:] == [24], what="the last step's event")
    assert min(running.steps(created.name)[told:]) > 12, "the first window was made again"

    record, cards = done.provenance, await models.models()
    assert (record.model, record.weights_digest) == (f"models/{T2V}", cards[T2V].weights_digest)
    assert (record.follower, record.follower_weights_digest) == (f"models/{I2V}", cards[I2V].weights_digest)

    part = pb.GenerationSpec()
    part.CopyFrom(spec)
    part.frame_count = 21
    begin = await made(models, T2V, part)
    part.seed += 1
    end = await made(models, I2V, part, begin[-FRAME:])
    assert frames_of(running.clip(done), spec) == begin + end[FRAME:]
    assert not [found async for found in running.objects.list("tenants/studio/checkpoints/")]
