"""The credit note and the invoice between businesses (B2B, EHF/PEPPOL), which go out with the names of UBL.

Of the credit note the documentation shows the beginning only, of the invoice nothing; what is not known goes into `extra`.
"""

from __future__ import annotations

from os import PathLike, fspath
from pathlib import Path

from msgspec import UNSET, UnsetType

from amili_async.bodies import Day, Part, Text
from amili_async.distribution.pdf import embed_pdf
from amili_async.embedding import LIMIT

__all__ = [
    "AccountingParty",
    "AdditionalDocumentReference",
    "Attachment",
    "BillingReference",
    "Contact",
    "Country",
    "DocumentReferenceId",
    "EhfCreditnote",
    "EhfInvoice",
    "EmbeddedDocumentBinaryObject",
    "ExternalReference",
    "InvoiceDocumentReference",
    "InvoicePeriod",
    "Party",
    "PartyLegalEntity",
    "PartyName",
    "PartyTaxScheme",
    "PostalAddress",
    "TaxScheme",
]


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
