"""Every node beside judges that nobody here wrote: the largest difference of any number in any pixel.

The pictures and the judges are those of the tests (tests/unit/services/graph/nodes/oracles), so what is printed is what
is tested. Differences are absolute, in scene-linear light where 1 is white, of colours up to 16; those of grades,
merges and looks are parts of the value where that is beyond 1, since a float's own precision is.
"""

from __future__ import annotations

from itertools import groupby

from bench.studio import say
from tests.unit.services.graph.nodes.oracles.all import COMPARISONS


async def run() -> bool:
    say("")
    say("exactness: largest error of any number in any pixel")
    say("")
    say("| node | judge | comparisons | largest error | the worst of them | tolerated |")
    say("| --- | --- | ---: | ---: | --- | ---: |")
    within = True
    for (node, oracle), group in groupby(COMPARISONS, key=lambda one: (one.node, one.oracle)):
        members = [(comparison, comparison.error()) for comparison in group]
        worst, error = max(members, key=lambda member: member[1])
        within &= all(found <= comparison.tolerance for comparison, found in members)
        say(f"| {node} | {oracle} | {len(members)} | {error:.2g} | {worst.what} | {worst.tolerance:.2g} |")
    return within
