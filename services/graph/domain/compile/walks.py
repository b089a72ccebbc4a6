"""Walks over graphs of any depth: loops with their own stacks, linear in nodes and connections."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from services.graph.domain.compile.plan import Edge, Step

_SHOWN: Final = 8
"""Names at the beginning of a long cycle."""


def post_order(root: str, sources: Callable[[str], Iterable[str]]) -> list[str]:
    """`root` and all it depends on, each after its sources. The graph must have no cycle."""
    order: list[str] = []
    seen = {root}
    stack = [(root, iter(sources(root)))]
    while stack:
        node, pending = stack[-1]
        for source in pending:
            if source not in seen:
                seen.add(source)
                stack.append((source, iter(sources(source))))
                break
        else:
            order.append(node)
            stack.pop()
    return order


def reached(roots: Iterable[str], sources: Callable[[str], Iterable[str]]) -> set[str]:
    """The roots and all that they depend on."""
    seen = set(roots)
    stack = list(seen)
    while stack:
        for source in sources(stack.pop()):
            if source not in seen:
                seen.add(source)
                stack.append(source)
    return seen


def find_cycles(sources: Mapping[str, Iterable[str]]) -> list[list[str]]:
    """Cycles, at least one in every part of the graph that has any.

    Each is given as its nodes in the direction of the flow, from the one that comes first by name.

    Taking these out may bring others to light.
    """
    remaining = _without_acyclic_sources(sources)
    cycles: list[list[str]] = []
    visited: set[str] = set()
    for start in remaining:
        # Every remaining node has a remaining source, so walking upstream must come around.
        trail: list[str] = []
        position: dict[str, int] = {}
        node = start
        while node not in visited and node not in position:
            position[node] = len(trail)
            trail.append(node)
            node = next(source for source in sources[node] if source in remaining)
        if node in position:
            cycle = trail[position[node] :][::-1]
            first = cycle.index(min(cycle))
            cycles.append([*cycle[first:], *cycle[:first]])
        visited.update(trail)
    return cycles


def way_around(cycle: Sequence[str]) -> str:
    """A cycle for people: "a → b → c → a"; of a long one its beginning and end."""
    shown = [*cycle[:_SHOWN], "…", *cycle[-2:]] if len(cycle) > _SHOWN + 3 else cycle
    return " → ".join([*shown, cycle[0]])


def _without_acyclic_sources(sources: Mapping[str, Iterable[str]]) -> dict[str, int]:
    """The nodes that are in a cycle or downstream of one, in the mapping's order."""
    waiting: dict[str, int] = {}
    consumers: dict[str, list[str]] = {}
    for node, inputs in sources.items():
        waiting[node] = 0
        for source in inputs:
            # As often as it is read: it is counted down as often.
            waiting[node] += 1
            consumers.setdefault(source, []).append(node)
    ready = [node for node, count in waiting.items() if count == 0]
    while ready:
        node = ready.pop()
        del waiting[node]
        for consumer in consumers.get(node, ()):
            waiting[consumer] -= 1
            if waiting[consumer] == 0:
                ready.append(consumer)
    return waiting


def upstream(steps: Sequence[Step], ends: Iterable[Edge]) -> list[Step]:
    """All steps that the ends come from, in order."""
    reached: set[int] = set()
    stack = [end.step for end in ends]
    while stack:
        index = stack.pop()
        if index not in reached:
            reached.add(index)
            stack.extend(edge.step for edge in steps[index].inputs.values())
    return [steps[index] for index in sorted(reached)]
