"""The Collection API, read side: what it answers to a request that may be answered."""

from __future__ import annotations

from collections.abc import Callable, Sized
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from amili_async.sandbox import batches, rows
from amili_async.sandbox.cache import PageCache
from amili_async.sandbox.damage import damaged_rows
from amili_async.sandbox.dataset import Dataset, Row
from amili_async.sandbox.exchange import Answer, Call, Handler, Problem
from amili_async.sandbox.filters import ALL_BATCHES, FILTERS, SHIFT, Selector, descending
from amili_async.sandbox.ids import Kind
from amili_async.sandbox.layout import Portfolio
from amili_async.sandbox.paging import PageTokens, Part, page_number, page_size, part
from amili_async.sandbox.store import ADDED
from amili_async.sandbox.writes import visible
from amili_async.structs import encode

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from amili_async.sandbox.settings import Settings
    from amili_async.sandbox.writes import Writes

__all__ = ["Collection"]


_Make = Callable[[Dataset, Portfolio, int], Row]


class _Rows(NamedTuple):
    """What the rows of an operation are: as they were computed, and as they are after something was written."""

    key: str
    kind: Kind
    computed: _Make
    written: _Make
    total: Callable[[Portfolio], int]
    kept: Callable[[Portfolio], Sized]

    def has(self, portfolio: Portfolio, number: int) -> bool:
        """Tell whether there is a row with a number."""
        return number < self.total(portfolio) or ADDED <= number < ADDED + len(self.kept(portfolio))

    def row(self, dataset: Dataset, portfolio: Portfolio, number: int) -> Row:
        """Return a row as it is now."""
        return (self.written if portfolio.written.version else self.computed)(dataset, portfolio, number)


def _rows(key: str, kind: Kind, computed: _Make, written: _Make, name: str) -> _Rows:
    kept = attrgetter("written.invoices" if kind == Kind.CASE else f"written.{name}")  # a written case is that of its invoice
    return _Rows(key, kind, computed, written, attrgetter(name), kept)


_BATCH = _rows("batchId", Kind.BATCH, batches.batch, rows.batch, "batches")
_LEGACY_BATCH = _rows("batchId", Kind.BATCH, batches.legacy_batch, rows.legacy_batch, "batches")
_INVOICE = _rows("id", Kind.INVOICE, Dataset.invoice, rows.invoice, "invoices")
_SETTLEMENT = _rows("id", Kind.SETTLEMENT, Dataset.settlement, rows.settlement, "settlements")
_ROWS = {
    "collection.batches.list": _BATCH,
    "collection.batches.list_all": _LEGACY_BATCH,
    "collection.batches.get": _BATCH,
    "collection.batches.get_legacy": _LEGACY_BATCH,
    "collection.cases.list": _rows("caseId", Kind.CASE, Dataset.case, rows.case, "cases"),
    "collection.invoices.list": _INVOICE,
    "collection.invoices.get": _INVOICE,
    "collection.settlements.list": _SETTLEMENT,
    "collection.settlements.get": _SETTLEMENT,
}


class Collection:
    """Answers the operations of the Collection API.

    Args:
        dataset: where the rows are.
        settings: of the sandbox.
        secret: that page tokens are sealed with.
        writes: what ends the batches whose time has come before anything is read.

    Attributes:
        pages: encoded ones that are kept.
    """

    def __init__(self, dataset: Dataset, settings: Settings, secret: bytes, writes: Writes) -> None:
        self._writes = writes
        self._dataset = dataset
        self._settings = settings
        self._selector = Selector(dataset, include_upper=settings.include_upper, exclude_lower=settings.exclude_lower)
        self._tokens = PageTokens(secret, settings.page_token_lifetime)
        self.pages = PageCache(settings.page_cache)
        self.handlers: dict[str, Handler] = {name: self._list if name in FILTERS else self._get for name in _ROWS}

    def rows(self, operation: str, organization: str, filters: Mapping[str, str]) -> Iterator[Row]:
        """Yield all rows that a list would show, in its order."""
        portfolios = [self._dataset.portfolio(organization)]
        self._writes.advance()
        return (self._row(operation, portfolios, it) for it in self._selector.rows(operation, portfolios, filters))

    def _get(self, call: Call) -> Answer:
        """Answer with one row."""
        kind = _ROWS[call.operation.name]
        *organization, text = call.values
        portfolios = visible(self._dataset, call, organization)
        self._writes.advance()
        named = self._dataset.ids.read(text)
        portfolio = next((it for it in portfolios if named and it.index == named.organization), None)
        if named is None or portfolio is None or named.kind != kind.kind or not kind.has(portfolio, named.number):
            raise Problem(404, "not_found", "There is no such thing.")
        shown = [kind.row(self._dataset, portfolio, named.number)]
        if hits := call.strike("page", {"rows"}):
            shown = damaged_rows(shown, hits, kind.key)
        return Answer(encode({"summary": {"status": "SUCCESS"}, "data": shown[0]}), rows=1, first_key=text, last_key=text)

    def _list(self, call: Call) -> Answer:
        """Answer with a page of rows."""
        operation = call.operation
        paging = operation.paging
        assert paging is not None  # noqa: S101  # lists have one
        with_numbers = paging.style == "cursor+skip"
        with_tokens = not (with_numbers and self._settings.skip_only)
        portfolios = visible(self._dataset, call, call.values)
        self._writes.advance()
        filters = {name: text for name in FILTERS[operation.name] if (text := call.query.get(name, ""))}
        bound = self._tokens.digest(operation.name, [it.index for it in portfolios], sorted(filters.items()))
        numbers = self._selector.rows(operation.name, portfolios, filters)

        token = call.query.get(paging.token_param or "", "")
        if token and not with_tokens:
            raise Problem(400, "invalid_page_token", "This list has no page tokens.")
        start = self._tokens.read(bound, token) if token else None
        number = None if token or not with_numbers else page_number(call.query, self._settings.page_param)
        size = page_size(call.query, paging.size_param, self._settings.page_size_default, self._settings.page_size_max)
        shown = part(numbers, size, start=start, number=number or 1, descending=descending(filters))

        hits = call.strike("page", _traits(shown, token=token, with_tokens=with_tokens, with_numbers=with_numbers))
        begin, end, total, form = shown.begin, shown.end, shown.total, self._settings.last_token
        next_token: str | None = None
        for hit in hits:
            if hit.kind == "empty_page":
                end = begin
            elif hit.kind == "rows_shift":
                begin = max(0, begin - hit["rows"])
            elif hit.kind == "total_drift":
                total = max(0, total + hit["by"])
            elif hit.kind == "repeated_token":
                next_token = token
            elif hit.kind == "no_token_variants":
                form = hit["form"]
        if next_token is None and end < shown.total:
            next_token = self._tokens.make(bound, numbers[end])
        previous = numbers[max(0, shown.begin - size)] if shown.begin else None

        key = (operation.name, bound, *((it.cases, it.written.version) for it in portfolios), begin, end)
        found = (self._row(operation.name, portfolios, it) for it in numbers[begin:end])
        body, first_key, last_key = self.pages.page(key, found, _ROWS[operation.name].key, hits)
        summary = _summary(next_token, form)
        if with_numbers:
            parts = {"skipSummary": _skip_summary(shown, total, more=end < shown.total)}
            if with_tokens:
                summary["previousPageToken"] = None if previous is None else self._tokens.make(bound, previous)
                parts["cursorSummary"] = summary
        else:
            parts = {"summary": summary}
        about = encode(parts)
        # The oldest of the lists has its summary in front.
        whole = (
            b'%s,"data":[%s]}' % (about[:-1], body) if operation.name == ALL_BATCHES else b'{"data":[%s],%s' % (body, about[1:])
        )
        return Answer(whole, rows=end - begin, first_key=first_key, last_key=last_key)

    def _row(self, operation: str, portfolios: Sequence[Portfolio], number: int) -> Row:
        row = _ROWS[operation].row
        if operation == ALL_BATCHES:
            return row(self._dataset, self._dataset.portfolios[number >> SHIFT], number & (1 << SHIFT) - 1)
        return row(self._dataset, portfolios[0], number)


def _traits(shown: Part, *, token: str, with_tokens: bool, with_numbers: bool) -> set[str]:
    """Say what a page has of that which faults need."""
    has = {
        "list": True,
        "rows": shown.end > shown.begin,
        "page token": bool(token),
        "tokens": with_tokens,
        "totals": with_numbers,
        "later": shown.begin > 0,
        "next": shown.end < shown.total,
        "last": shown.end == shown.total,
    }
    return {trait for trait, there in has.items() if there}


def _summary(token: str | None, form: str) -> dict[str, Any]:
    """Return what is said about the next page; `form` is how its absence is said."""
    if token is None and form == "missing":
        return {"status": "SUCCESS"}
    return {"status": "SUCCESS", "nextPageToken": "" if token is None and form == "empty" else token}


def _skip_summary(shown: Part, total: int, *, more: bool) -> dict[str, Any]:
    return {
        "status": "SUCCESS",
        "totalCount": total,
        "currentPage": shown.number,
        "pageSize": shown.size,
        "totalPages": shown.pages,
        "hasNextPage": more,
        "hasPreviousPage": shown.begin > 0,
    }
