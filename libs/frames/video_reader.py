"""Reading the pictures of one video stream at exact times, one after another in one thread.

Times are those of `libs.frames.video_decoder`. Memory is one decoder and three frames, whatever the length.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

from libs.frames.containers import DEFAULT_LIMITS, Limits
from libs.frames.pixels import Picture, PixelConverter
from libs.frames.video_decoder import Shown, VideoDecoder


class VideoReader:
    """Pictures of one stream by time. Not safe for use from two threads at once; close it, or use it in a `with`.

    Raises FileNotFoundError, MediaUnreadable (no such stream, nothing decodes) and MediaUnsupported (no decoder, too
    large, a colour matrix that cannot be undone).
    """

    def __init__(
        self, path: Path | str, *, stream: int | None = None, threads: int = 1, limits: Limits = DEFAULT_LIMITS
    ) -> None:
        """`stream` is a position in the container, by default the first moving picture; `threads` 0 takes all cores."""
        self._decoder = VideoDecoder(path, stream=stream, threads=threads, limits=limits)
        self.info = self._decoder.info
        self._converter = PixelConverter()
        self._picture: Picture | None = None
        self._picture_span: tuple[int, int | None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Release the decoder and the file. Repeatable."""
        self._decoder.close()

    def frame_at(self, time: Fraction) -> Picture:
        """The picture shown at `time` seconds: float32 [height, width, 4], display-encoded RGB in 0..1, straight alpha.

        Before the first frame and after the last, that frame is held. Going forward is cheap; going back or far ahead
        seeks. The array is read-only and stays valid; it is the same one while the shown frame is.
        """
        # One at a time: a list of all that is passed would hold a group of pictures.
        (shown,) = deque(self._decoder.towards(self._decoder.ticks(time)), maxlen=1)
        return self._converted(shown)

    def frames(self) -> Iterator[tuple[Fraction, Picture]]:
        """Every frame from the first on, with its time in seconds."""
        shown: Shown | None = self._decoder.rewind()
        while shown is not None:
            yield self._decoder.time(shown), self._converted(shown)
            shown = self._decoder.next()

    def _converted(self, shown: Shown) -> Picture:
        span = (shown.start, shown.end)
        if self._picture is None or self._picture_span != span:
            picture = self.info.orientation.apply(self._converter.to_rgba(shown.frame, self.info.tags))
            picture.flags.writeable = False
            self._picture, self._picture_span = picture, span
        return self._picture
