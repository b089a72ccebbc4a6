"""The gallery of nodes: `python -m docs.gallery [TYPE…]` writes build/gallery/index.html and a page for each node type.

What a page shows is rendered by the engine from the example beside this file, `<Type>.json`, over the demo's footage:
the node "before" beside the node "shown". Example and footage are put beside the pages, so that `artifex render` can
render them, too.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

from docs.gallery.page import Example, Shown, index_page, node_page
from docs.gallery.pictures import Studio
from services.graph.nodes import BUILTIN

HERE = Path(__file__).resolve().parent
TARGET = HERE.parent.parent / "build" / "gallery"


def main() -> int:
    wanted = set(sys.argv[1:])
    known = {node.schema.type: node for node in BUILTIN}
    if unknown := wanted - known.keys():
        sys.stderr.write(f"no node types: {', '.join(sorted(unknown))}. There are: {', '.join(sorted(known))}\n")
        return 2
    TARGET.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(HERE / "style.css", TARGET / "style.css")
    with Studio(HERE) as studio:
        for name, node in sorted(known.items()):
            if wanted and name not in wanted:
                continue
            example = read_example(name)
            pictures = [] if example is None else studio.pictures(name, example.document, TARGET)
            if example is not None:
                studio.copy_files(example.file, example.document, TARGET)
            page = node_page(node.schema, example, [Shown(*picture) for picture in pictures])
            (TARGET / f"{name}.html").write_text(page, encoding="utf-8")
            say(f"{name}: {len(pictures)} pictures")
    thumbnails = {name: f"{name}.shown.png" for name in known if (TARGET / f"{name}.shown.png").is_file()}
    index = index_page([node.schema for node in known.values()], thumbnails)
    (TARGET / "index.html").write_text(index, encoding="utf-8")
    say(f"{TARGET / 'index.html'}")
    return 0


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def read_example(name: str) -> Example | None:
    """The example of a node type; None where it has none."""
    path = HERE / f"{name}.json"
    if not path.is_file():
        return None
    text = path.read_text(encoding="utf-8")
    return Example(path.name, text, json.loads(text))


if __name__ == "__main__":
    sys.exit(main())
