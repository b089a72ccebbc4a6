"""Opening containers that nobody vouches for: only known formats, only the file itself, bounded sizes."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from libs.frames.errors import MediaUnreadable, MediaUnsupported

# Named one by one: playlists (m3u8, ffconcat, mpd, sdp) would open whatever other file or address they name.
FORMATS = (
    "mov,mp4,m4a,matroska,webm,avi,mpegts,mpeg,mxf,flv,wav,w64,flac,mp3,ogg,aiff,aac,caf,asf,ivf,obu,h264,hevc,"
    "yuv4mpegpipe,gif,nut,dv,png_pipe,jpeg_pipe,tiff_pipe,webp_pipe,bmp_pipe"
)


@dataclass(frozen=True)
class Limits:
    """What a file may hold before it is refused as unsupported."""

    max_side: int = 16384
    max_pixels: int = 8192 * 8192
    max_streams: int = 64
    max_frames: int = 20_000_000

    def refuses(self, width: int, height: int) -> bool:
        """Whether pictures of this size are too large."""
        return max(width, height) > self.max_side or width * height > self.max_pixels


DEFAULT_LIMITS = Limits()


def open_input(path: Path | str, limits: Limits = DEFAULT_LIMITS) -> InputContainer:
    """Open a file for reading; the caller closes it.

    MediaUnreadable when it is no media, MediaUnsupported when it is oversized.
    The path is always taken as a file, whatever it looks like, and no other file or address is opened on its behalf.
    """
    return _open(path, limits)


def open_segment(
    path: Path | str, limits: Limits = DEFAULT_LIMITS, content: io.RawIOBase | None = None
) -> InputContainer:
    """`open_input` of a file with one stream, whose header tells all there is to know, as `VideoWriter` writes them.

    No picture is decoded to learn more, which can take longer than to copy all the packets; so the context's pixel
    format stays unknown until something is decoded. `content` is read in the file's place; the caller closes it.
    """
    return _open(path, limits, [{"skip_frame": "all"}], content)


def _open(
    path: Path | str,
    limits: Limits,
    streams: list[dict[str, str]] | None = None,
    content: io.RawIOBase | None = None,
) -> InputContainer:
    try:
        container = av.open(
            # PyAV's own types ask for more of a file than it does.
            f"file:{path}" if content is None else cast(Any, content),
            mode="r",
            container_options={
                "format_whitelist": FORMATS,
                "protocol_whitelist": "file",
                "max_streams": str(limits.max_streams),
            },
            # PyAV's own types are wrong here.
            stream_options=cast(Any, streams),
            metadata_errors="replace",
        )
    except FileNotFoundError:
        raise
    except (av.FFmpegError, ValueError) as error:
        raise MediaUnreadable(path, "this is no media that can be read") from error
    for stream in container.streams.video:
        # PyAV's own types do not tell, but a stream of a codec unknown here has none; whoever wants it says so.
        context = cast(VideoCodecContext | None, stream.codec_context)
        width, height = (context.width, context.height) if context is not None else (0, 0)
        if limits.refuses(width, height):
            container.close()
            raise MediaUnsupported(path, f"{width}x{height} is larger than the {limits.max_pixels} pixels taken")
    return container


def picture_streams(container: InputContainer) -> list[VideoStream]:
    """The streams that are moving pictures; a song's cover is none."""
    return [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
