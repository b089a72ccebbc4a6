"""Clips that begin and end with given pictures, and pictures of clips in the making."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from artifex.generator.v1 import messages_pb2 as pb
from artifex.generator.v1 import work_pb2
from libs.chassis.errors import FailedPrecondition, InvalidArgument, NotFound
from libs.chassis.ids import new_id
from libs.chassis.testing import eventually
from libs.frames.stills import read_image, write_png
from services.generator.adapters.triton import TritonModelServer
from services.generator.ports import FrameBytes
from tests.support.triton import I2V, TI2V, TritonServer

if TYPE_CHECKING:
    # Exists in the stubs' types alone.
    pass


from tests.integration.generator.served import SUCCEEDED, frames_of, generator, graph_work


async def test_previews_of_a_clip_in_the_making_are_pictures_of_its_size(
    tmp_path: Path, triton: TritonServer, spec: pb.GenerationSpec
) -> None:
    spec.steps = 6
    async with generator(tmp_path, triton.endpoint, preview_every=0) as running:
        plain = (await running.watch((await running.create(spec)).name))[-1]
        assert not plain.preview.digest
        with pytest.raises(FailedPrecondition, match="has no preview") as caught:
            await running.stub.GetGenerationPreview(pb.GetGenerationPreviewRequest(name=plain.name))
        assert caught.value.metadata["state"] == "STATE_SUCCEEDED"
        with pytest.raises(NotFound):
            await running.stub.GetGenerationPreview(pb.GetGenerationPreviewRequest(name="generations/none"))
        spec.seed, spec.preview_every = spec.seed + 1, 4
        seen = await running.watch((await running.create(spec)).name)
        assert len({each.preview.digest for each in seen} - {""}) == 1, "after step 4 of 6"
        answer = await running.stub.GetGenerationPreview(pb.GetGenerationPreviewRequest(name=seen[-1].name))
        assert answer.image.content_type == "image/jpeg"
        assert hashlib.sha256(answer.image.data).hexdigest() == seen[-1].preview.digest
        (tmp_path / "preview.jpg").write_bytes(answer.image.data)
        assert read_image(tmp_path / "preview.jpg").shape[:2] == (48, 64)
        kept = [found async for found in running.objects.list("tenants/studio/previews/")]
        assert len(kept) == 1, "the newest of one generation"
        # Who looks on makes no other clip.
        spec.preview_every = 1
        again = (await running.watch((await running.create(spec)).name))[-1]
        assert again.result == seen[-1].result
        assert again.provenance == seen[-1].provenance
        assert "progressed" not in running.verbs(again.name), "it was there already"


def png(folder: Path, width: int, height: int, seed: int) -> tuple[bytes, np.ndarray]:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    write_png(folder / "given.png", pixels)
    return (folder / "given.png").read_bytes(), pixels


async def test_a_clip_goes_on_from_the_callers_pictures(
    tmp_path: Path, triton: TritonServer, models: TritonModelServer, spec: pb.GenerationSpec
) -> None:
    spec.width, spec.height = 64, 64
    async with generator(tmp_path, triton.endpoint, with_media=True) as running:
        first, pixels = png(tmp_path, 64, 64, 1)
        last, others = png(tmp_path, 64, 64, 2)
        assets = [await running.upload(first, "first.png"), await running.upload(last, "last.png")]
        spec.model, spec.image, spec.last_image = f"models/{I2V}", assets[0].name, assets[1].name
        done = (await running.watch((await running.create(spec)).name))[-1]
        assert done.state == SUCCEEDED, done.failure
        digests = [hashlib.sha256(data).hexdigest() for data in (first, last)]
        assert list(done.provenance.picture_digests) == digests
        given = {"first": pixels.tobytes(), "last": others.tobytes()}
        raw = b"".join([e.data async for e in models.generate(I2V, spec, pictures=given) if isinstance(e, FrameBytes)])
        assert frames_of(running.clip(done), spec) == raw
        again = (await running.watch((await running.create(spec)).name))[-1]
        assert again.result == done.result
        assert "progressed" not in running.verbs(again.name), "it was there already"

        # A model that takes words alone, too, goes on from the first.
        spec.ClearField("last_image")
        spec.model = f"models/{TI2V}"
        assert (await running.watch((await running.create(spec)).name))[-1].state == SUCCEEDED


@pytest.mark.parametrize(("size", "taken"), [((96, 96), (256, 256)), ((60, 80), (192, 256)), ((320, 180), (256, 144))])
async def test_a_picture_shapes_the_clip_whose_size_is_left_open(
    tmp_path: Path, triton: TritonServer, size: tuple[int, int], taken: tuple[int, int]
) -> None:
    async with generator(tmp_path, triton.endpoint, with_media=True) as running:
        data, _ = png(tmp_path, *size, 1)
        image = (await running.upload(data, "first.png")).name
        spec = pb.GenerationSpec(prompt="a kite", model=f"models/{I2V}", image=image)
        answer = await running.stub.PlanGeneration(pb.PlanGenerationRequest(spec=spec))
        assert (answer.plan.spec.width, answer.plan.spec.height) == taken
        told = {change.field: change.reason for change in answer.plan.adjustments}
        wide = taken == (256, 144)
        assert (told["spec.height"] == "the given picture is of another shape") is not wide
        spec.width, spec.height = 64, 48
        answer = await running.stub.PlanGeneration(pb.PlanGenerationRequest(spec=spec))
        assert (answer.plan.spec.width, answer.plan.spec.height) == (64, 48)


async def test_pictures_that_a_model_does_not_take_or_the_caller_has_not_are_refused(
    tmp_path: Path, triton: TritonServer, spec: pb.GenerationSpec
) -> None:
    spec.width, spec.height = 64, 64
    async with generator(tmp_path, triton.endpoint, with_media=True) as running:
        words = pb.GenerationSpec()
        words.CopyFrom(spec)
        words.image = "assets/none"
        spec.model = f"models/{I2V}"
        for wrong in (words, spec):
            with pytest.raises(InvalidArgument) as caught:
                await running.create(wrong)
            assert [violation.field for violation in caught.value.violations] == ["spec.image"]
        spec.image = "assets/none"
        with pytest.raises(NotFound) as missing:
            await running.create(spec)
        assert missing.value.metadata["resource"] == "assets/none"
        look = await running.upload(b"LUT_3D_SIZE 2\n" + b"0 0 0\n" * 8, "look.cube")
        spec.image = look.name
        with pytest.raises(InvalidArgument) as none:
            await running.create(spec)
        assert none.value.reason == "ERROR_REASON_MEDIA_UNSUPPORTED"
        # A blob that a graph hands over is looked at by the worker.
        work = graph_work(spec)
        work.spec.image = ""
        work.pictures.add(role=work_pb2.GivenPicture.ROLE_FIRST).blob.CopyFrom(look.blob)
        await running.bus.publish("work.generate.normal", work, key=new_id())
        await eventually(lambda: "failed" in running.verbs(work.generation), what="the failed event")
        event = work_pb2.GenerationFailedEvent.FromString(running.told(work.generation, "failed"))
        assert event.failure.reason == "ERROR_REASON_MEDIA_UNREADABLE"
        # One that is gone by the time is missing, and not an outage that may pass.
        work = graph_work(work.spec)
        work.pictures.add(role=work_pb2.GivenPicture.ROLE_FIRST).blob.digest = "0" * 64
        await running.bus.publish("work.generate.normal", work, key=new_id())
        await eventually(lambda: "failed" in running.verbs(work.generation), what="the failed event")
        event = work_pb2.GenerationFailedEvent.FromString(running.told(work.generation, "failed"))
        assert event.failure.reason == "ERROR_REASON_RESOURCE_NOT_FOUND"
