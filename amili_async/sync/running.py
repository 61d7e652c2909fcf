"""A run from plan to report: a planner feeds workers, who read one window after the other; what they have read is committed."""

from __future__ import annotations

from datetime import UTC, datetime
from heapq import heappop, heappush
from math import inf
from typing import TYPE_CHECKING, TypeAlias

import anyio
from msgspec.structs import replace

from amili_async.errors import AmiliError, ApiError, ConfigError, Forbidden, NotFound, SinkError, Unauthorized
from amili_async.sync.amounts import Amounts
from amili_async.sync.counting import compare
from amili_async.sync.events import StreamFailed, WindowDone, WindowFailed, WindowKept, WindowPlanned, WindowStarted
from amili_async.sync.ledger import Entry
from amili_async.sync.pace import Gate, Pace
from amili_async.sync.planner import Planner, lone
from amili_async.sync.pulling import Puller, reason_of
from amili_async.sync.reading import Reading
from amili_async.sync.report import Failure
from amili_async.sync.streams import stream_named
from amili_async.sync.windows import Window

if TYPE_CHECKING:
    from collections.abc import Callable

    from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

    from amili_async.client import AmiliClient
    from amili_async.sync.books import Books
    from amili_async.sync.events import Event
    from amili_async.sync.order import Order
    from amili_async.sync.report import Report

__all__ = ["Run"]

Planned: TypeAlias = tuple[Window, int | None]

FATAL = (SinkError, ConfigError, Unauthorized)
"""What ends a run: nothing else would go better."""


class Run:
    """One run. It is used once.

    Args:
        amili: client to read with.
        order: what to read, and how.
        books: the ledger; open, unless only `plan` is called.
        report: what is done is written there.
        tell: who hears how it goes.
    """

    def __init__(self, amili: AmiliClient, order: Order, books: Books, report: Report, tell: Callable[[Event], None]) -> None:
        self._amili, self._order, self._books, self._report, self._tell = amili, order, books, report, tell
        self.now = datetime.fromtimestamp(amili.clock.time(), UTC)
        self.pace = Pace(order.concurrency, amili.clock)
        self._planner = Planner(amili, self.pace, order.max_rows, max(order.concurrency * 3 // 4, 2))
        self._puller = Puller(amili, self.pace, Gate(order.memory), parts=order.parts, redaction=order.redact, tell=tell)
        self._planning = anyio.CancelScope()
        self._alone: set[tuple[str, str]] = set()
        self._due: list[tuple[int, int, Window]] = []
        self._read_whole: set[Reading] = set()
        self._handed_out = 0
        self._stopping = False

    def stop(self) -> None:
        """Plan and begin nothing more; windows that are being read are finished, unless they would have to wait."""
        self._stopping = True
        self._planning.cancel()
        self._puller.hurry()

    async def plan(self, found: Callable[[Window, int | None], None]) -> None:
        """Find the windows that are missing in the ledger. Lists that cannot be asked are in the report."""
        with self._planning:
            try:
                async with anyio.create_task_group() as group:
                    for whole in self._order.lists:
                        group.start_soon(self._plan_list, whole, found)
            except BaseExceptionGroup as errors:
                raise lone(errors) from None

    async def _plan_list(self, whole: Window, found: Callable[[Window, int | None], None]) -> None:
        stream = stream_named(whole.stream)
        span = self._order.span(stream, self.now)
        taken = [entry.window for entry in self._books.of(*whole.key[:2])]
        try:
            await self._planner.plan(stream, whole, span, taken, found)
        except FATAL:
            raise
        except AmiliError as error:
            self._leave_alone(whole, error)

    async def go(self, due: Callable[[Entry], bool]) -> None:
        """Read the windows of the ledger that are due, and those that are missing in it.

        Raises:
            AmiliError: something went wrong that ends the run; all else is in the report.
        """
        found, to_register = anyio.create_memory_object_stream[Planned](inf)
        ready, to_read = anyio.create_memory_object_stream[None](inf)  # one for each window that is due
        read, to_commit = anyio.create_memory_object_stream[Reading](self._order.concurrency)
        waiting = [entry for entry in self._books if self._order.covers(entry.window, self.now) and due(entry)]
        try:
            async with anyio.create_task_group() as group:
                for entry in sorted(waiting, key=lambda entry: entry.key):
                    self._hand_out(entry.window, entry.total, ready)
                for _ in range(self._order.concurrency):
                    group.start_soon(self._work, to_read.clone(), read.clone())
                read.close()
                # The ends for receiving stay open here: whoever still sends when all are cancelled is to be cancelled, too.
                group.start_soon(self._commit, to_commit.clone())
                group.start_soon(self._register, to_register.clone(), ready)
                with found:
                    await self.plan(lambda window, count: found.send_nowait((window, count)))
            if not self._stopping:
                await self._compare()
        except BaseExceptionGroup as errors:
            raise lone(errors) from None
        finally:
            for reading in self._read_whole:
                reading.close()
            for end in (found, to_register, ready, to_read, read, to_commit):
                end.close()
            self._report.interrupted = self._stopping

    def _hand_out(self, window: Window, count: int | None, ready: MemoryObjectSendStream[None]) -> None:
        """Let a worker read a window; the largest come first, so that all workers end at about the same time."""
        self._tell(WindowPlanned(window, count))
        self._handed_out += 1
        heappush(self._due, (-(self._order.max_rows if count is None else count), self._handed_out, window))
        ready.send_nowait(None)

    async def _register(self, planned: MemoryObjectReceiveStream[Planned], ready: MemoryObjectSendStream[None]) -> None:
        """Put windows into the ledger, as many at a time as are there, and hand them to the workers."""
        with planned, ready:
            async for first in planned:
                batch = [first]
                while planned.statistics().current_buffer_used:
                    batch.append(planned.receive_nowait())
                await self._books.put([Entry(window=window, total=count) for window, count in batch])
                for window, count in batch:
                    self._hand_out(window, count, ready)

    async def _work(self, ready: MemoryObjectReceiveStream[None], read: MemoryObjectSendStream[Reading]) -> None:
        """Read windows, one after the other. What fails about one alone does not stop the others."""
        with ready, read:
            async for _ in ready:
                *_, window = heappop(self._due)
                if self._stopping or window.key[:2] in self._alone:
                    continue
                try:
                    reading = await self._read(window)
                except FATAL:
                    raise
                except AmiliError as error:
                    await self._failed(window, error)
                else:
                    self._read_whole.add(reading)
                    await read.send(reading)

    async def _read(self, window: Window) -> Reading:
        """Read a window to its end, and once more if rows came or went meanwhile."""
        figures = self._report.streams[window.stream]
        again = False
        while True:
            self._books.begun(window)
            self._tell(WindowStarted(window))
            reading = await self._puller.read(window, self._books.begin)
            figures.pages += reading.pages
            figures.bytes += reading.bytes
            if again or reading.verified is not False or reading.cut_off:
                return reading
            reading.close()
            again = True

    async def _commit(self, read: MemoryObjectReceiveStream[Reading]) -> None:
        """Commit what has been read, while the next windows are on their way."""
        with read:
            async for reading in read:
                window = reading.work.window
                figures = self._report.streams[window.stream]
                try:
                    entry = await self._books.commit(reading)
                finally:
                    reading.close()
                    self._read_whole.discard(reading)
                if entry is None:
                    figures.kept += 1
                    self._tell(WindowKept(window, reading.entry.read, reading.total))
                else:
                    figures.add(entry)
                    self._tell(WindowDone(window, entry))

    async def _failed(self, window: Window, error: AmiliError) -> None:
        reason = reason_of(error)
        entry = self._books.entry(window) or Entry(window=window)
        await self._books.put([replace(entry, state="stale" if entry.present else "failed", failure=reason)])
        self._report.streams[window.stream].failed += 1
        self._report.failures.append(Failure(*window.key[:2], window, reason, error.status))
        self._tell(WindowFailed(window, reason))
        if isinstance(error, Forbidden | NotFound) and window.key[:2] not in self._alone:
            self._alone.add(window.key[:2])
            self._tell(StreamFailed(*window.key[:2], reason))

    def _leave_alone(self, window: Window, error: AmiliError) -> None:
        """Take note that a list cannot be planned, or that there is no access to it: that stops no other."""
        stream, organization, _ = window.key
        if isinstance(error, ApiError) and error.status in {403, 404}:
            self._alone.add((stream, organization))
        self._report.failures.append(Failure(stream, organization, None, reason_of(error), error.status))
        self._tell(StreamFailed(stream, organization, reason_of(error)))

    async def _compare(self) -> None:
        """Compare what the server counts with the windows of the lists of which this run has read something."""
        failed = {(failure.stream, failure.organization) for failure in self._report.failures}
        async with anyio.create_task_group() as group:
            for whole in self._order.lists:
                counted = stream_named(whole.stream).counted and whole.key[:2] not in failed
                if counted and self._report.streams[whole.stream].windows:
                    group.start_soon(self._compare_list, whole)

    async def _compare_list(self, whole: Window) -> None:
        stream, entries = stream_named(whole.stream), self._books.of(*whole.key[:2])
        try:
            difference = await compare(self._amili, self._planner, stream, whole, entries)
        except FATAL:
            raise
        except AmiliError as error:
            self._leave_alone(whole, error)
        else:
            if difference is not None:
                self._report.differences.append(difference)

    def conclude(self) -> None:
        """Write into the report what the target holds now."""
        owed = Amounts()
        for entry in self._books:
            figures = self._report.streams.get(entry.window.stream)
            if figures is not None and entry.present:
                figures.held_windows += 1
                figures.held_rows += entry.rows
            if figures is not None and entry.state != "done" and self._order.covers(entry.window, self.now):
                figures.left += 1
            if entry.present:
                owed.merge(entry.owed)
                owed.unread += entry.unread
        self._report.owed, self._report.unread = tuple(owed), owed.unread
