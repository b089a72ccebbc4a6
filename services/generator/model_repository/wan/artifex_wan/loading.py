"""Weights on their way into memory, and between the host's and the device's.

A model of two experts needs one at a time, and its text encoder once a clip, so that a device which cannot hold all of
them still can make the clip; `Options` says who is where.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import torch
from diffusers import DiffusionPipeline

from artifex_wan.magnitudes import read_magnitudes
from artifex_wan.options import Options
from artifex_wan.spec import Spec, SpecError

EXPERTS: Final = ("transformer", "transformer_2")
"""The pipeline's names of the high-noise expert and of the low-noise one, which not every model has."""
_HOST: Final = torch.device("cpu")
_DTYPES: Final = {"float32": torch.float32, "bfloat16": torch.bfloat16}
_ACCELERATED: Final = frozenset({"_native_cudnn", "flash", "_flash_3", "sage", "xformers"})
"""Attention that has no code for a CPU."""
_PACKAGES: Final = {
    "flash": "flash_attn",
    "_flash_3": "flash_attn_interface",
    "sage": "sageattention",
    "xformers": "xformers",
}
_ADAPTABLE: Final = frozenset({"attention", "vae", "text_encoder", "experts"})
"""What can be changed without reading the weights again."""


class Model:
    """A pipeline's components, and where each of them is. Of one thread."""

    def __init__(
        self, pipeline: Any, device: str, options: Options, magnitudes: Mapping[str, list[float]] | None = None
    ) -> None:
        """Takes the pipeline over, whose weights are in the host's memory. Raises SpecError for what cannot be."""
        self.pipeline = pipeline
        self.magnitudes = magnitudes or {}
        """See `read_magnitudes`."""
        self.device = torch.device(device)
        self.options = options
        self.present: frozenset[str] = frozenset()
        """Which experts are on the device as a whole."""
        if options.attention != Options.attention:
            self._set_attention(options.attention)
        if options.precision == "float8":
            for expert in self.transformers.values():
                expert.enable_layerwise_casting(torch.float8_e4m3fn, computed(options, device))
        self._set_tiling(options.vae)
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
        _check_attention(options.attention, device)
        magnitudes = read_magnitudes(weights)
        pipeline = DiffusionPipeline.from_pretrained(
            weights, local_files_only=True, dtype={"default": computed(options, device), "vae": torch.float32}
        )
        pipeline.set_progress_bar_config(disable=True)
        return Model(pipeline, device, options, magnitudes)

    def adapt(self, options: Options) -> bool:
        """Go over to other options; False, and nothing done, where the weights must be read again for them."""
        changed = self.options.differing(options)
        streamed = "experts" in changed and "streamed" in (self.options.experts, options.experts)
        if changed - _ADAPTABLE or streamed:
            return False
        if "attention" in changed:
            self._set_attention(options.attention)
        self.options = options
        self._set_tiling(options.vae)
        self._place()
        return True

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
            found.to(self.device)
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
        self.pipeline.text_encoder.to(self.device)
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
        _check_attention(backend, self.device.type)
        for expert in self.transformers.values():
            try:
                expert.set_attention_backend(backend)
            except RuntimeError as error:
                raise SpecError("load.attention", str(error)) from error

    def _set_tiling(self, choice: str) -> None:
        if choice == "tiled":
            self.pipeline.vae.enable_tiling()
        else:
            self.pipeline.vae.disable_tiling()


def computed(options: Options, device: str) -> torch.dtype:
    """What the experts and the text encoder compute in."""
    usual = torch.float32 if torch.device(device).type == "cpu" else torch.bfloat16
    return _DTYPES.get(options.precision, usual)


def _check_attention(backend: str, device: str) -> None:
    """Before weights are read for minutes."""
    if backend in _ACCELERATED and torch.device(device).type == "cpu":
        raise SpecError("load.attention", f"{backend} computes on an accelerator, and this model runs on a CPU")
    package = _PACKAGES.get(backend, "torch")
    if importlib.util.find_spec(package) is None:
        raise SpecError("load.attention", f"{backend} needs the package {package} in the model server's environment")


def _let_go(device: torch.device) -> None:
    """Give what nothing holds any more back to the device, so that a new large piece finds room."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
