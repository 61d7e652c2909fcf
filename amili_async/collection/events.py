"""What Amili's webhooks bring: events about batches, settlements and cases."""

from __future__ import annotations

from datetime import datetime  # msgspec reads the annotations at run time
from typing import Any

from msgspec.structs import force_setattr

from amili_async.collection.models import (
    BatchId,
    BatchStatus,
    CaseId,
    CaseStatus,
    CaseType,
    InvoiceId,
    OrganizationId,
    SettlementId,
)
from amili_async.structs import Model, OpenEnum

__all__ = [
    "BatchCompletedData",
    "BatchCompletedEvent",
    "CaseEvent",
    "CaseEventData",
    "CaseUpdatedData",
    "CaseUpdatedEvent",
    "EventSource",
    "EventType",
    "SettlementCreatedData",
    "SettlementCreatedEvent",
    "UnknownEvent",
    "WebhookEvent",
]


class EventType(OpenEnum):
    """Kind of event (docs; the list is open)."""

    BATCH_COMPLETED = "BATCH_COMPLETED"
    SETTLEMENT_CREATED = "SETTLEMENT_CREATED"
    CASE = "CASE"
    CASE_UPDATED = "CASE_UPDATED"


class EventSource(OpenEnum):
    """Where an event comes from (docs; the list is open)."""

    COLLECTION = "COLLECTION"


class EventData(Model, frozen=True, kw_only=True):
    """What every event's data has. The organization is `organizationId` or `orgId` on the wire; here it is always both."""

    organization_id: OrganizationId | None = None
    org_id: OrganizationId | None = None

    def __post_init__(self) -> None:
        """Let the organization be found under either name."""
        organization = self.organization_id or self.org_id
        force_setattr(self, "organization_id", organization)
        force_setattr(self, "org_id", organization)


class BatchCompletedData(EventData, frozen=True, kw_only=True):
    """Which batch was processed, and how it ended."""

    batch_id: BatchId | None = None
    status: BatchStatus | None = None


class SettlementCreatedData(EventData, frozen=True, kw_only=True):
    """Which settlement was made. `settlement_date` is a bare date on the wire: midnight without a zone here."""

    settlement_id: SettlementId | None = None
    settlement_date: datetime | None = None
    invoice_id: InvoiceId | None = None
    invoice_number: str | None = None
    case_number: int | str | None = None


class CaseEventData(EventData, frozen=True, kw_only=True):
    """Which case an event is about."""

    case_id: CaseId | None = None
    case_number: int | str | None = None
    type: CaseType | None = None
    status: CaseStatus | None = None
    invoices: tuple[InvoiceId, ...] | None = None


class CaseUpdatedData(CaseEventData, frozen=True, kw_only=True):
    """Which case has changed, and which of its fields."""

    fields: tuple[str, ...] | None = None


class WebhookEvent(Model, frozen=True, kw_only=True):
    """What all events have in common.

    `delivery_id` and `request_id` come from the headers `IdempotencyKey` and `X-Amili-Request-Id`.
    """

    id: str | None = None
    type: EventType
    source: EventSource | None = None
    time_stamp: datetime | None = None
    delivery_id: str | None = None
    request_id: str | None = None


class BatchCompletedEvent(WebhookEvent, frozen=True, kw_only=True):
    """A batch has been processed."""

    data: BatchCompletedData


class SettlementCreatedEvent(WebhookEvent, frozen=True, kw_only=True):
    """A settlement has been made."""

    data: SettlementCreatedData


class CaseEvent(WebhookEvent, frozen=True, kw_only=True):
    """Something about a case, in all likelihood that it was created; when exactly it is sent is not documented."""

    data: CaseEventData


class CaseUpdatedEvent(WebhookEvent, frozen=True, kw_only=True):
    """Something about a case has changed."""

    data: CaseUpdatedData


class UnknownEvent(WebhookEvent, frozen=True, kw_only=True):
    """An event of a kind that this version does not know; `data` is its JSON as plain objects, and may hold personal data."""

    data: Any = None

    __personal__ = frozenset({"data"})
