from pathlib import Path

import pytest

from libs.chassis.objects import open_objects


def test_a_folder_is_made_and_read_in_place(tmp_path: Path) -> None:
    root = tmp_path / "한 folder" / "objects"
    store = open_objects(root.as_uri())
    assert root.is_dir()
    assert store.local_path("a/b") == root / "a" / "b"


def test_a_bucket_has_no_local_files() -> None:
    assert open_objects("s3://bucket/prefix?region=eu-central-1").local_path("a/b") is None


@pytest.mark.parametrize("url", ["", "objects", "gs://bucket", "s3://", "s3://bucket?secret=x"])
def test_other_places_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match="objects_url"):
        open_objects(url)
