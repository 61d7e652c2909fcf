"""Which rows of a list a query asks for. Names are those of the contract, empty values are no filters."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING

from amili_async.sandbox import batches
from amili_async.sandbox.exchange import Problem
from amili_async.sandbox.figures import case_number, customer_number, customer_of, invoice_number, source_id
from amili_async.sandbox.ids import Kind
from amili_async.sandbox.joined import Joined
from amili_async.sandbox.layout import case_of, first_invoice
from amili_async.sandbox.matching import moment, written

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from amili_async.sandbox.dataset import Dataset
    from amili_async.sandbox.layout import Portfolio

__all__ = ["ALL_BATCHES", "FILTERS", "SHIFT", "Selector", "descending", "invoices_of_source"]

FILTERS = {
    "collection.batches.list": ("State", "Type", "SubjectId", "IdempotencyKey", "SortDirection"),
    "collection.batches.list_all": ("State", "Type", "SortDirection"),
    "collection.cases.list": (
        "Status",
        "Type",
        "CaseNumber",
        "CustomerNumber",
        "UniqueSourceInvoiceId",
        "SearchTerm",
        "FromCreatedAt",
        "ToCreatedAt",
    ),
    "collection.invoices.list": (
        "Status",
        "Type",
        "InvoiceNumber",
        "UniqueSourceInvoiceId",
        "CustomerNumber",
        "From",
        "To",
    ),
    "collection.settlements.list": ("fromDate", "toDate"),
}
"""The filters of each list; other parameters are ignored."""

ALL_BATCHES = "collection.batches.list_all"
SHIFT = 40
"""The list of all batches numbers its rows by organization and number: `organization << SHIFT | number`."""

Filters = tuple[tuple[str, str], ...]


def descending(filters: Mapping[str, str]) -> bool:
    """Tell whether the newest rows are asked for first.

    Raises:
        Problem: 400; the direction is neither ASC nor DESC.
    """
    direction = filters.get("SortDirection", "ASC").upper()
    if direction not in {"ASC", "DESC"}:
        raise Problem(400, "invalid_parameter", "SortDirection must be ASC or DESC.")
    return direction == "DESC"


class Selector:
    """Finds the numbers of the rows that match. Periods and numbers are computed, for all else rows are looked through.

    Args:
        dataset: where the rows are.
        include_upper: whether the end of a period belongs to it. A date stands for its midnight, in UTC.
        exclude_lower: whether its start does not.
    """

    def __init__(self, dataset: Dataset, *, include_upper: bool, exclude_lower: bool = False) -> None:
        self._dataset = dataset
        self._include_upper = include_upper
        self._exclude_lower = exclude_lower
        self._select: dict[str, Callable[[Portfolio, dict[str, str]], Sequence[int]]] = {
            "collection.batches.list": self._batches,
            "collection.cases.list": self._cases,
            "collection.invoices.list": self._invoices,
            "collection.settlements.list": self._settlements,
        }
        self._remembered = lru_cache(maxsize=32)(self._look)

    def rows(self, operation: str, portfolios: Sequence[Portfolio], filters: Mapping[str, str]) -> Sequence[int]:
        """Return the numbers of the rows that match, in the order that is asked for.

        Args:
            operation: name of a list.
            portfolios: where to look; for the list of all batches any, else one.
            filters: by their names on the wire.

        Raises:
            Problem: 400; a value is malformed.
        """
        where = tuple((portfolio.index, portfolio.cases, portfolio.written.version) for portfolio in portfolios)
        return self._remembered(operation, where, tuple(sorted(filters.items())))

    def _look(self, operation: str, where: tuple[tuple[int, int, int], ...], filters: Filters) -> Sequence[int]:
        by_name = dict(filters)
        rows: Sequence[int] | Iterator[int]
        if operation == ALL_BATCHES:
            rows = (
                index << SHIFT | row
                for index, *_ in sorted(where)
                for portfolio in [self._dataset.portfolios[index]]
                for row in chain(self._batches(portfolio, by_name), self._written(operation, portfolio, by_name))
            )
            written: Sequence[int] = ()
        else:
            portfolio = self._dataset.portfolios[where[0][0]]
            rows = self._select[operation](portfolio, by_name)
            written = self._written(operation, portfolio, by_name)
        rows = rows if isinstance(rows, range) else array("q", rows)
        shown = Joined(rows, written) if written else rows
        return shown[::-1] if descending(by_name) else shown

    def _written(self, operation: str, portfolio: Portfolio, filters: dict[str, str]) -> Sequence[int]:
        """Return the numbers of the written rows that match."""
        if not portfolio.written.version:
            return ()
        return written(
            self._dataset, portfolio, operation, filters, include_upper=self._include_upper, exclude_lower=self._exclude_lower
        )

    def _cases(self, portfolio: Portfolio, filters: dict[str, str]) -> Sequence[int]:
        period = (filters.get("FromCreatedAt"), filters.get("ToCreatedAt"))
        rows: Sequence[int] = self._between(range(portfolio.cases), portfolio.registered, *period)
        if text := filters.get("CaseNumber"):
            rows = _only(rows, [int(text) - case_number(portfolio.index, 0)] if _is_number(text) else [])
        if text := filters.get("CustomerNumber"):
            rows = _only(rows, _cases_of_customer(text))
        if text := filters.get("UniqueSourceInvoiceId"):
            rows = _only(rows, [case_of(invoice) for invoice in invoices_of_source(text)])
        if text := filters.get("Status"):
            changes = portfolio.written.cases
            rows = [row for row in rows if (changes.get(row) or self._dataset.traits(portfolio, row)).status == text]
        if text := filters.get("Type"):
            rows = [row for row in rows if self._dataset.traits(portfolio, row).type == text]
        if text := filters.get("SearchTerm"):
            rows = [row for row in rows if self._mentions(portfolio, row, text.casefold())]
        return rows

    def _mentions(self, portfolio: Portfolio, case: int, term: str) -> bool:
        """Look for a term in what a person would search by: numbers of case, customers and invoices, and names."""
        texts = [str(case_number(portfolio.index, case))]
        texts += [invoice_number(invoice) for invoice in range(first_invoice(case), first_invoice(case + 1))]
        for debtor in self._dataset.debtors(portfolio, case):
            texts += [debtor["customerNumber"], debtor["fullName"]]
        return any(term in text.casefold() for text in texts)

    def _invoices(self, portfolio: Portfolio, filters: dict[str, str]) -> Sequence[int]:
        def created(invoice: int) -> int:
            return portfolio.registered(case_of(invoice))

        rows: Sequence[int] = self._between(range(portfolio.invoices), created, filters.get("From"), filters.get("To"))
        if text := filters.get("InvoiceNumber"):
            number = text.removeprefix("F-")
            invoices = [int(number) - 1_000_000] if _is_number(number) else []
            rows = _only(rows, [it for it in invoices if invoice_number(it) == text])
        if text := filters.get("UniqueSourceInvoiceId"):
            rows = _only(rows, invoices_of_source(text))
        if text := filters.get("CustomerNumber"):
            cases = _cases_of_customer(text)
            rows = _only(rows, [it for case in cases for it in range(first_invoice(case), first_invoice(case + 1))])
        if text := filters.get("Type"):
            rows = [row for row in rows if self._dataset.invoice_type(portfolio, row) == text]
        return rows if filters.get("Status", "OPEN") == "OPEN" else ()

    def _settlements(self, portfolio: Portfolio, filters: dict[str, str]) -> Sequence[int]:
        period = (filters.get("fromDate"), filters.get("toDate"))
        return self._between(range(portfolio.settlements), portfolio.settled, *period)

    def _batches(self, portfolio: Portfolio, filters: dict[str, str]) -> Sequence[int]:
        rows: Sequence[int] = range(portfolio.batches)
        if text := filters.get("SubjectId"):
            named = self._dataset.ids.read(text)
            case = -1
            if named and named.organization == portfolio.index:
                case = {Kind.CASE: named.number, Kind.INVOICE: case_of(named.number)}.get(Kind(named.kind), -1)
            rows = _only(rows, [portfolio.batch_of(case)] if 0 <= case < portfolio.cases else [])
        if text := filters.get("IdempotencyKey"):
            named = self._dataset.ids.read(text)
            ours = named and named.kind == Kind.IDEMPOTENCY_KEY and named.organization == portfolio.index
            rows = _only(rows, [named.number] if named and ours else [])
        if text := filters.get("State"):
            rows = [row for row in rows if batches.state(portfolio, row)[0] == text]
        if text := filters.get("Type"):
            rows = [row for row in rows if batches.state(portfolio, row)[1] == text]
        return rows

    def _between(self, rows: range, when: Callable[[int], int], begin: str | None, end: str | None) -> range:
        """Return the rows of a period; `when` gives the time of a row in milliseconds and rises."""
        start, stop = 0, len(rows)
        if begin:
            start = (bisect_right if self._exclude_lower else bisect_left)(rows, moment(begin), key=when)
        if end and self._include_upper:
            stop = bisect_right(rows, moment(end), key=when)
        elif end:
            stop = bisect_left(rows, moment(end), key=when)
        return rows[start:stop]


def _only(rows: Sequence[int], wanted: Iterable[int]) -> Sequence[int]:
    return [row for row in wanted if row in rows]


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 18


def _cases_of_customer(text: str) -> list[int]:
    number, _, with_ = text.partition("-")
    if not _is_number(number):
        return []
    customer = int(number) - 200_000
    if customer < 0 or customer_number(customer) != number:
        return []
    if with_:  # one who owes with another, in one case only
        return [customer] if with_ == "2" and customer % 16 == 9 else []
    return [case for case in (customer, customer + 2) if customer_of(case) == customer]


def invoices_of_source(text: str) -> list[int]:
    """Return the computed invoice that has an id of the source system, whether or not there are so many; nothing if none has."""
    number = text.removeprefix("erp-")
    invoice = int(number) if _is_number(number) else -1
    return [invoice] if invoice >= 0 and source_id(invoice) == text else []
