"""Node packs for tests: built into wheels and installed by the installer that users have, into a folder of the test."""

from __future__ import annotations

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = ROOT / "docs" / "node-packs" / "template"
TROUBLESOME = ROOT / "tests" / "packs" / "troublesome"


def install(source: Path, site: Path) -> None:
    """Install the pack at `source`, a pyproject.toml beside a `src` folder, into `site`."""
    wheel = _wheel(source, site.parent / "wheels")
    uv = Path(sys.executable).with_name("uv")
    command = [str(uv), "pip", "install", "--quiet", "--offline", "--no-deps", "--python", sys.executable]
    subprocess.run([*command, "--target", str(site), str(wheel)], check=True)


def _wheel(source: Path, folder: Path) -> Path:
    """A wheel (PEP 427): build backends would have to be fetched, and all of this is Python."""
    project = tomllib.loads((source / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    name, version = project["name"], project["version"]
    stem = f"{name.replace('-', '_')}-{version}"
    info = f"{stem}.dist-info"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{stem}-py3-none-any.whl"
    points = [
        f"[{group}]\n" + "".join(f"{key} = {value}\n" for key, value in entries.items())
        for group, entries in project["entry-points"].items()
    ]
    files = {
        f"{info}/METADATA": f"Metadata-Version: 2.4\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": "\n".join(points),
        f"{info}/RECORD": "",
    }
    with zipfile.ZipFile(path, "w") as wheel:
        for module in sorted((source / "src").rglob("*.py")):
            wheel.write(module, module.relative_to(source / "src"))
        for place, text in files.items():
            wheel.writestr(place, text)
    return path
