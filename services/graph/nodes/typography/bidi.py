"""Bidirectional order: levels and reordering by the Unicode Bidirectional Algorithm (UAX #9).

Levels come from python-bidi, which implements the algorithm as it was before isolates (Unicode 6.3): an isolate is
ordered as a neutral character.
"""

from collections.abc import Sequence

from bidi import algorithm

_TYPES = {"": "L", "LRI": "ON", "RLI": "ON", "FSI": "ON", "PDI": "ON"}
"""What stands in for types that python-bidi does not take; unassigned characters run left to right."""


def embedding_levels(paragraph: str) -> tuple[int, list[int]]:
    """The paragraph's own level (1 for right to left) and that of each character; odd levels run right to left."""
    storage = algorithm.get_empty_storage()
    base = int(algorithm.get_base_level(paragraph))
    storage["base_level"] = base
    storage["base_dir"] = "LR"[base]
    algorithm.get_embedding_levels(paragraph, storage)
    for index, char in enumerate(storage["chars"]):
        char["index"] = index
        char["type"] = char["orig"] = _TYPES.get(char["type"], char["type"])
    algorithm.explicit_embed_and_overrides(storage)
    algorithm.resolve_weak_types(storage)
    algorithm.resolve_neutral_types(storage, False)
    algorithm.resolve_implicit_levels(storage, False)
    # Explicit controls are taken out on the way (rule X9); they are given the level of what stands before them.
    found = {char["index"]: int(char["level"]) for char in storage["chars"]}
    levels: list[int] = []
    for index in range(len(paragraph)):
        levels.append(found.get(index, levels[-1] if levels else base))
    return base, levels


def line_levels(text: str, levels: Sequence[int], base: int) -> list[int]:
    """A line's levels, with white space at its end at the paragraph's level (rule L1)."""
    result = list(levels)
    for index in range(len(text) - 1, -1, -1):
        if not text[index].isspace():
            break
        result[index] = base
    return result


def visual_order(levels: Sequence[int]) -> list[int]:
    """The positions of runs with these levels from left to right (rule L2)."""
    order = list(range(len(levels)))
    odd = [level for level in levels if level % 2]
    if not odd:
        return order
    for level in range(max(levels), min(odd) - 1, -1):
        start = 0
        while start < len(order):
            if levels[order[start]] < level:
                start += 1
                continue
            end = start
            while end < len(order) and levels[order[end]] >= level:
                end += 1
            order[start:end] = order[start:end][::-1]
            start = end
    return order
