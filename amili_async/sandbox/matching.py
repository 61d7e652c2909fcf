"""Which of the written records a query asks for: they are looked through one by one, and each filter looks at one thing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from amili_async.sandbox import rows
from amili_async.sandbox.exchange import Problem
from amili_async.sandbox.ids import Kind
from amili_async.sandbox.layout import DAY
from amili_async.sandbox.store import ADDED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from amili_async.sandbox.dataset import Dataset
    from amili_async.sandbox.layout import Portfolio
    from amili_async.sandbox.store import WrittenBatch, WrittenInvoice

    Test = Callable[[Dataset, Portfolio, Any, str], bool]

__all__ = ["moment", "written"]


def written(
    dataset: Dataset,
    portfolio: Portfolio,
    operation: str,
    filters: Mapping[str, str],
    *,
    include_upper: bool,
    exclude_lower: bool = False,
) -> Sequence[int]:
    """Return the numbers of the written rows that a list shows under filters, in the order of writing.

    Args:
        dataset: of the sandbox.
        portfolio: where to look.
        operation: name of the list.
        filters: by their names on the wire.
        include_upper: whether the end of a period belongs to it.
        exclude_lower: whether its start does not.

    Raises:
        Problem: 400; a value is malformed.
    """
    records, when, begin_name, end_name, tests = _STREAMS[operation.split(".")[1]]
    found: Sequence[Any] = records(portfolio)
    wanted = [(tests[name], text) for name, text in filters.items() if text and name in tests]
    begin, end = (moment(text) if (text := filters.get(name)) else None for name in (begin_name, end_name))
    if not wanted and begin is None and end is None:
        return range(ADDED, ADDED + len(found))
    return [
        it.number
        for it in found
        if (begin is None or when(it) > begin or (not exclude_lower and when(it) == begin))
        and (end is None or when(it) < end or (include_upper and when(it) == end))
        and all(test(dataset, portfolio, it, text) for test, text in wanted)
    ]


def moment(text: str) -> float:
    """Return a date or date-time in milliseconds since 1970; without a zone it is in UTC.

    Raises:
        Problem: 400; it is neither.
    """
    try:
        read = datetime.fromisoformat(text)
        read = read if read.tzinfo else read.replace(tzinfo=UTC)
        return round(read.timestamp() * 1_000_000) / 1_000
    except (ValueError, OverflowError):
        raise Problem(400, "invalid_parameter", "A date must be written as 2026-01-31 or 2026-01-31T12:00:00Z.") from None


def _status(_: Dataset, portfolio: Portfolio, it: WrittenInvoice, text: str) -> bool:
    change = portfolio.written.cases.get(it.number)
    return text == (change.status if change else "OPEN")


def _customer(dataset: Dataset, portfolio: Portfolio, it: WrittenInvoice, text: str) -> bool:
    return bool(rows.debtor(dataset, portfolio, it.number)["customerNumber"] == text)


def _mentions(dataset: Dataset, portfolio: Portfolio, it: WrittenInvoice, text: str) -> bool:
    debtor = rows.debtor(dataset, portfolio, it.number)
    number = str(rows.number_of_case(portfolio, it.number))
    return any(
        text.casefold() in own.casefold() for own in (number, it.invoice_number, debtor["customerNumber"], debtor["fullName"])
    )


def _subject(dataset: Dataset, portfolio: Portfolio, it: WrittenBatch, text: str) -> bool:
    """Tell whether a batch concerns a case or an invoice; which ones a create concerns shows when it has ended."""
    named = dataset.ids.read(text)
    if named is None or named.organization != portfolio.index or named.kind not in {Kind.CASE, Kind.INVOICE}:
        return False
    name = "caseId" if named.kind == Kind.CASE else "invoiceId"
    return any(text.lower() == done.get(name) for done in (*it.succeeded, *it.outcome))


_STREAMS: dict[str, tuple[Callable[[Portfolio], Sequence[Any]], Callable[[Any], float], str, str, dict[str, Test]]] = {
    "batches": (
        lambda portfolio: portfolio.written.batches,
        lambda it: it.created,
        "",
        "",
        {
            "State": lambda _, __, it, text: it.status == text,
            "Type": lambda _, __, it, text: it.type == text,
            "IdempotencyKey": lambda _, __, it, text: it.key == text,
            "SubjectId": _subject,
        },
    ),
    "cases": (
        lambda portfolio: portfolio.written.invoices,
        lambda it: it.registered,
        "FromCreatedAt",
        "ToCreatedAt",
        {
            "Status": _status,
            "Type": lambda _, __, it, text: rows.case_type(it.type) == text,
            "CaseNumber": lambda _, portfolio, it, text: str(rows.number_of_case(portfolio, it.number)) == text,
            "CustomerNumber": _customer,
            "UniqueSourceInvoiceId": lambda _, __, it, text: it.source_id == text,
            "SearchTerm": _mentions,
        },
    ),
    "invoices": (
        lambda portfolio: portfolio.written.invoices,
        lambda it: it.registered,
        "From",
        "To",
        {
            "Status": lambda _, __, ___, text: text == "OPEN",
            "Type": lambda _, __, it, text: it.type == text,
            "InvoiceNumber": lambda _, __, it, text: it.invoice_number == text,
            "UniqueSourceInvoiceId": lambda _, __, it, text: it.source_id == text,
            "CustomerNumber": _customer,
        },
    ),
    "settlements": (
        lambda portfolio: portfolio.written.settlements,
        lambda it: it.settled // DAY * DAY,
        "fromDate",
        "toDate",
        {},
    ),
}
"""Of each list: its records, the time that a period is about, the names of the period's ends, and its other filters."""
