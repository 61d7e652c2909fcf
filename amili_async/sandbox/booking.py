"""Booking: what an item of a batch does once its time has come - open a case, pay, or credit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from amili_async.sandbox import rows
from amili_async.sandbox.events import case_created, case_updated, settlement_created
from amili_async.sandbox.filters import invoices_of_source
from amili_async.sandbox.ids import Kind
from amili_async.sandbox.rules import Amount, Refusal, amount_terms, invoice_terms
from amili_async.sandbox.store import ADDED, Lessened, WrittenInvoice, WrittenSettlement

if TYPE_CHECKING:
    from collections.abc import Callable

    from amili_async.sandbox.dataset import Dataset, Row
    from amili_async.sandbox.events import Emit
    from amili_async.sandbox.layout import Portfolio
    from amili_async.sandbox.store import WrittenBatch

    Book = Callable[[Dataset, Portfolio, WrittenBatch, Row, Emit], Row]

__all__ = ["BOOKINGS", "Booking", "find_invoice"]


class Booking(NamedTuple):
    """How the items of a create are booked.

    Attributes:
        member: of the body, that holds the items.
        name: of the field that an item is known by.
        type: of the batch; of the documented ones, INVOICE and NONE.
        book: books an item; returns it as its batch shows it.
    """

    member: str
    name: str
    type: str
    book: Book


def find_invoice(dataset: Dataset, portfolio: Portfolio, invoice_id: object) -> int | None:
    """Return the number of an invoice of an organization, None if it has none with that id."""
    named = dataset.ids.read(invoice_id) if isinstance(invoice_id, str) else None
    if named is None or named.kind != Kind.INVOICE or named.organization != portfolio.index:
        return None
    written = ADDED <= named.number < ADDED + len(portfolio.written.invoices)
    return named.number if written or named.number < portfolio.invoices else None


def _invoice(dataset: Dataset, portfolio: Portfolio, batch: WrittenBatch, item: Row, emit: Emit) -> Row:
    """Keep an invoice, and open a case for it."""
    terms = invoice_terms(item)
    store = portfolio.written
    if terms.source_id is not None:
        computed = [it for it in invoices_of_source(terms.source_id) if it < portfolio.invoices]
        if computed or terms.source_id in store.sources:
            raise Refusal("DUPLICATE_SOURCE_INVOICE_ID", "An invoice with this uniqueSourceInvoiceId was handed over before.")
        store.sources.add(terms.source_id)
    number = ADDED + len(store.invoices)
    store.invoices.append(WrittenInvoice(number=number, batch=batch.number, registered=store.tick(), **terms._asdict()))
    emit(case_created, dataset, portfolio, number)
    ids, organization = dataset.ids, portfolio.index
    return {
        "$type": "invoiceSuccess",
        "invoiceId": ids.make(Kind.INVOICE, organization, number),
        "invoiceNumber": terms.invoice_number,
        "caseId": ids.make(Kind.CASE, organization, number),
    }


def _payment(dataset: Dataset, portfolio: Portfolio, _: WrittenBatch, item: Row, emit: Emit) -> Row:
    """Lessen what remains of an invoice by a payment, and settle it."""
    amount, currency = amount_terms(item)
    invoice, part = _lessen(dataset, portfolio, item, amount, currency)
    store = portfolio.written
    store.lessened[invoice].paid += amount
    case = rows.the_case_of(invoice)
    number = ADDED + len(store.settlements)
    type_ = item.get("type")
    store.settlements.append(
        WrittenSettlement(
            number=number,
            invoice=invoice,
            case=case,
            type=type_ if isinstance(type_, str) else "DIRECT_PAYMENT",
            amount=amount,
            currency=currency,
            settled=store.tick(),
        )
    )
    store.payments.setdefault(invoice, []).append(number)
    emit(settlement_created, dataset, portfolio, number)
    emit(case_updated, dataset, portfolio, case, ("amounts",))
    return _done(part)


def _correction(dataset: Dataset, portfolio: Portfolio, _: WrittenBatch, item: Row, emit: Emit) -> Row:
    """Credit an amount of an invoice."""
    amount, currency = amount_terms(item)
    invoice, part = _lessen(dataset, portfolio, item, amount, currency)
    portfolio.written.lessened[invoice].credited += amount
    case = rows.the_case_of(invoice)
    rows.change_of(dataset, portfolio, case).history.append((portfolio.written.tick(), "CORRECTED"))
    emit(case_updated, dataset, portfolio, case, ("amounts",))
    return _done(part)


def _done(part: Row) -> Row:
    """Return an accepted payment or correction as its batch shows it: not documented, so with the names of invoices."""
    return {name: part[name] for name in ("invoiceId", "invoiceNumber", "caseId")}


def _lessen(dataset: Dataset, portfolio: Portfolio, item: Row, amount: Amount, currency: str) -> tuple[int, Any]:
    """Find the invoice that an amount goes to, and close what it closes. Returns its number, and its row in its case.

    Raises:
        Refusal: there is no such invoice, or it does not take the amount.
    """
    invoice = find_invoice(dataset, portfolio, item.get("invoiceId"))
    if invoice is None:
        raise Refusal("INVOICE_NOT_FOUND", "There is no invoice with this invoiceId.")
    number = rows.the_case_of(invoice)
    case = rows.case(dataset, portfolio, number)
    part = case["invoices"][rows.invoices_of(number).index(invoice)]
    owed = next(claim["currency"] for claim in case["claims"] if claim["invoiceId"] == part["invoiceId"])
    if currency != owed:
        raise Refusal("CURRENCY_MISMATCH", "The invoice is in another currency.")
    if amount > part["remainingAmount"]:
        raise Refusal("AMOUNT_EXCEEDS_REMAINING", "The amount is more than what remains of the invoice.")
    store = portfolio.written
    change = rows.change_of(dataset, portfolio, number)
    if change.withdrawn is not None:
        raise Refusal("CASE_CLOSED", "The case of the invoice was withdrawn.")
    lessened = store.lessened.setdefault(invoice, Lessened())
    if amount == part["remainingAmount"]:
        lessened.closed = store.tick()
        if amount == case["remainingAmount"]:
            change.closed = lessened.closed
    return invoice, part


BOOKINGS = {
    "collection.invoices.create": Booking("invoices", "invoiceNumber", "INVOICE", _invoice),
    "collection.payments.create": Booking("payments", "invoiceId", "NONE", _payment),
    "collection.corrections.create": Booking("corrections", "invoiceId", "NONE", _correction),
}
"""The creates by their operations."""
