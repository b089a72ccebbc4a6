"""Weights on their way into memory, and between the host's and the device's.

A model of two experts needs one at a time, and its text encoder once a clip, so that a device which cannot hold all of
them still can make the clip; `Options` says who is where.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import torch
from diffusers import WanImageToVideoPipeline, WanPipeline

from artifex_wan.magnitudes import read_magnitudes
from artifex_wan.options import Options
from artifex_wan.packed import is_whole, read_packed
from artifex_wan.spec import Spec, SpecError

EXPERTS: Final = ("transformer", "transformer_2")
"""The pipeline's names of the high-noise expert and of the low-noise one, which not every model has."""
_PIPELINES: Final = {kind.__name__: kind for kind in (WanPipeline, WanImageToVideoPipeline)}
_HOST: Final = torch.device("cpu")
_DTYPES: Final = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
_LAYOUTS: Final = {
    "plain": {4: torch.contiguous_format, 5: torch.contiguous_format},
    "channels_last": {4: torch.channels_last, 5: torch.channels_last_3d},
}
"""Of a convolution's weights, by how many dimensions they have."""
_ACCELERATED: Final = frozenset({"_native_cudnn", "flash", "_flash_3", "sage", "xformers"})
"""Attention that has no code for a CPU."""
_PACKAGES: Final = {
    "flash": "flash_attn",
    "_flash_3": "flash_attn_interface",
    "sage": "sageattention",
    "xformers": "xformers",
}
_ADAPTABLE: Final = frozenset({"attention", "vae", "vae_layout", "text_encoder", "experts"})
"""What can be changed without reading the weights again."""


class Model:
    """A pipeline's components, and where each of them is. Of one thread."""

    def __init__(
        self,
        pipeline: Any,
        device: str,
        options: Options,
        magnitudes: Mapping[str, list[float]] | None = None,
        *,
        packed: bool = False,
    ) -> None:
        """Takes the pipeline over, whose weights are in the host's memory. Raises SpecError for what cannot be."""
        self.pipeline = pipeline
        self.magnitudes = magnitudes or {}
        """See `read_magnitudes`."""
        self.device = torch.device(device)
        self.options = options
        self.packed = packed
        """Whether the experts' weights are those of GGUF files."""
        self.present: frozenset[str] = frozenset()
        """Which experts are on the device as a whole."""
        if options.attention != Options.attention:
            self._set_attention(options.attention)
        if options.precision == "float8":
            for expert in self.transformers.values():
                expert.enable_layerwise_casting(torch.float8_e4m3fn, computed(options, device))
        self._set_vae(options)
        pipeline.vae.to(self.device)
        self._place()
        if options.experts == "streamed":
            for expert in self.transformers.values():
                expert.enable_group_offload(
                    onload_device=self.device,
                    offload_device=_HOST,
                    offload_type="block_level",
                    num_blocks_per_group=1,
                    # The next block travels while this one computes.
                    use_stream=self.device.type == "cuda",
                )
        if options.compile == "blocks":
            for expert in self.transformers.values():
                # Not as one graph: a step cache looks in between.
                expert.compile_repeated_blocks()

    @staticmethod
    def read(weights: Path, device: str, options: Options) -> Model:
        """Of a folder in diffusers layout.

        Raises SpecError for options that cannot be on this device, and ValueError for files that are none of theirs.
        """
        check_attention(options.attention, device)
        magnitudes = read_magnitudes(weights)
        dtype = computed(options, device)
        index = json.loads((weights / "model_index.json").read_text(encoding="utf-8"))
        experts = [name for name in EXPERTS if (index.get(name) or [None])[0] is not None]
        packed = read_packed(weights, experts, dtype) if _is_packed(weights, experts, options) else {}
        dtypes = {"default": dtype, "vae": torch.float32, "text_encoder": _text_dtype(options, device)}
        # The class itself: by their base, experts that are given would be read all the same.
        kind = _PIPELINES[index["_class_name"]]
        pipeline = kind.from_pretrained(weights, local_files_only=True, dtype=dtypes, **packed)
        pipeline.set_progress_bar_config(disable=True)
        return Model(pipeline, device, options, magnitudes, packed=bool(packed))

    def adapt(self, options: Options) -> bool:
        """Go over to other options; False, and nothing done, where the weights must be read again for them."""
        changed = self.options.differing(options)
        streamed = "experts" in changed and "streamed" in (self.options.experts, options.experts)
        if changed - _ADAPTABLE or streamed:
            return False
        if "attention" in changed:
            self._set_attention(options.attention)
        self.options = options
        self._set_vae(options)
        self._place()
        return True

    @property
    def laid(self) -> dict[str, str]:
        """How it lies in memory, choice by choice, with the precision that it came to."""
        precision = self.options.precision
        if precision == "auto":
            precision = "gguf" if self.packed else str(computed(self.options, self.device.type)).removeprefix("torch.")
        return {**self.options.told(), "precision": precision}

    @property
    def config(self) -> Any:
        return self.pipeline.config

    @property
    def vae(self) -> Any:
        return self.pipeline.vae

    @property
    def transformers(self) -> dict[str, Any]:
        """The experts by their name in `EXPERTS`, wherever they are."""
        found = {name: getattr(self.pipeline, name, None) for name in EXPERTS}
        return {name: expert for name, expert in found.items() if expert is not None}

    @property
    def alone(self) -> bool:
        """Whether one expert makes all steps."""
        return len(self.transformers) == 1

    def expert(self, name: str) -> Any:
        """A transformer of `EXPERTS`, ready to compute; the other may have to make room for it."""
        found = self.transformers[name]
        if self.options.experts == "swapped" and self.present != {name}:
            self.make_room()
            _fetch(found, self.device)
            self.present = frozenset({name})
        return found

    def make_room(self) -> None:
        """Take off the device what can be fetched again."""
        if self.options.experts == "swapped":
            for name in self.present:
                self.transformers[name].to(_HOST)
            self.present = frozenset()
            _let_go(self.device)

    def texts(self, spec: Spec, tokens: int) -> tuple[torch.Tensor, torch.Tensor | None]:
        """The embedded prompt, and the negative one where there is guidance; as the experts take them."""
        with self._encoding() as where:
            positive, negative = self.pipeline.encode_prompt(
                prompt=spec.prompt,
                negative_prompt=spec.negative_prompt,
                do_classifier_free_guidance=spec.guided,
                max_sequence_length=tokens,
                device=where,
            )
        return self.taken(positive), None if negative is None else self.taken(negative)

    def taken(self, text: torch.Tensor) -> torch.Tensor:
        """An embedded prompt as the experts take it."""
        return text.to(self.device, self.pipeline.transformer.dtype)

    @contextmanager
    def _encoding(self) -> Iterator[torch.device]:
        if self.options.text_encoder == "cpu":
            yield _HOST
            return
        if self.options.text_encoder == "resident":
            yield self.device
            return
        self.make_room()
        _fetch(self.pipeline.text_encoder, self.device)
        try:
            yield self.device
        finally:
            self.pipeline.text_encoder.to(_HOST)
            _let_go(self.device)

    def _place(self) -> None:
        """Bring all that is resident onto the device, and the rest off it."""
        self.pipeline.text_encoder.to(self.device if self.options.text_encoder == "resident" else _HOST)
        resident = self.options.experts == "resident"
        if self.options.experts != "streamed":
            for expert in self.transformers.values():
                expert.to(self.device if resident else _HOST)
        self.present = frozenset(self.transformers) if resident else frozenset()
        _let_go(self.device)

    def _set_attention(self, backend: str) -> None:
        check_attention(backend, self.device.type)
        for expert in self.transformers.values():
            try:
                expert.set_attention_backend(backend)
            except RuntimeError as error:
                raise SpecError("load.attention", str(error)) from error

    def _set_vae(self, options: Options) -> None:
        if options.vae == "tiled":
            self.vae.enable_tiling()
        else:
            self.vae.disable_tiling()
        for weights in self.vae.parameters():
            layout = _LAYOUTS[options.vae_layout].get(weights.dim())
            if layout is not None:
                weights.data = weights.data.contiguous(memory_format=layout)


def computed(options: Options, device: str) -> torch.dtype:
    """What the experts compute in."""
    return _DTYPES.get(options.precision, _usual(device))


def _usual(device: str) -> torch.dtype:
    return torch.float32 if torch.device(device).type == "cpu" else torch.bfloat16


def _text_dtype(options: Options, device: str) -> torch.dtype:
    """What the text encoder computes in."""
    return _usual(device) if options.precision == "float16" else computed(options, device)


def _is_packed(weights: Path, experts: list[str], options: Options) -> bool:
    """Whether the experts are to be read from GGUF files. Raises SpecError where they lie there in no other way, and
    the options want one."""
    whole = all(is_whole(weights / expert) for expert in experts)
    if whole or options.precision in ("auto", "gguf"):
        return options.precision == "gguf" or not whole
    raise SpecError(
        "load.precision", f"{options.precision} needs the weights themselves, and here are GGUF files alone"
    )


def check_attention(backend: str, device: str) -> None:
    """Raises SpecError for what cannot compute here: before weights are read for minutes, or given up for others."""
    if backend in _ACCELERATED and torch.device(device).type == "cpu":
        raise SpecError("load.attention", f"{backend} computes on an accelerator, and this model runs on a CPU")
    package = _PACKAGES.get(backend, "torch")
    if importlib.util.find_spec(package) is None:
        raise SpecError("load.attention", f"{backend} needs the package {package} in the model server's environment")


def _fetch(part: Any, device: torch.device) -> None:
    """Bring a part of the model from the host to the device, all of it or nothing."""
    try:
        part.to(device)
    except BaseException:
        # What of it has got there would be in the way of whatever is tried next.
        part.to(_HOST)
        raise


def _let_go(device: torch.device) -> None:
    """Give what nothing holds any more back to the device, so that a new large piece finds room."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
