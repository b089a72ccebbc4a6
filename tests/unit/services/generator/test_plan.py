"""What the planner picks, and what it reckons with."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

from artifex.generator.v1 import messages_pb2 as pb
from libs.chassis.errors import ResourceExhausted
from services.generator.domain.filling import filled
from services.generator.domain.models import ModelCard, with_absent
from services.generator.domain.plan.devices import Calibration, Device, calibrated, imagined, largest
from services.generator.domain.plan.memory import memory
from services.generator.domain.plan.options import CHOICES, Options, ways
from services.generator.domain.plan.planner import can_make, goes, options_of, plan, require_fit
from services.generator.domain.plan.work import decode_flops, look_flops, pass_flops
from services.generator.domain.presets import PRESETS
from services.generator.domain.step_caches import CacheMeasure

GB = 10**9
CARDS = with_absent({})
T2V, I2V, TI2V = (CARDS[f"wan22-{name}"] for name in ("t2v-a14b", "i2v-a14b", "ti2v-5b"))
NANO = CARDS["wan22-nano-t2v"]
NAMES = {24: "NVIDIA GeForce RTX 4090", 48: "NVIDIA RTX A6000", 80: "NVIDIA H100 80GB HBM3"}
PROFILES = {
    "": pb.GENERATION_PROFILE_UNSPECIFIED,
    "speed": pb.GENERATION_PROFILE_SPEED,
    "memory": pb.GENERATION_PROFILE_MEMORY,
    "quality": pb.GENERATION_PROFILE_QUALITY,
}


def device(gigabytes: int, host: int = 128) -> Device:
    return Device("cuda", NAMES.get(gigabytes, "a device"), gigabytes << 30, host << 30, 16, "_native_cudnn")


CPU = Device("cpu", "cpu", 16 << 30, 16 << 30, 2)


def planned(card: ModelCard, on: Device, calibration: Calibration | None = None, **given: Any) -> pb.GenerationPlan:
    image: dict[str, Any] = {"image": "assets/a"} if card.kind == "image" else {}
    spec = pb.GenerationSpec(prompt="a river", **image, **given)
    found = filled(spec, card, CARDS)
    return plan(found, card, CARDS[card.image_form], on, {on.name: calibration})


def told(message: pb.GenerationPlan) -> tuple[str, str, str, str]:
    options = options_of(message)
    return options.precision, options.experts, options.text_encoder, options.vae


DRAFT, PREVIEW, PRODUCTION, CINEMA = PRESETS

TABLE = {
    # What is picked without a profile: the fastest that changes no pixel.
    ("t2v-a14b", 24): {
        DRAFT: ("float16", "streamed", "resident", "whole"),
        PREVIEW: ("bfloat16", "streamed", "swapped", "whole"),
        PRODUCTION: ("bfloat16", "streamed", "swapped", "whole"),
        CINEMA: ("bfloat16", "streamed", "swapped", "whole"),
    },
    ("t2v-a14b", 48): {
        DRAFT: ("float16", "swapped", "resident", "whole"),
        PREVIEW: ("bfloat16", "swapped", "swapped", "whole"),
        PRODUCTION: ("bfloat16", "swapped", "swapped", "whole"),
        CINEMA: ("bfloat16", "swapped", "swapped", "whole"),
    },
    ("t2v-a14b", 80): {
        DRAFT: ("float16", "resident", "swapped", "whole"),
        # Resident, both experts would leave no room for what is reckoned a little short.
        PREVIEW: ("bfloat16", "swapped", "resident", "whole"),
        PRODUCTION: ("bfloat16", "swapped", "resident", "whole"),
        CINEMA: ("bfloat16", "swapped", "resident", "whole"),
    },
    ("ti2v-5b", 24): dict.fromkeys(PRESETS, ("bfloat16", "swapped", "swapped", "whole")),
    ("ti2v-5b", 48): dict.fromkeys(PRESETS, ("bfloat16", "resident", "resident", "whole")),
    ("ti2v-5b", 80): dict.fromkeys(PRESETS, ("bfloat16", "resident", "resident", "whole")),
}
for gigabytes in NAMES:
    TABLE["ti2v-5b", gigabytes][DRAFT] = ("float16", *TABLE["ti2v-5b", gigabytes][DRAFT][1:])
TABLE |= {("i2v-a14b", gigabytes): TABLE["t2v-a14b", gigabytes] for gigabytes in NAMES}


@pytest.mark.parametrize("preset", list(PRESETS))
@pytest.mark.parametrize(("model", "gigabytes"), list(TABLE))
def test_each_model_and_preset_goes_its_way_on_each_device(model: str, gigabytes: int, preset: int) -> None:
    message = planned(CARDS[f"wan22-{model}"], device(gigabytes), preset=preset)
    assert told(message) == TABLE[model, gigabytes][preset]


@pytest.mark.parametrize("profile", list(PROFILES))
@pytest.mark.parametrize("preset", list(PRESETS))
@pytest.mark.parametrize("gigabytes", list(NAMES))
@pytest.mark.parametrize("card", [T2V, I2V, TI2V, NANO], ids=lambda card: card.model)
def test_every_plan_fits_by_its_own_sums(card: ModelCard, gigabytes: int, preset: int, profile: str) -> None:
    on = device(gigabytes)
    message = planned(card, on, preset=preset, profile=PROFILES[profile])
    assert message.fits, message.shortage
    assert [stage.name for stage in message.stages] == ["encode", "denoise", "decode"]
    assert max(stage.device_bytes for stage in message.stages) <= on.usable < on.memory
    assert max(stage.host_bytes for stage in message.stages) <= on.host_memory
    assert message.seconds == pytest.approx(sum(stage.seconds for stage in message.stages))
    assert all(stage.seconds > 0 and stage.flops > 0 for stage in message.stages)
    options = options_of(message)
    assert options.exact or profile in ("speed", "memory")
    assert (options.attention != "native") == (profile == "speed")


def test_room_is_left_where_it_costs_little_and_not_where_it_costs_much() -> None:
    roomy = planned(T2V, device(80), preset=PREVIEW)
    peak = max(stage.device_bytes for stage in roomy.stages)
    assert peak * 1.1 <= device(80).usable
    tight = planned(TI2V, device(24), preset=PREVIEW)
    # The VAE's own: tiles would change pixels.
    assert max(stage.device_bytes for stage in tight.stages) * 1.1 > device(24).usable
    # A pass would wait for the weights' way.
    short = planned(T2V, device(80), preset=DRAFT, steps=2, guidance_scale=1.0, guidance_scale_2=1.0)
    assert told(short)[1] == "resident"


@pytest.mark.parametrize("card", [T2V, I2V, TI2V], ids=lambda card: card.model)
@pytest.mark.parametrize("gigabytes", list(NAMES))
def test_speed_is_never_slower_and_memory_never_larger_than_the_rest(card: ModelCard, gigabytes: int) -> None:
    plans = {
        name: planned(card, device(gigabytes), preset=PREVIEW, steps=40, profile=profile)
        for name, profile in PROFILES.items()
    }
    assert plans["speed"].seconds == min(message.seconds for message in plans.values())
    peaks = {name: max(stage.device_bytes for stage in message.stages) for name, message in plans.items()}
    assert peaks["memory"] == min(peaks.values())


def packed(card: ModelCard, *, whole: bool) -> ModelCard:
    """With GGUF files of 9 GB an expert."""
    assert card.architecture is not None
    return replace(card, architecture=replace(card.architecture, packed=9 * GB, whole=whole))


def test_packed_weights_beside_the_others_are_for_who_may_change_pixels() -> None:
    card = packed(T2V, whole=True)
    plain = planned(card, device(80), preset=PREVIEW)
    assert options_of(plain).precision == "bfloat16"
    quality = planned(card, device(24), preset=PREVIEW, profile=pb.GENERATION_PROFILE_QUALITY)
    assert options_of(quality).precision == "bfloat16"
    # Where experts change places the packed ones are the quicker to carry.
    quick = options_of(planned(card, device(24), preset=DRAFT, profile=pb.GENERATION_PROFILE_SPEED))
    assert (quick.precision, quick.experts) == ("gguf", "swapped")
    assert quick.told()["precision"] == "gguf"


@pytest.mark.parametrize("profile", list(PROFILES))
def test_packed_weights_that_are_alone_are_taken_for_what_they_weigh(profile: str) -> None:
    message = planned(packed(T2V, whole=False), device(48), preset=DRAFT, profile=PROFILES[profile])
    assert message.fits
    assert options_of(message).precision == "gguf"
    reason = next(choice.reason for choice in message.choices if choice.subject == "precision")
    assert reason.startswith("keeps the transformers in 18.0 GB instead of 57.2 GB")
    assert reason.endswith("the model's only weights here")
    architecture = packed(T2V, whole=False).architecture
    assert architecture is not None
    size = (832, 480, 41)
    both, one = (
        memory(architecture, *size, Options("gguf", experts))["denoise"].device for experts in ("resident", "swapped")
    )
    assert both - one == 9 * GB


def test_a_draft_is_computed_in_its_own_precision_but_for_who_wants_quality_and_on_a_processor() -> None:
    draft = planned(T2V, device(80), preset=DRAFT)
    assert options_of(draft).told()["precision"] == "float16"
    assert options_of(planned(T2V, CPU, preset=DRAFT)).precision == "float32"
    quality = planned(T2V, device(80), preset=DRAFT, profile=pb.GENERATION_PROFILE_QUALITY)
    assert options_of(quality).precision == "bfloat16"
    assert "precision" not in options_of(quality).told()


def test_only_speed_lays_the_vae_out_for_an_accelerators_convolutions() -> None:
    for profile, number in PROFILES.items():
        layout = options_of(planned(TI2V, device(80), preset=PREVIEW, profile=number)).vae_layout
        assert layout == ("channels_last" if profile == "speed" else "plain")
    assert options_of(planned(TI2V, CPU, profile=pb.GENERATION_PROFILE_SPEED)).vae_layout == "plain"


def test_sixteen_gigabytes_tile_the_5b_only_where_nothing_exact_fits() -> None:
    small, large = (planned(TI2V, device(16), preset=preset) for preset in (DRAFT, PREVIEW))
    assert told(small)[3] == "whole"
    assert told(large)[3] == "tiled"
    assert large.fits
    quality = planned(TI2V, device(16), preset=PREVIEW, profile=pb.GENERATION_PROFILE_QUALITY)
    assert not quality.fits, "quality changes no pixel, whatever it saves"
    assert "where no pixel may change" in quality.shortage


def test_what_does_not_fit_is_refused_with_the_numbers_and_the_nearest_that_does() -> None:
    on = device(8)
    message = planned(T2V, on, width=1280, height=720, frame_count=81)
    assert not message.fits
    assert "wan22-t2v-a14b at 1280x720 with 81 frames takes" in message.shortage
    assert f"has {on.usable / GB:.1f} GB" in message.shortage
    near = message.nearest
    assert planned(T2V, on, width=near.width, height=near.height, frame_count=near.frame_count).fits
    assert near.width * near.height * near.frame_count > 0.3 * 1280 * 720 * 81
    with pytest.raises(
        ResourceExhausted, match=rf"{near.width}x{near.height} with {near.frame_count} frames"
    ) as caught:
        require_fit(message, T2V)
    assert caught.value.reason == "ERROR_REASON_DOES_NOT_FIT"
    assert caught.value.metadata["model"] == "wan22-t2v-a14b"


def test_where_nothing_fits_there_is_no_nearest() -> None:
    message = planned(T2V, device(1))
    assert not message.fits
    assert not message.HasField("nearest")
    with pytest.raises(ResourceExhausted, match="another model or a larger device"):
        require_fit(message, T2V)


def test_weights_that_wait_in_the_hosts_memory_must_fit_there_too() -> None:
    message = planned(T2V, device(24, host=32), profile=pb.GENERATION_PROFILE_QUALITY)
    assert not message.fits
    assert "in the host's memory" in message.shortage


def test_a_processor_computes_in_float32_and_keeps_everything() -> None:
    message = planned(NANO, CPU)
    assert told(message) == ("float32", "resident", "resident", "whole")
    assert (message.device, message.spec.width, message.spec.frame_count) == ("cpu", 112, 17)
    assert message.seconds < 60


def test_a_model_that_does_not_tell_what_it_is_built_of_is_not_reckoned() -> None:
    message = planned(replace(T2V, architecture=None), CPU)
    assert message.fits
    assert not message.stages
    assert not message.choices


@pytest.mark.parametrize(
    ("card", "size", "teraflops"),
    [(TI2V, (1280, 704, 121), 517), (T2V, (1280, 720, 81), 6523), (T2V, (832, 480, 81), 1678)],
)
def test_a_passs_work_is_that_of_the_fact_sheet(card: ModelCard, size: tuple[int, int, int], teraflops: float) -> None:
    assert card.architecture is not None
    assert pass_flops(card.architecture, *size, 512) / 1e12 == pytest.approx(teraflops, rel=0.002)


def test_published_times_are_met_within_a_quarter() -> None:
    # 40 steps with guidance at 720p on an H100: 1041.5 s, its decode 6.9 s; 50 of the 5B on a 4090: 534.7 s.
    given: dict[str, Any] = {"width": 1280, "height": 720, "guidance_scale": 4.0, "guidance_scale_2": 3.0}
    a14b = planned(
        T2V, device(80), frame_count=81, steps=40, profile=pb.GENERATION_PROFILE_SPEED, step_cache=1, **given
    )
    assert {stage.name: stage for stage in a14b.stages}["decode"].seconds == pytest.approx(6.9, rel=0.25)
    stock = planned(T2V, device(80), frame_count=81, steps=40, **given)
    assert a14b.seconds < 1041.5 < stock.seconds
    ti2v = planned(TI2V, device(24), frame_count=121, steps=50, **given)
    assert ti2v.seconds == pytest.approx(534.7, rel=0.25)


def test_published_peaks_are_met_within_a_tenth() -> None:
    for card, size, options, gigabytes in (
        # The 5B at 720p on a 4090, text encoder on the CPU and the transformer away while the VAE decodes.
        (TI2V, (1280, 704, 121), Options("bfloat16", "swapped", "cpu"), 22.9),
        # All of the A14B resident at 480p, context included.
        (T2V, (832, 480, 81), Options(), 80.5),
    ):
        assert card.architecture is not None
        peak = max(stage.device for stage in memory(card.architecture, *size, options).values())
        assert peak / GB == pytest.approx(gigabytes, rel=0.1)


def test_what_goes_on_from_a_last_frame_has_to_fit_too_and_looks_at_the_picture() -> None:
    assert I2V.architecture is not None
    once, twice = (planned(T2V, device(80), width=1280, height=720, frame_count=count, steps=10) for count in (81, 161))
    assert [choice.choice for choice in twice.choices if choice.subject == "windows"] == ["2"]
    encode = {name: plan.stages[0] for name, plan in (("once", once), ("twice", twice))}
    # The text encoder and both experts; beside them I2V's looking at a whole clip.
    assert encode["twice"].device_bytes > encode["once"].device_bytes + 4 * GB
    looked = encode["twice"].flops - 2 * encode["once"].flops
    assert looked == pytest.approx(look_flops(I2V.architecture, 1280, 720, 81))
    assert encode["twice"].seconds > 2


def test_a_given_picture_is_looked_at_alone_or_in_the_clip_that_it_stands_in() -> None:
    for card in (I2V, TI2V):
        model = card.architecture
        assert model is not None
        short, whole = (look_flops(model, 1280, 704, frames) for frames in (5, card.max_frames))
        assert whole > 0
        assert (whole == short) == model.token_times
    assert T2V.architecture is not None
    assert TI2V.architecture is not None
    assert look_flops(T2V.architecture, 1280, 704, 81) == 0
    plain, pictured = (planned(TI2V, device(80), image=image) for image in ("", "assets/a"))
    assert pictured.stages[0].flops - plain.stages[0].flops == look_flops(
        TI2V.architecture, plain.spec.width, plain.spec.height, plain.spec.frame_count
    )


@pytest.mark.parametrize("profile", list(PROFILES))
def test_what_the_operator_says_of_a_model_is_planned_with(profile: str) -> None:
    own = {"precision": "float8", "text_encoder": "cpu", "attention": "sage", "compile": "none"}
    message = planned(replace(T2V, load=own), device(80), preset=PREVIEW, profile=PROFILES[profile])
    options = options_of(message)
    assert {name: getattr(options, name) for name in own} == own
    assert own.items() <= options.told().items() | {("compile", "none")}
    left_open = planned(replace(T2V, load={"precision": "auto"}), device(80), preset=PREVIEW, profile=PROFILES[profile])
    assert left_open == planned(T2V, device(80), preset=PREVIEW, profile=PROFILES[profile])


def test_a_plan_goes_on_a_device_like_the_one_that_it_was_made_for_and_no_other() -> None:
    h100 = device(80)
    message = planned(T2V, h100, preset=PREVIEW, profile=pb.GENERATION_PROFILE_SPEED)

    def fits(card: ModelCard, on: Device) -> bool:
        return goes(message, card, I2V, on)

    assert fits(T2V, h100)
    assert not fits(T2V, replace(h100, name="NVIDIA A100-SXM4-80GB"))
    assert not fits(T2V, device(48))
    assert not fits(T2V, replace(h100, attention="flash")), "its attention is not installed there"
    assert not fits(T2V, replace(h100, host_memory=8 << 30)), "what waits in the host's memory does not fit there"
    assert not fits(replace(T2V, load={"experts": "streamed"}), h100), "it is run otherwise there"
    assert fits(replace(T2V, load={"experts": "swapped", "precision": "auto"}), h100)
    assert fits(replace(T2V, architecture=None), device(24)), "nothing was reckoned"


def test_whether_anything_fits_a_device_is_found_out_without_a_plan() -> None:
    message = planned(T2V, device(80), preset=PRODUCTION)
    assert can_make(message, CARDS, device(24))
    assert not can_make(message, CARDS, device(4))
    assert can_make(message, {}, device(4)), "what is not there is told elsewhere"


def test_a_processor_has_no_part_in_what_was_planned_for_an_accelerator() -> None:
    huge = Device("cpu", "cpu", 1 << 40, 1 << 40, 64)
    assert largest([device(24), huge, device(48)]) == device(48)
    assert largest([CPU, huge]) == huge
    message, own = (planned(T2V, on, width=832, height=480, frame_count=5, steps=2) for on in (device(24), huge))
    assert own.fits
    assert not can_make(message, CARDS, huge)
    assert can_make(own, CARDS, huge)
    assert not can_make(own, CARDS, device(80))


def test_where_there_is_no_accelerator_a_usual_one_of_the_memory_is_reckoned_with() -> None:
    for gigabytes, name in ((16, "4090"), (24, "4090"), (32, "5090"), (48, "L40S"), (80, "H100"), (141, "H200")):
        assert imagined(CPU, gigabytes * GB).rates == Device("cuda", name, 1, 1).rates
        assert f"{gigabytes} GB" in imagined(CPU, gigabytes * GB).name
    known = device(24)
    larger = imagined(known, 80 * GB)
    assert (larger.name, larger.memory, larger.rates) == (known.name, 80 * GB, known.rates)


def test_guidance_of_one_costs_half() -> None:
    guided = planned(TI2V, device(80), guidance_scale=5.0, guidance_scale_2=5.0)
    plain = planned(TI2V, device(80), guidance_scale=1.0, guidance_scale_2=1.0)
    assert guided.stages[1].flops == pytest.approx(2 * plain.stages[1].flops)
    # Of two experts only the first's steps are asked twice.
    half = planned(T2V, device(80), guidance_scale=4.0, guidance_scale_2=1.0, flow_shift=5.0, steps=40)
    none = planned(T2V, device(80), guidance_scale=1.0, guidance_scale_2=1.0, flow_shift=5.0, steps=40)
    assert 1.3 < half.stages[1].flops / none.stages[1].flops < 1.6


def test_a_long_clip_takes_the_memory_of_one_run_and_the_time_of_all() -> None:
    once, thrice = (planned(TI2V, device(80), frame_count=count, steps=10) for count in (121, 361))
    assert once.stages[2].device_bytes == thrice.stages[2].device_bytes
    assert thrice.seconds == pytest.approx(3 * once.seconds, rel=0.05)
    assert [choice.choice for choice in thrice.choices if choice.subject == "windows"] == ["3"]


def test_measured_rates_take_the_place_of_published_ones() -> None:
    calibration = calibrated(None, 100e12, 10e12)
    message = planned(TI2V, device(80), calibration, steps=10)
    assert message.calibrated
    assert message.stages[1].seconds == pytest.approx(message.stages[1].flops / 100e12)
    assert message.stages[2].seconds == pytest.approx(message.stages[2].flops / 10e12)
    # What plain attention was measured at says nothing of the fastest, nor the other way round.
    found = filled(message.spec, TI2V, CARDS)
    found.spec.profile, found.spec.step_cache = pb.GENERATION_PROFILE_SPEED, pb.STEP_CACHE_NONE
    plain = plan(found, TI2V, TI2V, device(80), {device(80).name: calibration})
    assert not plain.calibrated
    fast = plan(found, TI2V, TI2V, device(80), {f"{device(80).name}, fast": calibration})
    assert fast.calibrated
    assert fast.stages[1].seconds == pytest.approx(fast.stages[1].flops / 100e12)
    assert not plan(filled(message.spec, TI2V, CARDS), TI2V, TI2V, device(80), {"another": calibration}).calibrated
    later = calibrated(calibration, 200e12, 20e12)
    assert later.flops == pytest.approx(130e12)
    assert later.vae_flops == pytest.approx(13e12)
    assert later.clips == 2


@pytest.mark.parametrize("card", [T2V, I2V, TI2V], ids=lambda card: card.model)
def test_what_saves_memory_never_takes_more(card: ModelCard) -> None:
    model = card.architecture
    assert model is not None
    size = (card.max_width, 704, card.max_frames)

    def peak(options: Options) -> int:
        return max(stage.device for stage in memory(model, *size, options).values())

    for options in ways(lossy=True):
        assert peak(replace(options, precision="float8")) <= peak(replace(options, precision="bfloat16"))
        assert peak(replace(options, vae="tiled")) <= peak(replace(options, vae="whole"))
        assert peak(replace(options, experts="swapped")) <= peak(replace(options, experts="resident"))
        assert (
            peak(replace(options, text_encoder="cpu"))
            <= peak(replace(options, text_encoder="swapped"))
            <= peak(replace(options, text_encoder="resident"))
        )


def test_the_server_is_told_only_what_is_not_plain() -> None:
    assert Options().told() == {}
    assert Options("float32").told() == {}
    assert Options("float8", "swapped", vae="tiled").told() == {
        "precision": "float8",
        "experts": "swapped",
        "vae": "tiled",
    }


def test_a_decoders_first_time_is_one_frame() -> None:
    assert T2V.architecture is not None
    one, five = (decode_flops(T2V.architecture, 832, 480, frames) for frames in (1, 5))
    assert five == pytest.approx(5 * one)


def test_the_cards_of_absent_models_say_what_to_put_where() -> None:
    assert sorted(CARDS) == [
        "wan22-i2v-a14b",
        "wan22-nano-i2v",
        "wan22-nano-t2v",
        "wan22-nano-ti2v",
        "wan22-t2v-a14b",
        "wan22-ti2v-5b",
    ]
    for card in CARDS.values():
        assert not card.available
        assert "ARTIFEX_MODELS" in card.remedy
        assert card.architecture is not None
        assert card.image_form in CARDS
    assert TI2V.frame_rate == Fraction(24)
    there = with_absent({T2V.model: replace(T2V, available=True)})
    assert there[T2V.model].available


def test_a_step_cache_is_reckoned_as_it_was_measured_and_the_plan_says_what_it_changes() -> None:
    given: dict[str, Any] = {"preset": PREVIEW, "step_cache": pb.STEP_CACHE_FIRST_BLOCK}
    measure = CacheMeasure("first_block", 2.5, 31.4, 28.9, 832, 480, 81, 40)
    without = planned(T2V, device(80), preset=PREVIEW)
    supposed = planned(T2V, device(80), **given)
    known = planned(replace(T2V, measures=(measure,)), device(80), **given)

    def cache(message: pb.GenerationPlan) -> pb.PlanChoice:
        return next(choice for choice in message.choices if choice.subject == "step_cache")

    def denoise(message: pb.GenerationPlan) -> float:
        return next(stage.seconds for stage in message.stages if stage.name == "denoise")

    assert cache(without).reason == "every step is made whole, which changes no pixel"
    as_said = "as the spec says, or else the profile: "
    assert cache(supposed).reason.startswith(f"{as_said}about 1.7 times as fast by what is published; what it changes")
    assert cache(known).reason == as_said + measure.text
    assert denoise(without) > denoise(supposed) > denoise(known)
    # The experts' way there and back, which no cache shortens, is all that is left beside the steps.
    assert denoise(without) - denoise(known) == pytest.approx(
        (1 - 1 / 2.5) / (1 - 0.6) * (denoise(without) - denoise(supposed))
    )
    speed = planned(T2V, device(80), preset=PREVIEW, profile=PROFILES["speed"])
    assert (cache(speed).choice, cache(speed).reason) == ("first_block", cache(supposed).reason)


@pytest.mark.parametrize(
    ("subject", "choice"),
    [(subject, choice) for subject, every in CHOICES.items() for choice in every if choice != "auto"],
)
def test_whatever_an_operator_may_say_can_be_planned_with(subject: str, choice: str) -> None:
    message = planned(replace(T2V, load={subject: choice}), device(80))
    assert {each.subject: each.choice for each in message.choices}[subject] == choice
