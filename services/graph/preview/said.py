"""All that a client has said so far, kept so that a child which replaces another is told as much."""

from __future__ import annotations

import json
from contextlib import suppress
from fractions import Fraction
from typing import Any, Final

from artifex.graph.v1 import preview_pb2
from libs.chassis.errors import InvalidArgument, ResourceExhausted
from services.graph.preview.director import SMALLEST
from services.graph.preview.edits import EditRefused, Json, apply_edit, load_document

MOST_BYTES: Final = 16 * 1024 * 1024
"""Of a document, grown by edits: as many as the parser takes."""


class Said:
    """The document, and what of it is looked at. The child keeps both by the same edits."""

    def __init__(self) -> None:
        self.sequence = 0
        """How many messages there were."""
        self.revision = 1
        self.frame = 0
        """Where the client put the playhead, or a playback took it."""
        self._document: Json = {}
        self._size = 0
        """At most so many bytes of JSON are in the document."""
        self._look = preview_pb2.PreviewLook()
        self._meters = preview_pb2.PreviewMeters()

    def count(self, request: preview_pb2.PreviewRequest) -> str:
        """Number the next message; its kind. Raises InvalidArgument unless the first, and no other, opens the preview,
        and for a look at an impossible scale.
        """
        self.sequence += 1
        kind = request.WhichOneof("request") or ""
        if (kind == "open") != (self.sequence == 1):
            raise InvalidArgument("the first message of a preview opens it, and no other may")
        if kind == "open":
            _check(request.open.look)
        elif kind == "look":
            _check(request.look)
        return kind

    def open(self, opening: preview_pb2.PreviewOpen, text: str) -> None:
        """The first message, with its document's text. Raises InvalidArgument for a text that is no JSON object."""
        try:
            self._document = load_document(text)
        except EditRefused as refusal:
            where = f"{refusal.path}: " if refusal.path else ""
            raise InvalidArgument(f"{where}{refusal.message}", reason="ERROR_REASON_GRAPH_INVALID") from refusal
        self._size = len(text)
        self._look, self._meters, self.frame = opening.look, opening.meters, opening.frame

    def change(self, request: preview_pb2.PreviewRequest) -> None:
        """An edit, a seek, a look, or other meters. Raises ResourceExhausted when edits make the document too large."""
        match request.WhichOneof("request"):
            case "edit":
                self._edit(request)
            case "seek":
                self.frame = request.seek.frame
            case "look":
                self._look = request.look
            case "meters":
                self._meters = request.meters

    def told(self) -> dict[str, Any]:
        """All of it, as a child is told when it begins."""
        return {
            "document": json.dumps(self._document, ensure_ascii=False),
            "revision": self.revision,
            "sequence": self.sequence,
            "frame": self.frame,
            "look": self._look.SerializeToString().hex(),
            "meters": self._meters.SerializeToString().hex(),
        }

    def _edit(self, request: preview_pb2.PreviewRequest) -> None:
        self.revision += 1
        # The child finds the same fault, and says so.
        with suppress(EditRefused):
            self._document = apply_edit(self._document, request.edit)
        self._size += request.ByteSize()
        if self._size > MOST_BYTES:
            self._size = len(json.dumps(self._document, ensure_ascii=False).encode())
        if self._size > MOST_BYTES:
            raise ResourceExhausted(
                "the document has grown too large",
                metadata={"limit": "max_document_bytes", "value": str(MOST_BYTES)},
            )


def _check(look: preview_pb2.PreviewLook) -> None:
    if not look.HasField("scale"):
        return
    scale = Fraction(look.scale.numerator, look.scale.denominator)
    if not SMALLEST <= scale <= 1:
        raise InvalidArgument(f"the scale {scale} of a preview must be at least {SMALLEST} and at most 1")
