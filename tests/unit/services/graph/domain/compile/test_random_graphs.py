"""Random good documents: they are told to be good, spelt and read back, and compiled the same whatever the order."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings

from services.graph.domain.compile.catalogue import catalogue
from services.graph.domain.compile.compiler import Compiled, check, compile, compile_checked
from services.graph.domain.compile.explain import explain
from services.graph.domain.compile.versions import stamped
from services.graph.domain.documents.document import canonical_json, digest, meaning_digest, parse_document
from tests.unit.services.graph.random_graphs import graphs

QUICK = settings(max_examples=20, deadline=None)


def compiled(document: dict[str, Any], *, optimise: bool = True) -> Compiled:
    return compile(parse_document(json.dumps(document)), catalogue(), "", {}, optimise=optimise)


@QUICK
@given(graphs())
def test_good_documents_are_good_and_read_back(document: dict[str, Any]) -> None:
    parsed = parse_document(json.dumps(document))
    assert check(parsed, catalogue()).problems == []
    spelt = canonical_json(parsed)
    assert parse_document(spelt) == parsed
    assert canonical_json(parse_document(spelt)) == spelt
    known = stamped(parsed, catalogue())
    assert parse_document(canonical_json(known)) == known
    assert stamped(known, catalogue()) == known
    assert [step.digest for step in compile(known, catalogue(), "", {}).steps] == [
        step.digest for step in compile(parsed, catalogue(), "", {}).steps
    ]


@QUICK
@given(graphs())
def test_notes_and_positions_change_nothing_that_is_rendered(document: dict[str, Any]) -> None:
    bare = json.loads(json.dumps(document))
    for scope in (bare, bare["groups"]["look"]):
        for node in scope["nodes"].values():
            node.pop("notes", None)
            node.pop("position", None)
    with_remarks, without = parse_document(json.dumps(document)), parse_document(json.dumps(bare))
    assert meaning_digest(with_remarks) == meaning_digest(without)
    assert (digest(with_remarks) == digest(without)) == (with_remarks == without)
    assert [step.digest for step in compiled(document).steps] == [step.digest for step in compiled(bare).steps]


@QUICK
@given(graphs())
def test_the_order_of_nodes_means_nothing(document: dict[str, Any]) -> None:
    turned = {**document, "nodes": dict(reversed(document["nodes"].items()))}
    one, other = compiled(document), compiled(turned)
    assert digest(parse_document(json.dumps(document))) == digest(parse_document(json.dumps(turned)))
    assert {step.digest for step in one.steps} == {step.digest for step in other.steps}


@QUICK
@given(graphs())
def test_optimised_and_plain_plans_agree_on_which_nodes_matter(document: dict[str, Any]) -> None:
    checked = check(parse_document(json.dumps(document)), catalogue())
    plain = compile_checked(checked, "", {}, optimise=False)
    plan = compile_checked(checked, "", {})
    done = [node for step in plan.steps for node in step.nodes]
    assert len(done) == len(set(done))
    assert set(done) <= {node for step in plain.steps for node in step.nodes}
    for one in (plain, plan):
        simple = one.simplified
        aside = [*simple.unused, *simple.dropped, *simple.merged, *simple.identities, *simple.bypassed, *simple.muted]
        told = {node for step in one.steps for node in step.nodes} | set(aside) | {one.output_node}
        uses = {node.id for node in checked.document.nodes.values() if node.type == "group:look"}
        assert told - uses == checked.expanded.nodes.keys(), "every node is done, or it is said why not"
        assert all(other in {step.node for step in plain.steps} for other in simple.merged.values())
        assert all(edge.step < step.index for step in one.steps for edge in step.inputs.values())
        assert [step.index for step in one.steps] == list(range(len(one.steps)))
    assert plan.simplified.unused == plain.simplified.unused
    assert plan.frame_count == plain.frame_count
    assert not any(len(step.nodes) > 1 for step in plain.steps)
    assert len(explain(plan, {}).steps) == len(plan.steps)
