"""Attention by plain products, while models are trained.

The sequences are so short that flash attention's way back, which computes everything twice, takes half of a step; and
what inductor makes of PyTorch's own plain attention gives NaN in bfloat16.
"""

from __future__ import annotations

import math
from typing import Any, Final

import torch

_TORCHS: Final = torch.nn.functional.scaled_dot_product_attention


def attend_plainly() -> None:
    """From here on, in this process."""
    torch.nn.functional.scaled_dot_product_attention = _plain


def _plain(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, **options: Any) -> torch.Tensor:
    """Of (..., tokens, width); with a mask, as texts have one, PyTorch's own."""
    if options.get("attn_mask") is not None:
        return _TORCHS(query, key, value, **options)
    products = query * (1 / math.sqrt(query.shape[-1])) @ key.transpose(-1, -2)
    return torch.softmax(products, -1, dtype=torch.float32).to(value.dtype) @ value
