"""The keyed comp in other programs: FFmpeg, MLT, MoviePy and Blender, each as its users would write it.

MoviePy and Blender come as wheels into environments of their own (Blender's is GPL and large, and wants a NumPy of its
own); MLT has no wheel and is measured where `melt` is on the path. Nothing of them is installed with the product.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.peers.material import RATE, SCREEN, SECONDS, Material, ffmpeg
from bench.peers.measured import Measured, measured

HERE = Path(__file__).resolve().parent
FRAMES = RATE * SECONDS
FEWER = 60
"""Frames for rivals that take a second for each."""
_ENCODE = ["-c:v", "libx264", "-preset", "veryfast", "-crf", "20", "-pix_fmt", "yuv420p"]


class Absent(Exception):
    """The rival is not on this machine; the message says how it comes there."""


@dataclass(frozen=True)
class Rival:
    name: str
    run: Callable[[Material, Path], Measured]
    command: str
    """What is run, for the page."""
    goal: float
    """How many times as fast we claim to be."""


def ffmpeg_job(given: Material, folder: Path) -> Measured:
    return measured(_ffmpeg_command(given, folder / "ffmpeg.mp4"), FRAMES, folder / "ffmpeg.log")


def _ffmpeg_command(given: Material, output: Path) -> list[str | Path]:
    graph = (
        f"[1:v]chromakey={SCREEN}:0.18:0.06[key];[0:v][key]overlay[comp];"
        f"[comp]lut3d=file={given.look}:interp=tetrahedral,gblur=sigma=8[out]"
    )
    inputs: list[str | Path] = ["-i", given.background, "-i", given.foreground]
    return [ffmpeg(), "-v", "error", "-y", *inputs, "-filter_complex", graph, "-map", "[out]", *_ENCODE, output]


def melt_job(given: Material, folder: Path) -> Measured:
    melt = shutil.which("melt")
    if melt is None:
        raise Absent("needs MLT's command line: `apt install melt frei0r-plugins`")
    document = (HERE / "keyed_comp.mlt").read_text(encoding="utf-8")
    for name, path in (("BACKGROUND", given.background), ("FOREGROUND", given.foreground), ("LOOK", given.look)):
        document = document.replace(name, str(path))
    path = folder / "keyed_comp.mlt"
    path.write_text(document, encoding="utf-8")
    target = f"avformat:{folder / 'melt.mp4'}"
    options = ["vcodec=libx264", "preset=veryfast", "crf=20", "an=1", "real_time=-2"]
    return measured([melt, path, "-consumer", target, *options], FRAMES, folder / "melt.log")


def moviepy_job(given: Material, folder: Path) -> Measured:
    python = _environment(folder.parent / "venv-moviepy", ["moviepy==2.2.1", "opencv-python-headless==4.12.0.88"])
    return measured(
        [python, HERE / "moviepy_job.py", _order(given, folder / "moviepy.mp4")], FEWER, folder / "moviepy.log"
    )


def blender_job(given: Material, folder: Path) -> Measured:
    if sys.version_info[:2] != (3, 11):
        raise Absent("Blender's wheel is for Python 3.11 alone")
    python = _environment(folder.parent / "venv-bpy", ["bpy==5.0.1"])
    return measured(
        [python, HERE / "blender_job.py", _order(given, folder / "blender.mp4")], FEWER, folder / "blender.log"
    )


RIVALS = (
    Rival(
        "FFmpeg, 8 bit",
        ffmpeg_job,
        "ffmpeg -i background.mp4 -i foreground.mp4 -filter_complex "
        f'"[1:v]chromakey={SCREEN}:0.18:0.06[key];[0:v][key]overlay[comp];'
        '[comp]lut3d=file=look.cube:interp=tetrahedral,gblur=sigma=8[out]" '
        '-map "[out]" -c:v libx264 -preset veryfast -crf 20 out.mp4',
        1.3,
    ),
    Rival(
        "MLT",
        melt_job,
        "melt bench/peers/keyed_comp.mlt -consumer avformat:out.mp4 vcodec=libx264 preset=veryfast crf=20 real_time=-2",
        1.2,
    ),
    Rival("MoviePy", moviepy_job, "python bench/peers/moviepy_job.py (MaskColor, CompositeVideoClip, LUT, blur)", 3.0),
    Rival("Blender", blender_job, "python bench/peers/blender_job.py (bpy: keying, alpha over, curves, blur)", 4.0),
)


def _order(given: Material, output: Path) -> str:
    """What a rival's script is told, as JSON."""
    return json.dumps(
        {
            "background": str(given.background),
            "foreground": str(given.foreground),
            "look": str(given.look),
            "screen": [int(SCREEN[at : at + 2], 16) for at in (2, 4, 6)],
            "frames": FEWER,
            "rate": RATE,
            "output": str(output),
        }
    )


def _environment(folder: Path, packages: list[str]) -> Path:
    """The Python of an environment that holds the packages; made once."""
    python = folder / "bin" / "python"
    stamp = folder / "packages.txt"
    wanted = "\n".join(packages)
    if stamp.is_file() and stamp.read_text(encoding="ascii") == wanted:
        return python
    uv = Path(sys.executable).with_name("uv")
    env = {**os.environ, "UV_SYSTEM_CERTS": "1"}
    try:
        subprocess.run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, folder], check=True, env=env)
        subprocess.run([uv, "pip", "install", "--quiet", "--python", python, *packages], check=True, env=env)
    except subprocess.CalledProcessError as error:
        raise Absent(f"{', '.join(packages)} cannot be installed here") from error
    stamp.write_text(wanted, encoding="ascii")
    return python
