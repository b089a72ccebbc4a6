"""The rates of devices: kept in both databases, and learnt from runs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from artifex.generator.v1 import messages_pb2 as pb
from libs.chassis.database import Database, migrate
from services.generator.__main__ import MIGRATIONS
from services.generator.adapters.sql_calibrations import SqlCalibrations
from services.generator.commands.calibrate import Measured, calibrate
from services.generator.domain.models import with_absent
from services.generator.domain.plan.devices import Calibration
from services.generator.domain.plan.work import decode_flops, pass_flops
from services.generator.ports import Finished

TI2V = with_absent({})["wan22-ti2v-5b"]
SPEC = pb.GenerationSpec(
    prompt="a river",
    width=1280,
    height=704,
    frame_count=121,
    steps=50,
    guidance_scale=5.0,
    guidance_scale_2=5.0,
    flow_shift=5.0,
)
HOW = Finished(
    load={"vae": "whole"},
    device="cuda",
    dtype="bfloat16",
    sampler="unipc",
    sigmas=(),
    versions={},
    weights_digest="d" * 64,
    seconds=121.0,
    device_name="NVIDIA H100 80GB HBM3",
    stages={"load": 0.0, "encode": 1.0, "denoise": 100.0, "decode": 20.0},
)


@pytest.fixture
async def calibrations(database_url: str) -> AsyncIterator[SqlCalibrations]:
    await migrate(database_url, schema="generator", migrations=MIGRATIONS)
    async with Database(database_url, schema="generator") as opened:
        yield SqlCalibrations(opened)


async def test_rates_are_kept_by_device_and_model(calibrations: SqlCalibrations) -> None:
    assert await calibrations.get("cpu", "a") is None
    await calibrations.add("cpu", "a", 1e15, 1e13)
    await calibrations.add("cpu", "b", 5.0, 6.0)
    await calibrations.add("cpu", "a", 2e15, 2e13)
    found = await calibrations.get("cpu", "a")
    assert found is not None
    assert found.flops == pytest.approx(1.3e15)
    assert found.clips == 2
    assert found.vae_flops == pytest.approx(1.3e13)
    assert await calibrations.get("cpu", "b") == Calibration(5.0, 6.0, 1)
    assert await calibrations.get("cuda", "a") is None


async def test_a_run_tells_its_rates_by_the_steps_that_it_made(calibrations: SqlCalibrations) -> None:
    assert TI2V.architecture is not None
    await calibrate(calibrations, Measured(TI2V, SPEC, 30, {}, HOW))
    found = await calibrations.get(HOW.device_name, TI2V.model)
    assert found is not None
    assert found.flops == pytest.approx(30 * 2 * pass_flops(TI2V.architecture, 1280, 704, 121, 512) / 100)
    assert found.vae_flops == pytest.approx(decode_flops(TI2V.architecture, 1280, 704, 121) / 20)


async def test_the_fastest_attention_and_compiled_blocks_have_rates_of_their_own(calibrations: SqlCalibrations) -> None:
    for load in ({"attention": "_flash_3"}, {"compile": "blocks"}, {"attention": "native", "compile": "none"}):
        await calibrate(calibrations, Measured(TI2V, SPEC, 30, load, HOW))
    kept = [await calibrations.get(name, TI2V.model) for name in (HOW.device_name, f"{HOW.device_name}, fast")]
    assert [found and found.clips for found in kept] == [1, 2]


@pytest.mark.parametrize(
    "run",
    [
        Measured(TI2V, SPEC, 0, {}, HOW),
        Measured(TI2V, SPEC, 50, {"experts": "streamed"}, HOW),
        Measured(TI2V, SPEC, 50, {"vae": "tiled"}, HOW),
        Measured(replace(TI2V, architecture=None), SPEC, 50, {}, HOW),
        Measured(TI2V, SPEC, 50, {}, replace(HOW, stages={"decode": 1.0})),
        Measured(TI2V, pb.GenerationSpec(step_cache=pb.STEP_CACHE_FIRST_BLOCK), 50, {}, HOW),
    ],
    ids=["no steps", "streamed", "tiled", "untold", "unmeasured", "cached"],
)
async def test_what_is_not_the_devices_own_rate_is_not_kept(calibrations: SqlCalibrations, run: Measured) -> None:
    await calibrate(calibrations, run)
    assert await calibrations.get(HOW.device_name, TI2V.model) is None
