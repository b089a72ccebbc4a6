"""Trained changes of the experts' weights, put on and taken off between two clips."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from diffusers.hooks.group_offloading import _maybe_remove_and_reapply_group_offloading
from peft.tuners.tuners_utils import BaseTunerLayer

from artifex_wan.loading import EXPERTS, Model
from artifex_wan.spec import Lora, SpecError
from artifex_wan.stages import is_out_of_memory

FOLDER: Final = "loras"
"""Beside the weights; NAME.safetensors each, in the keys of diffusers, of Wan's authors or of Musubi."""


class Loras:
    """What a model wears. A LoRA is of one expert or of both, as its strengths say."""

    def __init__(self, model: Model, weights: Path) -> None:
        self._model = model
        self._folder = weights / FOLDER
        self._worn: dict[str, dict[str, float]] = {}

    def wear(self, wanted: tuple[Lora, ...]) -> None:
        """Put on exactly these. Raises SpecError, and the model wears none, where one cannot be put on."""
        asked = _by_expert(wanted)
        if self._model.alone and asked[EXPERTS[1]]:
            raise SpecError("loras", "have a strength_2, and this model has no second expert")
        for name, strengths in asked.items():
            # In this order, too: of a sum in another one the last bits differ.
            if list(self._worn.get(name, {}).items()) != list(strengths.items()):
                try:
                    self._dress(name, strengths)
                except BaseException:
                    self._undress()
                    raise

    def _dress(self, expert: str, strengths: dict[str, float]) -> None:
        transformer = self._model.transformers[expert]
        if list(self._worn.get(expert, {})) != list(strengths):
            _bare(transformer)
            self._worn.pop(expert, None)
            for index, name in enumerate(strengths):
                self._load(transformer, name, f"lora{index}")
        if strengths:
            # A name with a dot in it is no name to peft.
            adapters = [f"lora{index}" for index in range(len(strengths))]
            transformer.set_adapters(adapters, list(strengths.values()))
            self._worn[expert] = dict(strengths)

    def _load(self, transformer: Any, name: str, adapter: str) -> None:
        file = self._folder / f"{name}.safetensors"
        if not file.is_file():
            there = ", ".join(sorted(path.stem for path in self._folder.glob("*.safetensors"))) or "none"
            raise SpecError("loras", f"have no {name}; beside this model there are: {there}")
        pipeline = self._model.pipeline
        try:
            tensors = pipeline.lora_state_dict(str(file), use_safetensors=True)
            pipeline.load_lora_into_transformer(tensors, transformer, adapter_name=adapter, _pipeline=pipeline)
        except Exception as error:
            if is_out_of_memory(error):
                raise
            # Whatever is in the file: those who read it look for keys and shapes, and trip over what else they find.
            told = next(iter(str(error).splitlines()), "") or type(error).__name__
            raise SpecError("loras", f"hold {name}, which does not fit this model: {told}") from error
        if not all(tensor.float().isfinite().all() for tensor in tensors.values()):
            raise SpecError("loras", f"hold {name}, which is damaged: not all that is in it are numbers")
        expected = sum(".lora_A." in key for key in tensors)
        layers = {
            place: part
            for place, part in transformer.named_modules()
            if isinstance(part, BaseTunerLayer) and adapter in part.lora_A
        }
        # Keys that a model does not have are left out with no more than a warning.
        if len(layers) != expected or not layers:
            raise SpecError(
                "loras",
                f"hold {name}, which does not fit this model: {expected} layers, of which {len(layers)} are here",
            )
        if self._model.options.precision == "float8":
            self._restore(transformer, layers, adapter, tensors)

    def _restore(self, transformer: Any, layers: dict[str, Any], adapter: str, tensors: dict[str, Any]) -> None:
        """Give layers whose base is stored in 8 bits, which the LoRA was taken down to, the file's own numbers."""
        for place, layer in layers.items():
            for half in ("lora_A", "lora_B"):
                for name, parameter in getattr(layer, half)[adapter].named_parameters():
                    exact = tensors[f"{EXPERTS[0]}.{place}.{half}.{name}"]
                    parameter.data = exact.to(parameter.device, transformer.dtype)
        # What is streamed has copies, which are to be of the new numbers.
        _maybe_remove_and_reapply_group_offloading(transformer)

    def _undress(self) -> None:
        for transformer in self._model.transformers.values():
            _bare(transformer)
        self._worn.clear()


def _by_expert(wanted: tuple[Lora, ...]) -> dict[str, dict[str, float]]:
    """Each expert's LoRAs by name, with their strengths."""
    names = [lora.name for lora in wanted]
    if len(set(names)) != len(names):
        raise SpecError("loras", "hold one twice")
    return {
        EXPERTS[0]: {lora.name: lora.strength for lora in wanted if lora.strength},
        EXPERTS[1]: {lora.name: lora.strength_2 for lora in wanted if lora.strength_2},
    }


def _bare(transformer: Any) -> None:
    if getattr(transformer, "peft_config", None):
        transformer.unload_lora()
