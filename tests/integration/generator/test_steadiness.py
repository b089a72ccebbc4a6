"""Quality looks at what it made, and makes what is not steady once more."""

from __future__ import annotations

from artifex.generator.v1 import messages_pb2 as pb
from tests.integration.generator.served import SUCCEEDED, Generator, frames_of
from tests.support.triton import T2V


async def made(running: Generator, spec: pb.GenerationSpec) -> pb.Generation:
    created = await running.create(spec)
    done = (await running.watch(created.name))[-1]
    assert done.state == SUCCEEDED, done.failure
    return done


async def test_a_clip_that_is_not_steady_is_made_once_more_of_other_noise_and_again_the_same(
    running: Generator, spec: pb.GenerationSpec
) -> None:
    # Weights that were never trained make noise, which no flow can follow.
    spec.model = f"models/{T2V}"
    spec.profile = pb.GENERATION_PROFILE_QUALITY
    done = await made(running, spec)
    first, second = done.provenance.notes
    assert "can be followed into the next" in first
    assert first.endswith(f"made again with the seed {7 + 2**31}")
    # Other noise is noise, too.
    assert second.startswith(f"with the seed {7 + 2**31} it is not steady either: of frame ")
    # What was asked for stays what it was: asked for again it gives the same.
    assert done.spec.seed == done.provenance.spec.seed == 7
    assert (await made(running, done.provenance.spec)).result == done.result
    assert not [found async for found in running.objects.list("tenants/studio/checkpoints/")]

    spec.ClearField("profile")
    plain = await made(running, spec)
    assert not plain.provenance.notes
    assert plain.result != done.result
    spec.seed = 7 + 2**31
    other = await made(running, spec)
    assert frames_of(running.clip(other), spec) == frames_of(running.clip(done), spec)


async def test_a_steady_clip_is_made_once(running: Generator, spec: pb.GenerationSpec) -> None:
    spec.profile = pb.GENERATION_PROFILE_QUALITY
    done = await made(running, spec)
    assert not done.provenance.notes
    assert done.provenance.spec.seed == 7
