"""Rows as they are now: computed ones with what was written over them, and those that were written.

The equations of `dataset` hold for these too, with one addition: a case that was withdrawn has closedAt though something remains,
and so have its invoices their closureDate. What payments and corrections lessen, they lessen claim by claim, the older first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from amili_async.sandbox import batches
from amili_async.sandbox.digits import kid
from amili_async.sandbox.figures import RATES, case_number, customer_number, customer_of, money, stamp
from amili_async.sandbox.ids import Kind
from amili_async.sandbox.layout import DAY, Portfolio, case_of, first_invoice, payment_of
from amili_async.sandbox.store import ADDED, CaseChange, WrittenBatch, WrittenInvoice

if TYPE_CHECKING:
    from collections.abc import Sequence

    from amili_async.sandbox.dataset import Dataset, Row

__all__ = [
    "batch",
    "case",
    "case_type",
    "change_of",
    "debtor",
    "eviction_of",
    "invoice",
    "invoices_of",
    "legacy_batch",
    "number_of_case",
    "settlement",
    "shares",
    "the_case_of",
]

_WRITTEN_CASE = 900_000_000
_STATUSES = ("SUCCESS", "PARTIAL", "FAILED", "QUEUED")
_EVICTED, _EVICTIONS = 12, 16


def number_of_case(portfolio: Portfolio, case: int) -> int:
    """Return the number that people know a case by."""
    return case_number(portfolio.index, case if case < ADDED else case - ADDED + _WRITTEN_CASE)


def case_type(invoice_type: str) -> str:
    """Return the type of the case that an invoice of a type opens."""
    return "COLLECTION_NOTICE" if invoice_type == "NOTICE" else "PAYMENT_REMINDER"


def the_case_of(invoice: int) -> int:
    """Return the number of an invoice's case."""
    return invoice if invoice >= ADDED else case_of(invoice)


def invoices_of(case: int) -> Sequence[int]:
    """Return the numbers of a case's invoices, in the order of its row."""
    return (case,) if case >= ADDED else range(first_invoice(case), first_invoice(case + 1))


def eviction_of(case: int) -> str | None:
    """Return how far the eviction of a computed case is at the start: every 16th case, from the 13th on, waits for a decision."""
    return "REQUESTED" if case % _EVICTIONS == _EVICTED and case < ADDED else None


def change_of(dataset: Dataset, portfolio: Portfolio, case: int) -> CaseChange:
    """Return the state of a case for writing: what it was computed or created with, if nothing was written to it yet."""
    changes = portfolio.written.cases
    if case not in changes:
        traits = None if case >= ADDED else dataset.traits(portfolio, case)
        status, sub_status = (traits.status, traits.sub_status) if traits else ("OPEN", None)
        changes[case] = CaseChange(status, sub_status, eviction_of(case))
    return changes[case]


def case(dataset: Dataset, portfolio: Portfolio, number: int) -> Row:
    """Return a case as the case list shows it."""
    written = portfolio.written
    row = dataset.case(portfolio, number) if number < ADDED else _case(dataset, portfolio, written.invoices[number - ADDED])
    change = written.cases.get(number)
    if change is None:
        return row
    row["status"] = change.status
    if change.sub_status is None:
        row.pop("subStatus", None)
    for invoice, part in zip(invoices_of(number), row["invoices"], strict=True):
        if invoice in written.lessened:
            _lessen(portfolio, invoice, part, [claim for claim in row["claims"] if claim["invoiceId"] == part["invoiceId"]])
    row["remainingAmount"] = row["remainingPrincipal"] = sum(part["remainingAmount"] for part in row["invoices"])
    if row["closedAt"] is None:
        row["closedAt"] = _first(change.withdrawn, change.closed)
    return row


def invoice(dataset: Dataset, portfolio: Portfolio, number: int) -> Row:
    """Return an invoice as the invoice list shows it."""
    written = portfolio.written
    if number < ADDED:
        row = dataset.invoice(portfolio, number)
    else:
        it = written.invoices[number - ADDED]
        row = _reference(dataset, portfolio, it)
        row["organization"] = dataset.organization(portfolio)
        row["createdAt"] = stamp(it.registered)
    return _closed(portfolio, number, row)


def settlement(dataset: Dataset, portfolio: Portfolio, number: int) -> Row:
    """Return a settlement."""
    if number < ADDED:
        row = dataset.settlement(portfolio, number)
        _closed(portfolio, payment_of(number)[0], row["invoice"])
        return row
    it = portfolio.written.settlements[number - ADDED]
    reference = invoice(dataset, portfolio, it.invoice)
    organization = reference.pop("organization")
    del reference["createdAt"]
    commission, creditor, vat = shares(it.amount)
    day = it.settled // DAY * DAY
    return {
        "caseNumber": str(number_of_case(portfolio, it.case)),
        "collectionType": "REMINDER",
        "currency": it.currency,
        "customerReference": debtor(dataset, portfolio, it.case)["customerNumber"],
        "exchangeRate": RATES.get(it.currency, 1),
        "feeDistribution": {"collector": 0, "creditor": 0},
        "id": dataset.ids.make(Kind.SETTLEMENT, portfolio.index, number),
        "interestDistribution": {"collector": 0, "creditor": 0},
        "invoice": reference,
        "ledgerRef": f"L9{number - ADDED:07d}",
        "organization": organization,
        "paymentAmount": it.amount,
        "principalDistribution": {"collector": commission, "creditor": creditor},
        "remittanceDate": stamp(day + 3 * DAY),
        "settlementDate": stamp(day),
        "settlementNumber": 900_000_001 + number - ADDED,
        "settlementType": "COLLECTOR_PAYMENT",
        "vat": vat,
    }


def shares(amount: Any) -> tuple[Any, Any, Any]:
    """Return the shares of collector and creditor in a payment, and the VAT, by the same rule as in the computed data."""
    commission = int(amount * 100) // 50 & ~3
    return money(commission), amount - money(commission), money(commission // 4)


def batch(dataset: Dataset, portfolio: Portfolio, number: int) -> Row:
    """Return a batch in the newer shape."""
    if number < ADDED:
        return batches.batch(dataset, portfolio, number)
    it = portfolio.written.batches[number - ADDED]
    row = _batch(dataset, portfolio, it)
    return {**row, "status": it.status, "succeeded": it.succeeded, "failed": it.failed}


def legacy_batch(dataset: Dataset, portfolio: Portfolio, number: int) -> Row:
    """Return a batch in the older shape."""
    if number < ADDED:
        return batches.legacy_batch(dataset, portfolio, number)
    it = portfolio.written.batches[number - ADDED]
    row = _batch(dataset, portfolio, it)
    name = it.operation.split(".")[1].rstrip("s")
    refused = {failed["index"] for failed in it.failed}
    places = (place for place in range(len(it.succeeded) + len(it.failed)) if place not in refused)
    return {
        **row,
        "createdAt": row["createdAt"][:19] + "Z",
        "finishedAt": row["finishedAt"] and row["finishedAt"][:19] + "Z",
        "status": {
            "statuscode": _STATUSES.index(it.status),
            "errors": [
                {"objectname": name, "objectindex": failed["index"], "message": failed["message"]} for failed in it.failed
            ],
            "responses": [
                {"objectname": name, "objectindex": place, "ledgerref": done.get("invoiceNumber", ""), "status_statuscode": "0"}
                for place, done in zip(places, it.succeeded, strict=True)
            ],
        },
        "succeeded": it.succeeded,
        "failed": [None] * len(it.failed),
    }


def _batch(dataset: Dataset, portfolio: Portfolio, it: WrittenBatch) -> Row:
    return {
        "batchId": dataset.ids.make(Kind.BATCH, portfolio.index, it.number),
        "type": it.type,
        "status": None,
        "createdAt": stamp(it.created),
        "finishedAt": None if it.finished is None else stamp(it.finished),
        "organizationId": dataset.organizations[portfolio.index],
        "createdBy": dataset.ids.make(Kind.USER, portfolio.index, 0),
    }


def _case(dataset: Dataset, portfolio: Portfolio, it: WrittenInvoice) -> Row:
    """Return the case of a written invoice as it was when it was created."""
    ids, organization = dataset.ids, portfolio.index
    case_id = ids.make(Kind.CASE, organization, it.number)
    invoice_id = ids.make(Kind.INVOICE, organization, it.number)
    registered_at = stamp(it.registered)
    amounts: Row = {"originalAmount": it.original, "remainingAmount": it.original, "paidAmount": 0, "creditedAmount": 0}
    part: Row = {
        "invoiceId": invoice_id,
        "invoiceNumber": it.invoice_number,
        "caseId": case_id,
        "invoiceDate": stamp(it.invoice_date),
        "dueDate": stamp(it.due_date),
        "batchId": ids.make(Kind.BATCH, organization, it.batch),
        "registeredAt": registered_at,
        **amounts,
        "remainingPrincipal": it.original,
        "currency": it.currency,
    }
    if it.source_id is not None:
        part["uniqueSourceInvoiceId"] = it.source_id
    claim = {"type": "PRINCIPAL", **amounts, "currentAmount": it.original, "currency": it.currency, "invoiceId": invoice_id}
    number = number_of_case(portfolio, it.number)
    row: Row = {
        "caseId": case_id,
        "caseNumber": number,
        "organizationId": dataset.organizations[organization],
        "creditorId": dataset.creditor(portfolio),
        "creditorNumber": f"4{organization:04d}",
        "status": "OPEN",
        "type": case_type(it.type),
    }
    if it.description is not None:
        row["description"] = it.description
    return {
        **row,
        "registeredAt": registered_at,
        "closedAt": None,
        "invoices": [part],
        "debtors": [debtor(dataset, portfolio, it.number)],
        "remainingAmount": it.original,
        "remainingPrincipal": it.original,
        "claims": [claim],
        "caseAccountDetails": {
            "bankAccountDetails": {"accountType": "UNKNOWN", "accountNumber": dataset.account(it.number)},
            "paymentReference": kid(number),
        },
    }


def debtor(dataset: Dataset, portfolio: Portfolio, case: int) -> Row:
    """Return the first debtor of a case; of a computed case the customer number alone."""
    if case < ADDED:
        return {"customerNumber": customer_number(customer_of(case))}
    # What was not told about the debtor is invented; the customer number is one that no computed case has.
    return {**dataset.debtors(portfolio, case)[0], **portfolio.written.invoices[case - ADDED].debtor}


def _reference(dataset: Dataset, portfolio: Portfolio, it: WrittenInvoice) -> Row:
    row: Row = {
        "id": dataset.ids.make(Kind.INVOICE, portfolio.index, it.number),
        "invoiceNumber": it.invoice_number,
        "collectionCaseNumber": str(number_of_case(portfolio, it.number)),
        "type": it.type,
        "status": "OPEN",
    }
    if it.source_id is not None:
        row["uniqueSourceInvoiceId"] = it.source_id
    row["closureDate"] = None
    return row


def _closed(portfolio: Portfolio, number: int, row: Row) -> Row:
    """Say when an invoice was closed, if that was by something written."""
    written = portfolio.written
    if row["closureDate"] is None and (change := written.cases.get(the_case_of(number))) is not None:
        lessened = written.lessened.get(number)
        row["closureDate"] = _first(change.withdrawn, lessened.closed if lessened else None)
    return row


def _lessen(portfolio: Portfolio, number: int, part: Row, claims: list[Row]) -> None:
    """Lessen an invoice in its case, and its claims, by what was written."""
    lessened = portfolio.written.lessened[number]
    part["creditedAmount"] += lessened.credited
    part["paidAmount"] += lessened.paid
    part["remainingAmount"] -= lessened.credited + lessened.paid
    part["remainingPrincipal"] = part["remainingAmount"]
    credit, payment = lessened.credited, lessened.paid
    for claim in claims:
        credited = min(credit, claim["remainingAmount"])
        paid = min(payment, claim["remainingAmount"] - credited)
        claim["creditedAmount"] += credited
        claim["currentAmount"] -= credited
        claim["paidAmount"] += paid
        claim["remainingAmount"] -= credited + paid
        credit -= credited
        payment -= paid


def _first(*moments: int | None) -> str | None:
    """Write the earlier of two times, of which either may be missing."""
    known = [moment for moment in moments if moment is not None]
    return stamp(min(known)) if known else None
