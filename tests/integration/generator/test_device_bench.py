"""The measurement of full-size models is one that runs: at a processor's size, in Triton's environment."""

from __future__ import annotations

import asyncio

import pytest

from bench import generation_device


@pytest.fixture(autouse=True)
def _no_accelerator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


async def test_every_variant_is_measured_and_our_loop_makes_what_stock_makes(
    capfd: pytest.CaptureFixture[str],
) -> None:
    async with asyncio.timeout(100):
        assert await generation_device.run("small")
    said = capfd.readouterr().out
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in said.splitlines() if line.startswith("| ")]
    rows = [row for row in rows if row[0]]
    names = ["stock", "plain", "speed", "float8"]
    assert [row[0].partition(":")[0] for row in rows] == 2 * names
    assert all(float(cell) > 0 for row in rows for cell in row[1:5])
    # Weights of eight bits are others, and nearly the same.
    assert [row[7] for row in rows[:3]] == ["equal"] * 3
    assert 30 < float(rows[3][7].removesuffix(" dB")) < 100
    assert said.count("our loop makes stock's latents; 0: reached") == 2


async def test_full_size_without_an_accelerator_is_refused_with_a_sentence(capfd: pytest.CaptureFixture[str]) -> None:
    async with asyncio.timeout(100):
        assert not await generation_device.run("full")
    assert "full size is measured on a CUDA device, and torch finds none here" in capfd.readouterr().err
