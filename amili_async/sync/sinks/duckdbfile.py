"""A DuckDB file in the hands of one run, open only while something is done to it; and the ledger in it."""

from __future__ import annotations

import os
import re
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from amili_async.errors import SinkError
from amili_async.sync.ledger import KEYS, LEDGER, SCHEMA, SqliteLedger, entry_row
from amili_async.sync.sinks.databasefile import DatabaseFile
from amili_async.sync.sinks.locks import full

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Sequence

    from amili_async.sync.ledger import Entry
    from amili_async.sync.windows import Window

__all__ = ["DuckdbFile", "DuckdbLedger"]

PATIENCE = 10.0
"""Seconds to wait while another program has the database open."""
_PAUSE = 0.1
_OF_SQLITE = re.compile(r'extension "[^"]*sqlite', re.IGNORECASE)
"""How DuckDB tells that a file is one of SQLite: it has not what would read it."""
_CONFIG: dict[str, str | bool | int | float | list[str]] = {"temp_directory": ""}
"""Nothing is swapped to files, which would stay after a crash."""


class DuckdbFile(DatabaseFile):
    """A DuckDB file that one run writes to. All methods but `run` block."""

    def _failures(self) -> type[Exception]:
        import duckdb  # noqa: PLC0415  # an extra

        return duckdb.Error

    def _told(self, error: Exception) -> SinkError:
        text = str(error)
        if _is_locked(error):
            return SinkError(f"{self._target} is open in another program: close it there, and run again", busy=True)
        if "No space left" in text or "Disk quota" in text:
            return full(self._target)
        if "not a valid DuckDB database" in text or "newer version" in text or _OF_SQLITE.search(text):
            return SinkError(f"{self._target} is no database that this DuckDB can read: name another file", usable=False)
        if "Cannot open file" in text or "Permission denied" in text or "read-only" in text:
            return SinkError(
                f"{self._target} cannot be written to: give yourself the rights to the file and its folder, and run again"
            )
        return SinkError(f"{self._target} cannot be used (DuckDB says {type(error).__name__}): mend that, and run again")

    def make(self) -> None:
        """Make the file if need be; from now on no other may take its place."""
        self._file = None
        with self.connection():
            self._file = self._path.stat()

    def peek(self) -> list[Entry]:
        """Return the ledger without taking the lock; nothing if there is none."""
        if not self._path.exists():
            return []
        with self.connection(read_only=True) as db:
            query = "SELECT 1 FROM duckdb_tables() WHERE schema_name = 'main' AND table_name = ?"
            return DuckdbLedger(db).entries() if db.execute(query, [LEDGER]).fetchone() else []

    def put(self, entries: Sequence[Entry]) -> None:
        """Write entries into the ledger, all or none."""
        with self.connection() as db, self.transaction(db):
            DuckdbLedger(db).put(entries)

    def digests(self, window: Window) -> bytes:
        """Return the fingerprints of the keys of a window's rows."""
        with self.connection() as db:
            return DuckdbLedger(db).digests(window)

    @contextmanager
    def connection(self, *, read_only: bool = False) -> Generator[Any]:
        """Open the database for a while, waiting for whoever has it open."""
        import duckdb  # noqa: PLC0415  # an extra

        if self._file is not None and not read_only:
            self._check_place()
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
