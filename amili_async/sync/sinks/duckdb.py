"""Rows and ledger in a DuckDB database: exact and nested types by way of Arrow, one transaction for each window."""

from __future__ import annotations

from collections import OrderedDict
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from amili_async.errors import SinkError
from amili_async.sync.ledger import KEYS
from amili_async.sync.sinks.base import needed
from amili_async.sync.sinks.duckdbfile import DuckdbFile, DuckdbLedger
from amili_async.sync.sinks.local import LocalSink
from amili_async.sync.sinks.sql import Dialect, check_source, deletions, quoted, selection
from amili_async.sync.tables import ORGANIZATION, WINDOW

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping, Sequence
    from pathlib import Path

    import pyarrow as pa

    from amili_async.sync.converting import Converters
    from amili_async.sync.ledger import Entry
    from amili_async.sync.sinks.base import Work
    from amili_async.sync.tables import Table
    from amili_async.sync.windows import Window

__all__ = ["DuckdbSink"]

GROUP = 20_000
"""Rows that are taken in at once, about."""
_HELD = 32
"""Windows whose fingerprints are kept at hand: opening the database takes longer than anything else that is done to a few."""
_ROWS = "_amili_rows"
_DIALECT = Dialect(types={}, mark="?")  # types come from Arrow


class DuckdbSink(LocalSink[DuckdbFile]):
    """Rows in a DuckDB database: a table for each stream, and the ledger, in one file. Needs the extra `duckdb`.

    Amounts are `DECIMAL(38,10)`, moments `TIMESTAMPTZ`, parts structs and lists. The file is readable by its owner only. It is
    open only while something is done to it, so that it can be read between two windows. The tables have no index: keys are unique
    because each window replaces what was there under its keys.

    Args:
        path: the file; made if need be.

    Raises:
        SinkError: duckdb or pyarrow is not installed.
    """

    kind = "duckdb"

    def __init__(self, path: str | Path) -> None:
        needed("duckdb", "duckdb", "DuckDB")
        needed("pyarrow", "duckdb", "DuckDB, which takes rows by way of Arrow,")
        super().__init__(path)
        self._file = DuckdbFile(self._path, self.target)
        self._found: set[str] = set()
        self._converters: dict[str, Converters] = {}
        self._digests: OrderedDict[tuple[str, str, str], bytes] = OrderedDict()

    def _prepare(self, source: str | None) -> list[Entry]:
        from amili_async.sync.converting import Converters  # noqa: PLC0415  # an extra

        self._digests.clear()
        tables = [table for found in self._tables.values() for table in found]
        self._converters = {table.name: Converters(table) for table in tables}
        self._file.make()
        with self._file.connection() as db:
            found = self._columns(db)
            changes = [change for table in tables for change in self._changes(db, table, found.get(table.name))]
            ledger = DuckdbLedger(db, make=KEYS not in found)  # the last that is made
            entries = ledger.entries()
            check_source(self.target, ledger.meta("source"), source, entries)
            with self._file.transaction(db):
                for change in changes:
                    db.execute(change)
                if source is not None and ledger.meta("source") != source:
                    ledger.set_meta("source", source)
            self._found = {*self._columns(db)}
            return entries

    def _columns(self, db: Any) -> dict[str, dict[str, str]]:
        """Return the tables that are there, with the types of their columns."""
        found: dict[str, dict[str, str]] = {}
        query = "SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE schema_name = 'main' AND NOT internal"
        for table, column, kind in db.execute(query).fetchall():
            found.setdefault(table, {})[column] = kind
        return found

    def _changes(self, db: Any, table: Table, found: Mapping[str, str] | None) -> Iterator[str]:
        """Yield the statements that make a table, or add the columns that an earlier version of this package did not know.

        Raises:
            SinkError: it is somebody else's table.
        """
        name = quoted(table.name)
        with _registered(db, self._converters[table.name].schema.empty_table()):
            columns = {column: kind for column, kind, *_ in db.execute(f"DESCRIBE {_ROWS}").fetchall()}
        if found is None:
            yield f"CREATE TABLE {name} ({', '.join(f'{quoted(column)} {kind}' for column, kind in columns.items())})"
            return
        own = {ORGANIZATION, WINDOW, *(column.name for column in table.columns[: table.keys])}
        for column, kind in columns.items():
            if (column in own) if column not in found else found[column] != kind:
                raise SinkError(
                    f"{self.target} has a table {table.name!r} already that is not of this program (its column {column!r} is "
                    f"{'missing' if column not in found else 'of another type'}): name another target, or rename that table",
                    usable=False,
                )
            if column not in found:
                yield f"ALTER TABLE {name} ADD COLUMN {quoted(column)} {kind}"

    def _digests_of(self, window: Window) -> bytes:
        if window.key not in self._digests:
            self._hold(window, self._file.digests(window))
        return self._digests[window.key]

    def _hold(self, window: Window, digests: bytes) -> None:
        self._digests[window.key] = digests
        self._digests.move_to_end(window.key)
        while len(self._digests) > _HELD:
            self._digests.popitem(last=False)

    def _commit(self, work: Work, entry: Entry) -> Entry:
        with self._file.connection() as db, self._file.transaction(db):
            self._clear(db, work.window)
            drift = entry.drift
            for table in self._tables[work.stream.name]:
                with closing(self._groups(table, work)) as groups:
                    for rows, odd in groups:
                        _take_in(db, table, rows)
                        drift += odd
            entry = replace(entry, drift=drift, files=())
            ledger = DuckdbLedger(db)
            ledger.put([entry])
            ledger.set_digests(work.window, bytes(work.digests))
        self._hold(work.window, bytes(work.digests))
        return entry

    def _groups(self, table: Table, work: Work) -> Generator[tuple[pa.Table, int]]:
        """Yield the rows of a table in groups, and how many pieces of them took the slower way."""
        import pyarrow as pa  # noqa: PLC0415  # an extra

        waiting: list[pa.Table] = []
        odd = 0
        chunks = work.spools[table.name].chunks()
        with closing(self._converters[table.name].convert(chunks, work.window, work.read_at)) as found:
            for rows, misfit in found:
                waiting.append(rows)
                odd += misfit
                if sum(one.num_rows for one in waiting) >= GROUP:
                    yield pa.concat_tables(waiting), odd
                    waiting, odd = [], 0
        if waiting:
            yield pa.concat_tables(waiting), odd

    def _clear(self, db: Any, window: Window) -> None:
        for statement in deletions(window.stream, self._found, _DIALECT):
            db.execute(statement, window.key[1:])

    def _keys(self, entry: Entry) -> list[str]:
        window = entry.window
        with self._file.connection() as db:
            return [key for (key,) in db.execute(selection(window.stream, _DIALECT), window.key[1:]).fetchall()]

    def _remove(self, entries: tuple[Entry, ...]) -> None:
        with self._file.connection() as db, self._file.transaction(db):
            for entry in entries:
                self._clear(db, entry.window)
                self._digests.pop(entry.key, None)
            DuckdbLedger(db).remove(entry.window for entry in entries)

    def _close(self) -> None:
        while self._converters:
            self._converters.popitem()[1].close()
        super()._close()


@contextmanager
def _registered(db: Any, rows: pa.Table) -> Generator[None]:
    """Let statements see an Arrow table."""
    db.register(_ROWS, rows)
    try:
        yield
    finally:
        db.unregister(_ROWS)


def _take_in(db: Any, table: Table, rows: pa.Table) -> None:
    """Take rows into a table, in place of those that are there under their keys."""
    names = [ORGANIZATION, *(column.name for column in table.columns[: table.keys])]
    alike = " AND ".join(f"{quoted(table.name)}.{quoted(name)} = {_ROWS}.{quoted(name)}" for name in names)
    with _registered(db, _once(rows, names)):
        db.execute(f"DELETE FROM {quoted(table.name)} USING {_ROWS} WHERE {alike}")  # noqa: S608
        db.execute(f"INSERT INTO {quoted(table.name)} BY NAME SELECT * FROM {_ROWS}")  # noqa: S608


def _once(rows: pa.Table, names: Sequence[str]) -> pa.Table:
    """Return rows with each key once, the last one."""
    last = {key: place for place, key in enumerate(zip(*(rows[name].to_pylist() for name in names), strict=True))}
    return rows if len(last) == rows.num_rows else rows.take(sorted(last.values()))
