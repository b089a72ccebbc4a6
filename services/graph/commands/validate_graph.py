"""Say what keeps a document from being rendered, or what rendering it would mean."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import islice
from typing import Final

from artifex.graph.v1 import messages_pb2
from services.graph.commands.node_types import port_type
from services.graph.commands.prepare import prepare
from services.graph.domain.compile.catalogue import Catalogue
from services.graph.domain.compile.compiler import Converter, compile_checked
from services.graph.domain.documents.problems import GraphInvalid, Problem, Reason
from services.graph.messages import rational
from services.graph.ports import MediaCatalogue

_MOST: Final = 500
_LONGEST: Final = 1000
"""Problems, and characters of each one's message: an answer holds less than a megabyte."""


class ValidateGraph:
    def __init__(self, catalogue: Catalogue, media: MediaCatalogue) -> None:
        self._catalogue = catalogue
        self._media = media

    async def __call__(self, text: str) -> messages_pb2.ValidateGraphResponse:
        """All problems at once (of very many the first); none, and then the plan, for a document that can be rendered.

        Of a document with several outputs, sizes and counts are the first one's.

        Raises:
            Unavailable: the assets could not be asked for.
        """
        try:
            prepared = await prepare(text, self._catalogue, self._media)
        except GraphInvalid as error:
            return _refusal(error.problems)
        if prepared.problems:
            return _refusal(prepared.problems)
        checked = prepared.checked
        plan = await asyncio.to_thread(compile_checked, checked, checked.outputs[0], prepared.media)
        return messages_pb2.ValidateGraphResponse(
            converters=[converter_message(converter) for converter in islice(checked.converters(), _MOST)],
            frame_count=plan.frame_count,
            frame_rate=rational(plan.fps),
            width=plan.width,
            height=plan.height,
            unused_nodes=plan.unused[:_MOST],
        )


def _refusal(problems: Sequence[Problem]) -> messages_pb2.ValidateGraphResponse:
    return messages_pb2.ValidateGraphResponse(problems=problem_messages(problems))


def problem_messages(problems: Sequence[Problem]) -> list[messages_pb2.GraphProblem]:
    """Problems as the API has them: as many as a message holds, and then how many more there are."""
    told = problems[:_MOST]
    messages = [
        messages_pb2.GraphProblem(
            node=problem.node, path=problem.path, reason=str(problem.reason), message=problem.message[:_LONGEST]
        )
        for problem in told
    ]
    if len(told) < len(problems):
        message = f"there are {len(problems) - len(told)} problems more; put these right first"
        messages.append(messages_pb2.GraphProblem(reason=str(Reason.LIMIT_EXCEEDED), message=message))
    return messages


def converter_message(converter: Converter) -> messages_pb2.InsertedConverter:
    return messages_pb2.InsertedConverter(
        node=converter.node,
        input=converter.input,
        to=port_type(converter.target),
        **{"from": port_type(converter.source)},
    )
