"""The keyed comp in MoviePy, run by its own environment's Python: `moviepy_job.py ORDER`, an order as of rivals.py."""

import json
import sys

import cv2
import numpy as np
from moviepy import CompositeVideoClip, VideoFileClip  # type: ignore[import-not-found]
from moviepy.video.fx import MaskColor  # type: ignore[import-not-found]

order = json.loads(sys.argv[1])


def look(path: str) -> np.ndarray:
    """The cube as [red, green, blue, 3] of bytes, for NumPy's nearest: MoviePy has no look-up table of its own."""
    with open(path, encoding="ascii") as file:
        rows = [line.split() for line in file if line[0] in "0123456789."]
    size = round(len(rows) ** (1 / 3))
    cube = np.array(rows, float).reshape(size, size, size, 3).transpose(2, 1, 0, 3)
    return np.rint(cube * 255).clip(0, 255).astype(np.uint8)


cube = look(order["look"])
top = cube.shape[0] - 1


def finish(picture: np.ndarray) -> np.ndarray:
    at = (picture.astype(np.uint16) * top + 127) // 255
    return cv2.GaussianBlur(cube[at[..., 0], at[..., 1], at[..., 2]], (0, 0), 8)


length = order["frames"] / order["rate"]
background = VideoFileClip(order["background"], audio=False).subclipped(0, length)
foreground = VideoFileClip(order["foreground"], audio=False).subclipped(0, length)
keyed = foreground.with_effects([MaskColor(color=order["screen"], threshold=60, stiffness=5)])
comp = CompositeVideoClip([background, keyed]).image_transform(finish)
comp.write_videofile(
    order["output"], fps=order["rate"], codec="libx264", preset="veryfast", ffmpeg_params=["-crf", "20"], audio=False,
    threads=2, logger=None,
)  # fmt: skip
