"""What becomes of a prompt, from the call to the clip's provenance, with a writer that keeps to its task."""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from artifex.generator.v1 import messages_pb2 as pb
from libs.chassis.errors import InvalidArgument
from libs.chassis.ids import new_id
from libs.chassis.testing import eventually
from tests.integration.generator.served import SUCCEEDED, Generator, generator, graph_work
from tests.support.triton import T2V, TritonServer, tiny_weights, tiny_writer

PROSE = "tiny-prose"
TOLD = (
    "A red balloon with faint seams rises over dark water while gulls circle behind, their wings catching low amber "
    "sunlight. Slow waves roll towards pale sand, each crest trembling before it breaks. The camera drifts sideways, "
    "steady and close, keeping this small bright shape near an open horizon where clouds gather, thin, silver, quiet, "
    "until evening settles gently across everything."
)


@pytest.fixture(scope="module")
def prose(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TritonServer]:
    """A Triton with a model that reads as much as the published ones, and a writer."""
    folder = tmp_path_factory.mktemp("triton-prose")
    models = folder / "models"
    shutil.copytree(tiny_weights(T2V), models / PROSE)
    card = json.loads((models / PROSE / "artifex.json").read_text())
    (models / PROSE / "artifex.json").write_text(json.dumps({**card, "text_tokens": 512}))
    tiny_writer("saying", models / "writer", TOLD)
    with TritonServer(folder) as server:
        yield server


@pytest.fixture
async def writing(tmp_path: Path, prose: TritonServer) -> AsyncIterator[Generator]:
    async with generator(tmp_path, prose.endpoint, default_model=PROSE, refused_terms=("gun",)) as running:
        yield running


@pytest.fixture
def spec(spec: pb.GenerationSpec) -> pb.GenerationSpec:
    spec.model, spec.negative_prompt = "", ""
    return spec


async def test_a_prompt_is_extended_by_the_writer_when_the_clip_is_made_and_the_record_says_so(
    writing: Generator, spec: pb.GenerationSpec
) -> None:
    spec.extend_prompt = True
    queued = await writing.create(spec)
    assert queued.plan.prompt == spec.prompt
    assert list(queued.plan.prompt_notes) == ["the prompt will be extended by the local writer"]
    last = (await writing.watch(queued.name))[-1]
    assert last.state == SUCCEEDED, last.failure
    assert last.spec.prompt == spec.prompt
    assert last.provenance.prompt == TOLD
    assert last.provenance.negative_prompt.startswith("blurry details, worst quality")
    (note,) = last.provenance.notes
    assert note.startswith("extended by writer ")


async def test_one_in_another_language_is_extended_by_rule(writing: Generator, spec: pb.GenerationSpec) -> None:
    spec.prompt, spec.extend_prompt = "바다 위의 빨간 풍선", True
    last = (await writing.watch((await writing.create(spec)).name))[-1]
    assert last.state == SUCCEEDED, last.failure
    assert last.provenance.prompt.startswith("바다 위의 빨간 풍선. ")
    assert last.provenance.negative_prompt.startswith("흐릿한 디테일, ")
    assert "it is not in Korean" in last.provenance.notes[0]


async def test_a_style_is_told_to_the_model_and_planned_and_two_that_are_told_the_same_share_a_clip(
    writing: Generator, spec: pb.GenerationSpec
) -> None:
    spec.style = "styles/watercolour"
    planned = (await writing.stub.PlanGeneration(pb.PlanGenerationRequest(spec=spec))).plan
    last = (await writing.watch((await writing.create(spec)).name))[-1]
    assert last.state == SUCCEEDED, last.failure
    assert last.provenance.prompt == planned.prompt
    assert last.provenance.negative_prompt == planned.negative_prompt
    assert planned.prompt.endswith("watercolour painting, wet-on-wet washes, soft bleeding edges.")
    plain = pb.GenerationSpec()
    plain.CopyFrom(spec)
    plain.style = ""
    other = (await writing.watch((await writing.create(plain)).name))[-1]
    assert other.result.digest != last.result.digest
    by_hand = pb.GenerationSpec()
    by_hand.CopyFrom(plain)
    by_hand.prompt, by_hand.negative_prompt = planned.prompt, planned.negative_prompt
    same = (await writing.watch((await writing.create(by_hand)).name))[-1]
    assert same.result.digest == last.result.digest
    assert same.device_seconds == 0.0


async def test_what_the_installation_refuses_is_refused_by_call_and_by_graph(
    writing: Generator, spec: pb.GenerationSpec
) -> None:
    spec.prompt = "two guns on a table"
    with pytest.raises(InvalidArgument) as caught:
        await writing.create(spec)
    assert caught.value.reason == "ERROR_REASON_PROMPT_REFUSED"
    work = graph_work(spec)
    await writing.bus.publish("work.generate.normal", work, key=new_id())
    await eventually(lambda: "failed" in writing.verbs(work.generation), what="the failed event")
    assert (await writing.get(work.generation)).failure.reason == "ERROR_REASON_PROMPT_REFUSED"


async def test_styles_are_listed_in_pages(writing: Generator) -> None:
    found: list[pb.Style] = []
    token = ""
    while True:
        page = await writing.stub.ListStyles(pb.ListStylesRequest(page_size=15, page_token=token))
        found.extend(page.styles)
        token = page.next_page_token
        if not token:
            break
    assert len(found) >= 40
    assert [style.name for style in found] == sorted(style.name for style in found)
    (noir,) = [style for style in found if style.name == "styles/film-noir"]
    assert (noir.category, noir.display_name_ko) == ("film", "필름 누아르")
    assert noir.words == "1940s film noir, black and white, hard low-key light"
    assert noir.negative_words == "bright colours"
