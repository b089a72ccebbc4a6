"""Real servers for the integration tests, one of each for the whole run, started by the first test that asks."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

# gRPC's handlers around fork() crash a child that is forked while a call runs; our children only ever exec.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")

from libs.chassis.ids import new_id
from libs.chassis.testing import NatsServer, PostgresServer, SeaweedServer


@pytest.fixture(scope="session")
def nats_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    """A nats-server that tests share: use subjects and durable names of your own, and never kill it.

    A test that kills its server starts its own: `async with NatsServer(tmp_path) as nats:`.
    """
    with NatsServer(tmp_path_factory.mktemp("nats")) as server:
        yield server


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """A PostgreSQL that tests share: `await postgres_server.create_database(new_id())` gives a database of your own."""
    with PostgresServer(tmp_path_factory.mktemp("postgres")) as server:
        yield server


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SeaweedServer]:
    """An S3 server that tests share, its credentials in the environment; `s3_url()` gives a prefix of your own."""
    with SeaweedServer(tmp_path_factory.mktemp("s3")) as server:
        before = {name: os.environ.get(name) for name in server.env}
        os.environ.update(server.env)
        yield server
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@pytest.fixture
def s3_url(s3_server: SeaweedServer) -> Callable[[], str]:
    """Makes `objects_url` values, each with an empty prefix in the shared bucket."""
    return lambda: s3_server.url.replace(f"s3://{s3_server.bucket}", f"s3://{s3_server.bucket}/{new_id()}")


@pytest.fixture
async def database_url(request: pytest.FixtureRequest, tmp_path: Path, database_kind: str) -> str:
    """An empty database of the kind that `database_kind` names; parametrised over both."""
    if database_kind == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path / 'test.sqlite'}"
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return await server.create_database(new_id())


@pytest.fixture(params=["sqlite", "postgres"])
def database_kind(request: pytest.FixtureRequest) -> str:
    """Both databases; a test overrides it with `@pytest.mark.parametrize("database_kind", [...])`."""
    kind: str = request.param
    return kind
