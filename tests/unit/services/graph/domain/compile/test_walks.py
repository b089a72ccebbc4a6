from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from services.graph.domain.compile.walks import find_cycles, post_order

graphs = st.dictionaries(
    st.integers(0, 12).map(str), st.lists(st.integers(0, 12).map(str), max_size=4), max_size=13
).map(lambda graph: {node: [source for source in sources if source in graph] for node, sources in graph.items()})


def reaches_itself(graph: Mapping[str, list[str]]) -> bool:
    """By brute force."""
    for start in graph:
        seen: set[str] = set()
        pending = list(graph[start])
        while pending:
            node = pending.pop()
            if node == start:
                return True
            if node not in seen:
                seen.add(node)
                pending.extend(graph[node])
    return False


@given(graphs)
def test_cycles_are_found_exactly_when_there_are_any_and_are_cycles(graph: dict[str, list[str]]) -> None:
    cycles = find_cycles(graph)
    assert bool(cycles) == reaches_itself(graph)
    for cycle in cycles:
        for node, following in zip(cycle, [*cycle[1:], cycle[0]], strict=True):
            assert node in graph[following]


@given(graphs)
def test_post_order_puts_sources_first(graph: dict[str, list[str]]) -> None:
    if find_cycles(graph):
        return
    for root in graph:
        order = post_order(root, graph.__getitem__)
        assert order[-1] == root
        assert len(order) == len(set(order))
        for node in order:
            assert all(order.index(source) < order.index(node) for source in graph[node])


def test_depth_is_no_limit() -> None:
    chain = {str(n): [str(n - 1)] if n else [] for n in range(100_000)}
    assert len(post_order("99999", chain.__getitem__)) == 100_000
    assert find_cycles(chain) == []
    chain["0"] = ["99999"]
    assert len(find_cycles(chain)[0]) == 100_000
