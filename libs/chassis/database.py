"""SQL storage: SQLite in WAL mode by default, PostgreSQL by URL, the same code on both.

A service opens one `Database`, reads through `read()` and writes through `transaction()`. What the two engines promise:

- **SQLite**: a committed transaction is on the disk (`synchronous=FULL`; an accepted job must survive a power cut, and
  `NORMAL` would lose the last commits of a WAL). Writers queue on one asyncio lock inside the process, since ten that
  fight for the file's lock are three times slower than ten that take turns; other processes are waited for through
  `busy_timeout`. A write transaction takes its lock at the start (`BEGIN IMMEDIATE`), so it never fails half-way.
- **PostgreSQL**: one schema per service, put on the connection's `search_path`, so table names stay the same.
"""

import asyncio
import fcntl
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from alembic import command
from alembic.config import Config
from sqlalchemy import (
    JSON,
    BigInteger,
    Connection,
    DateTime,
    Dialect,
    Integer,
    MetaData,
    Table,
    TextClause,
    event,
    make_url,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.pool import NullPool
from sqlalchemy.schema import SchemaItem
from sqlalchemy.types import TypeDecorator

from libs.chassis.errors import Unavailable

_BUSY_TIMEOUT_MS = 30_000


class MigrationOperations(Protocol):
    """What a shared table needs of `alembic.op`."""

    def create_table(self, table_name: str, *columns: SchemaItem) -> Table: ...

    def create_index(self, index_name: str, table_name: str, columns: list[str | TextClause]) -> None: ...


Json = JSON().with_variant(JSONB(), "postgresql")
"""A column for JSON documents."""

Sequence64 = BigInteger().with_variant(Integer(), "sqlite")
"""An auto-incrementing 64-bit primary key; SQLite counts only a column that is declared INTEGER."""


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime, stored and returned in UTC; SQLite itself would forget the zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime has no place in time; use libs.chassis.clock.utcnow()")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def new_metadata() -> MetaData:
    """Metadata whose constraints have stable names, without which a migration cannot drop them."""
    return MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


def insert_into(session: AsyncSession, table: Table) -> postgresql.Insert | sqlite.Insert:
    """An INSERT that knows ON CONFLICT, which both engines have and SQLAlchemy spells for each apart."""
    is_postgres = session.get_bind().dialect.name == "postgresql"
    return postgresql.insert(table) if is_postgres else sqlite.insert(table)


class Database:
    """The connections of one service to its database; an async context manager that closes them.

    `url` is `sqlite+aiosqlite:///path` or `postgresql+asyncpg://...`; `schema` is the service's own on PostgreSQL.
    """

    def __init__(self, url: str, *, schema: str) -> None:
        self.schema = schema
        self._url = url
        self.is_sqlite = make_url(url).get_backend_name() == "sqlite"
        self._write_lock = asyncio.Lock()
        if self.is_sqlite:
            self._reader = _sqlite_engine(url, begin="BEGIN", read_only=True)
            self._writer = _sqlite_engine(url, begin="BEGIN IMMEDIATE", read_only=False)
        else:
            self._reader = self._writer = _postgres_engine(url, schema)

    @property
    def engine(self) -> AsyncEngine:
        """The engine that writes, for the few callers that need a connection of their own."""
        return self._writer

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._reader.dispose()
        if self._writer is not self._reader:
            await self._writer.dispose()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """A session that sees one consistent snapshot on SQLite, each statement's own on PostgreSQL; writes are refused
        on SQLite and rolled back on PostgreSQL.

        Raises `Unavailable` when the database does not answer.
        """
        async with AsyncSession(self._reader, expire_on_commit=False) as session:
            with _outages_named():
                await _begin(session)
                yield session

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """A session that commits when the block ends and rolls back when it raises, cancellation included.

        Keep the block short: on SQLite it holds the only write lock. Raises `Unavailable` when the database does not
        answer or stays locked.
        """
        if self.is_sqlite:
            async with self._write_lock, self._transaction() as session:
                yield session
        else:
            async with self._transaction() as session:
                yield session

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[AsyncSession]:
        async with AsyncSession(self._writer, expire_on_commit=False) as session:
            with _outages_named():
                await _begin(session)
                yield session
                await session.commit()

    @asynccontextmanager
    async def dedicated(self) -> AsyncIterator[AsyncConnection]:
        """A PostgreSQL connection outside of the pool and of transactions, closed with the block: what is bound to the
        life of a connection, such as an advisory lock or LISTEN, ends there.
        """
        engine = _postgres_engine(self._url, self.schema, null_pool=True)
        try:
            async with engine.connect() as connection:
                yield await connection.execution_options(isolation_level="AUTOCOMMIT")
        finally:
            await engine.dispose()

    async def check(self) -> bool:
        """True when the database answers; for health checks."""
        try:
            async with self.read() as session:
                await session.execute(text("SELECT 1"))
        except Unavailable:
            return False
        return True


async def _begin(session: AsyncSession) -> None:
    """Connect now, so that an outage is told apart from an error of the caller's own statements."""
    try:
        await session.connection()
    except OSError as error:
        raise _unavailable() from error


@contextmanager
def _outages_named() -> Iterator[None]:
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        raise _unavailable() from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise _unavailable() from error
        raise


def _unavailable() -> Unavailable:
    return Unavailable(
        "The database does not answer.",
        reason="ERROR_REASON_DEPENDENCY_UNAVAILABLE",
        metadata={"dependency": "database"},
        retry_after=1.0,
    )


def _sqlite_engine(url: str, *, begin: str, read_only: bool, null_pool: bool = False) -> AsyncEngine:
    path = make_url(url).database
    if not path or path == ":memory:":
        raise ValueError("SQLite is opened by a file's path: an in-memory database is not shared between connections")
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    engine = (
        create_async_engine(url, poolclass=NullPool)
        if null_pool
        else create_async_engine(url, pool_size=8 if read_only else 1, max_overflow=0)
    )

    @event.listens_for(engine.sync_engine, "connect")
    def configure(connection: Any, _record: object) -> None:
        # Transactions are begun by the listener below; the driver's own rules would begin them at the first write.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in (
            f"busy_timeout={_BUSY_TIMEOUT_MS}",
            "journal_mode=WAL",
            "synchronous=FULL",
            # Migrations rebuild tables, which SQLite allows only while foreign keys sleep.
            f"foreign_keys={'OFF' if null_pool else 'ON'}",
            f"query_only={'ON' if read_only else 'OFF'}",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def start(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def _postgres_engine(url: str, schema: str, *, null_pool: bool = False) -> AsyncEngine:
    arguments = {"server_settings": {"search_path": f'"{schema}"', "application_name": f"artifex-{schema}"}}
    if null_pool:
        return create_async_engine(url, poolclass=NullPool, connect_args=arguments)
    # pre_ping: a connection that died with the server is replaced instead of failing the request that got it.
    return create_async_engine(url, pool_pre_ping=True, pool_size=8, max_overflow=8, connect_args=arguments)


_alembic_lock = threading.Lock()  # Alembic keeps the running migration in module globals.


async def migrate(url: str, *, schema: str, migrations: Path) -> None:
    """Bring the schema to the newest revision in `migrations/versions`.

    Safe when several processes start at once: they take turns on an advisory lock (PostgreSQL) or a lock file beside
    the database (SQLite), and those that come later find nothing to do. All revisions run in one transaction.
    """
    await asyncio.to_thread(_migrate, url, schema, migrations)


def _migrate(url: str, schema: str, migrations: Path) -> None:
    with _alembic_lock:
        asyncio.run(_migrate_locked(url, schema, migrations))


async def _migrate_locked(url: str, schema: str, migrations: Path) -> None:
    if make_url(url).get_backend_name() == "sqlite":
        engine = _sqlite_engine(url, begin="BEGIN IMMEDIATE", read_only=False, null_pool=True)
        with _file_lock(Path(f"{make_url(url).database}.migrate.lock")):
            await _upgrade(engine, None, migrations)
        return
    engine = _postgres_engine(url, schema, null_pool=True)
    async with engine.connect() as guard:
        await guard.execute(text("SELECT pg_advisory_lock(hashtext(:name))"), {"name": f"artifex.migrate.{schema}"})
        # The lock belongs to the session, not to the transaction, and goes when `guard` is closed.
        await guard.commit()
        await _upgrade(engine, schema, migrations)


async def _upgrade(engine: AsyncEngine, schema: str | None, migrations: Path) -> None:
    config = Config()
    config.set_main_option("path_separator", "newline")
    config.set_main_option("script_location", _escaped(Path(__file__).parent / "alembic_env"))
    config.set_main_option("version_locations", _escaped(migrations / "versions"))

    def upgrade(connection: Connection) -> None:
        if schema is not None:
            connection.execute(text(f'CREATE SCHEMA IF NOT EXISTS "{schema}"'))
        config.attributes["connection"] = connection
        config.attributes["schema"] = schema
        command.upgrade(config, "head")

    async with engine.begin() as connection:
        await connection.run_sync(upgrade)
    await engine.dispose()


def _escaped(path: Path) -> str:
    return str(path).replace("%", "%%")


@contextmanager
def _file_lock(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
