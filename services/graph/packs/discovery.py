"""The node types of all installed packs."""

from __future__ import annotations

import atexit
import logging

from artifex.nodes import DeclarationError, Node, installed_packs
from services.graph.packs.process import PackFailed, PackProcess
from services.graph.packs.proxy import node_types

_log = logging.getLogger(__name__)


def pack_node_types() -> list[type[Node]]:
    """Node types of packs; each pack's process has been started once to tell them.

    A pack that cannot tell its types is left out, with a line in the log: it must not keep a studio from working, and
    documents that need it are refused by the name of the missing type.
    """
    found: list[type[Node]] = []
    for pack in installed_packs():
        process = PackProcess(pack.name)
        atexit.register(process.close)
        try:
            types = node_types(pack.name, pack.version, process)
        except (PackFailed, DeclarationError) as error:
            process.close()
            _log.error("the node pack %s %s is left out: %s", pack.name, pack.version, error)
            continue
        _log.info("node pack %s %s: %s", pack.name, pack.version, ", ".join(node.schema.type for node in types))
        found.extend(types)
    return found
