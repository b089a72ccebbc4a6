from __future__ import annotations

import json
from pathlib import Path

import pytest
from google.protobuf import json_format

from libs.frames.errors import MediaUnreadable
from services.graph.worker.child import run
from tests.unit.services.graph.support import footage_info

DIGEST = "ab" * 32


def test_media_that_does_not_decode_is_called_by_its_asset(tmp_path: Path) -> None:
    stored = tmp_path / DIGEST
    stored.write_bytes(b"no media at all" * 100)
    document = {
        "schema": "artifex.graph/1",
        "settings": {"width": 64, "height": 36, "fps": 24, "duration": 1},
        "nodes": {
            "plate": {"type": "MediaInput", "params": {"asset": "assets/01plate"}},
            "out": {"type": "FileOutput", "inputs": {"video": "plate"}, "params": {"path": "o.mp4"}},
        },
    }
    request = {
        "kind": "frames",
        "document": json.dumps(document),
        "output_node": "out",
        "sources": {
            "plate": {"path": str(stored), "media": json_format.MessageToDict(footage_info()), "digest": DIGEST}
        },
        "output": str(tmp_path / "segment"),
        "first_frame": 0,
        "frame_count": 2,
        "threads": 1,
    }
    with pytest.raises(MediaUnreadable) as refused:
        run(request, lambda told: None)
    assert str(refused.value) == "asset 01plate: this is no media that can be read"
    assert refused.value.metadata == {"file": "asset 01plate", "node": "plate", "frame": "0"}
