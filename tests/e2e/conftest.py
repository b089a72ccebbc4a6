"""One studio for all end-to-end tests, in both of its forms: the embedded default, and PostgreSQL with S3.

The tests are the same for both; only settings differ.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from artifex.client import Client
from artifex.up import Stack
from libs.chassis.testing import PostgresServer, SeaweedServer
from tests.support.footage import bunny
from tests.support.triton import I2V, TI2V, tiny_weights


def show(name: str, line: str) -> None:
    """What the processes print; pytest shows it when a test fails."""
    sys.stderr.write(f"{name:>16} | {line}\n")


@pytest_asyncio.fixture(scope="package", loop_scope="session", params=["embedded", "cluster"])
async def stack(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """A whole studio, Triton included."""
    folder = tmp_path_factory.mktemp(request.param)
    models = folder / "home" / "models"
    models.mkdir(parents=True)
    for name in (I2V, TI2V):
        (models / name).symlink_to(tiny_weights(name))
    if request.param == "embedded":
        async with Stack(folder / "home", workers=2, report=show) as studio:
            yield studio
        return
    async with PostgresServer(folder / "postgres") as postgres, SeaweedServer(folder / "s3") as s3:
        database = await postgres.create_database("artifex")
        env = {"ARTIFEX_DATABASE_URL": database, "ARTIFEX_OBJECTS_URL": s3.url, **s3.env}
        async with Stack(folder / "home", workers=2, env=env, report=show) as studio:
            yield studio


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def client(stack: Stack) -> AsyncIterator[Client]:
    """The first admin's."""
    async with Client(stack.endpoint, home=stack.home) as studio:
        yield studio


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def plate(client: Client) -> str:
    """The real footage as an asset."""
    return (await client.assets.upload(bunny())).name


@pytest.fixture
def movie(tmp_path: Path) -> Path:
    """Where a test saves what it rendered."""
    return tmp_path / "movie.mp4"
