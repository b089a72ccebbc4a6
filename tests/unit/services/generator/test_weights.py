"""What the launcher makes of a models folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from libs.chassis.errors import FailedPrecondition
from services.generator.domain.architecture import Architecture
from services.generator.domain.known import KNOWN
from services.generator.domain.models import ModelCard, Recipe
from services.generator.domain.spec import require_available
from services.generator.triton.repository import CATALOGUE, assemble
from services.generator.triton.settings import TritonSettings
from services.generator.triton.weights import discover, missing, weights_digest
from tests.support.triton import model_module


def weights(models: Path, name: str, **index: object) -> Path:
    folder = models / name
    (folder / "vae").mkdir(parents=True)
    (folder / "model_index.json").write_text(json.dumps({"_class_name": "WanPipeline", **index}))
    (folder / "vae" / "weights.safetensors").write_bytes(b"\1\2\3")
    return folder


def test_only_weights_that_make_video_in_diffusers_layout_are_taken(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    models = tmp_path / "models"
    weights(models, "wan22-t2v")
    weights(models, "Wan22")
    weights(models, "ti2v-5b", expand_timesteps=True)
    weights(models, "i2v", _class_name="WanImageToVideoPipeline")
    (models / "empty").mkdir()
    (weights(models, "torn") / "model_index.json").write_text('{"_class_name": "WanPip')
    (weights(models, "bare") / "artifex.json").write_text("[]")
    (models / ".half-built").mkdir()
    found = discover(models, tmp_path / "digests.json")
    assert [(entry.model, entry.card["kind"]) for entry in found] == [
        ("i2v", "image"),
        ("ti2v-5b", "text_image"),
        ("wan22-t2v", "text"),
    ]
    assert [entry.card["size_multiple"] for entry in found] == [16, 32, 16]
    for name in ("Wan22", "empty", "torn", "bare"):
        assert f"{name} left out" in caplog.text


def test_published_weights_are_not_called_random_and_a_card_of_their_own_wins(tmp_path: Path) -> None:
    models = tmp_path / "models"
    weights(models, "a")
    card = weights(models, "b") / "artifex.json"
    card.write_text(json.dumps({"random_weights": True, "max_frames": 17}))
    a, b = discover(models, tmp_path / "digests.json")
    assert (a.card["random_weights"], a.card["max_frames"]) == (False, 81)
    assert (b.card["random_weights"], b.card["max_frames"]) == (True, 17)


def test_the_digest_follows_names_and_contents_and_not_the_card(tmp_path: Path) -> None:
    folder = weights(tmp_path, "a")
    before = weights_digest(folder)
    (folder / "artifex.json").write_text("{}")
    assert weights_digest(folder) == before
    (folder / "vae" / "weights.safetensors").write_bytes(b"\1\2\4")
    changed = weights_digest(folder)
    (folder / "vae" / "weights.safetensors").rename(folder / "vae" / "other.safetensors")
    assert len({before, changed, weights_digest(folder)}) == 3


def test_digests_are_computed_once_for_unchanged_files(tmp_path: Path) -> None:
    models, cache = tmp_path / "models", tmp_path / "digests.json"
    weights(models, "a")
    (first,) = discover(models, cache)
    (fingerprint,) = json.loads(cache.read_text())
    cache.write_text(json.dumps({fingerprint: "from the cache"}))
    (second,) = discover(models, cache)
    assert len(first.card["weights_digest"]) == 64
    assert second.card["weights_digest"] == "from the cache"


@pytest.mark.parametrize("torn", ['{"a": "b', "[]", ""])
def test_digests_that_were_half_kept_are_computed_again(torn: str, tmp_path: Path) -> None:
    models, cache = tmp_path / "models", tmp_path / "digests.json"
    weights(models, "a")
    cache.write_text(torn)
    (found,) = discover(models, cache)
    assert list(json.loads(cache.read_text()).values()) == [found.card["weights_digest"]]
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_model_that_cannot_be_read_leaves_the_others_in(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    models = tmp_path / "models"
    weights(models, "right")
    (models / "wrong" / "model_index.json").mkdir(parents=True)
    assert [entry.model for entry in discover(models, tmp_path / "digests.json")] == ["right"]
    assert "wrong left out: it cannot be read" in caplog.text


def test_the_repository_has_a_model_for_each_weights_folder_and_the_catalogue(tmp_path: Path) -> None:
    models, repository = tmp_path / "models", tmp_path / "repository"
    weights(models, "one")
    weights(models, "two")
    (repository / "stale").mkdir(parents=True)
    settings = TritonSettings(home=tmp_path, models=models, threads=3)
    assemble(repository, discover(models, tmp_path / "digests.json"), settings, {"kind": "cpu"})
    assert sorted(path.name for path in repository.iterdir()) == sorted(["one", "two", CATALOGUE])
    config = (repository / "two" / "config.pbtxt").read_text()
    assert 'key: "threads" value { string_value: "3" }' in config
    assert (
        'key: "device" value { string_value: "{\\"kind\\": \\"cpu\\"}" }'
        in (repository / CATALOGUE / "config.pbtxt").read_text()
    )
    assert (repository / "two" / "1" / "model.py").exists()
    assert (repository / "two" / "artifex_wan" / "backend.py").exists()


def test_the_catalogue_tells_how_each_model_lies_in_memory_here(tmp_path: Path) -> None:
    models, repository = tmp_path / "models", tmp_path / "repository"
    weights(models, "one")
    (weights(models, "two") / "artifex.json").write_text(json.dumps({"load": {"vae": "whole", "experts": "swapped"}}))
    settings = TritonSettings(home=tmp_path, models=models, load={"vae": "tiled"})
    assemble(repository, discover(models, tmp_path / "digests.json"), settings, {"kind": "cpu"})
    (line,) = [
        line for line in (repository / CATALOGUE / "config.pbtxt").read_text().splitlines() if 'key: "cards"' in line
    ]
    told = json.loads(json.loads(line.partition("string_value: ")[2].removesuffix(" } }")))
    cards = {model: ModelCard.parse(model, card) for model, card in told.items()}
    assert cards["one"].load == {"vae": "tiled"}
    assert cards["two"].load == {"vae": "whole", "experts": "swapped"}
    assert '\\"experts\\": \\"swapped\\"' in (repository / "two" / "config.pbtxt").read_text()


def test_what_a_model_is_built_of_is_read_from_the_files_beside_its_weights(tmp_path: Path) -> None:
    models = tmp_path / "models"
    known = KNOWN["wan22-i2v-a14b"]["architecture"]
    folder = weights(
        models, "i2v", boundary_ratio=0.9, transformer=["diffusers", "X"], transformer_2=["diffusers", "X"]
    )
    for part in ("transformer", "text_encoder", "vae"):
        (folder / part).mkdir(exist_ok=True)
        (folder / part / "config.json").write_text(json.dumps(known[part]))
    weights(models, "untold")
    i2v, untold = discover(models, tmp_path / "digests.json")
    card = ModelCard.parse("i2v", i2v.card)
    assert card.architecture == Architecture.parse(known)
    assert ModelCard.parse("untold", untold.card).architecture is None


def test_recipes_and_loras_beside_the_weights_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    models = tmp_path / "models"
    folder = weights(models, "t2v")
    (folder / "recipes").mkdir()
    for name, values in {
        "lightning-4": {"sigmas": [1, 0.75, 0.5, 0.25], "sampler": "euler"},
        "two-steps": {"steps": 2, "flow_shift": 5.0, "sampler": "unipc", "guidance_scale": 3.5},
        "grainy": {"steps": 4, "sampler": "unipc", "loras": [{"name": "grain", "strength": 1.0}]},
        "undressed": {"steps": 4, "sampler": "unipc", "loras": [{"name": "absent", "strength": 1.0}]},
        "rising": {"sigmas": [0.5, 0.75], "sampler": "euler"},
        "unsampled": {"steps": 4},
        "countless": {"steps": 1000, "sampler": "unipc"},
        "worded": {"steps": "many", "sampler": "unipc"},
        "listed": {"steps": 4, "sampler": "unipc", "guidance_scale": []},
        "endless": {"steps": 4, "sampler": "unipc", "flow_shift": float("inf")},
        "unsaid": {"steps": 4, "sampler": "unipc", "guidance_scale_2": float("nan")},
        "heavy": {"steps": 4, "sampler": "unipc", "loras": [{"name": "grain", "strength": 1e9}]},
    }.items():
        (folder / "recipes" / f"{name}.json").write_text(json.dumps(values))
    (folder / "recipes" / "torn.json").write_text("{")
    (folder / "loras").mkdir()
    (folder / "loras" / "grain.safetensors").write_bytes(b"\0")
    (folder / "loras" / "two words.safetensors").write_bytes(b"\0")
    (folder / "loras" / "odd\udcff.safetensors").write_bytes(b"\0")
    (folder / "loras" / "folder.safetensors").mkdir()
    (folder / "recipes" / "folder.json").mkdir()
    (found,) = discover(models, tmp_path / "digests.json")
    card = ModelCard.parse("t2v", found.card)
    assert card.recipes == (
        Recipe("grainy", 4, "unipc", loras=(("grain", 1.0, 0.0),)),
        Recipe("lightning-4", 4, "euler", (1.0, 0.75, 0.5, 0.25)),
        Recipe("two-steps", 2, "unipc", (), 3.5, 1.0, 5.0),
    )
    assert card.loras == ("grain",)
    wrong = ("rising", "unsampled", "torn", "undressed", "countless", "worded", "listed", "endless", "unsaid", "heavy")
    for name in (*wrong, "folder"):
        assert f"{name}.json left out" in caplog.text
    for name in ("two words", "folder"):
        assert f"{name}.safetensors' left out" in caplog.text


def parts(models: Path, name: str, **config: object) -> Path:
    """A folder in diffusers layout whose parts are all there."""
    classes = {part: ["diffusers", "X"] for part in ("transformer", "text_encoder", "tokenizer", "vae")}
    folder = weights(models, name, **classes, transformer_2=[None, None], **config)
    for part in classes:
        (folder / part).mkdir(exist_ok=True)
        (folder / part / "config.json").write_text("{}")
        (folder / part / "weights.safetensors").write_bytes(b"\1")
    return folder


@pytest.mark.parametrize(
    ("lost", "said"),
    [
        (["transformer/weights.safetensors"], "transformer/*.safetensors of it is not there"),
        (["text_encoder/config.json"], "text_encoder/config.json of it is not there"),
        (["tokenizer/config.json", "tokenizer/weights.safetensors"], "tokenizer/ of it is not there"),
        (["vae/weights.safetensors", "vae/config.json"], "vae/config.json, vae/*.safetensors of it are not there"),
        (
            [f"{part}/{name}" for part in ("vae", "transformer") for name in ("config.json", "weights.safetensors")],
            "transformer/config.json, transformer/*.safetensors, vae/config.json and 1 more of it are not there",
        ),
    ],
)
def test_a_model_of_which_something_lacks_is_told_to_be_absent_with_what_to_put_where(
    lost: list[str], said: str, tmp_path: Path
) -> None:
    models, repository = tmp_path / "models", tmp_path / "repository"
    parts(models, "whole")
    folder = parts(models, "half")
    for name in lost:
        (folder / name).unlink()
    half, whole = discover(models, tmp_path / "digests.json")
    assert (whole.card["available"], whole.card["remedy"]) == (True, "")
    card = ModelCard.parse("half", half.card)
    assert (card.available, card.weights_digest) == (False, "")
    assert card.remedy.startswith(said)
    assert "the folder half of ARTIFEX_MODELS" in card.remedy
    with pytest.raises(FailedPrecondition) as caught:
        require_available(card)
    assert caught.value.reason == "ERROR_REASON_MODEL_ABSENT"
    assemble(repository, [half, whole], TritonSettings(home=tmp_path, models=models), {"kind": "cpu"})
    assert sorted(path.name for path in repository.iterdir()) == sorted([CATALOGUE, "whole"])
    assert "half of ARTIFEX_MODELS" in (repository / CATALOGUE / "config.pbtxt").read_text()


def test_experts_may_come_packed_beside_their_weights_or_in_place_of_them(tmp_path: Path) -> None:
    models = tmp_path / "models"
    folder = parts(models, "t2v")
    known: Any = KNOWN["wan22-ti2v-5b"]["architecture"]
    for part in ("transformer", "text_encoder", "vae"):
        (folder / part / "config.json").write_text(json.dumps(known[part]))

    def card() -> ModelCard:
        (found,) = discover(models, tmp_path / "digests.json")
        return ModelCard.parse("t2v", found.card)

    def told() -> tuple[bool, int, bool]:
        found = card()
        assert found.architecture is not None
        return found.available, found.architecture.packed, found.architecture.whole

    assert told() == (True, 0, True)
    one = folder / "transformer" / "wan-Q4_K_M.gguf"
    one.write_bytes(b"12345")
    assert told() == (True, 5, True)
    (folder / "transformer" / "weights.safetensors").unlink()
    assert told() == (True, 5, False)
    # Of two nobody can tell which is meant.
    other = one.with_name("wan-Q8_0.gguf")
    other.write_bytes(b"1234567")
    assert told() == (False, 0, False)
    assert card().remedy.startswith("transformer/*.gguf (one) of it is not there")


def test_weights_in_several_files_are_there_when_all_that_their_index_names_are(tmp_path: Path) -> None:
    folder = parts(tmp_path / "models", "t2v") / "transformer"
    shards = [f"weights-0000{n}-of-00002.safetensors" for n in (1, 2)]
    index = folder / "weights.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": dict(zip("ab", shards, strict=True))}))
    (folder / shards[0]).write_bytes(b"\1")
    assert missing(folder.parent).startswith(f"transformer/{shards[1]} of it is not there")
    (folder / shards[1]).write_bytes(b"\1")
    assert missing(folder.parent) == ""
    index.write_text("{")
    assert missing(folder.parent).startswith(f"transformer/{index.name} (torn) of it is not there")


@pytest.mark.parametrize(
    "wrong",
    [
        '{"max_frames": "many"}',
        '{"defaults": {"colour": 3}}',
        '{"defaults": {"steps": "many"}}',
        '{"defaults": {"steps": 1000}}',
        '{"defaults": {"flow_shift": NaN}}',
        '{"load": []}',
        '{"load": {"colour": "blue"}}',
        '{"load": {"vae": "tilde"}}',
        '{"size_multiple": 0}',
        '{"max_width": 0}',
        '{"frame_multiple": 0}',
        '{"frame_rate": "1/0"}',
        '{"frame_rate": "-24"}',
        '{"frame_rate": "0.00000000001"}',
        '{"display_name": "\\ud800"}',
    ],
)
def test_a_card_that_is_none_leaves_its_model_out_and_the_others_in(
    wrong: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    models = tmp_path / "models"
    weights(models, "right")
    (weights(models, "wrong") / "artifex.json").write_text(wrong)
    assert [entry.model for entry in discover(models, tmp_path / "digests.json")] == ["right"]
    assert "wrong left out: its artifex.json is no card of a model" in caplog.text


@pytest.mark.parametrize(
    ("text", "measured"),
    [
        ('{"transformer": [1.0, 0.98], "transformer_2": [1.0]}', True),
        ('{"transformer": []}', False),
        ('{"transformer": [1.0, NaN]}', False),
        ('{"transformer": [1.0, -0.5]}', False),
        ("{}", False),
        ("[1.0]", False),
        ("{", False),
        (None, False),
    ],
)
def test_what_the_step_cache_goes_by_is_known_to_the_card(text: str | None, measured: bool, tmp_path: Path) -> None:
    models = tmp_path / "models"
    folder = weights(models, "t2v")
    if text is not None:
        (folder / "magnitudes.json").write_text(text)
    (found,) = discover(models, tmp_path / "digests.json")
    assert ModelCard.parse("t2v", found.card).magnitudes == measured
    # The model's own process sees the same in it.
    assert bool(model_module("magnitudes").read_magnitudes(folder)) == measured


CACHES = {
    "first_block": {
        "times": 1.62,
        "psnr": 31.4,
        "least_psnr": 28.9,
        "width": 832,
        "height": 480,
        "frame_count": 81,
        "steps": 40,
    }
}


@pytest.mark.parametrize(
    ("text", "measured"),
    [
        (json.dumps(CACHES), 1),
        (json.dumps({"first_block": {**CACHES["first_block"], "times": 0}}), 0),
        (json.dumps({"teacache": CACHES["first_block"]}), 0),
        ('{"first_block": {"times": 1.6}}', 0),
        ("[1.6]", 0),
        ("{", 0),
    ],
)
def test_what_step_caches_were_measured_to_do_is_known_to_the_card_and_no_part_of_the_weights(
    text: str, measured: int, tmp_path: Path
) -> None:
    models = tmp_path / "models"
    folder = weights(models, "t2v")
    (before,) = discover(models, tmp_path / "digests.json")
    (folder / "caches.json").write_text(text)
    (found,) = discover(models, tmp_path / "digests.json")
    assert found.card["weights_digest"] == before.card["weights_digest"]
    assert weights_digest(folder) == before.card["weights_digest"]
    card = ModelCard.parse("t2v", found.card)
    assert len(card.measures) == measured
    if measured:
        known = card.measure("first_block")
        assert known is not None
        assert known.text == (
            "1.62 times as fast and 31.4 dB from the clip without it, measured at 832x480, 81 frames, 40 steps"
        )
    assert card.measure("magnitude") is None
