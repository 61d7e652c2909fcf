"""The ledger: what was planned, read and committed, window by window. It lies with the data, in the target itself."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta  # msgspec reads the annotations at run time
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from amili_async.errors import SinkError
from amili_async.structs import decoder, encode
from amili_async.sync.windows import Window

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

__all__ = ["DIGEST", "LATE", "LEDGER", "META", "Entry", "Owed", "SqliteLedger", "State", "digest"]

State = Literal["planned", "committing", "done", "stale", "failed"]
"""`committing`: the files of the window are being put in place; after a crash it counts as planned. `stale`: there, but to be
read again."""

LATE = timedelta(days=1)
"""How long after its end rows may still come into a window."""

DIGEST = 16
"""Bytes of the fingerprint that stands for a row's key in the ledger."""

LEDGER, KEYS, META = "_amili_ledger", "_amili_keys", "_amili_meta"
"""Names of the tables."""


class Owed(msgspec.Struct, frozen=True, gc=False):
    """Rows of one status and currency: how many, and what remains of them. `currency` is "" where the rows do not tell."""

    status: str
    currency: str
    cases: int
    remaining: Decimal


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A window in the ledger.

    Attributes:
        window: what it is about.
        state: how far it is.
        rows: rows of the window in the target.
        read: different keys that the list of the window gave, those that belong to a neighbour included.
        total: rows that the server said the list has; None where it does not say.
        verified: whether all that the server promised was read; None where it promises nothing.
        open: rows that can still change: cases that are not closed.
        read_at: when reading it began.
        pages: pages read.
        bytes: bytes of rows read.
        drift: pages that took the slower way because they were not as documented, and contradictions of the list.
        cut_off: the server's cap on the whole list was reached.
        files: names of the files, relative to the target, with their sizes.
        owed: what remains, by status and currency.
        unread: rows whose amount is not in `owed`, because it cannot be read or added exactly.
        parts: members of its rows that are in tables of their own too.
        failure: why the last attempt failed.
    """

    window: Window
    state: State = "planned"
    rows: int = 0
    read: int = 0
    total: int | None = None
    verified: bool | None = None
    open: int = 0
    read_at: datetime | None = None
    pages: int = 0
    bytes: int = 0
    drift: int = 0
    cut_off: bool = False
    files: tuple[tuple[str, int], ...] = ()
    owed: tuple[Owed, ...] = ()
    unread: int = 0
    parts: tuple[str, ...] = ()
    failure: str | None = None

    @property
    def key(self) -> tuple[str, str, str]:
        """Primary key in the ledger."""
        return self.window.key

    @property
    def present(self) -> bool:
        """Tell whether the target holds the window."""
        return self.state in {"done", "stale"}

    def early(self, now: datetime) -> bool:
        """Tell whether it was read before its end, or in what is still to come: by a clock that was ahead."""
        read_at, end = self.read_at, self.window.end
        return read_at is not None and (read_at > now or (end is not None and read_at < end))

    @property
    def settled(self) -> bool:
        """Tell whether it was read so long after its end that no more rows came into it."""
        read_at, end = self.read_at, self.window.end
        return read_at is not None and end is not None and read_at >= end + LATE


def digest(key: str) -> bytes:
    """Return the fingerprint of a row's key: 16 bytes, so that no two keys of this world share one."""
    return hashlib.blake2b(key.encode(errors="surrogatepass"), digest_size=DIGEST).digest()


def entry_row(entry: Entry) -> tuple[Any, ...]:
    """Return an entry as a row of the ledger: key, what people look for, and all of it as JSON."""
    return (*entry.key, entry.state, entry.rows, entry.verified, encode(entry).decode())


def read_entry(text: str | bytes) -> Entry:
    """Read an entry back from its JSON.

    Raises:
        SinkError: it is none.
    """
    body = text.encode() if isinstance(text, str) else text
    try:
        entry: Entry = decoder(Entry).decode(body)
    except (msgspec.DecodeError, UnicodeError):
        raise SinkError("the ledger of the target is damaged, or of a later version of this program", usable=False) from None
    return entry


SCHEMA = f"""
CREATE TABLE IF NOT EXISTS {META} (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS {LEDGER} (
    stream TEXT NOT NULL, organization TEXT NOT NULL, "window" TEXT NOT NULL, state TEXT NOT NULL, "rows" BIGINT NOT NULL,
    verified BOOLEAN, entry TEXT NOT NULL, PRIMARY KEY (stream, organization, "window")
);
CREATE TABLE IF NOT EXISTS {KEYS} (
    stream TEXT NOT NULL, organization TEXT NOT NULL, "window" TEXT NOT NULL, digests BLOB NOT NULL,
    PRIMARY KEY (stream, organization, "window")
);
"""
"""The tables, in the SQL that SQLite and DuckDB share; PostgreSQL calls BLOB `BYTEA`."""


class SqliteLedger:
    """The ledger in a SQLite database. It neither begins nor ends transactions: that is its owner's. All methods block.

    Args:
        connection: open, in autocommit mode (`isolation_level=None`).
        make: whether to make the tables that are missing.
    """

    def __init__(self, connection: sqlite3.Connection, *, make: bool = True) -> None:
        self._db = connection
        if make:
            connection.executescript(SCHEMA)

    def meta(self, name: str) -> str | None:
        """Return a setting that the ledger keeps."""
        found = self._db.execute(f"SELECT value FROM {META} WHERE name = ?", (name,)).fetchone()  # noqa: S608
        return None if found is None else str(found[0])

    def set_meta(self, name: str, value: str) -> None:
        """Keep a setting."""
        self._db.execute(f"INSERT OR REPLACE INTO {META} VALUES (?, ?)", (name, value))  # noqa: S608

    def entries(self) -> list[Entry]:
        """Return all entries, by stream, organization and window."""
        rows = self._db.execute(f'SELECT entry FROM {LEDGER} ORDER BY stream, organization, "window"')  # noqa: S608
        return [read_entry(text) for (text,) in rows.fetchall()]

    def entry(self, window: Window) -> Entry | None:
        """Return the entry of a window."""
        found = self._db.execute(
            f'SELECT entry FROM {LEDGER} WHERE stream = ? AND organization = ? AND "window" = ?',  # noqa: S608
            (window.stream, window.organization, window.name),
        ).fetchone()
        return None if found is None else read_entry(found[0])

    def put(self, entries: Iterable[Entry]) -> None:
        """Add entries, or replace those of the same window."""
        rows = [entry_row(entry) for entry in entries]
        self._db.executemany(f"INSERT OR REPLACE INTO {LEDGER} VALUES (?, ?, ?, ?, ?, ?, ?)", rows)  # noqa: S608

    def remove(self, windows: Iterable[Window]) -> None:
        """Forget windows, and the keys of their rows."""
        keys = [(window.stream, window.organization, window.name) for window in windows]
        for table in (LEDGER, KEYS):
            self._db.executemany(
                f'DELETE FROM {table} WHERE stream = ? AND organization = ? AND "window" = ?',  # noqa: S608
                keys,
            )

    def digests(self, window: Window) -> bytes:
        """Return the fingerprints of the keys of a window's rows, one after the other; empty if there are none."""
        found = self._db.execute(
            f'SELECT digests FROM {KEYS} WHERE stream = ? AND organization = ? AND "window" = ?',  # noqa: S608
            (window.stream, window.organization, window.name),
        ).fetchone()
        return b"" if found is None else bytes(found[0])

    def set_digests(self, window: Window, digests: bytes) -> None:
        """Keep the fingerprints of the keys of a window's rows."""
        row = (window.stream, window.organization, window.name, digests)
        self._db.execute(f"INSERT OR REPLACE INTO {KEYS} VALUES (?, ?, ?, ?)", row)  # noqa: S608
