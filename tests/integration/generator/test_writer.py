"""The writer of prompts on the real Triton, with an instruction model of random weights."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from artifex.generator.v1.messages_pb2 import GenerationSpec
from libs.chassis.errors import Internal, Unavailable
from libs.chassis.testing import free_port
from services.generator.adapters import triton_writer
from services.generator.adapters.triton import TritonModelServer
from services.generator.adapters.triton_writer import TritonPromptWriter
from services.generator.commands.tell_prompt import tell_prompt
from services.generator.domain.prompts.told import told
from tests.support.triton import NANO, TritonServer, tiny_writer

NAME = "tiny-writer"
CHAT = [{"role": "system", "content": "You write prompts."}, {"role": "user", "content": "비 오는 거리의 고양이"}]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("writer") / NAME
    tiny_writer("random", folder)
    return folder


@pytest.fixture(scope="module")
def with_writer(tmp_path_factory: pytest.TempPathFactory, weights: Path) -> Iterator[TritonServer]:
    folder = tmp_path_factory.mktemp("triton-writer")
    (folder / "models").mkdir()
    (folder / "models" / NAME).symlink_to(weights)
    with TritonServer(folder, env={"ARTIFEX_GENERATOR_TRITON_WRITER_THREADS": "1"}) as server:
        yield server


@pytest.fixture
async def writer(with_writer: TritonServer) -> AsyncIterator[TritonPromptWriter]:
    async with TritonPromptWriter(with_writer.endpoint) as adapter:
        yield adapter


async def test_it_answers_the_likeliest_word_after_word_and_signs(writer: TritonPromptWriter, weights: Path) -> None:
    assert await writer.available()
    written = await writer.write(CHAT, max_tokens=60)
    assert written.text == json.loads(tiny_writer("answer", weights, json.dumps(CHAT), "60"))
    assert len(written.text) > 10
    name, digest = written.writer.split()
    assert (name, len(digest)) == (NAME, 12)
    assert await writer.write(CHAT, max_tokens=60) == written


async def test_it_is_loaded_again_after_a_model_that_makes_video_took_its_place(
    writer: TritonPromptWriter, with_writer: TritonServer
) -> None:
    before = await writer.write(CHAT, max_tokens=20)
    async with TritonModelServer(with_writer.endpoint, resident=1) as models:
        assert "artifex-writer" not in await models.models()
        await models.load(NANO)
        assert await models.loaded() == {NANO}
        assert await writer.write(CHAT, max_tokens=20) == before
        await models.load(NANO)


async def test_what_breaks_it_or_takes_too_long_is_a_failure_of_the_model(
    writer: TritonPromptWriter, with_writer: TritonServer
) -> None:
    with pytest.raises(Internal) as caught:
        await writer.write(CHAT, max_tokens=-1)
    assert caught.value.reason == "ERROR_REASON_MODEL_FAILED"
    async with TritonPromptWriter(with_writer.endpoint, seconds=0.05) as hasty:
        with pytest.raises(Internal) as caught:
            await hasty.write([{"role": "user", "content": "tell me all"}], max_tokens=1_000_000)
    assert "too long" in caught.value.message
    # It stopped when its caller left, and serves the next.
    began = time.monotonic()
    assert await writer.write(CHAT, max_tokens=2)
    assert time.monotonic() - began < 20.0


async def test_a_prompt_is_told_by_rule_where_the_writer_writes_nonsense(
    writer: TritonPromptWriter, models: TritonModelServer
) -> None:
    card = replace((await models.models())[NANO], text_tokens=512)
    spec = GenerationSpec(prompt="a red balloon over the sea", extend_prompt=True)
    found = await tell_prompt(writer, spec, card)
    assert found.prompt == told(spec, card).prompt
    assert found.notes[0].startswith(f"what {NAME} ")
    planned = await tell_prompt(writer, spec, card, write=False)
    assert planned.prompt == spec.prompt
    assert planned.notes == ("the prompt will be extended by the local writer",)


async def test_without_a_writer_prompts_are_extended_by_rule(triton: TritonServer, models: TritonModelServer) -> None:
    card = replace((await models.models())[NANO], text_tokens=512)
    spec = GenerationSpec(prompt="a red balloon over the sea", extend_prompt=True)
    async with TritonPromptWriter(triton.endpoint) as nobody:
        assert not await nobody.available()
        assert await tell_prompt(nobody, spec, card) == told(spec, card)


async def test_of_several_tritons_the_one_that_has_a_writer_is_asked(
    with_writer: TritonServer, triton: TritonServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with TritonPromptWriter(triton.endpoint, with_writer.endpoint) as both:
        assert (await both.write(CHAT, max_tokens=5)).writer.startswith(NAME)
    # Nobody comes, however long one waits.
    monkeypatch.setattr(triton_writer, "_QUICK_SECONDS", 1.0)
    async with TritonPromptWriter(triton.endpoint, f"127.0.0.1:{free_port()}") as unsure:
        with pytest.raises(Unavailable):
            await unsure.available()


async def test_without_triton_there_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(triton_writer, "_QUICK_SECONDS", 0.2)
    async with TritonPromptWriter(f"127.0.0.1:{free_port()}") as nobody:
        with pytest.raises(Unavailable):
            await nobody.available()
