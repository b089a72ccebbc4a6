"""What of a frame must be computed, what is done together, and in which order.

Point operations whose results nobody else reads join the reader's group, which is evaluated strip by strip. The order
is that of R. Sethi and J. D. Ullman (The Generation of Optimal Code for Arithmetic Expressions, 1970): of a result's
inputs the one that needs the most frames at once is made first, since what the others leave is one frame each. On
trees no order holds fewer frames; a comp of a thousand branches holds a few, not a thousand.
"""

from collections.abc import Callable
from operator import attrgetter
from typing import Final

from artifex.nodes import Frame
from services.graph.domain.evaluate.demand import Wanted

MAX_INPUTS: Final = 8
"""What a group reads from outside and makes of nothing: all of that is held while it is evaluated."""

_WEIGHT: Final = attrgetter("weight")

Lookup = Callable[[bytes], Frame | None]
Judge = Callable[[Wanted], bool]


class Group:
    """Point operations done on one strip after the other."""

    __slots__ = ("inputs", "members", "sources")

    def __init__(self, root: Wanted) -> None:
        self.members = [root]
        """Each before those it reads; the first is the one whose result is wanted."""
        self.inputs: dict[int, Wanted] = {}
        """What is read from outside, by identity."""
        self.sources = 0
        """Members that read nothing."""


def schedule(
    root: Wanted, order: list[Wanted], lookup: Lookup, is_point: Judge, *, fuse: bool
) -> tuple[list[Wanted], dict[int, Group]]:
    """The results to compute, in order, and by the identity of a group's root the group.

    `lookup` finds what is cached, by digest; `is_point` says what may join a group. Counts readers. Without `fuse`
    every point operation is a group of its own.
    """
    root.readers = 1
    root.keep = root.keep or root.place.static
    groups: dict[int, Group] = {}
    joins: dict[int, int] = {}
    """By identity: the one group that all readers are in; 0 where there are several or it is read as a whole."""
    to_compute: list[Wanted] = []
    for item in order:
        if item.readers == 0 or item.target is not None:
            continue
        if item.frame is None:
            item.frame = lookup(item.digest)
        if item.frame is not None:
            item.shared = True
            continue
        place = item.place
        if place.last_digest == item.digest:
            # What came twice in a row, such as a clip's last frame that is held.
            item.keep = True
        place.last_digest = item.digest
        to_compute.append(item)
        group = _group(item, joins.get(id(item), 0), groups, fuse=fuse) if is_point(item) else None
        for _, _, needed in item.needs:
            needed.readers += 1
            if needed.place.static and not place.static:
                needed.keep = True
            key = id(needed)
            joins[key] = item.group if joins.get(key, item.group) == item.group else 0
            if group is not None:
                group.inputs[key] = needed
    return _ordered(root, to_compute, groups), groups


def _group(item: Wanted, readers: int, groups: dict[int, Group], *, fuse: bool) -> Group:
    """The group that `item` is evaluated in, entered there: that of its readers, if there is one that takes it."""
    group = groups.get(readers) if fuse else None
    if group is None or not _may_join(group, item):
        item.group = id(item)
        group = groups[item.group] = Group(item)
    else:
        item.group = readers
        group.members.append(item)
        group.inputs.pop(id(item), None)
    group.sources += not item.needs
    return group


def _may_join(group: Group, item: Wanted) -> bool:
    root = group.members[0]
    if root.region != item.region or (item.keep and not root.keep):
        return False
    # What is still to join counts as an input, so a wide group ends early rather than late.
    others = len(group.inputs) - 1 + group.sources
    return others + max(1, len(item.needs)) <= MAX_INPUTS


def _ordered(root: Wanted, to_compute: list[Wanted], groups: dict[int, Group]) -> list[Wanted]:
    """Roots of groups and results outside of any, each after what it reads."""
    sources: dict[int, list[Wanted]] = {}
    for item in reversed(to_compute):
        key = id(item)
        if item.group not in (0, key):
            continue
        if item.group:
            inputs = [needed for needed in groups[key].inputs.values() if needed.frame is None]
        else:
            inputs = [needed for _, _, needed in item.needs if needed.frame is None]
        if len(inputs) > 1:
            inputs = list({id(needed): needed for needed in inputs}.values())
            inputs.sort(key=_WEIGHT, reverse=True)
        sources[key] = inputs
        item.weight = 1
        for held, needed in enumerate(inputs):
            item.weight = max(item.weight, needed.weight + held)
    if id(root) not in sources:
        return []
    done: list[Wanted] = []
    seen = {id(root)}
    stack = [(root, iter(sources[id(root)]))]
    while stack:
        item, pending = stack[-1]
        for needed in pending:
            key = id(needed)
            if key not in seen:
                seen.add(key)
                stack.append((needed, iter(sources[key])))
                break
        else:
            done.append(item)
            stack.pop()
    return done
