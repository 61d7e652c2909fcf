"""A SQLite file in the hands of one run: the rows of a database with their ledger, or the ledger beside files.

It can be read by others while a run writes to it, and what is on the disk is always a state between two transactions.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING

from amili_async.errors import SinkError
from amili_async.sync.ledger import LEDGER, SqliteLedger
from amili_async.sync.sinks.databasefile import DatabaseFile
from amili_async.sync.sinks.locks import full

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from amili_async.sync.ledger import Entry
    from amili_async.sync.windows import Window

__all__ = ["SqliteFile"]

PATIENCE = 10.0
"""Seconds to wait while another program has the file locked."""
_PAGE = 16_384
"""Bytes of a page: some cases each. Measured: a fifth faster than the usual 4096, and a quarter smaller."""
_SETTINGS = (
    f"page_size = {_PAGE}",
    "journal_mode = WAL",
    "synchronous = FULL",
    "cache_size = -65536",
    "secure_delete = ON",  # what is replaced or removed leaves nothing behind in the file
)
_KIND = 0xFF
"""The part of an error code that tells its kind."""


class SqliteFile(DatabaseFile):
    """A SQLite file that one run writes to. All methods but `run` block."""

    _db: sqlite3.Connection | None = None
    _ledger: SqliteLedger | None = None

    def _failures(self) -> type[Exception]:
        return sqlite3.Error

    def _told(self, error: Exception) -> SinkError:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & _KIND
        if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            return SinkError(f"{self._target} is locked by another program: close it there, and run again")
        if code == sqlite3.SQLITE_FULL:
            return full(self._target)
        if code in {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT}:
            return SinkError(f"{self._target} has no SQLite database, or a damaged one: name another target", usable=False)
        if code in {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM}:
            return SinkError(f"{self._target} cannot be written to: get the rights to the file and its folder, and run again")
        name = getattr(error, "sqlite_errorname", type(error).__name__)
        return SinkError(f"{self._target} cannot be used (SQLite says {name}): mend that, and run again")

    @property
    def db(self) -> sqlite3.Connection:
        """The connection."""
        if self._db is None:
            raise SinkError(f"{self._target} is not open")
        return self._db

    @property
    def ledger(self) -> SqliteLedger:
        """The ledger in it."""
        if self._ledger is None:
            raise SinkError(f"{self._target} is not open")
        return self._ledger

    def open(self) -> sqlite3.Connection:
        """Open the file as it is, without changing anything in it."""
        os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))  # what SQLite puts beside it gets the same rights
        place = str(self._path.absolute())  # a name such as `:memory:` means a file too
        self._db = sqlite3.connect(place, timeout=PATIENCE, isolation_level=None, check_same_thread=False)
        self._file = self._path.stat()
        return self._db

    def settle(self) -> SqliteLedger:
        """Bring the file into the state in which a run uses it, and return its ledger."""
        for setting in _SETTINGS:
            self.db.execute(f"PRAGMA {setting}")
        self._ledger = SqliteLedger(self.db)
        return self._ledger

    @contextmanager
    def transaction(self) -> Generator[sqlite3.Connection]:
        """All or nothing, in the file that was opened.

        Raises:
            SinkError: that file has lost its name meanwhile.
        """
        db = self.db
        self._check_place()
        db.execute("BEGIN IMMEDIATE")
        try:
            yield db
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                with suppress(sqlite3.Error):  # it is the first failure that counts
                    db.execute("ROLLBACK")
            raise

    def forget(self) -> None:
        """Overwrite what was removed in the log too."""
        self.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def peek(self) -> list[Entry]:
        """Return the ledger without taking the lock; nothing if there is none. What it puts beside the file goes with it."""
        if not self._path.exists():
            return []
        with closing(sqlite3.connect(f"{self._path.absolute().as_uri()}?mode=rw", uri=True, timeout=PATIENCE)) as db:
            if not db.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (LEDGER,)).fetchone():
                return []
            return SqliteLedger(db, make=False).entries()

    def put(self, entries: Sequence[Entry]) -> None:
        """Write entries into the ledger, all or none."""
        with self.transaction():
            self.ledger.put(entries)

    def digests(self, window: Window) -> bytes:
        """Return the fingerprints of the keys of a window's rows."""
        return self.ledger.digests(window)

    def close(self) -> None:
        """Let go of the file, then of the lock."""
        try:
            if self._db is not None:
                self._db.close()
        finally:
            self._db = self._ledger = None
            super().close()
