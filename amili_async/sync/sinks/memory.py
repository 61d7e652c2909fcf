"""Targets without a place of their own: the memory of this process, and a function of yours.

Their ledger lives as long as the sink. So a function gets each row at least once: in a new process, all over again.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from anyio.to_thread import run_sync

from amili_async.errors import SinkError
from amili_async.structs import decode
from amili_async.sync.sinks.base import Spool
from amili_async.sync.sinks.sql import check_source
from amili_async.sync.streams import stream_named
from amili_async.sync.tables import tables_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence
    from datetime import datetime

    from amili_async.sync.ledger import Entry
    from amili_async.sync.sinks.base import Work
    from amili_async.sync.streams import Stream
    from amili_async.sync.windows import Window

__all__ = ["CallableSink", "Delivery", "MemorySink"]

Key = tuple[str, str, str]


class _InMemory:
    """A ledger in memory, and all of a sink but its rows."""

    def __init__(self) -> None:
        self._entries: dict[Key, Entry] = {}
        self._digests: dict[Key, bytes] = {}
        self._source: str | None = None
        self._tables: dict[str, list[str]] = {}
        self._busy = False

    @property
    def target(self) -> str:
        """How the target is called."""
        return "memory"

    async def open(self, source: str | None, streams: Sequence[Stream], parts: Sequence[str]) -> list[Entry]:
        """Take hold of the target, and return the ledger."""
        if self._busy:
            raise SinkError(f"{self.target} is being used by another run: wait for it", busy=True)
        check_source(self.target, self._source, source, self._entries.values())
        self._busy, self._source = True, source or self._source
        self._tables = {stream.name: [table.name for table in tables_of(stream, parts)] for stream in streams}
        return list(self._entries.values())

    async def peek(self) -> list[Entry]:
        """Return the ledger."""
        return list(self._entries.values())

    async def put(self, entries: Sequence[Entry]) -> None:
        """Write entries into the ledger."""
        self._entries.update({entry.key: entry for entry in entries})

    async def digests(self, window: Window) -> bytes:
        """Return the fingerprints of the keys of a window's rows."""
        return self._digests.get(window.key, b"")

    def begin(self, work: Work) -> None:
        """Give work its spools."""
        work.spools = {name: Spool() for name in self._tables[work.stream.name]}

    def _committed(self, work: Work, entry: Entry) -> Entry:
        self._entries[entry.key], self._digests[entry.key] = entry, bytes(work.digests)
        return entry

    async def remove(self, entries: Sequence[Entry]) -> None:
        """Remove windows."""
        for entry in entries:
            self._entries.pop(entry.key, None)
            self._digests.pop(entry.key, None)

    async def close(self) -> None:
        """Let go of the target."""
        self._busy = False


class MemorySink(_InMemory):
    """Keeps rows in memory: for tests, and for lists that are small."""

    def __init__(self) -> None:
        super().__init__()
        self._lines: dict[str, dict[Key, list[bytes]]] = {}

    def lines(self, table: str, window: Window | None = None) -> list[bytes]:
        """Return the rows of a table as JSON, of one window or of all, in the order of their windows' commits."""
        held = self._lines.get(table, {})
        return [line for key, lines in held.items() if window is None or key == window.key for line in lines]

    def rows(self, table: str, window: Window | None = None) -> list[Any]:
        """Return the rows of a table as plain objects; numbers with a fraction are Decimal."""
        return [decode(line) for line in self.lines(table, window)]

    async def commit(self, work: Work, entry: Entry) -> Entry:
        """Replace the rows of a window."""
        for name, spool in work.spools.items():
            self._lines.setdefault(name, {})[entry.key] = [line for chunk in spool.chunks() for line in chunk[:-1].split(b"\n")]
        return self._committed(work, entry)

    async def keys(self, entry: Entry) -> Sequence[str]:
        """Return the keys of a window's rows."""
        from amili_async.sync.probe import probe_of  # noqa: PLC0415  # only `verify` needs it

        probe = probe_of(stream_named(entry.window.stream))
        return [probe.look(line).key for line in self.lines(entry.window.stream, entry.window)]

    async def remove(self, entries: Sequence[Entry]) -> None:
        """Remove windows, rows and all."""
        await super().remove(entries)
        for lines in self._lines.values():
            for entry in entries:
                lines.pop(entry.key, None)


@dataclass(frozen=True, slots=True)
class Delivery:
    """A window for a function.

    Attributes:
        window: which one. What was delivered of it before is to be replaced.
        fetched_at: when reading it began.
        tables: names of its tables: that of the stream, then those of parts.
    """

    window: Window
    fetched_at: datetime
    tables: tuple[str, ...]
    _work: Work

    def rows(self, table: str | None = None) -> int:
        """Count the rows of a table; by default of the stream's own."""
        return self._work.spools[table or self.window.stream].rows

    def chunks(self, table: str | None = None) -> Iterator[bytes]:
        """Yield the rows of a table as lines of JSON, some megabytes at a time; only until the function returns."""
        return self._work.spools[table or self.window.stream].chunks()


class CallableSink(_InMemory):
    """Hands each window to a function: at least once. If it raises, or the process dies meanwhile, the window comes again.

    Args:
        consume: takes a `Delivery`. An async function runs in the event loop, any other in a worker thread; never two at once.
    """

    def __init__(self, consume: Callable[[Delivery], Awaitable[None] | None]) -> None:
        super().__init__()
        self._consume = consume

    @property
    def target(self) -> str:
        """How the target is called."""
        return f"function {getattr(self._consume, '__qualname__', type(self._consume).__name__)}"

    async def commit(self, work: Work, entry: Entry) -> Entry:
        """Hand a window over."""
        delivery = Delivery(entry.window, work.read_at, tuple(work.spools), work)
        if inspect.iscoroutinefunction(self._consume):
            await self._consume(delivery)
        else:
            found = await run_sync(self._consume, delivery)
            if inspect.isawaitable(found):
                await found
        return self._committed(work, entry)

    async def keys(self, entry: Entry) -> Sequence[str]:  # noqa: ARG002  # the protocol's
        """Refuse: what has become of the rows is not known here.

        Raises:
            SinkError: always.
        """
        raise SinkError(f"{self.target} cannot be verified: what it does with the rows is not known here", usable=False)
