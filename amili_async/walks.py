"""How lists are walked: what answers say about it, and one pure function per paging style from an answer to the next position.

The rules, and why (nothing here does I/O):

- the end is the absence of a token (missing, null, "") or what the flags say, never an empty page;
- a position seen before is a loop, whatever the server says about it;
- with no token but a promise of more, the walk goes on by page number: stopping early loses rows silently;
- where two statements of the server contradict each other, the walk goes the way that loses nothing, and says so.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qs, urlsplit

from amili_async.config import origin
from amili_async.cursors import Position
from amili_async.errors import PageLoop, PaginationError
from amili_async.structs import Model

if TYPE_CHECKING:
    from collections.abc import Sequence

    from amili_async.operation import Paging

__all__ = [
    "CursorSummary",
    "Facts",
    "Progress",
    "QuerySummary",
    "SkipSummary",
    "Step",
    "Summary",
    "advance",
    "doubtful",
]

MAX_EMPTY_PAGES = 1_000
"""Empty pages in a row after which a walk that never ends is called a loop."""


class Summary(Model, frozen=True, kw_only=True):
    """Envelope part telling how the call went and, on lists, where the next page starts."""

    status: str | None = None
    next_page_token: str | int | None = None


class SkipSummary(Model, frozen=True, kw_only=True):
    """Offset view of a list: totals and page numbers."""

    status: str | None = None
    total_count: int | None = None
    current_page: int | None = None
    page_size: int | None = None
    total_pages: int | None = None
    has_next_page: bool | None = None
    has_previous_page: bool | None = None


class CursorSummary(Model, frozen=True, kw_only=True):
    """Cursor view of a list."""

    status: str | None = None
    next_page_token: str | int | None = None
    previous_page_token: str | int | None = None


class QuerySummary(Model, frozen=True, kw_only=True):
    """State of a list that the server keeps under a query id; pages count from 1."""

    page_no: int | None = None
    current_page_size: int | None = None
    page_size_limit: int | None = None
    total_pages: int | None = None
    total_count: int | None = None
    maximum_count: int | None = None
    next_page: str | None = None
    last_page: str | None = None
    query_id: str | None = None


class Progress(NamedTuple):
    """How far a walk has come, before the page at hand."""

    pages: int = 0
    rows: int = 0
    total: int | None = None
    empty: int = 0
    base: int = 1
    """Number that the server gives to the first page: 1, or 0 if its first answer says so."""
    cap: int | None = None
    """Rows that the whole list may have, as the server says or the caller has asked for."""

    @property
    def promised(self) -> int | None:
        """Rows that will come, if the totals are right: whether they count what a cap cuts off is not documented."""
        return self.total if self.total is None or self.cap is None else min(self.total, self.cap)

    @property
    def cut_off(self) -> bool:
        """Whether the cap is reached, so that there may be rows that do not come."""
        return self.cap is not None and max(self.total or 0, self.rows) >= self.cap


class Facts(NamedTuple):
    """What an answer says about the walk."""

    rows: int
    token: str | None = None
    skip: SkipSummary | None = None
    query: QuerySummary | None = None
    mark: int | None = None
    """Fingerprint of the answer, where nothing in it tells which page it is."""

    @property
    def total_count(self) -> int | None:
        """Rows in the whole list, if the answer tells."""
        view = self.skip or self.query
        return view.total_count if view else None

    @property
    def cap(self) -> int | None:
        """Rows that the whole list may have, if the answer tells."""
        return self.query.maximum_count or None if self.query else None

    @property
    def total_pages(self) -> int | None:
        """Pages in the whole list, if the answer tells."""
        view = self.skip or self.query
        return view.total_pages if view else None


class Step(NamedTuple):
    """Where to go next (None: the end), how far the walk has come, and what was odd on the way."""

    next: Position | None
    progress: Progress
    drifts: tuple[tuple[str, object, object], ...] = ()


def advance(paging: Paging, at: Position, facts: Facts, before: Progress, origins: Sequence[str] = ()) -> Step:
    """Decide where to go after the page at `at`.

    Args:
        paging: how the list is walked.
        at: position of the page at hand.
        facts: what its answer says.
        before: how far the walk had come before it.
        origins: origins that a link to the next page may point to.

    Raises:
        PageLoop: the answer is that of another page than the one asked for.
        PaginationError: more rows are promised, but there is no way to them.
    """
    base = before.base
    if at.kind == "start" and facts.skip and facts.skip.current_page == 0:
        base = 0
    progress = Progress(
        pages=before.pages + 1,
        rows=before.rows + facts.rows,
        total=facts.total_count if facts.total_count is not None else before.total,
        empty=0 if facts.rows else before.empty + 1,
        base=base,
        cap=facts.cap if facts.cap is not None else before.cap,
    )
    if progress.empty > MAX_EMPTY_PAGES:
        message = f"the list has sent {progress.empty} empty pages in a row and promises more"
        raise PageLoop(message)
    walk = _walk_query if paging.style == "query-page" else _walk_token
    following, drifts = walk(paging, at, facts, progress, origins)
    if before.total is not None and progress.total != before.total:
        drifts.append(("total_moved", before.total, progress.total))
    if progress.cut_off:
        drifts.append(("cut_off", progress.cap, progress.total if progress.total is not None else progress.rows))
    if following is None and progress.promised is not None and progress.rows != progress.promised:
        drifts.append(("rows_differ_from_total", progress.promised, progress.rows))
    return Step(following, progress, tuple(drifts))


Drifts = list[tuple[str, object, object]]


def _walk_token(
    paging: Paging, at: Position, facts: Facts, progress: Progress, _origins: Sequence[str]
) -> tuple[Position | None, Drifts]:
    skip = facts.skip
    if facts.token:
        if not paging.token_param:
            message = "the answer has a token for a next page, but the operation has no parameter to send it in"
            raise PaginationError(message)
        contradicted = skip is not None and skip.has_next_page is False
        return Position("token", facts.token), [("token_without_next", False, True)] if contradicted else []
    if skip is None:
        return None, []
    if at.kind == "number" and skip.current_page is not None and skip.current_page != at.number:
        message = f"asked for page {at.number} by number, got page {skip.current_page}: the parameter is not understood"
        raise PageLoop(message)
    here = at.number if at.kind == "number" else _number_so_far(skip, progress)
    by_count = skip.total_pages is not None and here - progress.base + 1 < skip.total_pages
    more = skip.has_next_page if skip.has_next_page is not None else by_count
    if skip.has_next_page is None and skip.total_pages is None and at.kind != "token":
        more = facts.rows > 0 and progress.total is not None and progress.rows < progress.total
    drifts: Drifts = []
    if skip.has_next_page is False and by_count and _short(progress):
        drifts.append(("pages_without_next", skip.total_pages, progress.pages))
        more = True
    if more and at.kind == "token" and progress.total is not None and not _short(progress):
        # The page numbers are those of a view that was not walked: every promised row has come by token.
        drifts.append(("next_without_token", False, True))
        more = False
    return (Position("number", number=here + 1) if more else None), drifts


def _number_so_far(skip: SkipSummary, progress: Progress) -> int:
    """Return the number of the page at hand, of a walk that came by token: not every server counts those."""
    counted = progress.pages - 1 + progress.base
    if skip.page_size:
        counted = -(-progress.rows // skip.page_size) - 1 + progress.base
    said = skip.current_page
    return said if said is not None and progress.base < said <= counted else counted


def _short(progress: Progress) -> bool:
    return progress.promised is None or progress.rows < progress.promised


def _walk_query(
    paging: Paging, at: Position, facts: Facts, progress: Progress, origins: Sequence[str]
) -> tuple[Position | None, Drifts]:
    query = facts.query or QuerySummary()
    drifts: Drifts = []
    asked = at.number or 1
    here = query.page_no or asked
    if here != asked:
        message = f"asked for page {asked}, got page {here}"
        raise PageLoop(message)
    if query.total_pages is not None and here >= query.total_pages:
        if not query.next_page or progress.promised is None or not _short(progress):
            return None, drifts
        drifts.append(("page_after_last", query.total_pages, here + 1))
    if query.next_page:
        following = _linked(paging, query.next_page, origins)
        if following.number <= here:
            message = f"the link to the next page points to page {following.number}, from page {here}"
            raise PageLoop(message)
        if following.number > here + 1:
            drifts.append(("page_skipped", here + 1, following.number))
        return following._replace(number=here + 1), drifts
    if query.total_pages is None or (progress.cut_off and not _short(progress)):
        return None, drifts  # pages of rows beyond the cap may be counted, but do not exist
    query_id = query.query_id or at.token
    if not query_id:
        message = f"the answer promises {query.total_pages} pages, but gives neither a link nor a query id"
        raise PaginationError(message)
    return Position("query", query_id, here + 1), drifts


def _linked(paging: Paging, link: str, origins: Sequence[str]) -> Position:
    """Take query id and page number out of a link; a link to a foreign origin is refused, not followed."""
    url = urlsplit("")
    foreign = True
    with suppress(ValueError):
        url = urlsplit(link)
        foreign = bool(url.scheme or url.netloc) and origin(link) not in origins
    if foreign:
        message = "the link to the next page points to a foreign origin and was not followed"
        raise PaginationError(message)
    found = {key.lower(): values[-1] for key, values in parse_qs(url.query).items()}
    query_id = found.get(paging.query_param or "", "")
    number = found.get(paging.page_param or "", "")
    if not query_id or not number.isdecimal():
        message = "the link to the next page has no query id or no page number"
        raise PaginationError(message)
    return Position("query", query_id, int(number))


def doubtful(at: Position, facts: Facts, before: Progress) -> bool:
    """Tell whether a page has not the rows that belong on it, by what it says itself: it is worth another question.

    A page behind a token was promised. One that has neither rows, nor a token, nor totals to check the end by may be a slip of
    the server, and would end the list silently.

    Args:
        at: position of the page.
        facts: what the answer says.
        before: how far the walk had come before it.
    """
    query = facts.query
    if query is None:
        return at.kind == "token" and not facts.rows and facts.token is None and facts.skip is None
    full = query.page_size_limit or max(facts.rows, 1)
    if facts.rows > full or query.current_page_size not in {None, facts.rows}:
        return True
    if query.page_no is None or query.total_pages is None or query.page_no >= query.total_pages or facts.rows == full:
        return False
    here = before._replace(rows=before.rows + facts.rows, total=facts.total_count, cap=facts.cap or before.cap)
    # A cap makes the last page short that it leaves, and those beyond it empty, whatever is counted there.
    return _short(here) and (here.cap is None or here.rows < here.cap)
