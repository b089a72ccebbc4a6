"""Which of a models folder's models writes prompts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from services.generator.triton.repository import WRITER, assemble
from services.generator.triton.settings import TritonSettings
from services.generator.triton.weights import discover
from services.generator.triton.writers import find_writer


def language_model(
    models: Path, name: str, *, template: str = "tokenizer", architecture: str = "Qwen2ForCausalLM"
) -> Path:
    folder = models / name
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"architectures": [architecture]}))
    (folder / "model.safetensors").write_bytes(b"\1\2\3")
    if template == "file":
        (folder / "chat_template.jinja").write_text("{{ messages }}")
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"chat_template": "{{ messages }}"} if template == "tokenizer" else {})
    )
    return folder


@pytest.mark.parametrize("template", ["tokenizer", "file"])
def test_the_first_model_that_takes_instructions_writes(tmp_path: Path, template: str) -> None:
    models = tmp_path / "models"
    language_model(models, "a-base-model", template="")
    language_model(models, "b-encoder", architecture="UMT5EncoderModel")
    language_model(models, ".half-copied")
    (models / "c-torn").mkdir()
    (models / "c-torn" / "config.json").write_text('{"architectures": [')
    (models / "c-strange" / "config.json").mkdir(parents=True)
    wanted = language_model(models, "Qwen2.5-1.5B-Instruct", template=template).rename(models / "d-qwen")
    language_model(models, "e-qwen")
    writer = find_writer(models, "", tmp_path / "digests.json")
    assert writer is not None
    assert writer.path == wanted
    assert len(writer.weights_digest) == 64


def test_the_installation_may_name_it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    models = tmp_path / "models"
    language_model(models, "a")
    wanted = language_model(models, "Qwen2.5-7B-Instruct")
    language_model(models, "base", template="")
    found = find_writer(models, wanted.name, tmp_path / "digests.json")
    assert found is not None
    assert found.path == wanted
    assert find_writer(models, "gone", tmp_path / "digests.json") is None
    assert "writer gone left out" in caplog.text
    assert find_writer(models, "base", tmp_path / "digests.json") is None
    assert "no chat template" in caplog.text


def test_its_digest_is_kept_beside_those_of_models_that_make_video(tmp_path: Path) -> None:
    cache = tmp_path / "digests.json"
    cache.write_text(json.dumps({"another": "digest"}))
    language_model(tmp_path / "models", "a")
    first = find_writer(tmp_path / "models", "", cache)
    known = json.loads(cache.read_text())
    assert first is not None
    assert known.pop("another") == "digest"
    assert list(known.values()) == [first.weights_digest]
    cache.write_text(json.dumps(dict.fromkeys(known, "from the cache")))
    second = find_writer(tmp_path / "models", "", cache)
    assert second is not None
    assert second.weights_digest == "from the cache"


def test_it_makes_no_video_and_has_a_model_of_its_own_in_the_repository(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    models, repository = tmp_path / "models", tmp_path / "repository"
    language_model(models, "qwen")
    assert discover(models, tmp_path / "digests.json") == []
    assert "left out" not in caplog.text
    settings = TritonSettings(home=tmp_path, models=models, writer_threads=3)
    assemble(repository, [], settings, {}, find_writer(models, "", tmp_path / "digests.json"))
    config = (repository / WRITER / "config.pbtxt").read_text()
    assert 'key: "threads" value { string_value: "3" }' in config
    assert 'key: "writer" value { string_value: "qwen ' in config
    for part in ("artifex_writer/backend.py", "artifex_process/orphan.py", "1/model.py"):
        assert (repository / WRITER / part).exists()
    assemble(repository, [], settings, {})
    assert not (repository / WRITER).exists()
