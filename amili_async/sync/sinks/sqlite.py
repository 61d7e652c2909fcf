"""Rows and ledger in a SQLite database: one transaction for each window. Needs nothing but Python."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from amili_async.sync.cells import Cells, stamp
from amili_async.sync.sinks.local import LocalSink
from amili_async.sync.sinks.sql import POSSIBLE, Dialect, SqlTable, check_source, deletions, selection
from amili_async.sync.sinks.sqlitefile import SqliteFile

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from pathlib import Path

    from amili_async.sync.ledger import Entry
    from amili_async.sync.sinks.base import Work
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


class SqliteSink(LocalSink[SqliteFile]):
    """Rows in a SQLite database: a table for each stream, and the ledger, in one file.

    Amounts are texts with the digits of the wire, times texts in UTC (`2026-03-01T12:00:00.000000Z`), parts are JSON texts. The
    file is readable by its owner only. It is in WAL mode, so that it can be read while a run is writing.

    Args:
        path: the file; made if need be.
    """

    kind = "sqlite"

    def __init__(self, path: str | Path) -> None:
        super().__init__(path)
        self._file = SqliteFile(self._path, self.target)
        self._sql: dict[str, list[SqlTable]] = {}
        self._found: set[str] = set()

    def _prepare(self, source: str | None) -> list[Entry]:
        self._sql = {name: [SqlTable(table, DIALECT) for table in tables] for name, tables in self._tables.items()}
        db = self._file.open()
        found = self._columns(db)
        changes: list[str] = []
        for table in (table for tables in self._sql.values() for table in tables):
            columns = found.get(table.table.name)
            changes += table.creation() if columns is None else table.additions(columns, self.target)
        ledger = self._file.settle()  # not before: somebody else's database stays as it is
        entries = ledger.entries()
        check_source(self.target, ledger.meta("source"), source, entries)
        with self._file.transaction():
            for change in changes:
                db.execute(change)
            if source is not None:
                ledger.set_meta("source", source)
        self._found = {*self._columns(db)}
        return entries

    def _columns(self, db: sqlite3.Connection) -> dict[str, dict[str, str]]:
        """Return the tables of ours that are there, with the types of their columns."""
        found: dict[str, dict[str, str]] = {}
        for table, column, kind in db.execute(
            "SELECT lower(m.name), lower(c.name), c.type FROM sqlite_master m, pragma_table_info(m.name) c"
        ):
            found.setdefault(table, {})[column] = kind
        return {name: found[name] for names in POSSIBLE.values() for name in names if name in found}

    def _commit(self, work: Work, entry: Entry) -> Entry:
        try:
            return self._write(work, entry, careful=False)
        except UnicodeDecodeError:  # bytes that are no text
            return self._write(work, entry, careful=True)

    def _write(self, work: Work, entry: Entry, *, careful: bool) -> Entry:
        with self._file.transaction() as db:
            self._clear(db, work.window)
            odd = 0
            for table in self._sql[work.stream.name]:
                for fits, rows in _batches(table, work, careful=careful):
                    db.executemany(table.insertion(), rows)
                    odd += not fits
            entry = replace(entry, drift=entry.drift + odd, files=())
            self._file.ledger.put([entry])
            self._file.ledger.set_digests(work.window, bytes(work.digests))
        return entry

    def _clear(self, db: sqlite3.Connection, window: Window) -> None:
        for statement in deletions(window.stream, self._found, DIALECT):
            db.execute(statement, window.key[1:])

    def _keys(self, entry: Entry) -> list[str]:
        window = entry.window
        return [key for (key,) in self._file.db.execute(selection(window.stream, DIALECT), window.key[1:])]

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
