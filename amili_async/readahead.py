"""Reading ahead: pages on their way while the caller uses the one at hand.

Work that runs ahead belongs to an `async with`: leaving it, for whatever reason, cancels that work and waits for its end.
What is fetched ahead stays bytes until it is handed out; before a page is decoded, the request for a later one is on the wire.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from amili_async.alone import Alone
from amili_async.cursors import Position
from amili_async.ending import settled
from amili_async.errors import AmiliError, DecodeError
from amili_async.pages import Page, peek_token
from amili_async.pagination import Items

if TYPE_CHECKING:
    from types import TracebackType

    from amili_async.walker import Walker

__all__ = ["Concurrent", "Prefetch"]

T = TypeVar("T")

Body = tuple[int, bytes]


def _undecoded(status: int, body: bytes) -> Body:
    """Leave the answer as it is, if it looks whole: a damaged one is worth another try at once."""
    if status != 204 and not body.rstrip().endswith((b"}", b"]")):
        raise DecodeError("the page is cut short or not JSON", damaged=True)
    return status, body


class _Ahead(Generic[T]):
    """What both ways of reading ahead share: the tasks that run, and the page that is handed out."""

    def __init__(self, walker: Walker[T]) -> None:
        self._walker = walker
        self._tasks: set[asyncio.Task[Any]] = set()
        self._taken: tuple[Position, Body] | None = None
        self._failed: Exception | None = RuntimeError("pages are read ahead inside `async with` only")
        self._entered = False
        self._alone = Alone()

    async def __aenter__(self) -> Self:
        """Begin to fetch."""
        if self._entered:
            raise RuntimeError("these pages have been entered before: call prefetch() or concurrent() again")
        self._entered, self._failed = True, None
        if self._walker.position is not None:
            self._start(self._walker.position)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Stop what still runs, and wait for its end."""
        self._failed = self._failed or RuntimeError("pages are read ahead inside `async with` only")
        await self._stop()

    async def _stop(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await settled(tasks)

    def __aiter__(self) -> Self:
        """Iterate the pages."""
        return self

    async def __anext__(self) -> Page[T]:
        """Return the next page; after an error, that error again. A cancelled call loses nothing: the next one goes on."""
        if self._failed is not None:
            raise self._failed
        walker = self._walker
        at = walker.position
        if at is None:
            raise StopAsyncIteration
        with self._alone:
            try:
                while self._taken is None or self._taken[0] != at:
                    if self._taken is not None:
                        await self._start_again(at)
                    self._taken = await self._take(at)
                await _let_others_run()
                page = await self._hand_out(at, self._taken[1])
            except Exception as error:  # noqa: BLE001  # kept, and raised again whenever the next page is asked for
                self._failed = walker.failed(error, at) if isinstance(error, AmiliError) else error
                raise self._failed from None
        self._taken = None
        self._handed_out(page)
        return page

    async def _start_again(self, at: Position) -> None:
        """Drop what was read ahead: it is not the page that the walk has come to."""
        self._walker.report("read_ahead_missed", at.kind, self._taken and self._taken[0].kind)
        self._taken = None
        await self._stop()
        self._start(at)

    def items(self) -> Items[T]:
        """Iterate the items of the pages."""
        return Items(self)

    def _start(self, at: Position) -> None:
        """Begin to fetch from a position."""
        raise NotImplementedError

    async def _take(self, at: Position) -> tuple[Position, Body]:
        """Return the next body that was fetched, and see that the request for a later one goes out."""
        raise NotImplementedError

    def _handed_out(self, page: Page[T]) -> None:
        """Take note that the page was decoded and the walk has moved on."""

    def _spawn(self, work: Any) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # of a page nobody came to fetch: no complaint about it at exit

    async def _fetch(self, at: Position) -> Body:
        return (await self._walker.pager.fetch(at, _undecoded)).data

    async def _hand_out(self, at: Position, body: Body) -> Page[T]:
        walker = self._walker
        try:
            found = walker.pager.read(*body)
        except DecodeError as error:
            if not error.damaged:
                raise
            found = (await walker.pager.fetch(at, walker.pager.read)).data
        return walker.accept(at, await walker.settled(at, found))


async def _let_others_run() -> None:
    """Give the task that was just woken its turn, up to where it waits for the network."""
    for _ in range(TURNS):
        await asyncio.sleep(0)


TURNS = 2
"""One is enough for the task to be woken and to write; one more does no harm."""


class Prefetch(_Ahead[T]):
    """Pages of a list, fetched one after the other ahead of their use; see `Pager.prefetch`.

    One task follows the chain of tokens, which it takes from the end of each body undecoded. Where it cannot see the token, or
    has seen it before, or a `limit` may be reached, it waits until the page is decoded and the walk has decided.
    """

    def __init__(self, walker: Walker[T], depth: int) -> None:
        super().__init__(walker)
        self._depth = depth
        self._largest = walker.pager.wanted_size or 1
        self._asking = False

    def _start(self, at: Position) -> None:
        self._room = asyncio.Semaphore(self._depth)
        self._ready: asyncio.Queue[tuple[Position, Body | Exception]] = asyncio.Queue()
        self._decided: asyncio.Queue[Position | None] = asyncio.Queue()
        self._asking = False
        self._spawn(self._chain(at))

    async def _chain(self, start: Position) -> None:
        """Follow the tokens."""
        at: Position | None = start
        seen = {hash(start)}
        certain = self._certain(first=True)
        while at is not None:
            await self._room.acquire()
            try:
                body = await self._fetch(at)
            except asyncio.CancelledError:
                self._ready.put_nowait((at, RuntimeError("reading ahead was cancelled")))
                raise
            except Exception as error:  # noqa: BLE001  # handed to the consumer, who raises it in its turn
                self._ready.put_nowait((at, error))
                return
            certain -= 1
            token = peek_token(body[1])
            following = Position("token", token) if token else None
            self._asking = following is None or hash(following) in seen or certain < 1
            self._ready.put_nowait((at, body))
            if self._asking:
                at = await self._decided.get()
                certain = self._certain()
            else:
                at = following
            seen.add(hash(at))

    def _certain(self, *, first: bool = False) -> float:
        """Return how many pages a limit needs for certain; beyond them the walk must say whether it wants more."""
        left = self._walker.left
        if left is None:
            return float("inf")
        return 1 if first else max(left // self._largest, 1)

    async def _take(self, at: Position) -> tuple[Position, Body]:  # noqa: ARG002  # the chain knows by itself
        found, body = await self._ready.get()
        if isinstance(body, Exception):
            raise body
        self._room.release()
        return found, body

    def _handed_out(self, page: Page[T]) -> None:
        self._largest = max(self._largest, len(page.items) + len(page.invalid))
        if self._asking and self._ready.empty():
            self._asking = False
            self._decided.put_nowait(self._walker.position)


class Concurrent(_Ahead[T]):
    """Numbered pages of a list, several requests in flight, handed out in order; see `Pager.concurrent`."""

    def __init__(self, walker: Walker[T], requests: int) -> None:
        super().__init__(walker)
        self._requests = requests
        self._window: deque[tuple[Position, asyncio.Task[Body]]] = deque()
        self._last = 0
        self._size = walker.pager.wanted_size or 1

    def _start(self, at: Position) -> None:  # noqa: ARG002  # the first page tells how many there are
        self._window.clear()

    def _fill(self, at: Position, last: int) -> None:
        """Keep the window full from `at` to the last page that is known to exist and that a limit needs."""
        left = self._walker.left
        if left is not None:
            last = min(last, at.number - 1 + max(-(-left // self._size), 1))
        number = self._window[-1][0].number + 1 if self._window else at.number
        while len(self._window) < self._requests and number <= last:
            position = at._replace(number=number)
            self._window.append((position, self._spawn(self._fetch(position))))
            number += 1

    async def _take(self, at: Position) -> tuple[Position, Body]:
        if at.kind != "query":
            return at, await self._fetch(at)  # this page tells the query id and how many pages there are
        if self._window and self._window[0][0] != at:
            await self._start_again(at)  # before it is looked at: that what is not wanted has failed does not matter
        self._fill(at, max(self._last, at.number))
        position, task = self._window[0]
        await asyncio.wait([task])  # not `await task`: that would cancel it along with a caller who is cancelled
        self._window.popleft()
        if task.cancelled():
            raise RuntimeError("reading ahead was cancelled")
        body = task.result()
        if self._walker.left is None:
            self._fill(at._replace(number=at.number + 1), self._last)
        return position, body

    def _handed_out(self, page: Page[T]) -> None:
        self._last = page.total_pages or 0
        self._size = max(self._size, len(page.items))
