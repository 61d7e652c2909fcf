"""The sink of a job that runs inside a dlt resource: rows go to the resource, and the ledger is its state."""

from __future__ import annotations

import sqlite3
import weakref
from typing import TYPE_CHECKING, NamedTuple

import anyio
import pyarrow as pa
from anyio.to_thread import run_sync

from amili_async.sync.arrow import Converter
from amili_async.sync.ledger import SqliteLedger
from amili_async.sync.sinks.base import Spool
from amili_async.sync.sinks.sql import check_source
from amili_async.sync.tables import table_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from amili_async.sync.ledger import Entry
    from amili_async.sync.sinks.base import Work
    from amili_async.sync.streams import Stream
    from amili_async.sync.windows import Window

__all__ = ["Message", "Seen", "StateSink"]

GROUP = 20_000
"""Rows of a table that is handed over, about."""
AHEAD = 2
"""Tables that may wait until dlt takes them."""


class Message(NamedTuple):
    """What the job tells the resource: rows, entries for the ledger, or where the rows come from."""

    rows: pa.Table | None = None
    entries: tuple[Entry, ...] = ()
    source: str | None = None


class Seen:
    """Fingerprints of rows that this process has handed over, so that a row on a bound is handed over once. Memory stays flat."""

    def __init__(self) -> None:
        connection = sqlite3.connect("", isolation_level=None, check_same_thread=False)  # a file without a name
        weakref.finalize(self, connection.close)
        self.ledger = SqliteLedger(connection)


class StateSink:
    """Hands rows and entries to the thread that asks dlt's resource for its next table.

    Args:
        stream: whose rows they are.
        entries: the ledger, as the state has it.
        source: where the rows in the destination come from; None: there are none yet.
        seen: what this process has handed over already.
        post: takes messages, in order, from any thread.

    Attributes:
        committed: called in the event loop after each window with the rows that have been handed over.
    """

    target = "the pipeline"

    def __init__(
        self,
        stream: Stream,
        entries: Sequence[Entry],
        source: str | None,
        seen: Seen,
        post: Callable[[Message], None],
    ) -> None:
        self.committed: Callable[[int], None] = _nobody
        self._entries, self._source, self._seen, self._post = entries, source, seen, post
        self._converter = Converter(table_of(stream))
        self._room = anyio.Semaphore(AHEAD)
        self._rows = 0

    def taken(self) -> None:
        """Make room for one more table. In the event loop only."""
        self._room.release()

    async def open(self, source: str | None, streams: Sequence[Stream], parts: Sequence[str]) -> list[Entry]:  # noqa: ARG002  # the protocol's
        """Return the ledger."""
        check_source(self.target, self._source, source, self._entries)
        self._post(Message(source=source))
        return list(self._entries)

    async def peek(self) -> list[Entry]:
        """Return the ledger as it was at the beginning."""
        return list(self._entries)

    async def put(self, entries: Sequence[Entry]) -> None:
        """Write entries into the ledger."""
        self._post(Message(entries=tuple(entries)))

    async def digests(self, window: Window) -> bytes:
        """Return the fingerprints of a window's rows; none if another process has read it: then keys are merged by dlt."""
        return await run_sync(self._seen.ledger.digests, window)

    def begin(self, work: Work) -> None:
        """Give work its spool."""
        work.spools = {work.stream.name: Spool()}

    async def commit(self, work: Work, entry: Entry) -> Entry:
        """Hand over the rows of a window, and with the last of them its entry."""
        pieces = self._pieces(work)
        rows = await run_sync(next, pieces, None)
        while rows is not None:
            following = await run_sync(next, pieces, None)
            await self._room.acquire()
            self._post(Message(rows, () if following is not None else (entry,)))
            rows = following
        if not entry.rows:
            self._post(Message(entries=(entry,)))
        await run_sync(self._seen.ledger.set_digests, work.window, bytes(work.digests))
        self._rows += entry.rows
        self.committed(self._rows)
        return entry

    def _pieces(self, work: Work) -> Iterator[pa.Table]:
        """Yield the rows of a window as tables."""
        waiting: list[pa.Table] = []
        for chunk in work.rows.chunks():
            waiting.append(self._converter.convert(chunk, work.window, work.read_at)[0])
            if sum(table.num_rows for table in waiting) >= GROUP:
                yield pa.concat_tables(waiting)
                waiting = []
        if waiting:
            yield pa.concat_tables(waiting)

    async def keys(self, entry: Entry) -> Sequence[str]:  # noqa: ARG002  # the protocol's
        """Return nothing: the destination is dlt's."""
        return ()

    async def remove(self, entries: Sequence[Entry]) -> None:
        """Do nothing: the destination is dlt's."""

    async def close(self) -> None:
        """Tell the log how rows were read."""
        self._converter.log()


def _nobody(rows: int) -> None:
    """Tell nobody."""
