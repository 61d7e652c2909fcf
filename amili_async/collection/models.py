"""What the Collection API answers: cases, batches, invoices, settlements.

Names are those of the contract's components, fields the names on the wire in snake_case. A field is required only where the API
could not work without it. Amounts are exact `Decimal` in units of their currency. Lists keep the order of the wire.
"""

from __future__ import annotations

from datetime import datetime  # msgspec reads the annotations at run time
from typing import Any, NewType

from msgspec import field

from amili_async.structs import Model, Money, OpenEnum, OpenObject
from amili_async.walks import CursorSummary, SkipSummary, Summary

__all__ = [
    "AmountDistribution",
    "BankAccountDetails",
    "BankAccountType",
    "Batch",
    "BatchAccepted",
    "BatchFailedItem",
    "BatchId",
    "BatchStatus",
    "BatchSucceededItem",
    "BatchType",
    "Case",
    "CaseAccountDetails",
    "CaseId",
    "CaseInvoice",
    "CaseStatus",
    "CaseSubStatus",
    "CaseType",
    "Claim",
    "ClaimType",
    "CollectionType",
    "CreditorId",
    "Currency",
    "CursorSummary",
    "Debtor",
    "DebtorId",
    "DebtorType",
    "Invoice",
    "InvoiceId",
    "InvoiceReference",
    "InvoiceStatus",
    "InvoiceType",
    "LegacyBatch",
    "LegacyBatchError",
    "LegacyBatchResult",
    "LegacyBatchStatus",
    "OrganizationId",
    "OrganizationReference",
    "PaymentType",
    "Settlement",
    "SettlementId",
    "SettlementType",
    "SkipSummary",
    "Summary",
]

OrganizationId = NewType("OrganizationId", str)
CaseId = NewType("CaseId", str)
BatchId = NewType("BatchId", str)
InvoiceId = NewType("InvoiceId", str)
SettlementId = NewType("SettlementId", str)
DebtorId = NewType("DebtorId", str)
CreditorId = NewType("CreditorId", str)


class BatchType(OpenEnum):
    """What a batch contains (seed; the list is open)."""

    NONE = "NONE"
    INVOICE = "INVOICE"


class BatchStatus(OpenEnum):
    """State of a batch (docs; the list is open). SUCCESS, PARTIAL and FAILED are final."""

    QUEUED = "QUEUED"
    SUCCESS = "SUCCESS"
    PARTIAL = "PARTIAL"
    FAILED = "FAILED"


class CaseStatus(OpenEnum):
    """State of a case (OPEN: seed; PAUSED: webhooks page; the list is open)."""

    OPEN = "OPEN"
    PAUSED = "PAUSED"


class CaseSubStatus(OpenEnum):
    """Finer state of a case (seed; the list is open)."""

    DEBT_COLLECTION_LIST_MANUAL = "DEBT_COLLECTION_LIST_MANUAL"


class CaseType(OpenEnum):
    """How far along a case is (seed and webhooks page; the list is open)."""

    PAYMENT_REMINDER = "PAYMENT_REMINDER"
    COLLECTION_NOTICE = "COLLECTION_NOTICE"


class InvoiceType(OpenEnum):
    """How far along the collection process an invoice enters or stands (docs; the list is open)."""

    PAYMENT_REMINDER = "PAYMENT_REMINDER"
    NOTICE = "NOTICE"
    REMINDER = "REMINDER"


class InvoiceStatus(OpenEnum):
    """State of an invoice (docs; the list is open)."""

    OPEN = "OPEN"


class DebtorType(OpenEnum):
    """Kind of debtor (seed; the list is open)."""

    PRIVATE = "PRIVATE"


class ClaimType(OpenEnum):
    """Part of a debt (seed; the list is open)."""

    PRINCIPAL = "PRINCIPAL"


class BankAccountType(OpenEnum):
    """Kind of bank account (seed; the list is open)."""

    UNKNOWN = "UNKNOWN"


class PaymentType(OpenEnum):
    """Kind of payment (docs; the list is open)."""

    DIRECT_PAYMENT = "DIRECT_PAYMENT"


class CollectionType(OpenEnum):
    """Stage of collection that a settlement comes from (docs; the list is open)."""

    REMINDER = "REMINDER"


class SettlementType(OpenEnum):
    """Kind of settlement (inferred from the legacy batch; the list is open)."""

    COLLECTOR_PAYMENT = "COLLECTOR_PAYMENT"


class Currency(OpenEnum):
    """Currency code, ISO 4217 in the examples (docs; the list is open)."""

    NOK = "NOK"


class CaseInvoice(Model, frozen=True, kw_only=True):
    """An invoice as part of a case. `currency` is an empty object in the documented example, hence `OpenObject`."""

    invoice_id: InvoiceId | None = None
    invoice_number: str | None = None
    case_id: CaseId | None = None
    invoice_date: datetime | None = None
    due_date: datetime | None = None
    batch_id: BatchId | None = None
    registered_at: datetime | None = None
    original_amount: Money | None = None
    remaining_amount: Money | None = None
    remaining_principal: Money | None = None
    unique_source_invoice_id: str | None = None
    paid_amount: Money | None = None
    credited_amount: Money | None = None
    currency: Currency | OpenObject | None = None


class Debtor(Model, frozen=True, kw_only=True):
    """Who owes. Everything that tells who it is is masked in `repr`."""

    __personal__ = frozenset(
        {
            "debtor_number",
            "customer_number",
            "first_name",
            "last_name",
            "full_name",
            "identification_number",
            "email",
            "phone",
        }
    )

    debtor_id: DebtorId | None = None
    type: DebtorType | None = None
    debtor_number: str | None = None
    customer_number: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    full_name: str | None = None
    identification_number: str | None = None
    email: str | None = None
    phone: str | None = None


class Claim(Model, frozen=True, kw_only=True):
    """One part of what is owed."""

    type: ClaimType | None = None
    original_amount: Money | None = None
    current_amount: Money | None = None
    remaining_amount: Money | None = None
    paid_amount: Money | None = None
    credited_amount: Money | None = None
    currency: Currency | OpenObject | None = None
    invoice_id: InvoiceId | None = None


class BankAccountDetails(Model, frozen=True, kw_only=True):
    """The account to pay to."""

    __personal__ = frozenset({"account_number"})

    account_type: BankAccountType | None = None
    account_number: str | None = None


class CaseAccountDetails(Model, frozen=True, kw_only=True):
    """Where and with which reference (KID) the debtor shall pay."""

    __personal__ = frozenset({"payment_reference"})

    bank_account_details: BankAccountDetails | None = None
    payment_reference: str | None = None


class Case(Model, frozen=True, kw_only=True):
    """A collection case with its invoices, debtors and claims.

    `case_number` is a number on this API's own page and a string in settlements and webhooks; it is kept as received.
    """

    __personal__ = frozenset({"description", "case_token"})

    case_id: CaseId
    case_number: int | str | None = None
    organization_id: OrganizationId | None = None
    creditor_id: CreditorId | None = None
    creditor_number: str | None = None
    status: CaseStatus | None = None
    sub_status: CaseSubStatus | None = None
    type: CaseType | None = None
    description: str | None = None
    registered_at: datetime | None = None
    closed_at: datetime | None = None
    case_token: str | None = None
    invoices: tuple[CaseInvoice, ...] | None = None
    debtors: tuple[Debtor, ...] | None = None
    remaining_amount: Money | None = None
    remaining_principal: Money | None = None
    claims: tuple[Claim, ...] | None = None
    case_account_details: CaseAccountDetails | None = None


class BatchSucceededItem(Model, frozen=True, kw_only=True):
    """Outcome of one accepted item; only the form for invoices is known. `kind` is `$type` on the wire (older shape)."""

    kind: str | None = field(name="$type", default=None)
    invoice_id: InvoiceId | None = None
    invoice_number: str | None = None
    case_id: CaseId | None = None


BatchFailedItem = dict[str, Any]
"""Outcome of one refused item: its members as they came, because none is documented. Numbers with a fraction are Decimal."""


class Batch(Model, frozen=True, kw_only=True):
    """One asynchronous job and the outcome of its items. A refused item can be null; what it says is masked in `repr`."""

    __personal__ = frozenset({"failed"})

    batch_id: BatchId
    type: BatchType | None = None
    status: BatchStatus | None = None
    created_at: datetime | None = None
    finished_at: datetime | None = None
    organization_id: OrganizationId | None = None
    created_by: str | None = None
    succeeded: tuple[BatchSucceededItem | None, ...] | None = None
    failed: tuple[BatchFailedItem | None, ...] | None = None


class BatchAccepted(Model, frozen=True, kw_only=True):
    """Reference to the batch that will process what was handed in."""

    batch_id: BatchId
    batch_url: str | None = None


class LegacyBatchError(Model, frozen=True, kw_only=True, rename=None):
    """An error of a batch in the older shape; `objectindex` counts the items handed in."""

    objectname: str | None = None
    objectindex: int | None = None
    message: str | None = None


class LegacyBatchResult(Model, frozen=True, kw_only=True, rename=None):
    """An item's result of a batch in the older shape."""

    objectname: str | None = None
    objectindex: int | None = None
    ledgerref: str | None = None
    status_statuscode: str | None = None


class LegacyBatchStatus(Model, frozen=True, kw_only=True):
    """Status of a batch in the older shape."""

    statuscode: int | None = None
    errors: tuple[LegacyBatchError, ...] | None = None
    responses: tuple[LegacyBatchResult, ...] | None = None


class LegacyBatch(Model, frozen=True, kw_only=True):
    """A batch whose `status` is a plain value on the newer pages and an object on the older one."""

    __personal__ = frozenset({"failed"})

    batch_id: BatchId
    type: BatchType | None = None
    status: BatchStatus | LegacyBatchStatus | None = None
    created_at: datetime | None = None
    finished_at: datetime | None = None
    organization_id: OrganizationId | None = None
    created_by: str | None = None
    succeeded: tuple[BatchSucceededItem | None, ...] | None = None
    failed: tuple[BatchFailedItem | None, ...] | None = None


class OrganizationReference(Model, frozen=True, kw_only=True):
    """The creditor that an invoice or a settlement belongs to."""

    id: OrganizationId | None = None
    organization_number: str | None = None
    name: str | None = None


class Invoice(Model, frozen=True, kw_only=True):
    """A registered invoice; known in part. `unique_source_invoice_id` and `closure_date` are inferred."""

    id: InvoiceId
    organization: OrganizationReference | None = None
    invoice_number: str | None = None
    collection_case_number: int | str | None = None
    type: InvoiceType | None = None
    status: InvoiceStatus | None = None
    created_at: datetime | None = None
    unique_source_invoice_id: str | None = None
    closure_date: datetime | None = None


class AmountDistribution(Model, frozen=True, kw_only=True):
    """How an amount is shared between collector and creditor (inferred)."""

    collector: Money | None = None
    creditor: Money | None = None


class InvoiceReference(Model, frozen=True, kw_only=True):
    """The invoice that a settlement belongs to (inferred)."""

    id: InvoiceId | None = None
    invoice_number: str | None = None
    unique_source_invoice_id: str | None = None
    collection_case_number: int | str | None = None
    type: InvoiceType | None = None
    status: InvoiceStatus | None = None
    closure_date: datetime | None = None


class Settlement(Model, frozen=True, kw_only=True):
    """Money settled for a case. The fields after `exchange_rate` are inferred from the legacy batch answer."""

    __personal__ = frozenset({"customer_reference"})

    case_number: int | str | None = None
    collection_type: CollectionType | None = None
    currency: Currency | OpenObject | None = None
    customer_reference: str | None = None
    exchange_rate: Money | None = None
    fee_distribution: AmountDistribution | None = None
    id: SettlementId | None = None
    interest_distribution: AmountDistribution | None = None
    invoice: InvoiceReference | None = None
    ledger_ref: str | None = None
    organization: OrganizationReference | None = None
    payment_amount: Money | None = None
    principal_distribution: AmountDistribution | None = None
    remittance_date: datetime | None = None
    settlement_date: datetime | None = None
    settlement_number: int | str | None = None
    settlement_type: SettlementType | None = None
    vat: Money | None = None
