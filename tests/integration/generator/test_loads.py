"""How a model lies in memory, LoRAs and step caches, on models of every class in Triton's environment."""

from __future__ import annotations

import json

import pytest

from tests.integration.generator.conftest import Scripts

# Of models that are read a dozen times, and blocks that are compiled.
pytestmark = pytest.mark.timeout(400)
each_kind = pytest.mark.parametrize("kind", ["t2v", "i2v", "ti2v"])
STORED = {"float8": "torch.float8_e4m3fn", "bfloat16": "torch.bfloat16", "float16": "torch.float16"}
ONLY_PLACES = {"experts", "text_encoder"}
ADAPTABLE = {*ONLY_PLACES, "vae", "vae_layout", "attention"}


@each_kind
def test_each_choice_does_what_it_says_and_makes_the_same_clip_or_one_much_like_it(scripts: Scripts, kind: str) -> None:
    found = scripts("loads", "choices", kind)
    assert len(found) == 13
    for case in found:
        load, told = case["load"], case["evidence"]
        if load.keys() <= ONLY_PLACES:
            assert case["difference"] == 0, case
        else:
            # Of 255; random weights make noise, in which tiles of 256 pixels are not seen.
            assert case["mean"] < 8, case
        assert told["stored"] == STORED.get(load.get("precision", ""), "torch.float32")
        assert ("group_offloading" in told["hooks"]) == (load.get("experts") == "streamed")
        assert told["attention"] == load.get("attention", "native")
        assert told["compiled"] == (load.get("compile") == "blocks")
        assert told["tiled"] == (load.get("vae") == "tiled")
        assert told["channels_last"] == ("vae_layout" in load)
        assert told["laid"]["precision"] == load.get("precision", "float32")
        # In which a text encoder of this kind overflows.
        assert told["text"] != "torch.float16"
        assert case["back"], case
        assert case["left"] == ([] if kind == "t2v" else [case["present"][-1]]), case
        assert case["elsewhere"], case
        # There, and back with what of it had got there.
        fetched = {"text_encoder": load.get("text_encoder"), "transformer": load.get("experts")}
        assert case["torn_move"] == {name: 2 for name, where in fetched.items() if where == "swapped"}, case
        assert case["adapted"] == (load.keys() <= ADAPTABLE and load.get("experts") != "streamed"), case
    differences = {json.dumps(case["load"]): case["difference"] for case in found}
    assert differences['{"vae": "tiled"}'] > 0
    assert differences['{"precision": "float8"}'] > 0
    assert differences['{"vae_layout": "channels_last"}'] <= 1
    swapped = next(case["present"] for case in found if case["load"] == {"experts": "swapped"})
    # One at a time, and none beside the decoder.
    second = "transformer" if kind == "ti2v" else "transformer_2"
    assert swapped == [["transformer"], ["transformer"], [second], [second], []]


@each_kind
def test_loras_change_their_expert_by_their_strength_and_leave_nothing_behind(scripts: Scripts, kind: str) -> None:
    found = scripts("loads", "loras", kind)
    assert len(found) == (6 if kind == "t2v" else 5)
    for case in found:
        assert case["off"], case
        assert case["nothing"], case
        assert case["changed"] > 0.005, case
        assert 0.2 < case["weaker"] / case["changed"] < 0.8, case
        # Each has its own strength, and is added in the order of the request.
        assert case["whatever_before"] == [True] * 4, case
        # That of the low-noise expert says nothing while the other is at work.
        assert case["first"] == 0, case
        if kind != "ti2v":
            before, at = case["low"]
            assert before == 0, case
            assert at > 0.005, case
        # Where the weights are stored in 8 bits the LoRA is not.
        assert abs(case["changed"] / found[0]["changed"] - 1) < 0.1, case
    assert found[0]["as_merged"] < 1e-4


@each_kind
def test_what_cannot_be_is_refused_by_name_and_changes_nothing(scripts: Scripts, kind: str) -> None:
    *refused, memory, after = scripts("loads", "refusals", kind)
    fields = {
        **dict.fromkeys(("absent", "foreign", "large", "half", "torn", "alone", "damaged", "twice"), "loras"),
        "magnitude": "step_cache",
        "flash": "load.attention",
        "_native_cudnn": "load.attention",
        "no choice": "load.slicing",
        "no value": "load.vae",
        "no object": "load",
        **dict.fromkeys(("path", "strong", "text", "more"), "loras"),
        **({"second": "loras"} if kind == "ti2v" else {}),
    }
    assert {case["refused"]: case["field"] for case in refused} == fields
    there = "alone, damaged, foreign, half, high.v1, large, torn"
    assert refused[0]["description"] == f"have no absent; beside this model there are: {there}"
    assert memory == {"host_out_of_memory": True}
    assert after == {"after_refusals": True}


@each_kind
def test_a_model_waits_off_the_device_for_what_the_first_request_wants_of_it(scripts: Scripts, kind: str) -> None:
    """On which there may be room for that, and for no more."""
    all_of_it = ["transformer"] if kind == "ti2v" else ["transformer", "transformer_2"]
    plain, streamed, told = scripts("loads", "begins", kind)
    assert (plain["before"], plain["after"]) == ([], all_of_it)
    assert (streamed["before"], streamed["after"]) == ([], [])
    # An operator's word is taken.
    assert (told["before"], told["after"]) == (all_of_it, all_of_it)
    assert all(case["as_usual"] for case in (plain, streamed, told))


@each_kind
def test_step_caches_skip_work_begin_anew_where_a_run_rests_and_are_gone_afterwards(
    scripts: Scripts, kind: str
) -> None:
    known, *found = scripts("step_caches", kind)
    if kind == "ti2v":
        assert known["calibrated"] == {"transformer": 20}
    else:
        assert sum(known["calibrated"].values()) == 20
        assert known["calibrated"].keys() == {"transformer", "transformer_2"}
    assert known["of_one_block"]
    assert known["compared"].keys() == {"first_block", "magnitude"}
    for measure, psnr in zip(known["compared"].values(), known["psnr"], strict=True):
        assert measure["psnr"] == pytest.approx(psnr, abs=0.02)
        assert 0 < measure["least_psnr"] <= measure["psnr"]
        assert measure["times"] > 0
        assert [measure[name] for name in ("width", "height", "frame_count", "steps")] == [64, 64, 5, 20]
    assert len(found) == (12 if kind == "t2v" else 10)
    for case in found:
        cache, passes, taken_over, times = case["use"]
        assert (cache, passes) == (case["cache"], 40)
        left = 1 - taken_over / 40 * (1 - 1 / case["blocks"] if cache == "first_block" else 1)
        assert times == pytest.approx(1 / left, abs=0.001)
        assert case["rests"] == [8, 16]
        assert case["resumed"] == [True, True], case
        assert case["without"], case
        assert 0 < case["difference"] < 64, case
        if case["load"] != {"compile": "blocks"}:  # whose passes run unseen
            assert case["passes"] == 40
            assert case["computed"] == 40 - taken_over < 40, case
