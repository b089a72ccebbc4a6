"""Experts whose weights come packed, a few bits each, in a GGUF file.

The file lies in the expert's own folder, beside its config.json, with the names of diffusers or of Wan's authors. Its
weights stay packed in memory, and each layer's are widened when it computes.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import torch
from diffusers import GGUFQuantizationConfig, WanTransformer3DModel

from artifex_wan.spec import SpecError
from artifex_wan.stages import is_out_of_memory

_FIELD: Final = "load.precision"


def is_whole(folder: Path) -> bool:
    """Whether an expert's folder has the weights themselves."""
    return any((*folder.glob("*.safetensors"), *folder.glob("*.bin")))


def read_packed(weights: Path, experts: Iterable[str], dtype: torch.dtype) -> dict[str, Any]:
    """The experts by name, each of the GGUF file in its folder of `weights`; they compute in `dtype`.

    Raises SpecError of the field "load.precision" where a file is not there, is one of several, or is none of the
    expert's.
    """
    # All files are looked for before the first is read, for minutes.
    files = {expert: _file(weights / expert) for expert in experts}
    return {expert: _read(weights, expert, file, dtype) for expert, file in files.items()}


def _file(folder: Path) -> Path:
    found = sorted(folder.glob("*.gguf"))
    if not found:
        raise SpecError(_FIELD, f"gguf needs a file *.gguf in the folder {folder.name} of this model, which has none")
    if len(found) > 1:
        names = ", ".join(file.name for file in found)
        raise SpecError(_FIELD, f"gguf needs one file in the folder {folder.name} of this model, which has {names}")
    return found[0]


def _read(weights: Path, expert: str, file: Path, dtype: torch.dtype) -> Any:
    try:
        return WanTransformer3DModel.from_single_file(
            str(file),
            config=str(weights),
            subfolder=expert,
            quantization_config=GGUFQuantizationConfig(compute_dtype=dtype),
            dtype=dtype,
            local_files_only=True,
        )
    except NotImplementedError as error:
        # What is not in the file has no numbers that could be put anywhere.
        raise SpecError(_FIELD, f"gguf found {expert}/{file.name}, which lacks some of the weights") from error
    except Exception as error:
        if is_out_of_memory(error):
            raise
        # Whatever else those who read it trip over in the file.
        reason = (str(error).splitlines() or [repr(error)])[0].partition(". ")[0].replace(f"{weights}/", "")
        raise SpecError(_FIELD, f"gguf found {expert}/{file.name}, which is none of this model: {reason}") from error
