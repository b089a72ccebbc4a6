"""Results kept from frame to frame."""

from collections import OrderedDict

from artifex.nodes import Frame


class FrameCache:
    """Frames by the digest of everything they depend on, up to a number of bytes; the least recently used go first."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._frames: OrderedDict[bytes, Frame] = OrderedDict()

    @property
    def size(self) -> int:
        """Bytes held."""
        return self._bytes

    def get(self, key: bytes) -> Frame | None:
        """The frame, which must not be changed."""
        frame = self._frames.get(key)
        if frame is not None:
            self._frames.move_to_end(key)
        return frame

    def put(self, key: bytes, frame: Frame) -> bool:
        """Keeps a frame; False when it is larger than all the room there is, and not kept."""
        if frame.pixels.nbytes > self._max_bytes:
            return False
        if key not in self._frames:
            self._frames[key] = frame
            self._bytes += frame.pixels.nbytes
        while self._bytes > self._max_bytes:
            _, evicted = self._frames.popitem(last=False)
            self._bytes -= evicted.pixels.nbytes
        return True
