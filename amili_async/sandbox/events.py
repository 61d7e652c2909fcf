"""What a webhook delivers, in the documented shapes (https://docs.amili.dev/webhooks-361430m0), of rows as they are then."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from amili_async.sandbox import rows
from amili_async.sandbox.ids import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from amili_async.sandbox.dataset import Dataset, Row
    from amili_async.sandbox.layout import Portfolio

__all__ = ["Emit", "Event", "batch_completed", "case_created", "case_updated", "document", "settlement_created"]


class Event(NamedTuple):
    """Something that a webhook tells of.

    Attributes:
        name: BATCH_COMPLETED, SETTLEMENT_CREATED, CASE or CASE_UPDATED.
        organization: number of the organization.
        data: what the event holds.
    """

    name: str
    organization: int
    data: Row


class Emit(Protocol):
    """Takes an event as the function that makes it and its arguments, so that none is made that nobody wants."""

    def __call__(self, make: Callable[..., Event], *arguments: object) -> None:
        """Take an event."""
        ...


def document(event: Event, event_id: str, time_stamp: str) -> Row:
    """Return the body of a delivery. The name of the event is in `eventType` on case events, and in `type` on the others."""
    field = "eventType" if event.name.startswith("CASE") else "type"
    return {"id": event_id, field: event.name, "source": "COLLECTION", "timeStamp": time_stamp, "data": event.data}


def batch_completed(dataset: Dataset, portfolio: Portfolio, batch: Row) -> Event:
    """Tell that a batch has ended."""
    data = {"batchId": batch["batchId"], "organizationId": dataset.organizations[portfolio.index], "status": batch["status"]}
    return Event("BATCH_COMPLETED", portfolio.index, data)


def settlement_created(dataset: Dataset, portfolio: Portfolio, number: int) -> Event:
    """Tell that a settlement was made. Its date is a plain one here."""
    row = rows.settlement(dataset, portfolio, number)
    data = {
        "settlementId": row["id"],
        "organizationId": dataset.organizations[portfolio.index],
        "settlementDate": row["settlementDate"][:10],
        "invoiceId": row["invoice"]["id"],
        "invoiceNumber": row["invoice"]["invoiceNumber"],
        "caseNumber": row["caseNumber"],
    }
    return Event("SETTLEMENT_CREATED", portfolio.index, data)


def case_created(dataset: Dataset, portfolio: Portfolio, case: int) -> Event:
    """Tell that a case was created. When CASE is sent is not documented; that it is then is the likeliest."""
    return Event("CASE", portfolio.index, _case(dataset, portfolio, case))


def case_updated(dataset: Dataset, portfolio: Portfolio, case: int, fields: Sequence[str]) -> Event:
    """Tell that fields of a case have changed; the documented names are amounts, status, type and description."""
    return Event("CASE_UPDATED", portfolio.index, {**_case(dataset, portfolio, case), "fields": list(fields)})


def _case(dataset: Dataset, portfolio: Portfolio, case: int) -> Row:
    row = rows.case(dataset, portfolio, case)
    ids = dataset.ids
    return {
        "orgId": dataset.organizations[portfolio.index],
        "caseId": row["caseId"],
        "caseNumber": str(row["caseNumber"]),
        "type": row["type"],
        "status": row["status"],
        "invoices": [ids.make(Kind.INVOICE, portfolio.index, invoice) for invoice in rows.invoices_of(case)],
    }
