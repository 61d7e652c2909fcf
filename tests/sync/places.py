"""Places for rows, one for each kind of sink, and a look into them that does not go through the sink.

`TARGETS` names all of them: a sink that is missing fails every test of the suite.
"""

# ruff: noqa: D102  # what a method is for stands in `Target`
# ruff: noqa: PLC0415  # what only one kind of target needs is imported where it is needed
# ruff: noqa: S608  # names of our own tables

from __future__ import annotations

import gzip
import json
import sqlite3
from contextlib import closing
from copy import copy
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import asyncpg

from amili_async.sync.columns import columns_of, element_of
from amili_async.sync.sinks.memory import MemorySink
from amili_async.sync.streams import STREAMS
from amili_async.sync.tables import EXTRA, FETCHED_AT, ORGANIZATION, WINDOW, table_of
from amili_async.sync.targets import sink_for
from tests.sync.conformance import CASES, Held, moment, read, read_anyhow

if TYPE_CHECKING:
    from collections.abc import Callable

    from amili_async.sync.windows import Window


class Target:
    """A place for rows. `kind` is what stands before the colon.

    Attributes:
        typed: whether it has columns at all.
        scale: digits before and after the point that an amount can have in its column; None: as many as it likes.
        lasting: whether it outlives the sink.
    """

    typed = True
    scale: tuple[int, int] | None = None
    lasting = True

    def __init__(self, kind: str, folder: Path, postgres: Any = None) -> None:
        self.kind, self.folder, self.postgres = kind, folder, postgres

    @property
    def address(self) -> str:
        """The target as it stands on the command line."""
        raise NotImplementedError

    def sink(self) -> Any:
        """Return a new sink."""
        return sink_for(self.address)

    async def held(self, table) -> list[Held]:
        """Return the rows of a table."""
        raise NotImplementedError

    async def lose(self, window: Window, key: str) -> None:
        """Delete a row by hand."""
        raise NotImplementedError

    def spoil(self) -> Callable[[], bool]:
        """Put something else in the target's place; return what tells whether that is still as it was."""
        path = Path(self.address.partition(":")[2])
        if path.is_dir():
            path.rmdir()
        path.write_bytes(b"somebody's own text, longer than any header\n" * 400)
        return lambda: path.read_bytes() == b"somebody's own text, longer than any header\n" * 400 and self.debris() == []

    def debris(self) -> list[str]:
        """Name what should not be there when nobody uses the target."""
        return []


class Memory(Target):
    """The memory of the process."""

    typed = lasting = False

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._sink = MemorySink()

    def sink(self):
        return self._sink

    async def held(self, table):
        return [
            Held(read_anyhow(line.decode(errors="backslashreplace")), None, organization, window, None)
            for (_, organization, window), lines in self._sink._lines.get(table.name, {}).items()
            for line in lines
        ]

    async def lose(self, window, key):
        lines = self._sink._lines[window.stream][window.key]
        lines[:] = [line for line in lines if key.encode() not in line]


class Files(Target):
    """A folder of files: one for each window that has rows."""

    suffix = ""

    @property
    def address(self):
        return f"{self.kind}:{self.folder}"

    def files(self, table) -> list[Path]:
        return sorted((self.folder / table.name).rglob(f"*{self.suffix}"))

    async def held(self, table):
        return [held for path in self.files(table) for held in self.rows_of(path, table)]

    def rows_of(self, path: Path, table) -> list[Held]:
        raise NotImplementedError

    def where(self, path: Path) -> tuple[str, str]:
        """Return organization and window of a file."""
        organization = next(part for part in path.parts if part.startswith("org="))
        return unquote(organization.removeprefix("org=")), path.name.removesuffix(self.suffix)

    def debris(self):
        ledger = self.folder / "_amili"
        if not (ledger / "ledger.sqlite").exists():
            return sorted(map(str, self.folder.rglob("*")))
        named = {str(self.folder / name) for entry in ledger_of(ledger / "ledger.sqlite") for name, _ in entry["files"]}
        return sorted(
            str(path)
            for path in self.folder.rglob("*")
            if path.is_file() and str(path) not in named and path != ledger / "ledger.sqlite"
        )


def ledger_of(path: Path) -> list[dict[str, Any]]:
    """Read the entries of a ledger beside files."""
    with closing(sqlite3.connect(path)) as db:
        return [{"files": [], **json.loads(entry)} for (entry,) in db.execute("SELECT entry FROM _amili_ledger")]


class Ndjson(Files):
    """Lines as they came."""

    typed = False

    @property
    def suffix(self):
        return f".{self.kind}"

    def text(self, path: Path) -> bytes:
        packed = path.read_bytes()
        if self.kind.endswith("gz"):
            return gzip.decompress(packed)
        if self.kind.endswith("zst"):
            import pyarrow as pa

            return pa.CompressedInputStream(pa.BufferReader(packed), "zstd").read()
        return packed

    def pack(self, path: Path, text: bytes) -> None:
        if self.kind.endswith("zst"):
            import pyarrow as pa

            with pa.CompressedOutputStream(str(path), "zstd") as stream:
                stream.write(text)
        else:
            path.write_bytes(gzip.compress(text) if self.kind.endswith("gz") else text)

    def rows_of(self, path, table):
        lines = self.text(path).splitlines()
        return [Held(read_anyhow(line.decode(errors="backslashreplace")), None, *self.where(path), None) for line in lines]

    async def lose(self, window, key):
        for path in self.files(table_of(STREAMS[window.stream])):
            lines = self.text(path).splitlines(keepends=True)
            self.pack(path, b"".join(line for line in lines if key.encode() not in line))


class Parquet(Files):
    """Parquet files with nested types."""

    suffix = ".parquet"
    scale = (28, 10)

    def rows_of(self, path, table):
        import pyarrow.parquet as pq

        where = self.where(path)
        found = pq.ParquetFile(path).read().to_pylist()
        return [typed_row(row, table, where) for row in found]

    async def lose(self, window, key):
        import pyarrow.compute as pc
        import pyarrow.parquet as pq

        table = table_of(STREAMS[window.stream])
        for path in self.files(table):
            found = pq.ParquetFile(path).read()
            pq.write_table(found.filter(pc.not_equal(found[table.key.name], key)), path)


def typed_row(row: dict[str, Any], table, where: tuple[str, str] | None = None) -> Held:
    """Return a row of a target with nested types."""
    extra = row[EXTRA]
    organization, window = where or (row[ORGANIZATION], row[WINDOW])
    assert (row.get(ORGANIZATION, organization), row.get(WINDOW, window)) == (organization, window)
    columns = {column.wire: to_wire(row[column.name], column) for column in table.columns if row[column.name] is not None}
    fetched_at = row[FETCHED_AT].astimezone(UTC)
    return Held(columns, None if extra is None else read(extra), organization, window, fetched_at)


def to_wire(value: Any, column) -> Any:
    """Give the members of parts their names on the wire."""
    if value is None or column.kind != "json":
        return value.astimezone(UTC) if isinstance(value, datetime) else value
    element = element_of(column.shape)
    if element is not None and isinstance(value, list):
        return [to_wire(item, element) for item in value]
    known = columns_of(column.shape)
    if known and isinstance(value, dict):
        return {part.wire: to_wire(value[part.name], part) for part in known}
    return read(value) if isinstance(value, str) else value


def untyped_row(row: dict[str, Any], table) -> Held:
    """Return a row of a target that has texts for JSON, and for whatever it has no type for."""
    columns = {column.wire: from_cell(row[column.name], column.kind) for column in table.columns if row[column.name] is not None}
    fetched_at = row[FETCHED_AT] if isinstance(row[FETCHED_AT], datetime) else moment(row[FETCHED_AT])
    return Held(columns, None if row[EXTRA] is None else read(row[EXTRA]), row[ORGANIZATION], row[WINDOW], fetched_at)


def from_cell(value: Any, kind: str) -> Any:
    """Return the value that a cell stands for; the type has to be right."""
    if kind == "json":
        return read(value)
    if kind == "decimal":
        return value if isinstance(value, Decimal) else Decimal(value)
    if kind == "timestamp":
        return value if isinstance(value, datetime) else moment(value)
    if kind == "date":
        return value if isinstance(value, date) else date.fromisoformat(value)
    if kind == "boolean":
        assert value in {0, 1}
        return bool(value)
    assert isinstance(value, int if kind == "integer" else str)
    return value


class Sqlite(Target):
    """A SQLite database."""

    @property
    def path(self):
        return self.folder / "amili.db"

    @property
    def address(self):
        return f"sqlite:{self.path}"

    def query(self, text: str, *values: Any) -> list[dict[str, Any]]:
        db = sqlite3.connect(self.path)
        try:
            db.row_factory = sqlite3.Row
            found = [dict(row) for row in db.execute(text, values)]
            db.commit()
            return found
        finally:
            db.close()

    async def held(self, table):
        if not self.query("SELECT 1 FROM sqlite_master WHERE name = ?", table.name):
            return []
        return [untyped_row(row, table) for row in self.query(f'SELECT * FROM "{table.name}"')]

    async def lose(self, window, key):
        table = table_of(STREAMS[window.stream])
        self.query(f'DELETE FROM "{table.name}" WHERE "{table.key.name}" = ?', key)

    def debris(self):
        return sorted(str(path) for path in self.folder.rglob("*") if path != self.path)


class Duckdb(Target):
    """A DuckDB database."""

    scale = (28, 10)

    @property
    def path(self):
        return self.folder / "amili.duckdb"

    @property
    def address(self):
        return f"duckdb:{self.path}"

    def query(self, text: str, *values: Any) -> list[dict[str, Any]]:
        import duckdb

        with duckdb.connect(str(self.path)) as db:
            db.execute("SET TimeZone = 'UTC'")
            found = db.sql(text, params=list(values))  # by way of Arrow: for moments DuckDB's own rows need pytz
            return [] if found is None else found.to_arrow_table().to_pylist()

    async def held(self, table):
        import duckdb

        try:
            return [typed_row(row, table) for row in self.query(f'SELECT * FROM "{table.name}"')]
        except duckdb.CatalogException:
            return []

    async def lose(self, window, key):
        table = table_of(STREAMS[window.stream])
        self.query(f'DELETE FROM "{table.name}" WHERE "{table.key.name}" = ?', key)

    def debris(self):
        return sorted(str(path) for path in self.folder.rglob("*") if path != self.path)


class Postgres(Target):
    """A database of a PostgreSQL server."""

    def spoil(self):
        self.postgres = copy(self.postgres)
        self.postgres.database = "nowhere"
        return lambda: True

    @property
    def address(self):
        return self.postgres.dsn(self.postgres.database)

    async def query(self, text: str, *values: Any) -> list[dict[str, Any]]:
        return [dict(row) for row in await self.postgres.fetch(self.postgres.database, text, *values)]

    async def held(self, table):
        try:
            return [untyped_row(row, table) for row in await self.query(f'SELECT * FROM "{table.name}"')]
        except asyncpg.UndefinedTableError:
            return []

    async def lose(self, window, key):
        table = table_of(STREAMS[window.stream])
        await self.query(f'DELETE FROM "{table.name}" WHERE "{table.key.name}" = $1', key)

    def debris(self):
        return sorted(str(path) for path in self.folder.rglob("*"))


TARGETS: dict[str, type[Target]] = {
    "memory": Memory,
    "ndjson": Ndjson,
    "ndjson.gz": Ndjson,
    "ndjson.zst": Ndjson,
    "parquet": Parquet,
    "sqlite": Sqlite,
    "duckdb": Duckdb,
    "postgres": Postgres,
}


async def texts(target: Target, window: Window | None = None, table=None) -> list[Any]:
    """Return the rows that a target holds of a window, put together again, in the order of their JSON."""
    held = await target.held(table or table_of(CASES))
    rows = [one.row for one in held if window is None or (one.organization, one.window) == (window.organization, window.name)]
    return sorted(rows, key=lambda row: str(row.get("caseId", row) if isinstance(row, dict) else row))
