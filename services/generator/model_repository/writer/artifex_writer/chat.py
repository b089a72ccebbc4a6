"""An instruction model that answers chats, always the same for the same chat."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, StoppingCriteria, StoppingCriteriaList


class Stopped(Exception):
    """The caller went away; work stopped at the next token."""


class _Stop(StoppingCriteria):  # type: ignore[misc] # transformers is without types here
    def __init__(self, asked: Callable[[], bool]) -> None:
        self._asked = asked
        self.stopped = False

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor, **_: Any) -> Any:
        self.stopped = self.stopped or self._asked()
        return torch.full((input_ids.shape[0],), self.stopped, dtype=torch.bool, device=input_ids.device)


class Chat:
    """Loads the model of a folder; nothing is downloaded, and no code of the folder is run."""

    def __init__(self, weights: Path, device: str) -> None:
        self._device = device
        self._tokenizer = AutoTokenizer.from_pretrained(weights, local_files_only=True)
        dtype = torch.bfloat16 if device == "cuda" else torch.float32
        model = AutoModelForCausalLM.from_pretrained(weights, local_files_only=True, dtype=dtype)
        self._model = model.to(device).eval()

    def answer(self, messages: Sequence[dict[str, str]], max_tokens: int, stop: Callable[[], bool]) -> tuple[str, int]:
        """The answer and how many tokens it has; raises Stopped as soon as `stop` says so."""
        asked = self._tokenizer.apply_chat_template(
            list(messages),
            add_generation_prompt=True,
            return_tensors="pt",
            return_dict=True,
            # Models that think aloud are told not to; others' templates have no such word.
            enable_thinking=False,
        ).to(self._device)
        criterion = _Stop(stop)
        with torch.inference_mode():
            tokens = self._model.generate(
                **asked,
                max_new_tokens=max_tokens,
                do_sample=False,
                # What a folder says of sampling means nothing to the likeliest token.
                temperature=None,
                top_p=None,
                top_k=None,
                stopping_criteria=StoppingCriteriaList([criterion]),
            )
        if criterion.stopped:
            raise Stopped
        answer = tokens[0, asked["input_ids"].shape[1] :]
        return self._tokenizer.decode(answer, skip_special_tokens=True), len(answer)
