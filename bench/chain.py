"""The per-pixel chain at 1080p, float32, against copying the frame: exposure, lift/gamma/gain and saturation, a 33³
look by tetrahedra, a Gaussian of sigma 8, over.

Colour is one OCIO processor as a program of the colour kernel, as the engine does it; where there is no library, OCIO
does it on strips of rows that stay in the second-level cache. Blur and over are kernels too. Everything on two threads,
on frames that rotate, so that no frame is in a cache when its turn comes; so does the copy that the chain is measured
against. One round takes each measurement once, so that a slow minute of the machine meets all of them.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np
import PyOpenColorIO as ocio

from bench.studio import say
from libs.kernels import gaussian, grade, native, over
from libs.kernels.grading import Program
from libs.kernels.threads import over_rows
from libs.kernels.types import Pixels
from services.graph.domain.evaluate.colour_program import program_of

WIDTH, HEIGHT = 1920, 1080
FRAMES = 20
"""In and out, 1.3 GB together: more than any cache holds."""
ROUNDS = 15
THREADS = 2
STRIP = 32
"""Rows; 32 of them are 1 MB."""
SIGMA = 8.0
CLAIM = 15.0

Stage = Callable[[int], None]
"""One measurement, on the frames of this number."""


async def run() -> bool:
    generator = np.random.default_rng(7)
    noise = generator.random((HEIGHT, WIDTH, 4), dtype=np.float32)
    noise[..., :3] *= noise[..., 3:]
    frames = [np.ascontiguousarray(np.roll(noise, 7 * number, axis=0)) for number in range(FRAMES)]
    results = [np.zeros_like(noise) for _ in range(FRAMES)]
    stages = _stages(frames, results)
    times: dict[str, list[float]] = {name: [] for name in stages}
    # The first round warms up: processors, tables, threads.
    for number in range(ROUNDS + 1):
        for offset, (name, stage) in enumerate(stages.items()):
            started = time.perf_counter()
            stage((number + offset * 3) % FRAMES)
            if number:
                times[name].append(time.perf_counter() - started)
    copy = statistics.median(times["copy of the frame"])
    say(f"\nchain: {WIDTH}x{HEIGHT} float32 RGBA, {THREADS} threads, kernels {native.variant()}, median of {ROUNDS}")
    say("| stage | ms | times the copy |")
    say("|---|---|---|")
    for name, seconds in times.items():
        middle = statistics.median(seconds)
        say(f"| {name} | {middle * 1e3:.1f} | {middle / copy:.1f} |")
    ratio = statistics.median(times["the whole chain"]) / copy
    reached = ratio <= CLAIM
    say(f"claimed: at most {CLAIM:.0f} times the copy: {'reached' if reached else 'NOT reached'} ({ratio:.1f})")
    return reached


def _stages(frames: list[Pixels], results: list[Pixels]) -> dict[str, Stage]:
    corrected, look = _processor(_grade()), _processor([_look()])
    both = _processor([*_grade(), _look()])

    def copy(number: int) -> None:
        source, target = frames[number], results[number]
        over_rows(
            lambda first, count: np.copyto(target[first : first + count], source[first : first + count]), HEIGHT, 2
        )

    def colour(processor: Program | ocio.CPUProcessor) -> Stage:
        def stage(number: int) -> None:
            _coloured(processor, frames[number], results[number])

        return stage

    def blur(number: int) -> None:
        gaussian(frames[number], SIGMA, SIGMA, results[number], THREADS)

    def put_over(number: int) -> None:
        _over(frames[number - 1], frames[number], results[number])

    def chain(number: int) -> None:
        target = results[number]
        _coloured(both, frames[number], target)
        gaussian(target, SIGMA, SIGMA, target, THREADS)
        _over(target, frames[number - 1], target)

    return {
        "copy of the frame": copy,
        "grade": colour(corrected),
        "look": colour(look),
        "grade and look in one": colour(both),
        f"Gaussian, sigma {SIGMA:.0f}": blur,
        "over": put_over,
        "the whole chain": chain,
    }


def _coloured(processor: Program | ocio.CPUProcessor, source: Pixels, target: Pixels) -> None:
    def rows(first: int, count: int) -> None:
        if isinstance(processor, Program):
            part = slice(first, first + count)
            grade(processor, source[part], premultiplied=False, out=target[part])
            return
        for top in range(first, first + count, STRIP):
            strip = slice(top, min(top + STRIP, first + count))
            height = strip.stop - strip.start
            processor.apply(
                ocio.PackedImageDesc(source[strip], WIDTH, height, 4),
                ocio.PackedImageDesc(target[strip], WIDTH, height, 4),
            )

    over_rows(rows, HEIGHT, THREADS, STRIP)


def _over(a: Pixels, b: Pixels, target: Pixels) -> None:
    def rows(first: int, count: int) -> None:
        part = slice(first, first + count)
        over(a[part], b[part], 0.8, target[part])

    over_rows(rows, HEIGHT, THREADS)


def _processor(transforms: list[ocio.Transform]) -> Program | ocio.CPUProcessor:
    processor = ocio.Config.CreateRaw().getProcessor(ocio.GroupTransform(transforms))
    program = program_of(processor) if native.library() is not None else None
    return processor.getDefaultCPUProcessor() if program is None else program


def _grade() -> list[ocio.Transform]:
    """Exposure, lift and gain as one matrix, three different powers, saturation."""
    slope, offset = (1.15, 1.1, 1.2), (0.02, 0.01, 0.03)
    power = ocio.ExponentTransform(value=[0.9, 0.95, 1.05, 1.0], negativeStyle=ocio.NEGATIVE_PASS_THRU)
    matrix = np.diag([*slope, 1.0]).ravel().tolist()
    return [
        ocio.MatrixTransform(matrix, [*offset, 0.0]),
        power,
        ocio.MatrixTransform.Sat(1.2, [0.2126, 0.7152, 0.0722]),
    ]


def _look() -> ocio.Lut3DTransform:
    """A look that bends every axis: contrast, and a little of each channel in the next."""
    size = 33
    look = ocio.Lut3DTransform(size)
    look.setInterpolation(ocio.INTERP_TETRAHEDRAL)
    at = np.linspace(0.0, 1.0, size)
    red, green, blue = np.meshgrid(at, at, at, indexing="ij")
    values = np.stack([red, green, blue], axis=-1)
    bent = values * values * (3.0 - 2.0 * values) * 0.9 + np.roll(values, 1, axis=-1) * 0.1
    look.setData(np.ascontiguousarray(bent, dtype=np.float32).ravel())
    return look
