"""Every choice of how a model is loaded, and LoRAs, on models of each class; run by scripts.py.

["loads", "choices|loras|refusals|begins", "t2v|i2v|ti2v"]        one JSON line a case
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from artifex_wan.decode import decoded
from artifex_wan.denoise import Run, begun, resumed
from artifex_wan.loading import EXPERTS, Model
from artifex_wan.loras import FOLDER, Loras
from artifex_wan.options import Options
from artifex_wan.spec import Lora, Spec, SpecError
from artifex_wan.stages import is_out_of_memory
from safetensors.torch import save_file

from tests.integration.generator.parity import BASE, pictures
from tests.integration.generator.tiny_wan import pipeline

Pixels = npt.NDArray[np.uint8]
CHOICES = (
    {"experts": "swapped"},
    {"experts": "streamed"},
    {"text_encoder": "swapped"},
    {"text_encoder": "cpu"},
    {"vae": "tiled"},
    {"attention": "_native_flash"},
    {"vae_layout": "channels_last"},
    {"precision": "bfloat16"},
    {"precision": "float16"},
    {"precision": "float8"},
    {"compile": "blocks"},
    {"precision": "float8", "experts": "swapped", "text_encoder": "swapped", "vae": "tiled"},
    {"precision": "float8", "experts": "streamed", "text_encoder": "cpu"},
)
COMBINED: tuple[dict[str, str], ...] = (
    {},
    {"experts": "swapped"},
    {"experts": "streamed"},
    {"precision": "float8"},
    {"precision": "float8", "experts": "streamed"},
    {"compile": "blocks"},
)
"""With LoRAs and with step caches."""
RANK = 2
LAYERS = ("attn1.to_q", "attn1.to_v", "attn2.to_k", "ffn.net.0.proj")


class Made:
    """A run to its end, and what was seen under way."""

    def __init__(self, model: Model, spec: Spec, run: Run | None = None) -> None:
        self.latents, self.experts, self.present, self.saved = [], [], [], {}
        run = run or begun(model, spec, pictures(spec), 64)
        first = run.done
        while run.done < run.steps:
            self.experts.append(run.expert)
            run.advance()
            self.present.append(sorted(model.present))
            self.latents.append(run.latents.clone())
            if run.rests:
                self.saved[run.done] = run.saved()
        self.first = first
        self.clip: Pixels = np.concatenate(list(decoded(model.vae, run.finished())))
        self.present.append(sorted(model.present))


def spec_of(kind: str, **changes: Any) -> Spec:
    """With a picture where the class takes one."""
    given: dict[str, Any] = {"frame_count": 5, "pictures": () if kind == "t2v" else ("first",)}
    return replace(BASE, **{**given, **changes})


def difference(one: Pixels, other: Pixels) -> int:
    return int(np.abs(one.astype(int) - other.astype(int)).max())


def mean(one: Pixels, other: Pixels) -> float:
    return round(float(np.abs(one.astype(int) - other.astype(int)).mean()), 3)


def report(**values: object) -> None:
    sys.stdout.write(json.dumps(values) + "\n")


def choices(kind: str, folder: Path) -> Iterator[dict[str, Any]]:
    plain = Model.read(folder, "cpu", Options())
    # Tiles are of 256 pixels.
    sizes = {size: spec_of(kind, width=size, height=size) for size in (64, 288)}
    wholes = {size: Made(plain, spec) for size, spec in sizes.items()}
    for choice in CHOICES:
        size = 288 if "vae" in choice else 64
        spec, whole = sizes[size], wholes[size]
        model = Model.read(folder, "cpu", Options.parse(choice))
        made = Made(model, spec)
        adapted = plain.adapt(Options.parse(choice))
        yield {
            "load": choice,
            "difference": difference(made.clip, whole.clip),
            "mean": mean(made.clip, whole.clip),
            "evidence": evidence(model),
            "present": made.present,
            # A model that goes over to the choice does as one that was read with it.
            "adapted": adapted and np.array_equal(Made(plain, spec).clip, made.clip),
            "back": plain.adapt(Options()) and np.array_equal(Made(plain, spec).clip, whole.clip),
            "elsewhere": elsewhere(model, whole, spec),
            "left": left(model, spec),
            "torn_move": torn_move(model, spec),
        }


def elsewhere(model: Model, whole: Made, spec: Spec) -> bool:
    """Whether a run that was put down in a plain model goes on in this one to about the same clip."""
    again = Made(model, spec, resumed(model, spec, pictures(spec), whole.saved[2]))
    return again.first == 2 and mean(again.clip, whole.clip) < 8


def left(model: Model, spec: Spec) -> list[list[str]]:
    """The experts on the device while pictures are encoded, after a run was broken off in its first step."""
    begun(model, spec, pictures(spec), 64).advance()
    seen, encode = [], model.vae.encode

    def watched(clip: torch.Tensor) -> Any:
        seen.append(sorted(model.present))
        return encode(clip)

    model.vae.encode = watched
    try:
        begun(model, spec, pictures(spec), 64)
    finally:
        del model.vae.encode
    return seen


def torn_move(model: Model, spec: Spec) -> dict[str, int]:
    """How often each part moved that is fetched when it is needed, where the device fills up on the way there."""
    parts = {"text_encoder": model.pipeline.text_encoder, "transformer": model.pipeline.transformer}
    found = {}
    for name, part in parts.items():
        model.make_room()
        moves = 0

        def fetched(device: torch.device, move: Callable[..., Any] = part.to) -> Any:
            nonlocal moves
            moves += 1
            move(device)
            if moves == 1:
                raise torch.OutOfMemoryError("CUDA out of memory")

        part.to = fetched
        try:
            begun(model, spec, pictures(spec), 64).advance()
        except torch.OutOfMemoryError:
            found[name] = moves
        finally:
            del part.to
    return found


def evidence(model: Model) -> dict[str, Any]:
    block = model.pipeline.transformer.blocks[0]
    return {
        "stored": str(block.ffn.net[0].proj.weight.dtype),
        "hooks": sorted(block._diffusers_hook.hooks) if hasattr(block, "_diffusers_hook") else [],
        "attention": str(block.attn1.processor._attention_backend or "native").split(".")[-1].lower(),
        "compiled": block._compiled_call_impl is not None,
        "tiled": model.vae.use_tiling,
        "channels_last": all(
            weights.is_contiguous(memory_format=torch.channels_last_3d)
            for weights in model.vae.parameters()
            if weights.dim() == 5
        ),
        "text": str(model.pipeline.text_encoder.dtype),
        "laid": model.laid,
    }


def lora_file(model: Model, file: Path, seed: int, layers: tuple[str, ...] = LAYERS) -> dict[str, torch.Tensor]:
    """Random changes of some layers, large enough to be seen."""
    chance = torch.Generator().manual_seed(seed)
    tensors = {}
    for index, block in enumerate(model.pipeline.transformer.blocks):
        for layer in layers:
            weight = block.get_submodule(layer).weight
            name = f"transformer.blocks.{index}.{layer}"
            tensors[f"{name}.lora_A.weight"] = torch.randn(RANK, weight.shape[1], generator=chance) / 4
            tensors[f"{name}.lora_B.weight"] = torch.randn(weight.shape[0], RANK, generator=chance) / 4
    file.parent.mkdir(exist_ok=True)
    save_file(tensors, file)
    return tensors


def merged(folder: Path, tensors: dict[str, torch.Tensor], expert: str, strength: float) -> Model:
    """The model with a LoRA worked into its weights."""
    model = Model.read(folder, "cpu", Options())
    with torch.no_grad():
        for name in tensors:
            if ".lora_A." in name:
                layer = name.removeprefix("transformer.").removesuffix(".lora_A.weight")
                change = tensors[name.replace("lora_A", "lora_B")] @ tensors[name]
                model.transformers[expert].get_submodule(layer).weight += strength * change
    return model


def loras(kind: str, folder: Path) -> Iterator[dict[str, Any]]:
    spec = spec_of(kind)
    for choice in COMBINED:
        if choice == {"compile": "blocks"} and kind != "t2v":
            continue  # the blocks are the same ones, and take long to compile
        model = Model.read(folder, "cpu", Options.parse(choice))
        high = lora_file(model, folder / FOLDER / "high.v1.safetensors", 1)
        lora_file(model, folder / FOLDER / "low.safetensors", 2)
        wardrobe = Loras(model, folder)
        plain = Made(model, spec)

        def worn(*wanted: Lora, model: Model = model, wardrobe: Loras = wardrobe) -> Made:
            wardrobe.wear(wanted)
            return Made(model, spec)

        two = () if model.alone else (Lora("low", 0.0, 0.5),)
        both = worn(Lora("high.v1", 1.0, 0.0), *two)
        found: dict[str, Any] = {
            "lora": choice,
            "first": unlike(both.latents[0], worn(Lora("high.v1", 1.0, 0.0)).latents[0]),
            "changed": unlike(both.latents[0], plain.latents[0]),
            "weaker": unlike(worn(Lora("high.v1", 0.5, 0.0)).latents[0], both.latents[0]),
            "off": np.array_equal(worn().clip, plain.clip),
            "nothing": np.array_equal(worn(Lora("high.v1", 0.0, 0.0)).clip, plain.clip),
        }
        one, other = Lora("high.v1", 1.0, 0.0), Lora("low", 0.25, 0.0)
        orders = ((one, other), (other, one), (replace(other, strength=1.0), replace(one, strength=0.25)))
        after = [worn(*order).latents[0] for order in (*orders, orders[1])]
        fresh = []
        for order in (*orders, orders[1]):
            wardrobe.wear(())
            fresh.append(worn(*order).latents[0])
        found["whatever_before"] = list(map(torch.equal, after, fresh))
        if not choice:
            inside = Made(merged(folder, high, EXPERTS[0], 1.0), spec)
            found["as_merged"] = unlike(inside.latents[1], both.latents[1])
        if two:
            # The low-noise expert's comes in when that makes its first step.
            low_alone = worn(*two)
            at = plain.experts.index("low_noise")
            found["low"] = [unlike(low_alone.latents[step], plain.latents[step]) for step in (at - 1, at)]
        yield found


def unlike(one: torch.Tensor, other: torch.Tensor) -> float:
    return round(float((one - other).abs().max()), 5)


def refusals(kind: str, folder: Path) -> Iterator[dict[str, Any]]:
    model = Model.read(folder, "cpu", Options())
    wardrobe = Loras(model, folder)
    lora_file(model, folder / FOLDER / "high.v1.safetensors", 1)
    foreign = lora_file(model, folder / FOLDER / "foreign.safetensors", 1)
    save_file(
        {name.replace("blocks.", "layers."): value for name, value in foreign.items()},
        folder / FOLDER / "foreign.safetensors",
    )
    save_file({name: value.repeat(2, 2) for name, value in foreign.items()}, folder / FOLDER / "large.safetensors")
    half = {name.replace("blocks.1.", "blocks.7."): value for name, value in foreign.items()}
    save_file(half, folder / FOLDER / "half.safetensors")
    (folder / FOLDER / "torn.safetensors").write_bytes(b"no tensors")
    # As the authors of Wan name layers, and without its other half.
    alone = {"diffusion_model.blocks.0.self_attn.q.lora_A.weight": torch.zeros(RANK, RANK)}
    save_file(alone, folder / FOLDER / "alone.safetensors")
    save_file({name: value / 0 for name, value in foreign.items()}, folder / FOLDER / "damaged.safetensors")
    spec = spec_of(kind)
    before = Made(model, spec).clip
    cases: dict[str, Callable[[], object]] = {
        name: partial(wardrobe.wear, (Lora(name, 1.0, 0.0),))
        for name in ("absent", "foreign", "large", "half", "torn", "alone", "damaged")
    }
    cases["twice"] = lambda: wardrobe.wear((Lora("high.v1", 1.0, 0.0), Lora("high.v1", 0.5, 0.0)))
    cases["magnitude"] = lambda: begun(model, replace(spec, step_cache="magnitude"), pictures(spec), 64)
    for backend in ("flash", "_native_cudnn"):
        cases[backend] = partial(Model.read, folder, "cpu", Options(attention=backend))
    if model.alone:
        cases["second"] = lambda: wardrobe.wear((Lora("high.v1", 1.0, 1.0),))
    cases["no choice"] = lambda: Options.parse({"slicing": "on"})
    cases["no value"] = lambda: Options.parse({"vae": "sliced"})
    cases["no object"] = lambda: Options.parse(["tiled"])
    parsed = {"name": "high.v1", "strength": 1, "strength_2": 0}
    for name, wrong in (("path", {"name": "../high"}), ("strong", {"strength": 5}), ("text", {"strength_2": "1"})):
        cases[name] = partial(Lora.parse, {**parsed, **wrong})
    cases["more"] = lambda: Lora.parse({**parsed, "fused": True})
    for name, case in cases.items():
        try:
            case()
        except SpecError as error:
            yield {"refused": name, "field": error.field, "description": error.description}
        else:
            yield {"refused": name, "field": "", "description": ""}
    yield {"host_out_of_memory": host_out_of_memory()}
    yield {"after_refusals": bool(np.array_equal(Made(model, spec).clip, before))}


def begins(kind: str, folder: Path) -> Iterator[dict[str, Any]]:
    """What of a model is on the device as soon as Triton has loaded it, and after a request by each of its ways."""
    # Triton's own module, of which nothing is needed before a request is answered.
    sys.modules["triton_python_backend_utils"] = ModuleType("triton_python_backend_utils")
    from artifex_wan.backend import WanBackend

    spec = spec_of(kind)
    limits = {"size_multiple": 16, "max_width": 64, "max_height": 64, "frame_multiple": 4, "max_frames": 81}
    for usual in ({}, {"experts": "streamed"}, {"experts": "resident", "text_encoder": "cpu"}):
        values = {
            "weights": str(folder),
            "weights_digest": "",
            "card": json.dumps({"kind": "text_image", "text_tokens": 64, **limits}),
            "threads": "1",
            "device": "cpu",
            "load": json.dumps(usual),
            "otlp_endpoint": "",
        }
        parameters = {name: {"string_value": value} for name, value in values.items()}
        backend = WanBackend()
        backend.initialize({"model_name": "m", "model_config": json.dumps({"parameters": parameters})})
        model = backend._model
        assert model is not None
        before = sorted(model.present)
        after = backend._ready({}, spec)
        yield {
            "usual": usual,
            "before": before,
            "after": sorted(after.present),
            "as_usual": after.options == Options(**usual),
        }


def host_out_of_memory() -> bool:
    try:
        torch.empty(1 << 60, dtype=torch.uint8)
    except RuntimeError as error:
        of_libraries = RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`")
        return (
            is_out_of_memory(error) and is_out_of_memory(of_libraries) and not is_out_of_memory(RuntimeError("other"))
        )
    return False


def told(part: Callable[[str, Path], Iterator[dict[str, Any]]], kind: str) -> None:
    """What a part of a script finds of a model of its own."""
    with tempfile.TemporaryDirectory() as made, torch.no_grad():
        folder = Path(made)
        pipeline(kind).save_pretrained(folder)
        for found in part(kind, folder):
            report(**found)


def main(name: str, kind: str) -> None:
    told({each.__name__: each for each in (choices, loras, refusals, begins)}[name], kind)
