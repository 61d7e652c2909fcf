"""What can be handed in to ARM: customers, documents, auto postings, payment reservations.

Which members ARM requires is documented almost nowhere, so nothing is required here but what a call would be useless without. All
methods take a plain mapping with wire names instead of a Struct, and send it as it is.
"""

from __future__ import annotations

from datetime import date  # msgspec reads the annotations at run time
from typing import Any

from msgspec import UNSET, UnsetType

from amili_async.arm.models import (
    CurrencyAmounts,
    Distribution,
    DocumentLine,
    EinvoiceAddress,
    OpaqueId,
    PostalAddress,
)
from amili_async.bodies import Amount, Part, Text

__all__ = ["AutoPosting", "CustomerInput", "DocumentInput", "PaymentReservationRequest", "RequestMetadata"]


class RequestMetadata(Part, frozen=True, kw_only=True, rename="camel"):
    """The end user behind a write (docs for batches of documents, inferred elsewhere); methods make it of `user_id=`."""

    user_id: str | UnsetType = UNSET


class CustomerInput(Part, frozen=True, kw_only=True, rename="camel"):
    """A customer to create or to change (inferred from what ARM answers; no request is documented).

    In a change a member that is not sent (`UNSET`), or is sent as null (None), leaves the stored value alone; an empty text
    (`""`) blanks it. To blank a date or a number, write `extra={"stopReminderUntil": ""}`. The postal address is replaced whole
    as soon as one of its members is sent. Whether ARM expects it nested (`postal_address`) or flat (`postal_address1`, the one
    name that is documented) is not known: give what works, further flat members go into `extra`. Amounts and rates are `Decimal`
    or int.
    """

    client_no: int | UnsetType | None = UNSET
    account_no: int | UnsetType | None = UNSET
    customer_no: Text = UNSET
    name: Text = UNSET
    postal_return_status: int | UnsetType | None = UNSET
    postal_return_date: date | UnsetType | None = UNSET
    customer_category: Text = UNSET
    phone_no: Text = UNSET
    secondary_phone_no: Text = UNSET
    organization_no: Text = UNSET
    organization_no_scheme: Text = UNSET
    date_of_birth: date | UnsetType | None = UNSET
    year_of_birth: int | UnsetType | None = UNSET
    ssn: Text = UNSET
    ssn_country: Text = UNSET
    informal_name: Text = UNSET
    customer_group_code: Text = UNSET
    price_net_or_gross: Text = UNSET
    language: Text = UNSET
    currency: Text = UNSET
    seller_reference: Text = UNSET
    buyer_reference: Text = UNSET
    bank_account_no: Text = UNSET
    stop_reminder_until: date | UnsetType | None = UNSET
    stop_debt_collection_until: date | UnsetType | None = UNSET
    stop_interest_calc_until: date | UnsetType | None = UNSET
    due_days: int | UnsetType | None = UNSET
    vat_liable: bool | UnsetType | None = UNSET
    discount_rate: Amount = UNSET
    active_status_web: Text = UNSET
    customer_message: Text = UNSET
    limit_amount: Amount = UNSET
    registration_status_code: Text = UNSET
    registration_status_date: date | UnsetType | None = UNSET
    postal_address_changed: date | UnsetType | None = UNSET
    postal_address: PostalAddress | UnsetType | None = UNSET
    postal_address1: Text = UNSET
    email_address_document: tuple[str, ...] | UnsetType | None = UNSET
    secondary_email_address: tuple[str, ...] | UnsetType | None = UNSET
    distribution: Distribution | UnsetType | None = UNSET
    efaktura_block_ids: tuple[str, ...] | UnsetType | None = UNSET
    peppol_block_ids: tuple[str, ...] | UnsetType | None = UNSET
    digipost_block_ids: tuple[str, ...] | UnsetType | None = UNSET


class DocumentInput(Part, frozen=True, kw_only=True, rename="camel"):
    """A document to create (docs; which members are required is not known).

    The documented example writes `""` and 0 for what a document does not have. Amounts are `Decimal` or int, and are not checked
    against each other: those of the documented example do not add up.
    """

    document_type: Text = UNSET
    customer_no: Text = UNSET
    document_no: Text = UNSET
    document_date: date | UnsetType | None = UNSET
    due_date: date | UnsetType | None = UNSET
    currency: Text = UNSET
    language: Text = UNSET
    kid: Text = UNSET
    marketing_message_code: Text = UNSET
    customer_message: Text = UNSET
    sales_order_id: Text = UNSET
    purchase_order_id: Text = UNSET
    seller_reference: Text = UNSET
    buyer_reference: Text = UNSET
    additional_reference: Text = UNSET
    sub_customer_no: Text = UNSET
    ledger_note: Text = UNSET
    currency_amounts: CurrencyAmounts | UnsetType | None = UNSET
    distribution: Distribution | UnsetType | None = UNSET
    einvoice_address: EinvoiceAddress | UnsetType | None = UNSET
    email_address: tuple[str, ...] | UnsetType | None = UNSET
    attachment_files: tuple[Any, ...] | UnsetType | None = UNSET
    attachment_codes: tuple[Any, ...] | UnsetType | None = UNSET
    custom_codes: tuple[Any, ...] | UnsetType | None = UNSET
    document_lines: tuple[DocumentLine, ...] | UnsetType | None = UNSET


class AutoPosting(Part, frozen=True, kw_only=True, rename="camel"):
    """One event to book. Nothing is known of it but `validate_only`: all else goes into `extra`, or send a mapping.

    That on one posting makes the whole set a check only (docs); where exactly ARM expects it is a guess.
    """

    validate_only: bool | UnsetType = UNSET


class PaymentReservationRequest(Part, frozen=True, kw_only=True, rename="camel"):
    """A payment to reserve for a document or a customer (docs). Amount, currency and dates are not documented: use `extra`.

    A document is identified by `ar_item_id`, `document_no`, `document_uuid`, `reference_no` or `kid`, a customer by `account_no`,
    `customer_no` or `kid`; at least one of them is needed. `payment_id` is yours and must be unique.
    """

    payment_id: OpaqueId
    ar_item_id: OpaqueId | UnsetType = UNSET
    document_no: str | UnsetType = UNSET
    document_uuid: str | UnsetType = UNSET
    reference_no: str | UnsetType = UNSET
    kid: str | UnsetType = UNSET
    account_no: int | UnsetType = UNSET
    customer_no: str | UnsetType = UNSET
    metadata: RequestMetadata | UnsetType = UNSET
