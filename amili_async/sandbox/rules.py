"""What is accepted and what is refused of what is handed in: pure decisions on single items.

Which members are required is documented nowhere; asked for is what the documented examples always have.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from amili_async.sandbox.dataset import Row

__all__ = ["Amount", "InvoiceTerms", "Refusal", "amount_terms", "invoice_terms"]

Amount = int | Decimal

_CURRENCY = re.compile(r"[A-Z]{3}")
_LARGEST = 10**12
_DECIMALS = 4
_LONGEST = 1_000
_YEARS = range(1900, 2200)
_DEBTOR = (
    "type",
    "debtorNumber",
    "customerNumber",
    "firstName",
    "lastName",
    "fullName",
    "identificationNumber",
    "email",
    "phone",
)


class Refusal(Exception):
    """An item is refused. The codes are the sandbox's own: the documentation shows none.

    Args:
        code: for programs.
        message: for people; holds nothing of the item.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    def shown(self, index: int, name: str, value: object) -> Row:
        """Return the refused item as its batch shows it: in a form of our own, as only `{}` and null are documented."""
        known = {name: value} if isinstance(value, str) else {}
        return {"index": index, **known, "code": self.code, "message": self.message}


class InvoiceTerms(NamedTuple):
    """What an invoice that was handed in says, checked; times in milliseconds since 1970."""

    type: str
    invoice_number: str
    original: Amount
    currency: str
    invoice_date: int
    due_date: int
    source_id: str | None
    description: str | None
    debtor: dict[str, str]


def invoice_terms(item: Mapping[str, Any]) -> InvoiceTerms:
    """Return what an invoice says, by itself.

    Raises:
        Refusal: something is missing or wrong.
    """
    terms = InvoiceTerms(
        type=_text(item, "type"),
        invoice_number=_text(item, "invoiceNumber"),
        original=_amount(item, "originalInvoiceAmount"),
        currency=_currency(item),
        invoice_date=_moment(item, "invoiceDate"),
        due_date=_moment(item, "dueDate"),
        source_id=None if item.get("uniqueSourceInvoiceId") is None else _text(item, "uniqueSourceInvoiceId"),
        description=None if item.get("description") is None else _text(item, "description"),
        debtor=_debtor(item.get("debtor")),
    )
    if terms.due_date < terms.invoice_date:
        raise Refusal("DUE_DATE_BEFORE_INVOICE_DATE", "The due date lies before the invoice date.")
    if item.get("collectionNoticeDate") is not None:
        _moment(item, "collectionNoticeDate")
    return terms


def amount_terms(item: Mapping[str, Any]) -> tuple[Amount, str]:
    """Return amount and currency of a payment or a correction, by itself.

    Raises:
        Refusal: something is missing or wrong.
    """
    if item.get("date") is not None:
        _moment(item, "date")
    return _amount(item, "amount"), _currency(item)


def _text(item: Mapping[str, Any], name: str) -> str:
    value = item.get(name)
    if not isinstance(value, str) or not value.strip() or len(value) > _LONGEST:
        raise Refusal("INVALID_FIELD", f"{name} must be a text of 1 to {_LONGEST} characters.")
    return value


def _amount(item: Mapping[str, Any], name: str) -> Amount:
    """Return an amount with the digits that it was written with."""
    value = item.get(name)
    if value is None:
        raise Refusal("AMOUNT_MISSING", f"{name} is missing.")
    if isinstance(value, bool) or not isinstance(value, Amount):
        raise Refusal("INVALID_AMOUNT", f"{name} must be a number.")
    if value <= 0:
        raise Refusal("AMOUNT_NOT_POSITIVE", f"{name} must be more than zero.")
    exponent = Decimal(value).as_tuple().exponent
    if value > _LARGEST or (isinstance(exponent, int) and exponent < -_DECIMALS):
        # Within these bounds sums are exact in the 28 digits that Decimal computes with.
        raise Refusal("INVALID_AMOUNT", f"{name} must be at most {_LARGEST} and have at most {_DECIMALS} decimals.")
    return value


def _currency(item: Mapping[str, Any]) -> str:
    value = item.get("currency")
    if not isinstance(value, str) or not _CURRENCY.fullmatch(value):
        raise Refusal("UNKNOWN_CURRENCY", "currency must be a code of three capital letters.")
    return value


def _moment(item: Mapping[str, Any], name: str) -> int:
    """Return a date or date-time; one without a zone is in UTC."""
    value = item.get(name)
    try:
        moment = datetime.fromisoformat(value if isinstance(value, str) else "")
    except ValueError:
        moment = None
    if moment is None or moment.year not in _YEARS:
        raise Refusal("INVALID_DATE", f"{name} must be written as 2026-01-31 or 2026-01-31T12:00:00Z.")
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1_000)


def _debtor(value: object) -> dict[str, str]:
    """Return what is told about a debtor. How is not documented: taken are the names that cases show, under `debtor`."""
    told = value if isinstance(value, dict) else {}
    return {name: text for name in _DEBTOR if isinstance(text := told.get(name), str) and 0 < len(text) <= _LONGEST}
