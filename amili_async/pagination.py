"""Lists: await one for its first page, iterate it for every item, walk it page by page, resume it anywhere.

A page that was handed out is never fetched again, and a page that failed is the next one to be fetched: position and progress
move only when a page has been read whole.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, TypeVar, cast

import msgspec
from msgspec import Raw

from amili_async.config import RequestOptions, origin, whole
from amili_async.errors import AmiliError, ApiError, ConfigError, CursorExpired, CursorMismatch, DecodeError, PageLoop
from amili_async.hooks import PageDrift, PageEvent, emit
from amili_async.operation import Operation
from amili_async.pages import Envelope, InvalidItem, Page, read_page
from amili_async.records import Record
from amili_async.session import AmiliSession
from amili_async.walks import START, Cursor, Position, Progress, advance, digest, doubtful, parameters

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Generator, Iterable, Iterator

    from amili_async.operation import Paging, Response
    from amili_async.readahead import Concurrent, Prefetch
    from amili_async.walks import Step

__all__ = ["Cursor", "InvalidItem", "Items", "OnInvalid", "Page", "Pager", "Pages", "Walker"]

T = TypeVar("T")
M = TypeVar("M")

OnInvalid = Literal["raise", "collect"]

logger = logging.getLogger("amili_async")

ONCE = frozenset({"cut_off", "rows_under_another_key"})
"""Drifts that hold for a list as a whole: reported once in a walk."""


class Pager(Record, Generic[T], frozen=True, eq=False):
    """A list that has not been fetched yet. Nothing is sent before it is awaited or iterated; it can be used again and again.

    ```python
    first = await pager                          # the first Page
    async for item in pager: ...                 # every item
    async for page in pager.pages(resume=saved): # page by page
        saved = str(page.resume)
    async with pager.prefetch(2) as pages: ...   # the next pages on their way while this one is used
    ```

    Raises, wherever it fetches: what the session raises, with `resume` set to the page that failed; `DecodeError` for a row that
    does not decode (unless `on_invalid="collect"`); `PageLoop`, `CursorExpired`, `CursorMismatch`.
    """

    __hidden__: ClassVar[frozenset[str]] = frozenset({"session", "values", "filters", "kind", "options", "turn"})

    session: AmiliSession
    operation: Operation[Any]
    values: tuple[object, ...]
    filters: tuple[tuple[str, str], ...]
    kind: Any
    page_size: int | None = None
    limit: int | None = None
    on_invalid: OnInvalid = "raise"
    options: RequestOptions | None = None
    copy: bool = True
    turn: Callable[[], AbstractAsyncContextManager[None]] = nullcontext
    """Each request is made inside of it, also those that read ahead: for who shares a server among many lists."""

    def __post_init__(self) -> None:
        """Check the numbers."""
        if self.page_size is not None:
            whole(self.page_size, "page_size")
        if self.limit is not None:
            whole(self.limit, "limit", least=0)
        if self.on_invalid not in {"raise", "collect"}:
            raise ConfigError(f'on_invalid must be "raise" or "collect", not {self.on_invalid!r}')

    def __repr__(self) -> str:
        """Name the operation; filters may be personal data."""
        return f"Pager({self.operation.name})"

    def __await__(self) -> Generator[Any, None, Page[T]]:
        """Fetch the first page."""
        return self._first().__await__()

    async def _first(self) -> Page[T]:
        async for page in self.pages():
            return page
        return Page(items=())  # limit=0

    def __aiter__(self) -> Items[T]:
        """Iterate every item, fetching page after page; leaving early leaves nothing open."""
        return Items(self.pages())

    def pages(self, resume: Cursor | str | None = None) -> Pages[T]:
        """Iterate page by page, from the start or from a cursor.

        Args:
            resume: `page.resume`, the `resume` of an error, or the text of either.

        Raises:
            CursorMismatch: the cursor belongs to another list or to other filters.
        """
        return Pages(Walker(self, resume))

    def prefetch(self, depth: int = 1, *, resume: Cursor | str | None = None) -> Prefetch[T]:
        """Fetch ahead: at most `depth` pages are fetched or in flight beyond the one handed out.

        ```python
        async with pager.prefetch(2) as pages:
            async for page in pages: ...
        ```
        """
        from amili_async.readahead import Prefetch  # noqa: PLC0415  # the two modules need each other

        whole(depth, "prefetch depth")
        return Prefetch(Walker(self, resume), depth)

    def concurrent(self, requests: int, *, resume: Cursor | str | None = None) -> Concurrent[T]:
        """Fetch numbered pages at the same time, at most `requests` in flight; pages come in order.

        Raises:
            ConfigError: the list is walked by token, so a page's address is known only from the page before it.
        """
        from amili_async.readahead import Concurrent  # noqa: PLC0415  # the two modules need each other

        whole(requests, "concurrent requests")
        if self.paging.style != "query-page":
            raise ConfigError(f"{self.operation.name} is walked by token, one page after the other: use prefetch() to read ahead")
        return Concurrent(Walker(self, resume), requests)

    def raw(self, *, copy: bool = True) -> Pager[Raw]:
        """Return the same list as undecoded rows, `msgspec.Raw`.

        Args:
            copy: give each row bytes of its own; False: they are parts of the page's body, faster to get, and one that is kept
                keeps the whole page.
        """
        return cast("Pager[Raw]", msgspec.structs.replace(self, kind=Raw, copy=copy))

    async def collect(self) -> list[T]:
        """Return all items as a list; mind the memory, or set a `limit`."""
        return [item async for item in self]

    @property
    def paging(self) -> Paging:
        """How the operation's list is walked."""
        return cast("Paging", self.operation.paging)

    @property
    def wanted_size(self) -> int | None:
        """Items to ask for per page; None where the API takes no page size."""
        if not self.paging.size_param:
            return None
        if self.page_size is not None:
            return self.page_size
        return self.session.limits.page_size

    @property
    def asked_cap(self) -> int | None:
        """Rows that the whole list may have, as the caller has asked for."""
        asked = {**dict(self.filters), **(self.options.query if self.options else {})}.get(self.paging.limit_param or "")
        return int(asked) if asked is not None and asked.isdecimal() else None

    def read(self, status: int, body: bytes) -> Envelope:
        """Take an answer apart."""
        return read_page(self.kind, self.paging, status, body, copy=self.copy)

    async def fetch(self, at: Position, read: Callable[[int, bytes], M]) -> Response[M]:
        """Fetch the page at a position."""
        query: list[tuple[str, str]] = []
        if at.kind != "query":
            query += self.filters
            size = self.wanted_size
            if size is not None and self.paging.size_param:
                query.append((self.paging.size_param, str(size)))
        query += parameters(self.paging, at, self.session.environment.page_param)
        async with self.turn():
            return await self.session.send(self.operation, self.values, query=query, options=self.options, read=read)


class Walker(Generic[T]):
    """The bookkeeping of one walk: where it is, what it has seen, and what it still owes."""

    def __init__(self, pager: Pager[T], resume: Cursor | str | None) -> None:
        self.pager = pager
        self.position: Position | None = START
        self._progress = Progress(cap=pager.asked_cap)
        self._skip = 0
        self._cut_off = False
        self._short_pages = False
        self._told: set[str] = set()
        self._marks: set[int] = set()
        self._digests: dict[bool, str] = {}
        self.left = pager.limit
        if resume is not None:
            cursor = Cursor.parse(resume)
            if cursor.digest != self._digest(cursor.position):
                raise CursorMismatch(
                    f"the cursor belongs to another list than {pager.operation.name} with these ids, filters and page size"
                )
            self.position = cursor.position
            self._progress = self._progress._replace(pages=cursor.pages, rows=cursor.rows, base=cursor.base)
            self._skip = cursor.skip
        self._seen = {hash(self.position)}
        if self.left == 0:
            self.position = None

    def _digest(self, at: Position) -> str:
        pager = self.pager
        # A page number means nothing without the size of the pages; a token holds its place by itself.
        numbered = at.kind == "number"
        if numbered in self._digests:
            return self._digests[numbered]
        size = pager.wanted_size if numbered else None
        extra = dict(pager.options.query) if pager.options else {}
        values = [str(value) for value in pager.values]
        self._digests[numbered] = digest(pager.operation.name, values, sorted(pager.filters), extra, size)
        return self._digests[numbered]

    def cursor(self, at: Position, skip: int = 0) -> Cursor:
        """Return the cursor of a page of this walk."""
        done = self._progress
        return Cursor(at.kind, at.token, at.number, done.pages, done.rows, skip, done.base, self._digest(at))

    def failed(self, error: AmiliError, at: Position) -> AmiliError:
        """Put the cursor of the page on the error of its fetch; a refused token or query id becomes `CursorExpired`."""
        if at.kind in {"token", "query"} and isinstance(error, ApiError) and error.status in {400, 404, 410, 412, 422}:
            expired = CursorExpired("the server no longer accepts the cursor; start the list again")
            expired.__dict__.update({**error.__dict__, "message": expired.message})
            error = expired
        error.resume = self.cursor(at, self._skip)
        return error

    async def settled(self, at: Position, found: Envelope) -> Envelope:
        """Return a page, asked for once more if it has not the rows that belong on it; an error carries its cursor.

        Where the second answer says the same, the page is what it is: then short pages are this list's way, and no longer
        asked for twice. Empty ones still are, since they cost nothing and hide the most.
        """
        if not doubtful(found.facts, self._progress) or (self._short_pages and found.facts.rows):
            return found
        try:
            self._step(at, found)
        except AmiliError:
            return found  # whatever rows it has, it cannot be gone on from
        again = await self.fetch(at, self.pager.read)
        self._short_pages |= again.facts.rows == found.facts.rows
        worse = doubtful(again.facts, self._progress) and again.facts.rows < found.facts.rows
        found = found if worse else again
        said, rows = found.facts.query and found.facts.query.current_page_size, found.facts.rows
        if said not in {None, rows}:
            self.report("rows_differ_from_page", said, rows)
        return found

    def accept(self, at: Position, found: Envelope) -> Page[T]:
        """Take a page in: check it, move on, and return what the caller gets of it."""
        try:
            return self._accept(at, found)
        except AmiliError as error:
            pager = self.pager
            if error.path is None:
                error.method, error.path = pager.operation.method, pager.operation.path
            raise self.failed(error, at) from None

    def _accept(self, at: Position, found: Envelope) -> Page[T]:
        pager = self.pager
        operation = pager.operation
        if found.invalid and pager.on_invalid == "raise":
            bad = found.invalid[0]
            raise DecodeError(
                f'{bad} does not decode: {bad.error}; on_invalid="collect" sets such items aside',
                index=bad.index,
                item_id=bad.id,
            )
        step = self._step(at, found)
        if step.next is not None and hash(step.next) in self._seen:
            raise PageLoop("the server sent a page token or number that it had sent before")
        mark = found.facts.mark
        if mark is not None and at.kind in {"number", "query"} and found.items:
            if mark in self._marks:
                raise PageLoop("the server sent the same page again for another number: the parameter is not understood")
            self._marks.add(mark)
        elif mark is not None:
            self._marks.add(mark)
        self._tell(found, step)
        # `skip` counts rows as they came, bad ones too, so that it means the same however the rest is read.
        gone = self._skip - sum(bad.index < self._skip for bad in found.invalid)
        items = found.items[gone:] if gone else found.items  # a slice would lose what rows know beside themselves
        invalid = tuple(bad for bad in found.invalid if bad.index >= self._skip)
        taken = len(items) if self.left is None else min(len(items), self.left)
        if taken < len(items):
            end = _row_after(gone + taken, found.invalid)
            resume: Cursor | None = self.cursor(at, end)
            items, invalid, self.position = items[:taken], tuple(bad for bad in invalid if bad.index < end), None
        else:
            self._progress, self.position = step.progress, step.next
            self._skip = max(self._skip - found.facts.rows, 0)  # smaller pages than those that were counted in
            resume = self.cursor(step.next, self._skip) if step.next else None
            if step.next is not None:
                self._seen.add(hash(step.next))  # 64 bits a page, however long the list
        if self.left is not None:
            self.left -= taken
            if self.left == 0:
                self.position = None
        emit(
            pager.session.hooks.on_page,
            PageEvent(
                operation=operation.name,
                number=step.progress.pages,
                items=len(items),
                invalid=len(invalid),
                size=found.size,
            ),
        )
        return Page(
            items=items,
            resume=resume,
            number=step.progress.pages,
            total_count=found.facts.total_count,
            total_pages=found.facts.total_pages,
            invalid=invalid,
            cut_off=self._cut_off,
        )

    def _step(self, at: Position, found: Envelope) -> Step:
        pager = self.pager
        origins = [origin(pager.session.environment.url(pager.operation.api))] if pager.paging.style == "query-page" else []
        return advance(pager.paging, at, found.facts, self._progress, origins)

    def _tell(self, found: Envelope, step: Step) -> None:
        """Report what was odd about a page; what holds for the list as a whole only once."""
        drifts = [*step.drifts, *([("null_data", "a list", None)] if found.null else [])]
        if found.key is not None:
            key = found.key if found.key.isidentifier() else "another"
            drifts.append(("rows_under_another_key", self.pager.paging.items, key))
        name, page = self.pager.operation.name, step.progress.pages
        for kind, expected, actual in drifts:
            if kind not in ONCE or kind not in self._told:
                self._told.add(kind)
                self._report(PageDrift(operation=name, kind=kind, page=page, expected=expected, actual=actual))
        self._cut_off |= step.progress.cut_off

    def report(self, kind: str, expected: object, actual: object) -> None:
        """Report something odd about the page at hand."""
        name, page = self.pager.operation.name, self._progress.pages + 1
        self._report(PageDrift(operation=name, kind=kind, page=page, expected=expected, actual=actual))

    def _report(self, drift: PageDrift) -> None:
        level = logging.INFO if drift.kind == "total_moved" else logging.WARNING
        logger.log(
            level,
            "%s: page %d: %s (expected %s, found %s)",
            drift.operation,
            drift.page,
            drift.kind,
            drift.expected,
            drift.actual,
        )
        emit(self.pager.session.hooks.on_drift, drift)

    async def fetch(self, at: Position, read: Callable[[int, bytes], M]) -> M:
        """Fetch the page at a position; an error carries its cursor."""
        try:
            return (await self.pager.fetch(at, read)).data
        except AmiliError as error:
            failed = self.failed(error, at)
            if failed is error:
                raise
        raise failed


def _row_after(items: int, invalid: tuple[InvalidItem, ...]) -> int:
    """Return where, among the rows as they came, so many good ones have been passed."""
    row = items
    for bad in invalid:
        if bad.index < row:
            row += 1
    return row


class Pages(Generic[T]):
    """Pages one after the other: the next is fetched when it is asked for."""

    def __init__(self, walker: Walker[T]) -> None:
        self._walker = walker
        self._busy = False

    def __aiter__(self) -> Pages[T]:
        """Iterate."""
        return self

    async def __anext__(self) -> Page[T]:
        """Fetch the next page. After an error the same page is tried again."""
        walker = self._walker
        at = walker.position
        if at is None:
            raise StopAsyncIteration
        if self._busy:
            raise RuntimeError("two tasks iterate the same pages: each would miss what the other gets")
        self._busy = True
        try:
            return walker.accept(at, await walker.settled(at, await walker.fetch(at, walker.pager.read)))
        finally:
            self._busy = False


class Items(Generic[T]):
    """Every item of a list, page after page. A class, not a generator: nothing is open between two items."""

    __slots__ = ("_items", "_pages")

    def __init__(self, pages: AsyncIterator[Iterable[T]]) -> None:
        self._pages = pages
        self._items: Iterator[T] = iter(())

    def __aiter__(self) -> Items[T]:
        """Iterate."""
        return self

    async def __anext__(self) -> T:
        """Return the next item."""
        while True:
            for item in self._items:  # faster than next() with a default
                return item
            self._items = iter(())  # the old page goes before the next is decoded: it would only fill the memory
            self._items = iter(await self._pages.__anext__())
