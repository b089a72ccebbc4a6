"""Optical flow put to use: where two flows agree, and the picture between two pictures.

Flows are float32 [height, width, 2]: by how many pixels across and down what is seen at a place has moved on in the
other picture.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from libs.kernels import checks, native
from libs.kernels.reference import flow as fallback
from libs.kernels.threads import over_rows
from libs.kernels.types import Pixels

__all__ = ["flow_agreement", "flow_between"]

Flow = npt.NDArray[np.float32]

_TRUST: Final = 0.02
"""Weight of a flow's surroundings: far beyond that of points whose flows disagree, and far below that of all others."""
_SOFT: Final = 3.0
"""Pixels over which it changes in which picture a place is seen."""


def flow_agreement(there: Flow, back: Flow, threads: int = 1) -> Pixels:
    """How far `back` leads to where `there` came from, 1 to 0, as [height, width, 1].

    With F the flow at a point, and G the way back from where it leads, read linearly: c = 1 / (1 + r²),
    r = |F + G|² / (0.01 (|F|² + |G|²) + 0.5), and 0 where F leads out of the picture. The bound is that of
    N. Sundaram, T. Brox, K. Keutzer, Dense Point Trajectories by GPU-accelerated Large Displacement Optical Flow, 2010.
    What is no number agrees with nothing.
    """
    there, back = _flow(there), _flow(back)
    if there.shape != back.shape:
        raise ValueError(f"the flows differ in size: {list(there.shape)} and {list(back.shape)}")
    out = np.zeros((*there.shape[:2], 1), np.float32)
    library = native.library()
    if library is None or out.size == 0:
        fallback.agreement(there, back, out)
        return out
    height, width = there.shape[:2]

    def rows(first: int, count: int) -> None:
        library.artifex_flow_agreement(
            native.address(there), native.address(back), height, width, first, count, native.address(out)
        )

    over_rows(rows, height, threads)
    return out


def flow_between(
    a: Pixels,
    b: Pixels,
    there: Flow,
    back: Flow,
    share: float,
    *,
    agreements: tuple[Pixels, Pixels] | None = None,
    threads: int = 1,
) -> Pixels:
    """The picture at `share`, 0 to 1, of the way from `a` to `b`, [height, width, 4], premultiplied, as a new array.

    `there` is the flow from a to b and `back` that from b to a; `agreements` those of both, where they are known.

    Every point of a is carried to the time between, to x + s F, and every point of b to x + (1 − s) G, each spread
    linearly over four pixels. What comes to lie on a pixel gives its flow u, the mean of F and −G, weighted by
    w = 0.001 + 0.999 c of the points' agreements c; what has no point that agrees takes the flow of its surroundings,
    as near ones as there are. And it gives which picture the pixel is seen in: with D the sum of 1 − c of a's points,
    less that of b's, smoothed by a Gaussian of 3 pixels, and W the sum of w, d = D / (|D| + 3 W), Va = min(1, 1 + d)
    and Vb = min(1, 1 − d); both are 0 where the place lies outside of that picture. The result is
    a(x − s u) · (1 − s) · Va + b(x + (1 − s) u) · s · Vb over the sum of these weights. Pictures are read by cubic
    convolution (R. G. Keys, 1981, a = −½), so colour can ring at edges; alpha is kept within 0 and 1.

    After S. Baker et al., A Database and Evaluation Methodology for Optical Flow, 2011, section 3.3.
    """
    a, b = checks.picture(a, "a", 4), checks.picture(b, "b", 4)
    checks.same_shape(a, b)
    there, back = _flow(there), _flow(back)
    if there.shape != (*a.shape[:2], 2) or back.shape != there.shape:
        raise ValueError(f"flows of this picture are {[*a.shape[:2], 2]}, not {list(there.shape)}, {list(back.shape)}")
    if not 0.0 <= share <= 1.0:
        raise ValueError(f"a share lies within 0 and 1, not at {share}")
    out = checks.result(None, a.shape)
    if out.size == 0:
        return out
    first, second = agreements or (flow_agreement(there, back, threads), flow_agreement(back, there, threads))
    first, second = (np.ascontiguousarray(checks.plane(each, "an agreement", a.shape)) for each in (first, second))
    sums = np.zeros(a.shape, np.float32)
    _splat(there, first, share, 1.0, sums)
    _splat(back, second, 1.0 - share, -1.0, sums)
    _fill(sums)
    library = native.library()
    if library is None:
        fallback.between(a, b, sums, share, out)
    else:
        height, width = a.shape[:2]

        def rows(first: int, count: int) -> None:
            library.artifex_flow_between(
                native.address(a), native.stride(a), native.address(b), native.stride(b), native.address(sums),
                height, width, share, first, count, native.address(out), native.stride(out),
            )  # fmt: skip

        over_rows(rows, height, threads)
    coverage = out[..., 3]
    np.clip(coverage, 0.0, 1.0, out=coverage)
    return out


def _splat(flow: Flow, agreement: Pixels, share: float, sign: float, sums: Pixels) -> None:
    library = native.library()
    if library is None:
        fallback.splat(flow, agreement, share, sign, sums)
        return
    height, width = flow.shape[:2]
    library.artifex_flow_splat(
        native.address(flow), native.address(agreement), height, width, share, sign, native.address(sums)
    )


def _fill(sums: Pixels) -> None:
    """Adds to every sum a little of its surroundings' mean flow, and smooths what says where a place is seen.

    Sums of ever larger blocks, each of which takes from the next larger what it lacks itself.
    """
    seen = cv2.GaussianBlur(sums[..., 3], (0, 0), _SOFT, borderType=cv2.BORDER_REPLICATE)
    sums[..., 3] = 0.0
    levels = [sums]
    while max(levels[-1].shape[:2]) > 1:
        height, width = levels[-1].shape[:2]
        across, down = (width + 1) // 2, (height + 1) // 2
        whole = levels[-1]
        if height % 2 or width % 2:
            nothing = (0.0, 0.0, 0.0, 0.0)
            whole = np.asarray(
                cv2.copyMakeBorder(whole, 0, height % 2, 0, width % 2, cv2.BORDER_CONSTANT, value=nothing), np.float32
            )
        halved = cv2.resize(whole, (across, down), interpolation=cv2.INTER_AREA)
        levels.append(np.asarray(halved, np.float32).reshape(down, across, 4))
    mean = levels[-1]
    # A picture of which nothing is seen at this time stands still.
    mean[..., 2] += np.float32(1e-12)
    mean /= mean[..., 2:3].copy()
    for level in reversed(levels[:-1]):
        height, width = level.shape[:2]
        across, down = 2 * mean.shape[1], 2 * mean.shape[0]
        wide = np.asarray(cv2.resize(mean, (across, down), interpolation=cv2.INTER_LINEAR), np.float32)
        wide = np.ascontiguousarray(wide.reshape(down, across, 4)[:height, :width])
        cv2.scaleAdd(wide, _TRUST, level, level)
        if level is not sums:
            mean = level / level[..., 2:3]
    sums[..., 3] = seen


def _flow(flow: Flow) -> Flow:
    if flow.ndim != 3 or flow.dtype != np.float32 or flow.shape[2] != 2:
        raise ValueError(f"a flow is float32 [height, width, 2], not {flow.dtype} {list(flow.shape)}")
    return np.ascontiguousarray(flow)
