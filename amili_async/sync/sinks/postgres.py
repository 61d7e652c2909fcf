"""Rows and ledger in a PostgreSQL database: COPY, and one transaction for each window. Needs asyncpg.

A single connection does everything and holds the lock of the run, so nothing is ever written without the lock. When it is lost in
the middle of a commit, nobody knows whether that took place: a new connection gets the lock once the server is done with the old
one, and the ledger then tells.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, TypeVar

import anyio
from msgspec.structs import replace

from amili_async.errors import SinkError
from amili_async.sync.ledger import KEYS, LEDGER, META, SCHEMA, entry_row, read_entry
from amili_async.sync.sinks.base import Spool
from amili_async.sync.sinks.copying import CopySource
from amili_async.sync.sinks.dsn import Connection, Place, sqlstate, told
from amili_async.sync.sinks.sql import POSSIBLE, Dialect, SqlTable, check_source, deletions, quoted, selection
from amili_async.sync.tables import EXTRA, WINDOW, tables_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from amili_async.sync.ledger import Entry
    from amili_async.sync.sinks.base import Work
    from amili_async.sync.streams import Stream
    from amili_async.sync.windows import Window

__all__ = ["DIALECT", "PostgresSink"]

T = TypeVar("T")

DIALECT = Dialect(
    types={
        "text": "text",
        "decimal": "numeric",
        "timestamp": "timestamp with time zone",
        "date": "date",
        "integer": "bigint",
        "boolean": "boolean",
        "json": "jsonb",
    },
    mark="${}",
)
PATIENCE = 60.0
"""Seconds to wait for the server after the connection was lost, and for the lock that the lost one may still hold."""
LOCK_PATIENCE = 3.0
"""Seconds to wait for the lock at the start: the server may not have noticed yet that the run before was killed."""
PAUSE = 0.2
TRIES = 3
"""Connections that one piece of work may lose."""
INCOMING = "_amili_incoming"
"""Temporary table for rows that other windows may have too."""

_UNIQUE_VIOLATION, _DATA_EXCEPTION = "23505", "22"
_LEDGER_KEY = 'stream = $1 AND organization = $2 AND "window" = $3'
_PUT = (
    f'INSERT INTO {LEDGER} (stream, organization, "window", state, "rows", verified, entry) VALUES ($1, $2, $3, $4, $5, $6, $7) '  # noqa: S608
    'ON CONFLICT (stream, organization, "window") DO UPDATE '
    'SET state = excluded.state, "rows" = excluded."rows", verified = excluded.verified, entry = excluded.entry'
)
_PUT_KEYS = (
    f'INSERT INTO {KEYS} (stream, organization, "window", digests) VALUES ($1, $2, $3, $4) '  # noqa: S608
    'ON CONFLICT (stream, organization, "window") DO UPDATE SET digests = excluded.digests'
)
_COLUMNS = """
SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod)
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = current_schema() AND c.relname::text = ANY($1) AND a.attnum > 0 AND NOT a.attisdropped
"""


class PostgresSink:
    """Rows in a PostgreSQL database: a table for each stream, and the ledger, in one schema.

    Amounts are `numeric` without a limit, times `timestamptz`, parts `jsonb`: numbers in it are exact, and it can be searched and
    indexed; the order of members and what JSON says twice are not kept. What PostgreSQL cannot hold (NUL in a text, numbers of
    more than 131,072 digits) is left out of its column, and the row is kept as it came in `_extra`, under `_row`.

    The lock of the run is one of its connection, so a pooler that changes connections between transactions will not do.

    Args:
        dsn: `postgres://[USER@]HOST[:PORT]/DATABASE[?schema=NAME]` and what else asyncpg understands; what is missing comes from
            PGUSER, PGPASSWORD, ~/.pgpass and the like. `schema` is where the tables shall be, and is made if need be; by default
            they are where the search path leads.

    Raises:
        SinkError: it is no such URL.
    """

    def __init__(self, dsn: str) -> None:
        self._place = Place.of(dsn)
        self._connection: Connection | None = None
        self._open = False
        self._pending: Entry | None = None
        self._tables: dict[str, list[SqlTable]] = {}
        self._found: set[str] = set()

    def __repr__(self) -> str:
        """Name the database, without secrets."""
        return f"PostgresSink({self.target!r})"

    @property
    def target(self) -> str:
        """How the target is called."""
        return self._place.target

    async def open(self, source: str | None, streams: Sequence[Stream], parts: Sequence[str]) -> list[Entry]:
        """Take hold of the schema, make what is missing, and return the ledger."""
        self._tables = {stream.name: [SqlTable(table, DIALECT) for table in tables_of(stream, parts)] for stream in streams}
        try:
            self._connection = await self._attach(anyio.current_time() + LOCK_PATIENCE)
            self._open = True
            return await self._prepare(self._connection, source)
        except Exception as error:  # noqa: BLE001  # told in our words
            await self.close()
            raise told(self.target, error) from None

    async def peek(self) -> list[Entry]:
        """Return the ledger, also while a run is using the database."""
        try:
            connection = await self._place.connect()
            try:
                found = await connection.fetch(_COLUMNS, [LEDGER])
                return await self._entries(connection) if found else []
            finally:
                await connection.close()
        except Exception as error:  # noqa: BLE001  # told in our words
            raise told(self.target, error) from None

    async def put(self, entries: Sequence[Entry]) -> None:
        """Write entries into the ledger."""
        await self._work(lambda connection: connection.executemany(_PUT, [entry_row(entry) for entry in entries]))

    async def digests(self, window: Window) -> bytes:
        """Return the fingerprints of the keys of a window's rows."""
        query = f"SELECT digests FROM {KEYS} WHERE {_LEDGER_KEY}"  # noqa: S608
        return await self._work(lambda connection: connection.fetchval(query, *window.key)) or b""

    def begin(self, work: Work) -> None:
        """Give work its spools."""
        work.spools = {table.table.name: Spool() for table in self._tables[work.stream.name]}

    async def commit(self, work: Work, entry: Entry) -> Entry:
        """Replace the rows of a window and its entry, in one transaction."""
        self._pending = None
        return await self._work(lambda connection: self._commit(connection, work, entry))

    async def keys(self, entry: Entry) -> Sequence[str]:
        """Return the keys of the rows that the database has of a window."""
        window = entry.window
        query = selection(window.stream, DIALECT)
        return [key for (key,) in await self._work(lambda connection: connection.fetch(query, window.organization, window.name))]

    async def remove(self, entries: Sequence[Entry]) -> None:
        """Remove windows."""
        await self._work(lambda connection: self._remove(connection, entries))

    async def close(self) -> None:
        """Let go of the database."""
        connection, self._connection, self._open = self._connection, None, False
        if connection is not None:
            try:
                await connection.close(timeout=5)
            except Exception:  # noqa: BLE001  # whatever it is: the connection is to be gone
                connection.terminate()

    async def _work(self, do: Callable[[Connection], Awaitable[T]]) -> T:
        """Do something with the connection; if that is lost meanwhile, once more with a new one: all that is done here may be."""
        for _ in range(TRIES):
            connection = await self._connected()
            try:
                return await do(connection)
            except Exception as error:  # noqa: BLE001  # told in our words
                if not (connection.is_closed() or sqlstate(error)[:2] in {"08", "57"}):
                    raise told(self.target, error) from None
                self._drop()
            except BaseException:  # cancelled: the server gives up what it has not committed
                self._drop()
                raise
        raise SinkError(f"the connection to {self.target} was lost again and again: run again")

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None

    async def _connected(self) -> Connection:
        """Return the connection, or a new one that has the lock too."""
        if not self._open:
            raise SinkError(f"{self.target} is not open")
        if self._connection is not None and not self._connection.is_closed():
            return self._connection
        self._drop()
        end = anyio.current_time() + PATIENCE
        while self._connection is None:
            try:
                self._connection = await self._attach(end)
            except Exception as error:  # noqa: BLE001  # told in our words
                sentence = told(self.target, error)
                if not sentence.usable or sentence.busy or anyio.current_time() >= end:
                    raise sentence from None
                await anyio.sleep(PAUSE)
        return self._connection

    async def _attach(self, until: float) -> Connection:
        """Open a connection, and take the lock of the schema, for as long as the connection lasts."""
        connection = await self._place.connect()
        try:
            await self._lock(connection, until)
        except BaseException:
            connection.terminate()
            raise
        return connection

    async def _lock(self, connection: Connection, until: float) -> None:
        schema = self._place.schema or await connection.fetchval("SELECT current_schema()")
        if schema is None:
            raise SinkError(f"{self.target} has no schema in its search path: name one, ?schema=NAME", usable=False)
        mark = hashlib.blake2b(f"amili-async {schema}".encode(), digest_size=8).digest()
        number = int.from_bytes(mark, "big", signed=True)
        while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", number):
            if anyio.current_time() >= until:
                raise SinkError(f"{self.target} is being used by another run: wait for it, or stop it", busy=True)
            await anyio.sleep(PAUSE)

    async def _prepare(self, connection: Connection, source: str | None) -> list[Entry]:
        if await connection.fetchval("SHOW server_encoding") != "UTF8":
            raise SinkError(f"{self.target} is not encoded in UTF-8: name another database", usable=False)
        async with connection.transaction():
            schema = self._place.schema
            if schema and not await connection.fetchval("SELECT 1 FROM pg_namespace WHERE nspname = $1", schema):
                await connection.execute(f"CREATE SCHEMA {quoted(schema)}")
            found = await self._columns(connection)
            for table in (table for tables in self._tables.values() for table in tables):
                columns = found.setdefault(table.table.name, {})
                for change in table.additions(columns, self.target) if columns else table.creation():
                    await connection.execute(change)
                if not columns:
                    await connection.execute(f"COMMENT ON TABLE {table.name} IS '{_comment(table)}'")
            await connection.execute(SCHEMA.replace("BLOB", "BYTEA"))
            entries = await self._entries(connection)
            held = await connection.fetchval(f"SELECT value FROM {META} WHERE name = 'source'")  # noqa: S608
            check_source(self.target, held, source, entries)
            if source is not None and source != held:
                new = "ON CONFLICT (name) DO UPDATE SET value = excluded.value"
                await connection.execute(f"INSERT INTO {META} VALUES ('source', $1) {new}", source)  # noqa: S608
        self._found = {*found}
        return entries

    async def _columns(self, connection: Connection) -> dict[str, dict[str, str]]:
        """Return the tables of ours that are there, with the types of their columns."""
        found: dict[str, dict[str, str]] = {}
        for table, column, kind in await connection.fetch(_COLUMNS, [name for names in POSSIBLE.values() for name in names]):
            found.setdefault(table, {})[column] = kind
        return found

    async def _entries(self, connection: Connection) -> list[Entry]:
        rows = await connection.fetch(f'SELECT entry FROM {LEDGER} ORDER BY stream, organization, "window"')  # noqa: S608
        return [read_entry(text) for (text,) in rows]

    async def _commit(self, connection: Connection, work: Work, entry: Entry) -> Entry:
        if self._pending is not None and await self._stands(connection, self._pending):
            return self._pending  # it had been committed when the connection was lost
        careful = merging = False
        while True:
            try:
                async with connection.transaction():
                    return await self._write(connection, work, entry, careful=careful, merging=merging)
            except Exception as error:
                code = sqlstate(error)
                if code == _UNIQUE_VIOLATION and not merging:  # another window has the row too
                    merging = True
                elif code.startswith(_DATA_EXCEPTION) and not careful:  # what no text or number here can be
                    careful = True
                else:
                    raise

    async def _stands(self, connection: Connection, entry: Entry) -> bool:
        """Tell whether the ledger has exactly that entry."""
        found = await connection.fetchval(f"SELECT entry FROM {LEDGER} WHERE {_LEDGER_KEY}", *entry.key)  # noqa: S608
        return bool(found == entry_row(entry)[-1])

    async def _write(self, connection: Connection, work: Work, entry: Entry, *, careful: bool, merging: bool) -> Entry:
        await self._clear(connection, work.window)
        odd = 0
        for table in self._tables[work.stream.name]:
            source = CopySource(table, work, careful=careful)
            name = table.table.name
            if merging:
                name = INCOMING
                await connection.execute(f"CREATE TEMPORARY TABLE {INCOMING} (LIKE {table.name}) ON COMMIT DROP")
            await connection.copy_to_table(name, source=source, columns=list(table.columns))
            if merging:
                await connection.execute(table.taking(INCOMING))
                await connection.execute(f"DROP TABLE {INCOMING}")
            odd += source.odd
        entry = replace(entry, drift=entry.drift + odd, files=())
        await connection.execute(_PUT, *entry_row(entry))
        await connection.execute(_PUT_KEYS, *entry.key, bytes(work.digests))
        self._pending = entry
        return entry

    async def _clear(self, connection: Connection, window: Window) -> None:
        for statement in deletions(window.stream, self._found, DIALECT):
            await connection.execute(statement, window.organization, window.name)

    async def _remove(self, connection: Connection, entries: Sequence[Entry]) -> None:
        async with connection.transaction():
            for entry in entries:
                await self._clear(connection, entry.window)
                for table in (LEDGER, KEYS):
                    await connection.execute(f"DELETE FROM {table} WHERE {_LEDGER_KEY}", *entry.key)  # noqa: S608


def _comment(table: SqlTable) -> str:
    """Say what the table is to those who find it."""
    return (
        f"Amili: {table.table.name.replace('_', ' ')}. Kept by amili sync, which replaces the rows of a window ({WINDOW}) when "
        f"it reads that again. What has no column, or does not fit its own, is in {EXTRA}."
    )
