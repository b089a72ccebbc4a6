"""Say how a document would be rendered: what is done as one, what is kept, what is left out, and what it costs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Final

from artifex.graph.v1 import plan_pb2
from libs.chassis.principal import Principal
from services.graph.commands.explain_generations import explain_generations
from services.graph.commands.node_types import plan_input
from services.graph.commands.prepare import Prepared, prepare
from services.graph.commands.validate_graph import converter_message, problem_messages
from services.graph.domain.compile.analyses import PlannedAnalysis, analyses_of, keys_of
from services.graph.domain.compile.catalogue import Catalogue
from services.graph.domain.compile.compiler import Compiled, RunStep, Step, compile_checked
from services.graph.domain.compile.converters import CONVERTERS, Muted
from services.graph.domain.compile.explain import ExplainedStep, explain
from services.graph.domain.compile.runs import GradeRun
from services.graph.domain.documents.problems import GraphInvalid
from services.graph.messages import rational
from services.graph.ports import AnalysisStore, CaptureStore, Generations, MediaCatalogue

_MOST: Final = 1000
_MOST_BYTES: Final = 700_000
"""Of steps and of nodes that are set aside: a message holds one megabyte."""


class ExplainGraph:
    def __init__(
        self,
        catalogue: Catalogue,
        media: MediaCatalogue,
        analyses: AnalysisStore,
        captures: CaptureStore,
        generator: Generations,
    ) -> None:
        self._catalogue = catalogue
        self._media = media
        self._analyses = analyses
        self._captures = captures
        self._generator = generator

    async def __call__(self, caller: Principal, request: plan_pb2.ExplainGraphRequest) -> plan_pb2.ExplainGraphResponse:
        """The plan of one output, or all problems of a document that cannot be rendered.

        Raises:
            Unavailable: the assets, or what is known of clips, could not be asked for.
        """
        try:
            prepared = await prepare(request.document_json, self._catalogue, self._media)
            if prepared.problems:
                return plan_pb2.ExplainGraphResponse(problems=problem_messages(prepared.problems))
            compiled, plan = await asyncio.to_thread(_plan, prepared, request.output_node)
        except GraphInvalid as error:
            return plan_pb2.ExplainGraphResponse(problems=problem_messages(error.problems))
        ahead = await explain_generations(compiled, prepared.contents, self._generator, self._captures, caller)
        plan.generations.extend(ahead.generations)
        plan.captures.extend(ahead.captures)
        keys = await asyncio.to_thread(lambda: keys_of(compiled, analyses_of(compiled), ahead.contents))
        for entry in plan.analyses:
            key = keys.get(entry.node)
            if key is not None and await self._analyses.find(caller.tenant, key) is not None:
                entry.state = plan_pb2.PlanAnalysis.STATE_STORED
        return plan_pb2.ExplainGraphResponse(plan=plan)


def _plan(prepared: Prepared, output_node: str) -> tuple[Compiled, plan_pb2.RenderPlan]:
    compiled = compile_checked(prepared.checked, output_node, prepared.media)
    explanation = explain(compiled, prepared.media)
    aside = list(_set_aside(compiled))
    plan = plan_pb2.RenderPlan(
        output_node=compiled.output_node,
        frame_count=compiled.frame_count,
        frame_rate=rational(compiled.fps),
        width=compiled.width,
        height=compiled.height,
        step_count=len(compiled.steps),
        output_inputs=[
            plan_input(name, edge)
            for name, edge in (("picture", compiled.picture), ("sound", compiled.sound))
            if edge is not None
        ],
        set_aside_count=len(aside),
        frame_ms=explanation.frame_ms,
        once_ms=explanation.once_ms,
    )
    room = _MOST_BYTES
    for item in explanation.steps[:_MOST]:
        message = _step(item)
        room -= message.ByteSize() + 4
        if room < 0:
            break
        plan.steps.append(message)
    for entry in aside[:_MOST]:
        room -= entry.ByteSize() + 4
        if room < 0:
            break
        plan.set_aside.append(entry)
    plan.converters.extend(converter_message(converter) for converter in compiled.converters[: _MOST // 10])
    plan.analyses.extend(_analysis(planned) for planned in islice(analyses_of(compiled).values(), _MOST // 10))
    plan.generation_count = len(compiled.generations)
    return compiled, plan


def _analysis(planned: PlannedAnalysis) -> plan_pb2.PlanAnalysis:
    return plan_pb2.PlanAnalysis(
        node=planned.node,
        type=planned.type,
        name=planned.analysis.name,
        state=plan_pb2.PlanAnalysis.STATE_NEEDED,
        inputs=[plan_input(name, edge) for name, edge in planned.reads.items()],
        after=planned.after[: _MOST // 10],
    )


def _step(item: ExplainedStep) -> plan_pb2.PlanStep:
    step = item.step
    members = step.members if isinstance(step, RunStep) else (step,)
    return plan_pb2.PlanStep(
        index=step.index,
        kind=_kind(step),
        nodes=step.nodes,
        types=[member.type.schema.type for member in members],
        inputs=[plan_input(name, edge) for name, edge in step.inputs.items()],
        constant=step.static,
        cache=plan_pb2.PlanStep.Cache.Value(f"CACHE_{item.cache.name}"),
        sound=item.sound,
        cost_ms=item.cost_ms,
        **{"pass": item.group},
    )


def _kind(step: Step) -> plan_pb2.PlanStep.Kind.ValueType:
    if isinstance(step, RunStep):
        return plan_pb2.PlanStep.KIND_GRADE_RUN if step.type is GradeRun else plan_pb2.PlanStep.KIND_MOTION_RUN
    if step.type is Muted:
        return plan_pb2.PlanStep.KIND_MUTED
    return plan_pb2.PlanStep.KIND_CONVERTER if step.type in CONVERTERS.values() else plan_pb2.PlanStep.KIND_NODE


def _set_aside(compiled: Compiled) -> Iterator[plan_pb2.SetAside]:
    simplified = compiled.simplified
    for reason, nodes in (
        (plan_pb2.SetAside.REASON_BYPASSED, simplified.bypassed),
        (plan_pb2.SetAside.REASON_MUTED, simplified.muted),
        (plan_pb2.SetAside.REASON_IDENTITY, simplified.identities),
        (plan_pb2.SetAside.REASON_MERGED, simplified.merged),
        (plan_pb2.SetAside.REASON_DROPPED, simplified.dropped),
        (plan_pb2.SetAside.REASON_UNUSED, simplified.unused),
    ):
        for node in nodes:
            instead = nodes[node] if isinstance(nodes, Mapping) else ""
            yield plan_pb2.SetAside(node=node, reason=reason, instead=instead)
