from __future__ import annotations

from pathlib import Path

import pydantic
import pytest
from pydantic_settings import BaseSettings

from libs.chassis.settings import PlatformSettings, Roles


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in PlatformSettings.model_fields:
        monkeypatch.delenv(f"ARTIFEX_{name.upper()}", raising=False)


def test_defaults_are_the_laptops(tmp_path: Path) -> None:
    settings = PlatformSettings()
    assert settings.home == tmp_path / ".artifex"
    assert settings.database_url_for("graph") == f"sqlite+aiosqlite:///{tmp_path}/.artifex/db/graph.sqlite"
    assert settings.objects_url_or_default() == f"file://{tmp_path}/.artifex/objects"


def test_the_environment_moves_everything_to_a_cluster(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ARTIFEX_HOME", "~/studio")
    monkeypatch.setenv("ARTIFEX_DATABASE_URL", "postgresql+asyncpg://db/studio")
    monkeypatch.setenv("ARTIFEX_OBJECTS_URL", "s3://media")
    settings = PlatformSettings()
    assert settings.home == tmp_path / "studio"
    assert settings.database_url_for("graph") == "postgresql+asyncpg://db/studio"
    assert settings.objects_url_or_default() == "s3://media"


def test_a_wrong_value_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARTIFEX_LOG_LEVEL", "LOUD")
    with pytest.raises(pydantic.ValidationError, match="log_level"):
        PlatformSettings()


def test_settings_cannot_be_changed_after_reading() -> None:
    with pytest.raises(pydantic.ValidationError, match="frozen"):
        PlatformSettings().nats_url = "nats://elsewhere"


class Process(BaseSettings):
    roles: Roles = frozenset({"api", "worker"})


def test_roles_are_words_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Process().roles == {"api", "worker"}
    monkeypatch.setenv("ROLES", "worker")
    assert Process().roles == {"worker"}
    monkeypatch.setenv("ROLES", " api , worker ")
    assert Process().roles == {"api", "worker"}


@pytest.mark.parametrize("roles", ["", "apis", "api,cook"])
def test_other_roles_are_refused(monkeypatch: pytest.MonkeyPatch, roles: str) -> None:
    monkeypatch.setenv("ROLES", roles)
    with pytest.raises(pydantic.ValidationError, match="roles"):
        Process()
