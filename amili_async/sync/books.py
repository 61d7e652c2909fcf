"""The ledger as a job knows it, and the one way to the sink: one caller at a time.

It also sees to it that a row lives in one window only: what a committed neighbour has already is left out, whatever the server
takes for the bounds of a period.
"""

from __future__ import annotations

from collections import defaultdict
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import anyio
from anyio.to_thread import run_sync
from msgspec.structs import replace

from amili_async.ending import finished
from amili_async.errors import SinkError
from amili_async.sync.asking import margin_of
from amili_async.sync.gaps import begin_of
from amili_async.sync.keys import among, share
from amili_async.sync.ledger import DIGEST
from amili_async.sync.sinks.base import Work
from amili_async.sync.streams import stream_named

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from amili_async.sync.ledger import Entry, State
    from amili_async.sync.reading import Reading
    from amili_async.sync.sinks.base import Sink
    from amili_async.sync.streams import Stream
    from amili_async.sync.windows import Window

__all__ = ["Books"]


class Books:
    """The ledger of a target.

    Args:
        sink: where it lies.
    """

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._lock = anyio.Lock()
        self._entries: dict[tuple[str, str], dict[str, Entry]] = defaultdict(dict)
        self._touched: set[tuple[str, str, str]] = set()
        self._awaited: set[bytes] = set()

    async def open(self, source: str, streams: Sequence[Stream], parts: Sequence[str]) -> None:
        """Take hold of the target, and read its ledger.

        Raises:
            SinkError: it cannot be used.
        """
        try:
            self.load(await self._sink.open(source, streams, parts))
        except BaseException:
            with suppress(Exception):
                await finished(self._sink.close())
            raise

    async def close(self) -> None:
        """Let go of the target."""
        async with self._lock:
            await self._sink.close()

    def load(self, entries: Iterable[Entry]) -> None:
        """Take entries for the ledger."""
        self._entries.clear()
        for entry in entries:
            self._keep(entry)

    def _keep(self, entry: Entry) -> None:
        self._entries[entry.key[:2]][entry.key[2]] = entry

    def __iter__(self) -> Iterator[Entry]:
        """Iterate all entries."""
        return (entry for entries in list(self._entries.values()) for entry in list(entries.values()))

    def of(self, stream: str, organization: str) -> list[Entry]:
        """Return the entries of a stream of an organization, in the order of time."""
        entries = self._entries.get((stream, organization), {}).values()
        return sorted(entries, key=lambda entry: begin_of(entry.window.start))

    def entry(self, window: Window) -> Entry | None:
        """Return the entry of a window."""
        return self._entries.get(window.key[:2], {}).get(window.key[2])

    def begin(self, work: Work) -> None:
        """Give work its spools."""
        self._sink.begin(work)

    async def put(self, entries: Sequence[Entry]) -> None:
        """Write entries, all or none."""
        async with self._lock:
            await self._put(entries)

    async def _put(self, entries: Sequence[Entry]) -> None:
        if entries:
            await self._sink.put(entries)
            for entry in entries:
                self._keep(entry)

    async def touch(self, entry: Entry) -> None:
        """Have a window read again, also if that is being done right now."""
        async with self._lock:
            self._touched.add(entry.key)
            now = self.entry(entry.window)
            if now is not None and now.state == "done":
                await self._put([replace(now, state="stale")])

    def await_row(self, mark: bytes) -> None:
        """Have the window read again that a row will come with, should it be on its way already."""
        self._awaited.add(mark)

    def begun(self, window: Window) -> None:
        """Take note that a window is being read: from now on it counts whether it is touched."""
        self._touched.discard(window.key)

    async def remove(self, entries: Sequence[Entry]) -> None:
        """Remove windows from the target and from the ledger."""
        async with self._lock:
            await self._sink.remove(entries)
            for entry in entries:
                del self._entries[entry.key[:2]][entry.key[2]]

    async def digests(self, entry: Entry) -> bytes:
        """Return the fingerprints that the ledger has of a window's rows."""
        async with self._lock:
            return await self._sink.digests(entry.window)

    async def keys(self, entry: Entry) -> Sequence[str]:
        """Return the keys that the target itself holds of a window."""
        async with self._lock:
            return await self._sink.keys(entry)

    async def commit(self, reading: Reading) -> Entry | None:
        """Put a reading into the target, without the rows that a neighbour has.

        Returns:
            What the ledger says of it; None if the target keeps an earlier reading, because that one is verified, and this one is
            not and lacks rows of it.

        Raises:
            SinkError: the target fails.
        """
        window = reading.work.window
        async with self._lock:
            before = self.entry(window)
            lost = before is not None and before.present and await self._loses(window, reading)
            if lost and before is not None and before.verified and reading.verified is False:
                return None
            if lost:  # before they are gone from here, so that no crash comes in between
                owing = [other for other in self._near(window) if other.read > other.rows and other.state == "done"]
                await self._put([replace(other, state="stale") for other in owing])
            flags = await self._owned(reading)
            rest, entry = reading, reading.entry
            try:
                if flags is not None:
                    work = Work(window, reading.work.stream, reading.work.read_at)
                    self._sink.begin(work)
                    rest, entry = await run_sync(reading.without, flags, work)
                touched = window.key in self._touched or any(among(mark, reading.work.digests) for mark in self._awaited)
                state: State = "stale" if touched else "done"
                entry = await self._sink.commit(rest.work, replace(entry, state=state))
            except OSError as error:
                raise SinkError(f"the target cannot be written to ({error.strerror}); mend that and run again") from error
            finally:
                if rest is not reading:
                    rest.close()
            self._keep(entry)
            return entry

    async def _loses(self, window: Window, reading: Reading) -> bool:
        """Tell whether the target has rows of a window that were not read again."""
        held = await self._sink.digests(window)
        flags = bytearray(len(held) // DIGEST)
        return await run_sync(share, held, bytes(reading.work.digests), flags) < len(flags)

    async def _owned(self, reading: Reading) -> bytearray | None:
        """Flag the rows that other windows have; None if there are none."""
        own = reading.work.digests
        flags = bytearray(len(own) // DIGEST)
        for side in self._sides(reading.work.window):
            going = True
            for other, near in side:
                # Beyond the neighbours only as long as they have something in common: then the server takes bounds for others.
                if not near and not going:
                    break
                if other.rows:
                    theirs = await self._sink.digests(other.window)
                    going = bool(await run_sync(partial(share, own, theirs, flags)))
        return flags if any(flags) else None

    def _sides(self, window: Window) -> tuple[Iterable[tuple[Entry, bool]], ...]:
        """Return the windows in the target before a window and those after it, the nearest first, and whether they are near."""
        margin = margin_of(stream_named(window.stream))
        stream, organization, own = window.key
        others = sorted(
            (
                (entry, entry.window.touches(window, margin))
                for name, entry in self._entries.get((stream, organization), {}).items()
                if entry.present and name != own
            ),
            key=lambda other: begin_of(other[0].window.start),
        )
        begin = begin_of(window.start)
        before = [other for other in others if begin_of(other[0].window.start) < begin]
        return before[::-1], others[len(before) :]

    def _near(self, window: Window) -> list[Entry]:
        return [other for side in self._sides(window) for other, near in side if near]
