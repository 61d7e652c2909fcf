"""What ARM answers: customers, AR items, documents, general ledger; the outcome of writes is in `outcomes`.

Names are those of the contract's components, fields the names on the wire in snake_case. No field is known to be always there,
and the documentation shows most objects in part or not at all: every object keeps what it has no field for in `extra`, so that
nothing that the server says is lost. Objects of which nothing is known are plain mappings. Amounts are exact `Decimal` in units
of their currency. Codes are plain texts, because ARM does not tell capitals from small letters in values: compare them without
case. Ids of 22 characters are the exception, their case counts. Empty texts stay empty texts; an empty date is None.
"""

from __future__ import annotations

from datetime import date  # msgspec reads the annotations at run time
from typing import Any

from amili_async.arm.outcomes import (
    AutoPostingResponse,
    AutoPostingResult,
    BatchReceipt,
    BatchStatus,
    BatchUuid,
    CustomerNo,
    DocumentNo,
    DocumentUuid,
    FieldMessage,
    FileUploadResult,
    ItemResult,
    OpaqueId,
    OperationResult,
    PaymentReservationResult,
)
from amili_async.structs import Money, OpenModel

__all__ = [
    "AdbInterval",
    "ArItem",
    "AutoPostingResponse",
    "AutoPostingResult",
    "BatchReceipt",
    "BatchStatus",
    "BatchUuid",
    "ClientConfig",
    "CurrencyAmounts",
    "Customer",
    "CustomerNo",
    "Distribution",
    "Document",
    "DocumentBundle",
    "DocumentLine",
    "DocumentNo",
    "DocumentUuid",
    "EinvoiceAddress",
    "FieldMessage",
    "FileUploadResult",
    "GlItem",
    "GlMovement",
    "ItemResult",
    "LogItem",
    "OpaqueId",
    "OperationResult",
    "OsFile",
    "PaymentReservationResult",
    "PostalAddress",
]

ClientConfig = dict[str, Any]
"""Values of a configuration key: its members as they came, because none is documented."""

OsFile = dict[str, Any]
"""A file or its description: its members as they came, because none is documented."""

AdbInterval = dict[str, Any]
"""An interval of the age distributed balance: its members as they came, because none is documented."""


class PostalAddress(OpenModel, frozen=True, kw_only=True):
    """A postal address (docs). `country_code` is ISO 3166-1 alpha-2, anything else is an error."""

    __personal__ = frozenset({"address_line1", "address_line2", "address_line3", "postal_code", "city_name"})

    address_line1: str | None = None
    address_line2: str | None = None
    address_line3: str | None = None
    postal_code: str | None = None
    city_name: str | None = None
    country_text: str | None = None
    country_code: str | None = None


class Distribution(OpenModel, frozen=True, kw_only=True):
    """How documents are sent out (docs), in codes of ARM: H with 90 and M with 0 are known."""

    type: str | None = None
    einvoice_code: int | None = None


class Customer(OpenModel, frozen=True, kw_only=True):
    """A customer of an ARM client (docs). What tells who it is is masked in `repr`; `account_no` is its ledger account."""

    __personal__ = frozenset(
        {
            "customer_no",
            "name",
            "phone_no",
            "secondary_phone_no",
            "organization_no",
            "date_of_birth",
            "year_of_birth",
            "ssn",
            "informal_name",
            "seller_reference",
            "buyer_reference",
            "bank_account_no",
            "customer_message",
            "email_address_document",
            "secondary_email_address",
            "efaktura_block_ids",
            "peppol_block_ids",
            "digipost_block_ids",
        }
    )

    client_no: int | None = None
    account_no: int | None = None
    customer_no: CustomerNo | None = None
    name: str | None = None
    postal_return_status: int | None = None
    postal_return_date: date | None = None
    customer_category: str | None = None
    phone_no: str | None = None
    secondary_phone_no: str | None = None
    organization_no: str | None = None
    organization_no_scheme: str | None = None
    date_of_birth: date | None = None
    year_of_birth: int | None = None
    ssn: str | None = None
    ssn_country: str | None = None
    informal_name: str | None = None
    customer_group_code: str | None = None
    price_net_or_gross: str | None = None
    language: str | None = None
    currency: str | None = None
    seller_reference: str | None = None
    buyer_reference: str | None = None
    bank_account_no: str | None = None
    stop_reminder_until: date | None = None
    stop_debt_collection_until: date | None = None
    stop_interest_calc_until: date | None = None
    due_days: int | None = None
    vat_liable: bool | None = None
    discount_rate: Money | None = None
    active_status_web: str | None = None
    customer_message: str | None = None
    limit_amount: Money | None = None
    registration_status_code: str | None = None
    registration_status_date: date | None = None
    postal_address_changed: date | None = None
    postal_address: PostalAddress | None = None
    email_address_document: tuple[str, ...] | None = None
    secondary_email_address: tuple[str, ...] | None = None
    distribution: Distribution | None = None
    efaktura_block_ids: tuple[str, ...] | None = None
    peppol_block_ids: tuple[str, ...] | None = None
    digipost_block_ids: tuple[str, ...] | None = None


class ArItem(OpenModel, frozen=True, kw_only=True):
    """An item of the receivables ledger. No example is known: amounts, dates and states are in `extra` (fields: inferred)."""

    __personal__ = frozenset({"customer_no", "kid"})

    ar_item_id: OpaqueId | None = None
    client_no: int | None = None
    account_no: int | None = None
    customer_no: CustomerNo | None = None
    document_no: DocumentNo | None = None
    document_uuid: DocumentUuid | None = None
    reference_no: str | None = None
    kid: str | None = None


class CurrencyAmounts(OpenModel, frozen=True, kw_only=True):
    """Amounts in the currency of the document (docs). That they add up is not promised: a documented line does not."""

    excl_vat: Money | None = None
    vat: Money | None = None
    incl_vat: Money | None = None


class EinvoiceAddress(OpenModel, frozen=True, kw_only=True):
    """Electronic address of the receiver (docs)."""

    __personal__ = frozenset({"address"})

    address: str | None = None
    address_scheme: str | None = None
    operator: str | None = None


class DocumentLine(OpenModel, frozen=True, kw_only=True):
    """One line of a document (docs): PLH is a line with article and amounts, TXT one of text only."""

    __personal__ = frozenset({"line_text"})

    line_no: int | None = None
    line_type: str | None = None
    article_no: str | None = None
    article_name: str | None = None
    line_text: str | None = None
    quantity_unit: str | None = None
    quantity: Money | None = None
    volume_unit: str | None = None
    volume: Money | None = None
    price: Money | None = None
    item_group1: str | None = None
    item_group2: str | None = None
    item_group3: str | None = None
    currency_amounts: CurrencyAmounts | None = None


class Document(OpenModel, frozen=True, kw_only=True):
    """A stored document. No example is known: fields are those of one handed in, with ids that other pages name (inferred)."""

    __personal__ = frozenset(
        {
            "customer_no",
            "kid",
            "customer_message",
            "seller_reference",
            "buyer_reference",
            "additional_reference",
            "sub_customer_no",
            "ledger_note",
            "email_address",
            "attachment_files",
        }
    )

    document_type: str | None = None
    customer_no: CustomerNo | None = None
    document_no: DocumentNo | None = None
    document_date: date | None = None
    due_date: date | None = None
    currency: str | None = None
    language: str | None = None
    kid: str | None = None
    marketing_message_code: str | None = None
    customer_message: str | None = None
    sales_order_id: str | None = None
    purchase_order_id: str | None = None
    seller_reference: str | None = None
    buyer_reference: str | None = None
    additional_reference: str | None = None
    sub_customer_no: str | None = None
    ledger_note: str | None = None
    currency_amounts: CurrencyAmounts | None = None
    distribution: Distribution | None = None
    einvoice_address: EinvoiceAddress | None = None
    email_address: tuple[str, ...] | None = None
    attachment_files: tuple[Any, ...] | None = None
    attachment_codes: tuple[Any, ...] | None = None
    custom_codes: tuple[Any, ...] | None = None
    document_lines: tuple[DocumentLine, ...] | None = None
    client_no: int | None = None
    account_no: int | None = None
    document_id: OpaqueId | None = None
    document_uuid: DocumentUuid | None = None
    document_bundle_id: OpaqueId | None = None
    ar_item_id: OpaqueId | None = None
    reference_no: str | None = None


class DocumentBundle(OpenModel, frozen=True, kw_only=True):
    """A group of documents. No example is known: what it holds is in `extra` (fields: inferred)."""

    document_bundle_id: OpaqueId | None = None
    client_no: int | None = None


class GlItem(OpenModel, frozen=True, kw_only=True):
    """A posting of the general ledger. No example is known: accounts, amounts and dates are in `extra` (fields: inferred)."""

    gl_item_id: OpaqueId | None = None
    client_no: int | None = None
    gl_year: int | None = None


class GlMovement(OpenModel, frozen=True, kw_only=True):
    """Movement and balance of an account of the general ledger. No example is known: both are in `extra` (fields: inferred)."""

    client_no: int | None = None
    gl_year: int | None = None
    gl_period: int | None = None


class LogItem(OpenModel, frozen=True, kw_only=True):
    """A log entry. No example is known: what happened is in `extra` (fields: inferred)."""

    log_item_id: OpaqueId | None = None
    client_no: int | None = None
