"""Rows and ledger in a SQLite database: one transaction for each window. Needs nothing but Python."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from amili_async.errors import SinkError
from amili_async.sync.cells import Cells, stamp
from amili_async.sync.files import make_folder
from amili_async.sync.sinks.base import Spool
from amili_async.sync.sinks.holding import SqliteFile
from amili_async.sync.sinks.sql import POSSIBLE, Dialect, SqlTable, check_source, deletion
from amili_async.sync.streams import stream_named
from amili_async.sync.tables import table_of, tables_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence

    from amili_async.sync.ledger import Entry
    from amili_async.sync.sinks.base import Work
    from amili_async.sync.streams import Stream
    from amili_async.sync.windows import Window

__all__ = ["DIALECT", "SqliteSink"]

DIALECT = Dialect(
    types={
        "text": "TEXT",
        "decimal": "TEXT",  # any other type would make floats of the digits
        "timestamp": "TEXT",
        "date": "TEXT",
        "integer": "INTEGER",
        "boolean": "BOOLEAN",
        "json": "TEXT",
    },
    mark="?",
)


class SqliteSink:
    """Rows in a SQLite database: a table for each stream, and the ledger, in one file.

    Amounts are texts with the digits of the wire, times texts in UTC (`2026-03-01T12:00:00.000000Z`), parts are JSON texts. The
    file is readable by its owner only. It is in WAL mode, so that it can be read while a run is writing.

    Args:
        path: the file; made if need be.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        self._file = SqliteFile(self._path, self._path.with_name(f"{self._path.name}-lock"), self.target)
        self._tables: dict[str, list[SqlTable]] = {}
        self._found: set[str] = set()

    def __repr__(self) -> str:
        """Name the file."""
        return f"SqliteSink({str(self._path)!r})"

    @property
    def target(self) -> str:
        """How the target is called."""
        return f"sqlite:{self._path}"

    async def open(self, source: str | None, streams: Sequence[Stream], parts: Sequence[str]) -> list[Entry]:
        """Take hold of the file, make what is missing, and return the ledger."""
        return await self._file.run(self._open, source, tuple(streams), tuple(parts))

    async def peek(self) -> list[Entry]:
        """Return the ledger, also while a run is using the file."""
        return await self._file.run(self._file.peek)

    async def put(self, entries: Sequence[Entry]) -> None:
        """Write entries into the ledger."""
        await self._file.run(self._put, tuple(entries))

    async def digests(self, window: Window) -> bytes:
        """Return the fingerprints of the keys of a window's rows."""
        return await self._file.run(lambda: self._file.ledger.digests(window))

    def begin(self, work: Work) -> None:
        """Give work its spools; what they have on disk is where the database is."""
        work.spools = {table.table.name: Spool(self._path.absolute().parent) for table in self._tables[work.stream.name]}

    async def commit(self, work: Work, entry: Entry) -> Entry:
        """Replace the rows of a window and its entry, in one transaction."""
        return await self._file.run(self._commit, work, entry)

    async def keys(self, entry: Entry) -> Sequence[str]:
        """Return the keys of the rows that the database has of a window."""
        return await self._file.run(self._keys, entry.window)

    async def remove(self, entries: Sequence[Entry]) -> None:
        """Remove windows, and overwrite what was there."""
        await self._file.run(self._remove, tuple(entries))

    async def close(self) -> None:
        """Let go of the file."""
        await self._file.run(self._file.close)

    def _open(self, source: str | None, streams: tuple[Stream, ...], parts: tuple[str, ...]) -> list[Entry]:
        make_folder(self._path.absolute().parent)
        if self._path.is_dir():
            raise SinkError(f"{self.target} is a folder: name a file", usable=False)
        self._file.take()
        try:
            return self._prepare(source, streams, parts)
        except BaseException:
            self._file.close()
            raise

    def _prepare(self, source: str | None, streams: tuple[Stream, ...], parts: tuple[str, ...]) -> list[Entry]:
        self._tables = {stream.name: [SqlTable(table, DIALECT) for table in tables_of(stream, parts)] for stream in streams}
        db = self._file.open()
        found = self._columns(db)
        changes: list[str] = []
        for table in (table for tables in self._tables.values() for table in tables):
            columns = found.get(table.table.name)
            changes += table.creation() if columns is None else table.additions(columns, self.target)
        ledger = self._file.settle()  # not before: somebody else's database stays as it is
        check_source(self.target, ledger.meta("source"), source)
        with self._file.transaction():
            for change in changes:
                db.execute(change)
            if source is not None:
                ledger.set_meta("source", source)
        self._found = {*self._columns(db)}
        return ledger.entries()

    def _columns(self, db: sqlite3.Connection) -> dict[str, dict[str, str]]:
        """Return the tables of ours that are there, with the types of their columns."""
        found: dict[str, dict[str, str]] = {}
        for table, column, kind in db.execute(
            "SELECT lower(m.name), lower(c.name), c.type FROM sqlite_master m, pragma_table_info(m.name) c"
        ):
            found.setdefault(table, {})[column] = kind
        return {name: found[name] for names in POSSIBLE.values() for name in names if name in found}

    def _put(self, entries: tuple[Entry, ...]) -> None:
        with self._file.transaction():
            self._file.ledger.put(entries)

    def _commit(self, work: Work, entry: Entry) -> Entry:
        try:
            return self._write(work, entry, careful=False)
        except UnicodeDecodeError:  # bytes that are no text
            return self._write(work, entry, careful=True)

    def _write(self, work: Work, entry: Entry, *, careful: bool) -> Entry:
        with self._file.transaction() as db:
            self._clear(db, work.window)
            odd = 0
            for table in self._tables[work.stream.name]:
                for fits, rows in _batches(table, work, careful=careful):
                    db.executemany(table.insertion(), rows)
                    odd += not fits
            entry = replace(entry, drift=entry.drift + odd, files=())
            self._file.ledger.put([entry])
            self._file.ledger.set_digests(work.window, bytes(work.digests))
        return entry

    def _clear(self, db: sqlite3.Connection, window: Window) -> None:
        """Remove the rows of a window from all tables that can have some, those of an earlier run's parts included."""
        for name in POSSIBLE[window.stream]:
            if name in self._found:
                db.execute(deletion(name, DIALECT), (window.organization, window.name))

    def _keys(self, window: Window) -> list[str]:
        query = SqlTable(table_of(stream_named(window.stream)), DIALECT).selection()
        return [key for (key,) in self._file.db.execute(query, (window.organization, window.name))]

    def _remove(self, entries: tuple[Entry, ...]) -> None:
        with self._file.transaction() as db:
            for entry in entries:
                self._clear(db, entry.window)
            self._file.ledger.remove(entry.window for entry in entries)
        self._file.forget()


def _batches(table: SqlTable, work: Work, *, careful: bool) -> Iterator[tuple[bool, list[tuple[str | None, ...]]]]:
    """Yield the rows of a table some megabytes at a time, and whether all their values fit their columns."""
    cells = Cells(table.table, careful=careful)
    window, fetched_at = work.window, stamp(work.read_at)
    for chunk in work.spools[table.table.name].chunks():
        fits, rows = True, list[tuple[str | None, ...]]()
        for row, whole in cells.rows(chunk):
            fits = fits and whole
            texts = [None if cell is None else cell.decode() for cell in row]
            rows.append((window.organization, *texts, window.name, fetched_at))
        yield fits, rows
