"""The batches of the sandbox's data: computed from their numbers, as all its rows are, in the newer and the older shape."""

from __future__ import annotations

from typing import TYPE_CHECKING

from amili_async.sandbox.figures import invoice_number, stamp
from amili_async.sandbox.ids import Kind, mix
from amili_async.sandbox.layout import first_invoice

if TYPE_CHECKING:
    from amili_async.sandbox.dataset import Dataset, Row
    from amili_async.sandbox.layout import Portfolio

__all__ = ["batch", "legacy_batch", "state"]


def state(portfolio: Portfolio, number: int) -> tuple[str, str]:
    """Return status and type of a batch."""
    draw = mix(portfolio.key ^ number << 3 ^ 2)
    if portfolio.cases_of(number):
        return ("PARTIAL" if draw & 7 == 0 else "SUCCESS"), "INVOICE"
    return (("FAILED", "INVOICE"), ("QUEUED", "INVOICE"), ("SUCCESS", "NONE"), ("FAILED", "NONE"))[draw & 3]


def batch(dataset: Dataset, portfolio: Portfolio, number: int) -> Row:
    """Return a batch in the newer shape, whose status is a word."""
    status, type_ = state(portfolio, number)
    created, finished = _span(portfolio, number, status)
    return {
        "batchId": dataset.ids.make(Kind.BATCH, portfolio.index, number),
        "type": type_,
        "status": status,
        "createdAt": stamp(created),
        "finishedAt": None if finished is None else stamp(finished),
        "organizationId": dataset.organizations[portfolio.index],
        "createdBy": dataset.ids.make(Kind.USER, portfolio.index, number % 3),
        "succeeded": _succeeded(dataset, portfolio, number),
        "failed": [{} for _ in range(_refused(number, status))],
    }


def legacy_batch(dataset: Dataset, portfolio: Portfolio, number: int) -> Row:
    """Return a batch in the older shape: the status is an object, a refused item null, and times have no milliseconds."""
    status, type_ = state(portfolio, number)
    created, finished = _span(portfolio, number, status)
    succeeded = _succeeded(dataset, portfolio, number)
    refused = _refused(number, status)
    return {
        "batchId": dataset.ids.make(Kind.BATCH, portfolio.index, number),
        "type": type_,
        "status": {
            "statuscode": ("SUCCESS", "PARTIAL", "FAILED", "QUEUED").index(status),
            "errors": [
                {"objectname": "invoice", "objectindex": len(succeeded) + place, "message": "Fakturaen mangler beløp."}
                for place in range(refused)
            ],
            "responses": [
                {"objectname": "invoice", "objectindex": place, "ledgerref": it["invoiceNumber"], "status_statuscode": "0"}
                for place, it in enumerate(succeeded)
            ],
        },
        "createdAt": stamp(created)[:19] + "Z",
        "finishedAt": None if finished is None else stamp(finished)[:19] + "Z",
        "organizationId": dataset.organizations[portfolio.index],
        "createdBy": dataset.ids.make(Kind.USER, portfolio.index, number % 3),
        "succeeded": [{"$type": "invoiceSuccess", **it} for it in succeeded],
        "failed": [None] * refused,
    }


def _span(portfolio: Portfolio, number: int, status: str) -> tuple[int, int | None]:
    created = portfolio.created(number)
    if portfolio.cases_of(number):
        return created, portfolio.finished(number)
    return created, None if status == "QUEUED" else created + 1


def _succeeded(dataset: Dataset, portfolio: Portfolio, number: int) -> list[Row]:
    return [
        {
            "invoiceId": dataset.ids.make(Kind.INVOICE, portfolio.index, invoice),
            "invoiceNumber": invoice_number(invoice),
            "caseId": dataset.ids.make(Kind.CASE, portfolio.index, case),
        }
        for case in portfolio.cases_of(number)
        for invoice in range(first_invoice(case), first_invoice(case + 1))
    ]


def _refused(number: int, status: str) -> int:
    return 1 + number % 3 if status in {"PARTIAL", "FAILED"} else 0
