"""Random documents that can be rendered, of everything that the format knows. They need no media."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

_REMARKS = st.fixed_dictionaries(
    {},
    optional={
        "notes": st.text(max_size=20).filter(lambda text: text.isprintable()),
        "position": st.tuples(st.integers(-500, 500), st.floats(-100, 100)).map(list),
    },
)
_EASES = st.one_of(
    st.sampled_from(["step", "linear", "ease_in", "ease_out", "ease_in_out"]),
    st.tuples(st.floats(0, 1), st.floats(-2, 2), st.floats(0, 1), st.floats(-2, 2)).map(lambda h: {"bezier": list(h)}),
)


def numbers(low: float, high: float) -> st.SearchStrategy[Any]:
    """A parameter: a value, keys or an expression."""
    value = st.floats(low, high)
    times = st.lists(st.fractions(0, 3, max_denominator=1001), min_size=1, max_size=4, unique=True).map(sorted)
    keys = times.flatmap(
        lambda found: st.tuples(*(st.tuples(st.just(str(time)), value, _EASES).map(list) for time in found))
    ).map(lambda found: {"keys": list(found)})
    expressions = st.sampled_from(
        [
            f"clamp(t, {low}, {high})",
            f"lerp({low}, {high}, 0.25)",
            f"min({high}, {low} + 0.1 * sin(2 * pi * frame / fps) ** 2)",
        ]
    ).map(lambda source: {"expr": source})
    return st.one_of(value, value, keys, expressions)


@st.composite
def _node(draw: st.DrawFn, sources: list[str], *, alone: bool) -> dict[str, Any]:
    """A node that reads some of `sources`; without any, or by chance, one that reads nothing."""
    kind = draw(
        st.sampled_from(
            ["TextInput", "ColorCorrector", "ColorCorrector", "Merge", "Transform2D", "Transform2D", "group"]
        )
    )
    if not sources or (kind == "TextInput" and alone):
        size = draw(numbers(8, 30))
        return {"type": "TextInput", "params": {"text": draw(st.sampled_from(["A", "g", "안"])), "size": size}}
    source = st.sampled_from(sources)
    if kind == "Merge":
        node: dict[str, Any] = {
            "type": "Merge",
            "inputs": {"a": draw(source), "b": draw(source)},
            "params": {"operation": draw(st.sampled_from(["over", "plus", "multiply"])), "mix": draw(numbers(0, 1))},
        }
    elif kind == "Transform2D":
        shift = draw(st.tuples(st.integers(-20, 20), st.integers(-20, 20)).map(list))
        node = {
            "type": kind,
            "inputs": {"video": draw(source)},
            "params": {"translate": shift, "rotate": draw(numbers(-90, 90))},
        }
    elif kind == "group" and alone:
        node = {"type": "group:look", "inputs": {"plate": draw(source)}, "params": {"strength": draw(numbers(-1, 1))}}
    else:
        node = {
            "type": "ColorCorrector",
            "inputs": {"video": draw(source)},
            "params": {"exposure": draw(numbers(-2, 2))},
        }
    switch = draw(st.sampled_from(["", "", "", "", "", "bypass", "mute"]))
    return {**node, switch: True} if switch else node


@st.composite
def graphs(draw: st.DrawFn, most: int = 14) -> dict[str, Any]:
    """A whole document: `most` nodes or fewer and an output, perhaps with nodes that reach none."""
    nodes: dict[str, Any] = {}
    for number in range(draw(st.integers(1, most))):
        nodes[f"n{number}"] = {**draw(_node(list(nodes), alone=True)), **draw(_REMARKS)}
    inner: dict[str, Any] = {"in": {"type": "ColorCorrector"}}
    for number in range(draw(st.integers(0, 3))):
        inner[f"g{number}"] = {**draw(_node(list(inner), alone=False)), **draw(_REMARKS)}
    look = {
        "nodes": inner,
        "inputs": {"plate": "in.video"},
        "outputs": {"video": draw(st.sampled_from(list(inner)))},
        "params": {"strength": "in.exposure"},
    }
    out = {"type": "FileOutput", "inputs": {"video": draw(st.sampled_from(list(nodes)))}, "params": {"path": "x.mp4"}}
    order = draw(st.permutations([*nodes, "out"]))
    return {
        "schema": "artifex.graph/1",
        "settings": {
            "width": 64,
            "height": 36,
            "fps": draw(st.sampled_from(["24000/1001", "25", 30])),
            "duration": "1/2",
        },
        "groups": {"look": look},
        "nodes": {name: {**nodes, "out": out}[name] for name in order},
    }
