"""Reading a window: page after page with the next one on its way, patient with what passes, and bounded in memory."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, cast

import anyio
from anyio.to_thread import run_sync
from msgspec.structs import replace

from amili_async.errors import AmiliError, CursorExpired, PageLoop, SinkError
from amili_async.sync.asking import list_of
from amili_async.sync.events import WindowRead, WindowRetried
from amili_async.sync.listening import CURRENT
from amili_async.sync.pace import Line, passing, pause_after
from amili_async.sync.probe import probe_of
from amili_async.sync.reading import Reading
from amili_async.sync.rows import RowReader, Rows
from amili_async.sync.sinks.base import Work
from amili_async.sync.streams import stream_named
from amili_async.walks import MAX_EMPTY_PAGES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from msgspec import Raw

    from amili_async.client import AmiliClient
    from amili_async.cursors import Cursor
    from amili_async.pagination import Pager
    from amili_async.readahead import Concurrent, Prefetch
    from amili_async.sync.events import Event
    from amili_async.sync.pace import Gate, Pace
    from amili_async.sync.redact import Redaction
    from amili_async.sync.windows import Window

__all__ = ["Puller", "reason_of"]

FAILURES = 5
"""Failures in a row after which a window is given up, each after the client's own tries."""
RESTARTS = 2
"""Times that a window is begun anew because the server no longer knows the place in its list, or sends it in circles."""
FIRST_PAGE = 2**20
"""Bytes that a page is thought to have before one has come."""
AHEAD = 3
"""Pages in flight of a list whose pages are numbered."""


class Puller:
    """Reads windows.

    Args:
        amili: client to read with.
        pace: requests at a time.
        memory: bytes of rows that may wait in memory.
        parts: parts to split off.
        redaction: what must not be kept.
        tell: who hears how it goes.
    """

    def __init__(
        self,
        amili: AmiliClient,
        pace: Pace,
        memory: Gate,
        *,
        parts: Sequence[str] = (),
        redaction: Redaction | None = None,
        tell: Callable[[Event], None],
    ) -> None:
        self._amili, self._pace, self._memory = amili, pace, memory
        self._parts, self._redaction, self._tell = parts, redaction, tell
        self._line, self._begun = Line(), 0
        self._pauses: set[anyio.CancelScope] = set()
        self._hurried = False

    def hurry(self) -> None:
        """From now on give a window up instead of waiting until it may go well: nobody has the time."""
        self._hurried = True
        for pause in self._pauses:
            pause.cancel()

    async def read(self, window: Window, begin: Callable[[Work], None], rows: Pager[Raw] | None = None) -> Reading:
        """Read a window to its end. Whoever gets the reading closes it.

        Args:
            window: what to read.
            begin: gives work its spools.
            rows: another list than that of the window.

        Raises:
            AmiliError: it cannot be read.
            SinkError: there is no room for its rows.
        """
        stream = stream_named(window.stream)
        pager = replace(rows or list_of(self._amili, stream, window), turn=self._pace.turn)
        if self._redaction is None:
            pager = replace(pager, kind=RowReader(probe_of(stream)))
        self._begun += 1
        rank, restarts, failures = self._begun, 0, 0
        resume: Cursor | None = None
        reading = self._begin(window, begin)
        try:
            while True:
                pages = reading.pages
                try:
                    await self._walk(pager, resume, reading, rank)
                except AmiliError as error:
                    failures = 1 if reading.pages > pages else failures + 1
                    anew = isinstance(error, CursorExpired | PageLoop)
                    if not anew and not passing(error):
                        raise
                    resume = None if anew else error.resume
                    restarts += resume is None
                    if restarts > RESTARTS or failures > FAILURES or self._hurried:
                        raise
                    pause = pause_after(error, failures)
                    self._tell(WindowRetried(window, reason_of(error), pause, resume is None))
                    if not await self._wait(pause):
                        raise
                else:
                    reading.end()
                    return reading
                if resume is None:
                    reading.close()
                    reading = self._begin(window, begin)
        except BaseException:
            reading.close()
            raise

    async def _wait(self, seconds: float) -> bool:
        """Wait, and tell whether the time has passed; it has not if there is no time to wait."""
        with anyio.CancelScope() as scope:
            self._pauses.add(scope)
            try:
                await self._amili.clock.sleep(seconds)
            finally:
                self._pauses.discard(scope)
        return not scope.cancelled_caught

    def _begin(self, window: Window, begin: Callable[[Work], None]) -> Reading:
        now = datetime.fromtimestamp(self._amili.clock.time(), UTC)
        work = Work(window, stream_named(window.stream), now)
        begin(work)
        return Reading(work, self._parts, self._redaction)

    async def _walk(self, pager: Pager[Raw], resume: Cursor | None, reading: Reading, rank: int) -> None:
        """Take in all pages from one on."""
        token = CURRENT.set(reading)
        try:
            async with self._ahead(pager, resume) as pages:
                size: int | None = FIRST_PAGE
                rows, barren = reading.rows, 0
                while size is not None:
                    size = await self._page(pages, reading, rank, size or FIRST_PAGE)
                    rows, barren = reading.rows, 0 if reading.rows > rows else barren + 1
                    if barren > MAX_EMPTY_PAGES:
                        raise PageLoop(f"the list has sent {barren} pages in a row without a new row, and promises more")
        finally:
            CURRENT.reset(token)

    def _ahead(self, pager: Pager[Raw], resume: Cursor | None) -> Prefetch[Raw] | Concurrent[Raw]:
        if pager.paging.style == "query-page":
            return pager.concurrent(AHEAD, resume=resume)
        return pager.prefetch(1, resume=resume)

    async def _page(self, pages: Prefetch[Raw] | Concurrent[Raw], reading: Reading, rank: int, size: int) -> int | None:
        """Take in one page that may have a size in bytes, and return the one that it has; None after the last."""
        await self._memory.enter(size)
        try:
            page = await anext(pages, None)
            if page is None:
                return None
            rows = cast("Rows | tuple[bytes, ...]", page.items)  # Raw has a length
            found = len(rows.lines) if isinstance(rows, Rows) else sum(map(len, rows))
            self._memory.leave(size - found)
            size = found
            if page.total_count is not None:
                reading.total = page.total_count
            await self._line.enter(rank)  # what was begun first is done first, so that commits go on while others are read
            try:
                if reading.is_light(page.items):
                    reading.take(page.items)
                else:
                    await run_sync(partial(reading.take, page.items))
                if reading.work.full:
                    await run_sync(reading.work.flush)
            except OSError as error:
                raise SinkError(
                    f"the rows of a window cannot be kept until it is complete ({error.strerror}); make room and run again"
                ) from error
            finally:
                self._line.leave()
        finally:
            self._memory.leave(size)
        reading.pages += 1
        reading.bytes += size
        window = reading.work.window
        self._tell(WindowRead(window, reading.pages, reading.rows, reading.bytes, reading.total))
        return size


def reason_of(error: Exception) -> str:
    """Say in one sentence why something failed, without personal data."""
    return str(error) if isinstance(error, AmiliError) else type(error).__name__
