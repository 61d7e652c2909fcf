"""A DuckDB file in the hands of one run, open only while something is done to it; and the ledger in it."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager, suppress
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

from anyio.to_thread import run_sync

from amili_async.errors import SinkError
from amili_async.sync.ledger import KEYS, LEDGER, SCHEMA, SqliteLedger, entry_row
from amili_async.sync.sinks.locks import LockFile, failed, full

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable
    from pathlib import Path

    from amili_async.sync.ledger import Entry
    from amili_async.sync.windows import Window

__all__ = ["DuckdbFile", "DuckdbLedger"]

T = TypeVar("T")

PATIENCE = 10.0
"""Seconds to wait while another program has the database open."""
_PAUSE = 0.1
_CONFIG: dict[str, str | bool | int | float | list[str]] = {"temp_directory": ""}
"""Nothing is swapped to files, which would stay after a crash."""


class DuckdbFile:
    """A DuckDB file that one run writes to. All methods but `run` block.

    Args:
        path: where it is; made if need be, readable by its owner only.
        target: how it is called on the command line.
    """

    def __init__(self, path: Path, target: str) -> None:
        self._path, self._target = path, target
        self._lock = LockFile(path.with_name(f"{path.name}-lock"))
        self._one = Lock()
        self._file: os.stat_result | None = None

    async def run(self, function: Callable[..., T], *args: Any) -> T:
        """Call a function in a worker thread, and tell in one sentence what is wrong with the file."""
        import duckdb  # noqa: PLC0415  # an extra

        try:
            return await run_sync(self._alone, function, args)
        except duckdb.Error as error:
            raise self._told(error) from None  # its text can have values in it
        except OSError as error:
            raise failed(self._target, error) from error

    def _alone(self, function: Callable[..., T], args: tuple[Any, ...]) -> T:
        """Call a function once no other is at work: that of a task which was cancelled still is."""
        with self._one:
            return function(*args)

    def _told(self, error: Exception) -> SinkError:
        text = str(error)
        if _is_locked(error):
            return SinkError(f"{self._target} is open in another program: close it there, and run again", busy=True)
        if "No space left" in text or "Disk quota" in text:
            return full(self._target)
        if "not a valid DuckDB database" in text or "newer version" in text:
            return SinkError(f"{self._target} is no database that this DuckDB can read: name another file", usable=False)
        if "Cannot open file" in text or "Permission denied" in text or "read-only" in text:
            return SinkError(
                f"{self._target} cannot be written to: give yourself the rights to the file and its folder, and run again"
            )
        return SinkError(f"{self._target} cannot be used (DuckDB says {type(error).__name__}): mend that, and run again")

    def take(self) -> None:
        """Take the lock.

        Raises:
            SinkError: another run has it.
        """
        try:
            self._lock.take()
        except BlockingIOError:
            raise SinkError(f"{self._target} is being used by another run: wait for it, or stop it", busy=True) from None

    def make(self) -> None:
        """Make the file if need be; from now on no other may take its place."""
        self._file = None
        with self.connection():
            self._file = self._path.stat()

    def release(self) -> None:
        """Let go of the lock."""
        self._lock.release()

    @contextmanager
    def connection(self, *, read_only: bool = False) -> Generator[Any]:
        """Open the database for a while, waiting for whoever has it open."""
        import duckdb  # noqa: PLC0415  # an extra

        if self._file is not None and not read_only and not self._is_there():
            raise SinkError(f"{self._target} was moved or deleted while it was being used: put it back, and run again")
        until, new = time.monotonic() + PATIENCE, not self._path.exists()
        while True:
            try:
                db = duckdb.connect(str(self._path.absolute()), read_only=read_only, config=_CONFIG)
                break
            except duckdb.Error as error:
                if not _is_locked(error) or time.monotonic() > until:
                    raise
                time.sleep(_PAUSE)
        try:
            if new:  # and empty: DuckDB lets everybody read it
                self._path.chmod(0o600)
            yield db
        finally:
            db.close()

    def _is_there(self) -> bool:
        try:
            return self._file is not None and os.path.samestat(self._path.stat(), self._file)
        except FileNotFoundError:
            return False

    @contextmanager
    def transaction(self, db: Any) -> Generator[None]:
        """All or nothing."""
        log = self._path.with_name(f"{self._path.name}.wal")
        os.close(os.open(log, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600))  # DuckDB would let everybody read it
        db.execute("BEGIN")
        try:
            yield
            db.execute("COMMIT")
        except BaseException:
            with suppress(Exception):  # it is the first failure that counts
                db.execute("ROLLBACK")
            raise


class DuckdbLedger(SqliteLedger):
    """The ledger in DuckDB, which is slow with one statement for each row."""

    def __init__(self, connection: Any, *, make: bool = False) -> None:
        self._db = connection
        for statement in filter(str.strip, SCHEMA.split(";") if make else ()):
            connection.execute(statement)

    def put(self, entries: Iterable[Entry]) -> None:
        """Add entries, or replace those of the same window."""
        columns = list(zip(*map(entry_row, entries), strict=True))
        kinds = ("VARCHAR", "VARCHAR", "VARCHAR", "VARCHAR", "BIGINT", "BOOLEAN", "VARCHAR")
        if columns:
            lists = ", ".join(f"unnest(?::{kind}[])" for kind in kinds)
            self._db.execute(f"INSERT OR REPLACE INTO {LEDGER} SELECT {lists}", [list(column) for column in columns])

    def remove(self, windows: Iterable[Window]) -> None:
        """Forget windows, and the keys of their rows."""
        columns = list(zip(*(window.key for window in windows), strict=True))
        for table in (LEDGER, KEYS) if columns else ():
            self._db.execute(
                f'DELETE FROM {table} WHERE (stream, organization, "window") IN '  # noqa: S608
                "(SELECT (unnest(?::VARCHAR[]), unnest(?::VARCHAR[]), unnest(?::VARCHAR[])))",
                [list(column) for column in columns],
            )


def _is_locked(error: Exception) -> bool:
    """Tell whether another program has the database open, or this one in another manner."""
    return "Could not set lock" in str(error) or "different configuration" in str(error)
