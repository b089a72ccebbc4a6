"""Small instruction models in the layout of Qwen2.5; for Triton's environment.

`tiny_writer.py random FOLDER` writes one of random weights, which answers nonsense; `saying FOLDER TEXT` one that
answers with the text, whatever it is asked; `answer FOLDER MESSAGES N` prints as JSON what one answers, in at most N
tokens and without Triton.
"""

from __future__ import annotations

import json
import sys
from itertools import pairwise
from pathlib import Path
from typing import Final

import torch
from tokenizers import Tokenizer, decoders, pre_tokenizers
from tokenizers.models import BPE
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

_END: Final = "<|im_end|>"
_NEWLINE: Final = "\u010a"
_SPACE: Final = "\u0120"
"""As byte-level vocabularies write them."""
_TEMPLATE: Final = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def random(folder: Path) -> None:
    tokenizer = _tokenizer([])
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    _model(tokenizer, 32).save_pretrained(folder)


def saying(folder: Path, text: str) -> None:
    """Each token is followed by one and the same, so no word of the text may come twice."""
    words = [_SPACE + word for word in text.split()]
    assert len({*words}) == len(words)
    tokenizer = _tokenizer(words)
    tokenizer.save_pretrained(folder)
    size = len(tokenizer)
    model = _model(tokenizer, size)
    with torch.no_grad():
        for layer in model.model.layers:
            layer.self_attn.o_proj.weight.zero_()
            layer.mlp.down_proj.weight.zero_()
        # What is left of a token is a one in its place, and the output has a one from there to what follows it.
        model.model.embed_tokens.weight.copy_(torch.eye(size))
        model.lm_head.weight.zero_()
        told = tokenizer.convert_tokens_to_ids([_NEWLINE, *words, _END])
        for now, following in pairwise(told):
            model.lm_head.weight[following, now] = 1.0
    model.save_pretrained(folder)


def _tokenizer(words: list[str]) -> PreTrainedTokenizerFast:
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(BPE({token: number for number, token in enumerate([*letters, *words])}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(["<|endoftext|>", "<|im_start|>", _END])
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=_END, pad_token="<|endoftext|>")
    fast.chat_template = _TEMPLATE
    return fast


def _model(tokenizer: PreTrainedTokenizerFast, width: int) -> Qwen2ForCausalLM:
    config = Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=width,
        head_dim=16,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=4096,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        initializer_range=0.5,
    )
    return Qwen2ForCausalLM(config)


def answer(folder: Path, messages: list[dict[str, str]], most: int) -> str:
    """The likeliest token after the likeliest token, without a cache: the plainest way that there is."""
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModelForCausalLM.from_pretrained(folder).eval()
    text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    tokens = tokenizer(text, return_tensors="pt").input_ids
    start = tokens.shape[1]
    with torch.inference_mode():
        while tokens.shape[1] < start + most and tokens[0, -1] != tokenizer.eos_token_id:
            tokens = torch.cat([tokens, model(tokens, use_cache=False).logits[:, -1:].argmax(-1)], dim=1)
    found: str = tokenizer.decode(tokens[0, start:], skip_special_tokens=True)
    return found


if __name__ == "__main__":
    torch.set_num_threads(1)
    what, folder, *more = sys.argv[1:]
    if what == "random":
        random(Path(folder))
    elif what == "saying":
        saying(Path(folder), *more)
    else:
        sys.stdout.write(json.dumps(answer(Path(folder), json.loads(more[0]), int(more[1]))))
