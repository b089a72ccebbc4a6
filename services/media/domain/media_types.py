"""IANA media types of what was probed."""

from __future__ import annotations

from pathlib import PurePath

from artifex.media.v1.messages_pb2 import MediaInfo

_BY_FORMAT = {
    "mov": "video/mp4",
    "matroska": "video/matroska",
    "avi": "video/x-msvideo",
    "mpegts": "video/mp2t",
    "mpeg": "video/mpeg",
    "mxf": "application/mxf",
    "flv": "video/x-flv",
    "wav": "audio/wav",
    "flac": "audio/flac",
    "mp3": "audio/mpeg",
    "ogg": "video/ogg",
    "aiff": "audio/aiff",
    "aac": "audio/aac",
    "gif": "image/gif",
    "png_pipe": "image/png",
    "jpeg_pipe": "image/jpeg",
    "tiff_pipe": "image/tiff",
    "webp_pipe": "image/webp",
    "bmp_pipe": "image/bmp",
    "srt": "application/x-subrip",
    "vtt": "text/vtt",
    "zip": "application/zip",
}
# One format name of libavformat covers several types; the file's own extension tells them apart.
_BY_EXTENSION = {
    ("mov", ".mov"): "video/quicktime",
    ("mov", ".m4a"): "audio/mp4",
    ("mov", ".3gp"): "video/3gpp",
    ("matroska", ".webm"): "video/webm",
    ("matroska", ".mka"): "audio/matroska",
    ("ogg", ".ogg"): "audio/ogg",
    ("ogg", ".opus"): "audio/ogg",
}


def media_type_of(media: MediaInfo, file_name: str) -> str:
    """The media type of a probed file; "application/octet-stream" where there is none registered."""
    kind = media.format.split(",")[0]
    found = _BY_EXTENSION.get((kind, PurePath(file_name).suffix.lower())) or _BY_FORMAT.get(kind)
    if found is None:
        return "application/octet-stream"
    if not media.video_streams and found.startswith("video/"):
        return "audio/" + found.removeprefix("video/")
    return found
