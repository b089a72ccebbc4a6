"""Nano's tokenizer, and its text encoder: trained to let every attribute be read off what it says of a caption."""

from __future__ import annotations

import re
from typing import Final

import numpy as np
import torch
from tokenizers import Tokenizer, decoders, normalizers, pre_tokenizers, processors
from tokenizers.models import Unigram
from torch import nn
from torch.nn import functional
from transformers import PreTrainedTokenizerFast, UMT5Config, UMT5EncoderModel

from services.generator.training.captions import caption
from services.generator.training.loop import Stage
from services.generator.training.world import (
    BACKGROUNDS,
    COLOURS,
    COUNTS,
    MOTIONS,
    SHAPES,
    SIZES,
    Attributes,
    draw_attributes,
)

TOKENS: Final = 64
"""Of a prompt, its end included; what is longer is cut."""
WIDTH: Final = 64
_HEADS: Final = {
    "shape": SHAPES,
    "colour": COLOURS,
    "background": BACKGROUNDS,
    "motion": tuple(MOTIONS),
    "size": tuple(SIZES),
    "count": COUNTS,
}


def build_tokenizer() -> PreTrainedTokenizerFast:
    """Unigram over the captions' words, with characters for all others; T5's special ids: <pad>=0, </s>=1, <unk>=2.

    Hangul syllables that no caption has decompose to jamo, so that nothing Korean is unknown.
    """
    rng = np.random.default_rng(0)
    words: set[str] = set()
    for _ in range(20_000):
        words.update(re.findall(r"\w+|[^\w\s]", caption(draw_attributes(rng), rng).lower()))
    single = [chr(code) for code in range(0x21, 0x7F)] + [chr(code) for code in range(0x1100, 0x1200)]
    vocabulary = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("\u2581", -4.0)]
    normal = normalizers.Sequence([normalizers.NFKD(), normalizers.Lowercase()])
    spelled = dict.fromkeys(normal.normalize_str(word) for word in sorted(words))
    vocabulary += [(f"\u2581{word}", -3.0) for word in spelled if len(word) > 1]
    vocabulary += [(piece, -8.0) for character in single for piece in (character, f"\u2581{character}")]
    tokenizer = Tokenizer(Unigram(vocabulary, unk_id=2, byte_fallback=False))
    tokenizer.normalizer = normal
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Punctuation(), pre_tokenizers.Metaspace()])
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="</s>", unk_token="<unk>", model_max_length=512
    )


def build_encoder(vocabulary: int) -> UMT5EncoderModel:
    config = UMT5Config(
        vocab_size=vocabulary,
        d_model=WIDTH,
        d_kv=16,
        d_ff=128,
        num_layers=2,
        num_heads=4,
        relative_attention_num_buckets=16,
        dropout_rate=0.0,
        feed_forward_proj="gated-gelu",
        pad_token_id=0,
        eos_token_id=1,
    )
    return UMT5EncoderModel(config)


def embed(encoder: UMT5EncoderModel, tokenizer: PreTrainedTokenizerFast, texts: list[str]) -> torch.Tensor:
    """As the pipelines do: [texts, TOKENS, WIDTH], zeros behind each prompt's end."""
    given = tokenizer(
        texts, padding="max_length", max_length=TOKENS, truncation=True, add_special_tokens=True, return_tensors="pt"
    )
    states: torch.Tensor = encoder(given.input_ids, given.attention_mask).last_hidden_state
    return states * given.attention_mask[..., None]


class TextStage(Stage):
    """Cross-entropy of every attribute, as a linear head of its own reads it from the encoder's mean state."""

    name = "text"
    steps = 1500
    batch = 64
    rate = 2e-3

    def __init__(self) -> None:
        super().__init__()
        self.tokenizer = build_tokenizer()
        torch.manual_seed(1)
        heads = nn.ModuleDict({name: nn.Linear(WIDTH, len(values)) for name, values in _HEADS.items()})
        self.model = nn.ModuleDict({"encoder": build_encoder(len(self.tokenizer)), "heads": heads})

    def loss(self, step: int) -> torch.Tensor:
        rng = self.rng(step)
        told = [draw_attributes(rng) for _ in range(self.batch)]
        given = self.tokenizer([caption(what, rng) for what in told], padding=True, return_tensors="pt")
        states = self.model["encoder"](given.input_ids, given.attention_mask).last_hidden_state
        mask = given.attention_mask[..., None]
        mean = (states * mask).sum(1) / mask.sum(1)
        heads = self.model["heads"].items()
        return torch.stack([functional.cross_entropy(head(mean), _targets(name, told)) for name, head in heads]).sum()


def _targets(name: str, told: list[Attributes]) -> torch.Tensor:
    values = list(_HEADS[name])
    return torch.tensor([values.index(getattr(what, name)) for what in told])
