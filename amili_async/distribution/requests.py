"""What can be sent: the consumer invoice (B2C); the credit note and invoice between businesses (B2B) are in `ehf`.

Of each the documentation shows the beginning only, and nowhere which members are required: every field may be left out, and each
object takes members that are not known here in `extra`, under their wire names. A payment account or the totals go there:

```python
B2cInvoice(..., payment_info=PaymentInfo(kid="127734800100051", extra={"AccountNumber": "..."}))
```

The letter, the Swedish and the Danish invoice are not shown at all: they are sent as mappings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import msgspec
from msgspec import UNSET, UnsetType

from amili_async.bodies import Amount, Day, Part, Text
from amili_async.distribution.ehf import (
    AccountingParty,
    AdditionalDocumentReference,
    Attachment,
    BillingReference,
    Contact,
    Country,
    DocumentReferenceId,
    EhfCreditnote,
    EhfInvoice,
    EmbeddedDocumentBinaryObject,
    ExternalReference,
    InvoiceDocumentReference,
    InvoicePeriod,
    Party,
    PartyLegalEntity,
    PartyName,
    PartyTaxScheme,
    PostalAddress,
    TaxScheme,
)
from amili_async.structs import OpenEnum

__all__ = [
    "AccountingParty",
    "AdditionalDocumentReference",
    "Attachment",
    "B2cInvoice",
    "BillingReference",
    "Channel",
    "ChannelSettings",
    "Contact",
    "Country",
    "DigipostSettings",
    "DocumentReferenceId",
    "EhfCreditnote",
    "EhfInvoice",
    "EmailSettings",
    "EmbeddedDocumentBinaryObject",
    "ExternalReference",
    "InvoiceDocumentReference",
    "InvoicePeriod",
    "Invoicee",
    "Invoicer",
    "LineDetail",
    "LineDiscount",
    "Party",
    "PartyLegalEntity",
    "PartyName",
    "PartyTaxScheme",
    "PaymentInfo",
    "PostalAddress",
    "TaxScheme",
    "TypedValue",
]


class Channel(OpenEnum):
    """The way an invoice goes to its receiver. The channel settings hint at more values than the documentation shows."""

    EINVOICE = "EINVOICE"


if TYPE_CHECKING:  # a text is taken for it too, and checked; msgspec knows no such union
    ChannelName = Channel | str | UnsetType | None
else:
    ChannelName = Channel | UnsetType | None


class _B2c(Part, frozen=True, kw_only=True, rename="pascal"):
    """Base of the objects whose members are named in PascalCase."""


class DigipostSettings(_B2c, frozen=True, kw_only=True):
    """Settings of the channel Digipost."""

    sender_id: Text = UNSET


class EmailSettings(_B2c, frozen=True, kw_only=True):
    """Settings of the channel e-mail."""

    sender_name: Text = UNSET
    sender_email_address: Text = UNSET
    subject: Text = UNSET


class ChannelSettings(_B2c, frozen=True, kw_only=True):
    """Settings by channel."""

    digipost: DigipostSettings | UnsetType | None = UNSET
    email: EmailSettings | UnsetType | None = UNSET


class Invoicee(_B2c, frozen=True, kw_only=True):
    """Receiver of an invoice. `birth_date` is written DDMMYYYY, `mobile` with the country prefix and without a plus sign."""

    organization_number: Text = UNSET
    customer_no: Text = UNSET
    einvoice_ref: Text = UNSET
    einvoice_identifier: Text = UNSET
    national_id: Text = UNSET
    birth_date: Text = UNSET
    name: Text = UNSET
    address1: Text = UNSET
    address2: Text = UNSET
    address3: Text = UNSET
    city: Text = UNSET
    post_code: Text = UNSET
    country_code: Text = UNSET
    email: Text = UNSET
    mobile: Text = UNSET
    reference: Text = UNSET


class Invoicer(_B2c, frozen=True, kw_only=True):
    """Sender of an invoice."""

    company_reg_no: Text = UNSET
    name: Text = UNSET
    address1: Text = UNSET
    city: Text = UNSET
    post_code: Text = UNSET
    country_code: Text = UNSET
    email: Text = UNSET
    phone: Text = UNSET
    web_address: Text = UNSET


class LineDiscount(_B2c, frozen=True, kw_only=True):
    """A discount on a line. Its amounts go out as numbers, unlike those of the line."""

    description: Text = UNSET
    discount_base: Amount = UNSET
    discount_percent: Amount = UNSET
    discount_amount: Amount = UNSET


class LineDetail(_B2c, frozen=True, kw_only=True):
    """A line of an invoice. Its amounts go out as text with the digits that they were written with, `"788.20"`."""

    __amounts_as_text__: ClassVar[bool] = True

    currency_id: Text = UNSET
    supplier_product_code: Text = UNSET
    supplier_product_text: Text = UNSET
    quantity: Amount = UNSET
    price: Amount = UNSET
    line_tot_excl_tax: Amount = UNSET
    line_tot_incl_tax: Amount = UNSET
    line_tot_tax: Amount = UNSET
    tax_percent: Amount = UNSET
    discounts: tuple[LineDiscount, ...] | UnsetType | None = UNSET
    note: Text = UNSET
    posting_information: Text = UNSET


class TypedValue(_B2c, frozen=True, kw_only=True):
    """A value with its type, `urn:no:ccn:einvoice:latepayment:fee`."""

    type: Text = UNSET
    value: Text = UNSET


class PaymentInfo(_B2c, frozen=True, kw_only=True):
    """How to pay, known in part: account number and amounts must follow somewhere. `kid` is the Norwegian payment reference."""

    kid: Text = msgspec.field(default=UNSET, name="KID")
    other_payment_info: tuple[TypedValue, ...] | UnsetType | None = UNSET


class B2cInvoice(_B2c, frozen=True, kw_only=True):
    """A consumer invoice, known in part.

    `identifier` is your own, unique identifier, by which the status is asked for. `free_text` carries the PDF as base64:
    `amili_async.distribution.pdf.embed_pdf` makes it.
    """

    channel: ChannelName = UNSET
    channel_settings: ChannelSettings | UnsetType | None = UNSET
    payment_type: Text = UNSET
    document_code: Text = UNSET
    due_date: Day = UNSET
    external_url: Text = UNSET
    free_text: Text = UNSET
    layout_id: Text = msgspec.field(default=UNSET, name="LayoutID")
    note: Text = UNSET
    identifier: Text = UNSET
    language_id: Text = msgspec.field(default=UNSET, name="LanguageID")
    invoice_date: Day = UNSET
    invoicee: Invoicee | UnsetType | None = UNSET
    invoice_no: Text = UNSET
    invoicer: Invoicer | UnsetType | None = UNSET
    line_details: tuple[LineDetail, ...] | UnsetType | None = UNSET
    message_type: Text = UNSET
    order_description: Text = UNSET
    other_references: tuple[TypedValue, ...] | UnsetType | None = UNSET
    payment_info: PaymentInfo | UnsetType | None = UNSET
