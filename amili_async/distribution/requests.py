"""What can be sent: the consumer invoice (B2C), and the credit note and invoice between businesses (B2B, EHF/PEPPOL).

Of each the documentation shows the beginning only, and nowhere which members are required: every field may be left out, and each
object takes members that are not known here in `extra`, under their wire names. A payment account or the totals go there:

```python
B2cInvoice(..., payment_info=PaymentInfo(kid="127734800100051", extra={"AccountNumber": "..."}))
```

The letter, the Swedish and the Danish invoice are not shown at all: they are sent as mappings.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import msgspec
from msgspec import UNSET, UnsetType

from amili_async.bodies import Part
from amili_async.distribution.pdf import embed_pdf
from amili_async.embedding import LIMIT
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


Text = str | UnsetType | None
Amount = Decimal | int | UnsetType | None
if TYPE_CHECKING:  # a text is taken for these too, and checked; msgspec knows no such union
    Day = date | str | UnsetType | None
    ChannelName = Channel | str | UnsetType | None
else:
    Day = date | UnsetType | None
    ChannelName = Channel | UnsetType | None


# The consumer invoice.


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


# Credit note and invoice between businesses.


def _spelt(name: str) -> str:
    """Spell a name as UBL does: `company_id` is `CompanyID`."""
    return "".join(word.upper() if word in {"id", "uri"} else word.capitalize() for word in name.split("_"))


class _Ubl(Part, frozen=True, kw_only=True, rename=_spelt):
    """Base of the objects whose members are named as in UBL."""


class InvoicePeriod(_Ubl, frozen=True, kw_only=True):
    """The period that is invoiced."""

    start_date: Day = UNSET
    end_date: Day = UNSET
    description_code: Text = UNSET


class DocumentReferenceId(_Ubl, frozen=True, kw_only=True):
    """A document, or a party, by its id."""

    id: Text = UNSET


class InvoiceDocumentReference(_Ubl, frozen=True, kw_only=True):
    """An invoice by its number and date; the documentation's sample has an empty text for the date."""

    id: Text = UNSET
    issue_date: Text = UNSET


class BillingReference(_Ubl, frozen=True, kw_only=True):
    """Reference to the invoice that is credited."""

    invoice_document_reference: InvoiceDocumentReference | UnsetType | None = UNSET


class EmbeddedDocumentBinaryObject(_Ubl, frozen=True, kw_only=True):
    """A file inside the document; `data` is base64."""

    mime_code: Text = UNSET
    filename: Text = UNSET
    data: Text = UNSET


class ExternalReference(_Ubl, frozen=True, kw_only=True):
    """A file by its address."""

    uri: Text = UNSET


class Attachment(_Ubl, frozen=True, kw_only=True):
    """A file, embedded or by its address."""

    embedded_document_binary_object: EmbeddedDocumentBinaryObject | UnsetType | None = UNSET
    external_reference: ExternalReference | UnsetType | None = UNSET

    @classmethod
    def pdf(cls, content: bytes | str | PathLike[str], *, filename: str | None = None, limit: int = LIMIT) -> Attachment:
        """Embed a PDF.

        Args:
            content: the PDF itself, or where it is.
            filename: name to give it; that of the file if not given, and none for bytes.
            limit: bytes that it may have, before it grows by a third as base64.

        Raises:
            ConfigError: it is no PDF, is larger than the limit, or cannot be read.
        """
        if filename is None and isinstance(content, str | PathLike):
            filename = Path(fspath(content)).name
        embedded = EmbeddedDocumentBinaryObject(
            mime_code="application/pdf",
            filename=UNSET if filename is None else filename,
            data=embed_pdf(content, limit=limit),
        )
        return cls(embedded_document_binary_object=embedded)


class AdditionalDocumentReference(_Ubl, frozen=True, kw_only=True):
    """A document that goes with this one."""

    id: Text = UNSET
    document_description: Text = UNSET
    attachment: Attachment | UnsetType | None = UNSET


class PartyName(_Ubl, frozen=True, kw_only=True):
    """Name of a party."""

    name: Text = UNSET


class Country(_Ubl, frozen=True, kw_only=True):
    """A country by its two letters."""

    identification_code: Text = UNSET


class PostalAddress(_Ubl, frozen=True, kw_only=True):
    """Address of a party."""

    street_name: Text = UNSET
    city_name: Text = UNSET
    postal_zone: Text = UNSET
    country: Country | UnsetType | None = UNSET


class TaxScheme(_Ubl, frozen=True, kw_only=True):
    """A tax by its id, `VAT`."""

    id: Text = UNSET


class PartyTaxScheme(_Ubl, frozen=True, kw_only=True):
    """A party's number under a tax."""

    company_id: Text = UNSET
    tax_scheme: TaxScheme | UnsetType | None = UNSET


class PartyLegalEntity(_Ubl, frozen=True, kw_only=True):
    """A party as it is registered."""

    registration_name: Text = UNSET
    company_id: Text = UNSET


class Contact(_Ubl, frozen=True, kw_only=True):
    """Whom to ask."""

    name: Text = UNSET
    telephone: Text = UNSET
    electronic_mail: Text = UNSET


class Party(_Ubl, frozen=True, kw_only=True):
    """Supplier or customer. `endpoint_id` is the PEPPOL endpoint, `scheme_id` its scheme, `0088` in the sample."""

    endpoint_id: Text = UNSET
    scheme_id: Text = UNSET
    party_identification: DocumentReferenceId | UnsetType | None = UNSET
    party_name: PartyName | UnsetType | None = UNSET
    postal_address: PostalAddress | UnsetType | None = UNSET
    party_tax_scheme: tuple[PartyTaxScheme, ...] | UnsetType | None = UNSET
    party_legal_entity: PartyLegalEntity | UnsetType | None = UNSET
    contact: Contact | UnsetType | None = UNSET


class AccountingParty(_Ubl, frozen=True, kw_only=True):
    """What a party stands in."""

    party: Party | UnsetType | None = UNSET


class _Document(_Ubl, frozen=True, kw_only=True):
    """What credit note and invoice have in common, as far as it is known: lines, taxes and totals go into `extra`.

    The members that are missing are likely called as in UBL (`TaxTotal`, `LegalMonetaryTotal`, `PaymentMeans` ...), which is
    inferred.
    """

    identifier: Text = UNSET
    id: Text = UNSET
    issue_date: Day = UNSET
    due_date: Day = UNSET
    note: Text = UNSET
    document_currency_code: Text = UNSET
    accounting_cost: Text = UNSET
    language_id: Text = UNSET
    buyer_reference: Text = UNSET
    invoice_period: InvoicePeriod | UnsetType | None = UNSET
    order_reference: DocumentReferenceId | UnsetType | None = UNSET
    billing_reference: tuple[BillingReference, ...] | UnsetType | None = UNSET
    despatch_document_reference: DocumentReferenceId | UnsetType | None = UNSET
    contract_document_reference: DocumentReferenceId | UnsetType | None = UNSET
    additional_document_reference: tuple[AdditionalDocumentReference, ...] | UnsetType | None = UNSET
    accounting_supplier_party: AccountingParty | UnsetType | None = UNSET
    accounting_customer_party: AccountingParty | UnsetType | None = UNSET


class EhfCreditnote(_Document, frozen=True, kw_only=True):
    """A credit note between businesses, known in part: lines, taxes and totals go into `extra`.

    `identifier` is your own, unique identifier of the submission; `id` is the number of the credit note.
    """


class EhfInvoice(_Document, frozen=True, kw_only=True):
    """An invoice between businesses. Its members are inferred from those of the credit note; none is documented."""
