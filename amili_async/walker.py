"""One walk over a list: what has been seen, what is still owed, and whether a page that came may be taken in.

A page that was handed out is never fetched again, and a page that failed is the next one to be fetched: position and progress
move only when a page has been read whole.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Generic, TypeVar

from amili_async.config import origin
from amili_async.cursors import START, Cursor, Position, digest
from amili_async.errors import AmiliError, ApiError, CursorExpired, CursorMismatch, DecodeError, PageLoop
from amili_async.hooks import PageDrift, PageEvent, emit
from amili_async.pages import InvalidItem, Page
from amili_async.walks import Progress, advance, doubtful

if TYPE_CHECKING:
    from collections.abc import Callable

    from amili_async.pages import Envelope
    from amili_async.pagination import Pager
    from amili_async.walks import Step

__all__ = ["Walker"]

T = TypeVar("T")
M = TypeVar("M")

logger = logging.getLogger("amili_async")

ONCE = frozenset({"cut_off", "rows_under_another_key"})
"""Drifts that hold for a list as a whole: reported once in a walk."""


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
        if not doubtful(at, found.facts, self._progress) or (self._short_pages and found.facts.rows):
            return found
        try:
            self._step(at, found)
        except AmiliError:
            return found  # whatever rows it has, it cannot be gone on from
        again = await self.fetch(at, self.pager.read)
        self._short_pages |= again.facts.rows == found.facts.rows
        worse = doubtful(at, again.facts, self._progress) and again.facts.rows < found.facts.rows
        found = found if worse else again
        said, rows = found.facts.query and found.facts.query.current_page_size, found.facts.rows
        if said not in {None, rows}:
            self.report("rows_differ_from_page", said, rows)
        elif at.kind == "token" and doubtful(at, found.facts, self._progress):
            self.report("nothing_behind_token", "rows", rows)
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
