"""The keyed comp's material, made once and kept: two 1080p30 H.264 clips of ten seconds and a look.

The background is FFmpeg's test pattern with a tone; the foreground a noisy green screen with two moving pictures on
it, at a camera's data rate; the look a 33³ cube. FFmpeg's own tool makes the clips, so that no rival reads what our
encoder wrote.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

import imageio_ffmpeg

SIZE = "1920x1080"
RATE = 30
SECONDS = 10
SCREEN = "0x20c050"
"""The green of the screen before the camera's noise."""
_CUBE = 33


@dataclass(frozen=True)
class Material:
    background: Path
    foreground: Path
    look: Path


def ffmpeg() -> str:
    """FFmpeg's own tool: a GPL build that only benchmarks and tests call, as a process."""
    return str(imageio_ffmpeg.get_ffmpeg_exe())


def material(folder: Path) -> Material:
    """The material in `folder`, made where it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    made = Material(folder / "background.mp4", folder / "foreground.mp4", folder / "look.cube")
    source = f"size={SIZE}:rate={RATE}:duration={SECONDS}"
    if not made.background.exists():
        inputs = ["-f", "lavfi", "-i", f"testsrc2={source}", "-f", "lavfi", "-i", f"sine=440:duration={SECONDS}"]
        _encode([*inputs, "-crf", "18", "-c:a", "aac"], made.background)
    if not made.foreground.exists():
        screen = (
            f"color={SCREEN}:{source}[s];"
            f"testsrc=size=720x540:rate={RATE}:duration={SECONDS}[a];"
            f"mandelbrot=size=640x480:rate={RATE},trim=duration={SECONDS}[b];"
            "[s][a]overlay=x='120+160*t':y='160+60*sin(2*t)'[c];"
            "[c][b]overlay=x='1200-90*t':y='420+40*cos(3*t)',noise=alls=10:allf=t,format=yuv420p"
        )
        _encode(["-filter_complex", screen, "-t", str(SECONDS), "-b:v", "54M"], made.foreground)
    if not made.look.exists():
        made.look.write_text(_look(), encoding="ascii")
    return made


def _encode(arguments: list[str], path: Path) -> None:
    partial = path.with_suffix(".part.mp4")
    colour = ["-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv"]
    subprocess.run(
        [ffmpeg(), "-v", "error", "-y", *arguments, "-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset", "veryfast",
         *colour, str(partial)],
        check=True,
    )  # fmt: skip
    partial.replace(path)


def _look() -> str:
    """A warm look with a soft contrast, red running fastest, as the .cube format has it."""
    step = 1.0 / (_CUBE - 1)
    lines = [f'TITLE "warm"\nLUT_3D_SIZE {_CUBE}']
    for blue in range(_CUBE):
        for green in range(_CUBE):
            for red in range(_CUBE):
                values = (_curve(number * step) for number in (red, green, blue))
                r, g, b = values
                lines.append(f"{min(r * 1.04, 1.0):.6f} {g:.6f} {b * 0.93:.6f}")
    return "\n".join(lines) + "\n"


def _curve(value: float) -> float:
    return value + 0.35 * value * (1.0 - value) * (2.0 * value - 1.0)
