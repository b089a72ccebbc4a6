"""How a request has a model lie in memory, on the real Triton, and what becomes of one that memory is too small for."""

from __future__ import annotations

import resource
from collections.abc import Mapping
from pathlib import Path

import pytest

from artifex.generator.v1.messages_pb2 import GenerationSpec
from libs.chassis.errors import InvalidArgument
from services.generator.adapters.triton import TritonModelServer
from services.generator.ports import FrameBytes, OutOfMemory
from tests.support.triton import NANO, T2V, TritonServer


async def clip(models: TritonModelServer, spec: GenerationSpec, model: str = NANO, **load: str) -> bytes:
    found = [event async for event in models.generate(model, spec, load=load)]
    return b"".join(event.data for event in found if isinstance(event, FrameBytes))


async def test_a_request_has_the_model_lie_in_memory_its_way_and_the_next_one_has_it_back(
    models: TritonModelServer, spec: GenerationSpec
) -> None:
    await models.load(NANO)
    plain = await clip(models, spec)
    # Only places; the first is adapted to, the second one read anew.
    assert await clip(models, spec, experts="swapped", text_encoder="swapped") == plain
    assert await clip(models, spec, experts="streamed", text_encoder="cpu") == plain
    eight = await clip(models, spec, precision="float8")
    assert len(eight) == len(plain)
    assert eight != plain
    assert await clip(models, spec) == plain


@pytest.mark.parametrize(
    ("load", "field"),
    [
        ({"attention": "flash"}, "spec.load.attention"),
        ({"vae": "sliced"}, "spec.load.vae"),
        ({"slicing": "on"}, "spec.load.slicing"),
    ],
)
async def test_a_way_that_cannot_be_is_refused_and_the_model_stays_as_it_was(
    models: TritonModelServer, spec: GenerationSpec, load: Mapping[str, str], field: str
) -> None:
    await models.load(NANO)
    before = await clip(models, spec)
    with pytest.raises(InvalidArgument) as caught:
        await clip(models, spec, **load)
    assert [violation.field for violation in caught.value.violations] == [field]
    assert await clip(models, spec) == before


async def test_a_clip_that_memory_is_too_small_for_is_named_with_its_stage_and_the_model_goes_on(
    models: TritonModelServer, triton: TritonServer, spec: GenerationSpec
) -> None:
    await models.load(T2V)
    before = await clip(models, spec, T2V)
    large = GenerationSpec()
    large.CopyFrom(spec)
    large.width, large.height, large.frame_count, large.steps = 256, 256, 33, 1
    pid = triton.process_of(T2V)
    free = resource.prlimit(pid, resource.RLIMIT_AS)
    resource.prlimit(pid, resource.RLIMIT_AS, (taken(pid) + (48 << 20), free[1]))
    try:
        with pytest.raises(OutOfMemory) as caught:
            await clip(models, large, T2V)
    finally:
        resource.prlimit(pid, resource.RLIMIT_AS, free)
    assert caught.value.stage in ("encode", "denoise", "decode")
    assert await clip(models, spec, T2V) == before


def taken(pid: int) -> int:
    """Bytes of a process's address space."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[0]) * resource.getpagesize()
