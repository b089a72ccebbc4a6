"""The sound of a clip that lies somewhere in the document: to the sample, and the same in blocks of any size."""

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from artifex.nodes import MediaSource, SoundContext, sample_at


def clip_samples(
    context: SoundContext,
    source: MediaSource,
    *,
    start: Fraction,
    trim: Fraction,
    length: Fraction,
    loops_before: bool,
    loops_after: bool,
) -> NDArray[np.float32]:
    """The block's samples, [channels, count]: what is heard at t − start + trim; silence outside the clip or a loop.

    `length` seconds are played from `trim` of the source on.
    """
    rate, channels = context.rate, context.channels
    begin, first, whole = sample_at(start, rate), sample_at(trim, rate), sample_at(length, rate)
    samples = np.zeros((channels, context.count), dtype=np.float32)
    done = 0
    while done < context.count:
        local = context.start + done - begin
        loops = loops_before if local < 0 else local >= whole and loops_after
        offset = local % whole if loops and whole else local
        # Up to where the mapping from document to file is one straight piece.
        border = min((edge for edge in (0, whole) if edge > offset), default=offset + context.count)
        count = min(context.count - done, border - offset)
        if 0 <= offset < whole:
            samples[:, done : done + count] = source.samples(first + offset, count, rate=rate, channels=channels)
        done += count
    return samples
