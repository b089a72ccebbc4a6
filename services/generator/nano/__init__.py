"""The embedded default models, `wan22-nano-*`: Wan2.2's classes, trained on a small drawn world; see README.md."""

from pathlib import Path
from typing import Final

NANO_VERSION: Final = 4
"""Grows with every change of the weights or of what is put together; the launcher replaces older ones."""

NANO_MODEL: Final = "wan22-nano-t2v"
"""The one that is taken where nobody says which."""

SHARED: Final = ("tokenizer", "text_encoder", "vae", "scheduler")
"""Parts, by their names in a pipeline, that all models have in common."""

DENOISERS: Final[dict[str, dict[str, str]]] = {
    NANO_MODEL: {"transformer": "t2v-high", "transformer_2": "t2v-low"},
    "wan22-nano-i2v": {"transformer": "i2v-high", "transformer_2": "i2v-low"},
    "wan22-nano-ti2v": {"transformer": "ti2v"},
}
"""By model, which folder of `WEIGHTS` each of its denoisers is."""

WEIGHTS: Final = Path(__file__).parent / "weights"
"""Every part once, and a folder for each model with its model_index.json; `services.generator.training` writes them."""
