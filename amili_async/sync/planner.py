"""Planning: what is not in the ledger yet is cut into windows, by asking for the first rows of a span.

A list that tells its length is cut into pieces, which are put together again as long as there are not too many rows in them; one
that does not is halved until a window fits on one page or is a month, with empty times left whole. Where the server does not
understand such bounds, cutting would multiply the work: it is left whole.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import anyio

from amili_async.errors import AmiliError
from amili_async.sync.asking import list_of
from amili_async.sync.gaps import cuts, gaps, pieces
from amili_async.sync.pace import passing, pause_after
from amili_async.sync.probe import probe_of
from amili_async.sync.windows import Window

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from anyio.abc import TaskGroup
    from msgspec import Raw

    from amili_async.client import AmiliClient
    from amili_async.pagination import Pager
    from amili_async.sync.gaps import Span
    from amili_async.sync.pace import Pace
    from amili_async.sync.streams import Stream

    Found = Callable[[Window, int | None], None]

__all__ = ["Planner", "Size", "lone", "sensible"]

TRIES = 4
"""Times that a question is put which fails for a passing reason, each with the client's own tries."""
CLEARLY = 1.25
"""How much more than the whole its parts may count; rows that come meanwhile, or lie on a cut, are counted twice."""
PIECES = 16
"""Into how many pieces a span is cut at once, at most: all are asked for in the time that one question takes."""
SMALLER = 1.5
"""How many times smaller than a window its pieces are, so that the larger ones fit, too. With 2 it takes a fifth more."""


class Size(NamedTuple):
    """How much there is in a span: its rows if the server tells, and the key of the first; None if there is none."""

    rows: int | None
    first: str | None


_Part: TypeAlias = "tuple[Span, Size]"
_UNASKED = Size(None, "")


class Planner:
    """Cuts what is to be read into windows.

    Args:
        amili: client to ask with.
        pace: requests at a time.
        most: rows that a window shall have at most.
        questions: how many may be open at the same time, so that they do not stand in the way of reading.
    """

    def __init__(self, amili: AmiliClient, pace: Pace, most: int, questions: int) -> None:
        self._amili, self._pace, self._most = amili, pace, most
        self._room = anyio.Semaphore(questions)

    async def plan(self, stream: Stream, whole: Window, span: Span, taken: Iterable[Window], found: Found) -> None:
        """Find the windows that a stream of an organization still needs.

        Args:
            stream: which list.
            whole: the list as a whole, with its filters.
            span: the time asked for.
            taken: windows that the ledger has already.
            found: called with each window as soon as it is final, and with the number of its rows if that is known.

        Raises:
            AmiliError: the list cannot be asked.
        """
        spans = [(window.start, window.end) for window in taken]
        if stream.period is None:
            if not spans:
                found(whole, None)
            return
        missing = gaps(span, [(begin, end) for begin, end in spans if end is not None])
        try:
            async with anyio.create_task_group() as group:
                for gap in missing:
                    group.start_soon(self._cut, _Cutting(stream, whole, group, found), gap, None)
        except BaseExceptionGroup as errors:
            raise lone(errors) from None

    async def _cut(self, cutting: _Cutting, span: Span, size: Size | None) -> None:
        """Cut a span into windows; what is behind a cut is another task's."""
        size = size or (await self._sizes(cutting, [span]))[0]
        while not self._fits(span, size):
            parts = await self._take_apart(cutting, span, size) or await self._halve(cutting, span, size)
            if not parts:
                break
            (span, size), *others = parts
            for other, its_size in others:
                cutting.group.start_soon(self._cut, cutting, other, its_size)
        cutting.found(cutting.window(span), size.rows)

    def _fits(self, span: Span, size: Size) -> bool:
        if size.rows is not None:
            return size.rows <= self._most
        return size.first is None or (span[0] is not None and not cuts(span, monthly=True))

    async def _take_apart(self, cutting: _Cutting, span: Span, size: Size) -> list[_Part]:
        """Cut a span of known length into many, and put together again what is small; empty if that is of no use."""
        if size.rows is None:
            return []
        wanted = math.ceil(SMALLER * size.rows / self._most)
        spans = pieces(span, min(wanted, PIECES), daily=cutting.stream.daily)
        if len(spans) < 2:
            return []
        found: list[_Part] = []
        total = 0
        for (start, end), (rows, first) in zip(spans, await self._sizes(cutting, spans), strict=True):
            if rows is None:
                return []
            total += rows
            (begin, _), before = found[-1] if found else ((start, end), _UNASKED)
            if before.rows is not None and before.rows + rows <= self._most:
                found[-1] = (begin, end), Size(before.rows + rows, before.first)
            else:
                found.append(((start, end), Size(rows, first)))
        return found if total <= size.rows * CLEARLY + 1 else []

    async def _halve(self, cutting: _Cutting, span: Span, size: Size) -> list[_Part]:
        """Cut a span in two; empty if it cannot be cut, or if that is of no use."""
        for cut in cuts(span, daily=cutting.stream.daily, monthly=size.rows is None):
            halves: list[Span] = [(span[0], cut), (cut, span[1])]
            left, right = await self._sizes(cutting, halves, months=size.rows is None)
            if sensible(size, left, right):
                return [(halves[0], left), (halves[1], right)]
        return []

    async def _sizes(self, cutting: _Cutting, spans: Sequence[Span], *, months: bool = False) -> list[Size]:
        """Ask for the sizes of spans, all at once; with `months` not for that of a month, which is not cut, empty or not."""
        stream = cutting.stream
        page_size = 1 if stream.counted else None  # a whole page may show that there is no more
        whole = [months and self._fits(span, _UNASKED) for span in spans]
        windows = [cutting.window(span) for span, is_whole in zip(spans, whole, strict=True) if not is_whole]
        sizes = iter(await self.sizes(stream, [list_of(self._amili, stream, window, page_size=page_size) for window in windows]))
        return [_UNASKED if is_whole else next(sizes) for is_whole in whole]

    async def sizes(self, stream: Stream, lists: Sequence[Pager[Raw]]) -> list[Size]:
        """Ask how much there is in lists, by one row of each, all at once.

        Raises:
            AmiliError: there is no answer.
        """
        sizes = [_UNASKED] * len(lists)

        async def ask(place: int) -> None:
            sizes[place] = await self._ask(stream, lists[place])

        try:
            async with anyio.create_task_group() as group:
                for place in range(len(lists)):
                    group.start_soon(ask, place)
        except BaseExceptionGroup as errors:
            raise lone(errors) from None
        return sizes

    async def _ask(self, stream: Stream, rows: Pager[Raw]) -> Size:
        failures = 0
        while True:
            try:
                async with self._room, self._pace.turn():
                    return await _first_of(stream, rows)
            except AmiliError as error:
                failures += 1
                if failures == TRIES or not passing(error):
                    raise
                pause = pause_after(error, failures)
            await self._amili.clock.sleep(pause)


async def _first_of(stream: Stream, rows: Pager[Raw]) -> Size:
    count: int | None = None
    async for page in rows.pages():
        count = page.total_count if count is None else count
        if page.items:
            if count is None and page.number == 1 and page.resume is None:
                count = len(page.items)  # it ends here
            return Size(count, probe_of(stream).look(bytes(page.items[0])).key)
    return Size(count, None)  # an empty page is not the end, as long as there is a next one


class _Cutting(NamedTuple):
    """A list that is being cut."""

    stream: Stream
    whole: Window
    group: TaskGroup
    found: Found

    def window(self, span: Span) -> Window:
        """Return the window of a span."""
        whole = self.whole
        return Window(whole.stream, whole.organization, *span, whole.filters)


def sensible(whole: Size, left: Size, right: Size) -> bool:
    """Tell whether cutting has parted the rows. It does not where bounds are ignored, or taken for whole days within one."""
    if whole.rows is not None and left.rows is not None and right.rows is not None:
        return left.rows + right.rows <= whole.rows * CLEARLY + 1
    return left.first is None or left.first != right.first or left is _UNASKED


def lone(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the first error of a group of groups."""
    error: BaseException = errors
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
