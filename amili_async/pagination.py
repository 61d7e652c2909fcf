"""Lists: await one for its first page, iterate it for every item, walk it page by page, resume it anywhere.

What callers hold in hand; the bookkeeping of a walk is the `Walker`'s.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, TypeVar, cast

import msgspec
from msgspec import Raw

from amili_async.alone import Alone
from amili_async.config import RequestOptions, whole
from amili_async.cursors import Cursor, Position, parameters
from amili_async.errors import ConfigError
from amili_async.operation import Operation
from amili_async.pages import Envelope, InvalidItem, Page, read_page
from amili_async.records import Record
from amili_async.session import AmiliSession
from amili_async.walker import Walker

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Generator, Iterable, Iterator

    from amili_async.operation import Paging, Response
    from amili_async.readahead import Concurrent, Prefetch

__all__ = ["Cursor", "InvalidItem", "Items", "OnInvalid", "Page", "Pager", "Pages"]

T = TypeVar("T")
M = TypeVar("M")

OnInvalid = Literal["raise", "collect"]


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
        return read_page(self.kind, self.paging, status, body, copy=self.copy, response=self.operation.response)

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


class Pages(Generic[T]):
    """Pages one after the other: the next is fetched when it is asked for."""

    def __init__(self, walker: Walker[T]) -> None:
        self._walker = walker
        self._alone = Alone()

    def __aiter__(self) -> Pages[T]:
        """Iterate."""
        return self

    async def __anext__(self) -> Page[T]:
        """Fetch the next page. After an error the same page is tried again."""
        walker = self._walker
        at = walker.position
        if at is None:
            raise StopAsyncIteration
        with self._alone:
            return walker.accept(at, await walker.settled(at, await walker.fetch(at, walker.pager.read)))


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
