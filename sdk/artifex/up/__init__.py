"""The whole studio as child processes of one supervisor: what `artifex up` runs, and what tests and benchmarks start.

    async with Stack(home) as stack:
        async with Client(stack.endpoint, home=stack.home) as studio:
            ...

Linux only: children are tied to their supervisor by what Linux offers for it.
"""

from artifex.up.ports import Ports
from artifex.up.stack import Stack
from artifex.up.supervisor import ChildState, StackError

__all__ = ["ChildState", "Ports", "Stack", "StackError"]
