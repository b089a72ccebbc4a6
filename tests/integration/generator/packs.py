"""Experts of GGUF files, of each class; run by scripts.py.

["packs", "packed|refused", "t2v|i2v|ti2v"]        one JSON line a case
["packs", "pack", "FOLDER"]                        packs a model's experts, and leaves them there in no other way
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from artifex_wan.loading import Model
from artifex_wan.loras import FOLDER, Loras
from artifex_wan.options import Options
from artifex_wan.packed import read_packed
from artifex_wan.spec import Lora, SpecError
from gguf import GGMLQuantizationType, GGUFWriter
from gguf.quants import quantize

from tests.integration.generator.loads import Made, evidence, lora_file, mean, spec_of, told, unlike

QUANTISED = GGMLQuantizationType.Q8_0
BLOCK = 32
"""Numbers that are packed together, along a row."""
AUTHORS = (
    ("condition_embedder.time_embedder.linear_1", "time_embedding.0"),
    ("condition_embedder.time_embedder.linear_2", "time_embedding.2"),
    ("condition_embedder.text_embedder.linear_1", "text_embedding.0"),
    ("condition_embedder.text_embedder.linear_2", "text_embedding.2"),
    ("condition_embedder.time_proj", "time_projection.1"),
    ("attn1", "self_attn"),
    ("attn2", "cross_attn"),
    (".to_out.0.", ".o."),
    (".to_q.", ".q."),
    (".to_k.", ".k."),
    (".to_v.", ".v."),
    ("ffn.net.0.proj", "ffn.0"),
    ("ffn.net.2", "ffn.2"),
    ("proj_out", "head.head"),
    ("norm2", "norm3"),
)
"""Names of diffusers, and those of Wan's authors, in which most files are."""


def authors(name: str) -> str:
    if name == "scale_shift_table":
        return "head.modulation"
    for ours, theirs in AUTHORS:
        name = name.replace(ours, theirs)
    return name.replace("scale_shift_table", "modulation")


def pack(model: Model, folder: Path, name: Callable[[str], str] = str, left_out: str = "-") -> None:
    """Write each expert's weights into its folder, eight bits each where their rows allow it."""
    for expert, transformer in model.transformers.items():
        writer = GGUFWriter(str(folder / expert / "wan-Q8_0.gguf"), "wan")
        for key, weights in transformer.state_dict().items():
            numbers = weights.float().numpy()
            if left_out in key:
                continue
            if numbers.ndim == 2 and key.endswith(".weight") and numbers.shape[1] % BLOCK == 0:
                writer.add_tensor(name(key), quantize(numbers, QUANTISED), raw_dtype=QUANTISED)
            else:
                writer.add_tensor(name(key), numbers)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()


def unpacked_away(folder: Path) -> None:
    for file in folder.glob("transformer*/*.safetensors"):
        file.unlink()


def packed(kind: str, folder: Path) -> Iterator[dict[str, Any]]:
    plain = Model.read(folder, "cpu", Options())
    spec = spec_of(kind)
    whole = Made(plain, spec)
    pack(plain, folder, authors if kind == "t2v" else str)
    lora_file(plain, folder / FOLDER / "high.safetensors", 1)
    yield {"found": Model.read(folder, "cpu", Options()).laid["precision"]}
    model = Model.read(folder, "cpu", Options(precision="gguf"))
    made = Made(model, spec)
    layer = model.pipeline.transformer.blocks[0].ffn.net[2]
    wardrobe = Loras(model, folder)
    wardrobe.wear((Lora("high", 1.0, 0.0),))
    worn = Made(model, spec)
    wardrobe.wear(())
    yield {
        "packed": str(layer.weight.dtype),
        "evidence": evidence(model),
        "mean": mean(made.clip, whole.clip),
        "off": unlike(made.latents[0], whole.latents[0]),
        "lora": unlike(worn.latents[0], made.latents[0]),
        "lora_off": bool(np.array_equal(Made(model, spec).clip, made.clip)),
        "cached": mean(Made(model, replace(spec, step_cache="first_block")).clip, made.clip),
    }
    unpacked_away(folder)
    for choice in ({}, {"experts": "swapped", "text_encoder": "swapped"}, {"experts": "streamed"}):
        model = Model.read(folder, "cpu", Options.parse(choice))
        yield {
            "load": choice,
            "precision": model.laid["precision"],
            "same": bool(np.array_equal(Made(model, spec).clip, made.clip)),
        }
    if kind == "t2v":  # the blocks are the same ones, and take long to compile
        compiled = Model.read(folder, "cpu", Options(compile="blocks"))
        yield {"compiled": evidence(compiled)["compiled"], "mean": mean(Made(compiled, spec).clip, made.clip)}
    # As on an accelerator.
    model = Model.read(folder, "cpu", Options())
    halves = read_packed(folder, model.transformers, torch.bfloat16)
    for name, expert in halves.items():
        setattr(model.pipeline, name, expert)
    dtypes = sorted({str(expert.dtype) for expert in halves.values()})
    yield {"half": dtypes, "about": unlike(Made(model, spec).latents[0], made.latents[0])}


def refused(kind: str, folder: Path) -> Iterator[dict[str, Any]]:
    plain = Model.read(folder, "cpu", Options())
    one = folder / "transformer" / "wan-Q8_0.gguf"

    def read(precision: str) -> str:
        try:
            Model.read(folder, "cpu", Options(precision=precision))
        except SpecError as error:
            return f"{error.field}: {error.description}"
        return ""

    yield {"absent": read("gguf")}
    pack(plain, folder, left_out="blocks.1.ffn.net.2.weight")
    yield {"lacking": read("gguf")}
    pack(plain, folder)
    (folder / "transformer" / "other.gguf").write_bytes(one.read_bytes())
    yield {"several": read("gguf")}
    (folder / "transformer" / "other.gguf").unlink()
    unpacked_away(folder)
    for precision in ("float8", "bfloat16", "auto"):
        yield {precision: read(precision)}
    config = (folder / "transformer" / "config.json").read_text()
    (folder / "transformer" / "config.json").write_text(config.replace('"ffn_dim": 32', '"ffn_dim": 64'))
    yield {"larger": read("gguf")}
    (folder / "transformer" / "config.json").write_text(config)
    one.write_bytes(b"GGUF, but for the rest")
    yield {"torn": read("gguf")}


def main(name: str, of: str) -> None:
    if name == "pack":
        folder = Path(of)
        pack(Model.read(folder, "cpu", Options()), folder, authors)
        unpacked_away(folder)
        return
    told({each.__name__: each for each in (packed, refused)}[name], of)
