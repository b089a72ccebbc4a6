"""An instruction model of a few thousand random weights, in the layout of Qwen2.5; for Triton's environment.

python tiny_writer.py FOLDER               writes it
python tiny_writer.py FOLDER MESSAGES N    prints as JSON what it answers, in at most N tokens, without Triton
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Final

import torch
from tokenizers import Tokenizer, decoders, pre_tokenizers
from tokenizers.models import BPE
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

_END: Final = "<|im_end|>"
_TEMPLATE: Final = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def write(folder: Path) -> None:
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(BPE({letter: number for number, letter in enumerate(letters)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(["<|endoftext|>", "<|im_start|>", _END])
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=_END, pad_token="<|endoftext|>")
    fast.chat_template = _TEMPLATE
    fast.save_pretrained(folder)
    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=len(fast),
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=4096,
        eos_token_id=fast.eos_token_id,
        pad_token_id=fast.pad_token_id,
        initializer_range=0.5,
    )
    Qwen2ForCausalLM(config).save_pretrained(folder)


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
    if len(sys.argv) == 2:
        write(Path(sys.argv[1]))
    else:
        sys.stdout.write(json.dumps(answer(Path(sys.argv[1]), json.loads(sys.argv[2]), int(sys.argv[3]))))
