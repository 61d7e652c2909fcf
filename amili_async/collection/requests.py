"""What can be handed in: invoices, payments and corrections. Checked before anything is sent.

Which members the API requires is documented nowhere; required here is what its examples always have. That amounts must not be
zero and that currencies have three capital letters are decisions made here. These Structs are for sending only: they are not
decoded.

Members that the contract does not know (debtor, address, payment date ...) go into `extra` under their wire names:

```python
NewInvoice(..., extra={"debtor": {"customerNumber": "1001"}})
```
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from amili_async.bodies import Part
from amili_async.collection.models import Currency, InvoiceType, PaymentType
from amili_async.errors import ConfigError
from amili_async.structs import encode

__all__ = ["InvalidItems", "NewCorrection", "NewInvoice", "NewPayment", "Problem", "check"]


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with an item: its place in what was handed in (from 0), the field, and why."""

    index: int
    field: str
    reason: str


class InvalidItems(ConfigError):
    """Items that cannot be handed in; nothing was sent. `problems` names them all."""

    def __init__(self, message: str = "", *, problems: Sequence[Problem] = (), **facts: Any) -> None:
        """Keep all problems; the text shows the first few."""
        super().__init__(message, **facts)
        self.problems = tuple(problems)


class _New(Part, frozen=True, kw_only=True, rename="camel"):
    """Base of what is handed in."""

    def check(self, known: Mapping[str, Any]) -> None:
        """Leave it to `check` below, which looks at all items before any is sent, and names all problems at once."""


class NewInvoice(_New, frozen=True, kw_only=True):
    """An invoice to hand over (contract: InvoiceCreate; known in part).

    Amounts are `Decimal` or int in units of the currency; a float is refused, because its digits are not those that you wrote.
    Dates go out as given: a date as a date, a date-time as a date-time.
    """

    type: InvoiceType | str
    invoice_number: str
    original_invoice_amount: Decimal | int
    currency: Currency | str
    invoice_date: date | datetime | str
    due_date: date | datetime | str
    vat: bool | UnsetType = UNSET
    fees: bool | UnsetType = UNSET
    collection_notice_date: date | datetime | str | UnsetType | None = UNSET
    unique_source_invoice_id: str | UnsetType = UNSET
    description: str | UnsetType = UNSET


class NewPayment(_New, frozen=True, kw_only=True):
    """A payment that the creditor received (contract: PaymentCreate; known in part: surely a date belongs to it)."""

    invoice_id: str
    amount: Decimal | int
    currency: Currency | str
    type: PaymentType | str = PaymentType.DIRECT_PAYMENT


class NewCorrection(_New, frozen=True, kw_only=True):
    """A correction of an invoice's amount (contract: CorrectionCreate)."""

    invoice_id: str
    amount: Decimal | int
    currency: Currency | str
    date: date | datetime | str
    description: str | UnsetType = UNSET


_SHOWN = 10


def check(items: Sequence[object], kind: type[_New]) -> None:
    """Find everything that is wrong with items, before any of them is sent.

    Raises:
        InvalidItems: something is wrong; all problems are named at once, without the values.
    """
    problems = [problem for index, item in enumerate(items) for problem in _problems(index, item, kind)]
    if not items:
        raise InvalidItems("there is nothing to hand in")
    if problems:
        shown = "; ".join(f"item {it.index}, {it.field}: {it.reason}" for it in problems[:_SHOWN])
        more = f"; and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        raise InvalidItems(f"nothing was sent, {len(problems)} problems: {shown}{more}", problems=problems)


def _problems(index: int, item: object, kind: type[_New]) -> list[Problem]:
    if not isinstance(item, kind):
        return [Problem(index, "", f"is a {type(item).__name__}, not a {kind.__name__}")]
    found = [Problem(index, name, reason) for name in item.__struct_fields__ if (reason := _reason(name, getattr(item, name)))]
    if not isinstance(item.extra, Mapping):
        return found
    names = {field.encode_name for field in msgspec.structs.fields(item) if getattr(item, field.name) is not UNSET}
    found += [Problem(index, f"extra[{name!r}]", "is a field of its own") for name in item.extra if name in names]
    if _has_float(item.extra):
        found.append(Problem(index, "extra", "holds a float: its digits are not those that were written"))
    try:
        if not found:
            encode(item.body())
    except (TypeError, ValueError) as error:  # of which a lone surrogate is one
        found.append(Problem(index, "extra", f"cannot be written as JSON ({type(error).__name__})"))
    return found


def _has_float(value: object) -> bool:
    if isinstance(value, Mapping):
        return any(_has_float(one) for one in value.values())
    return isinstance(value, float) or (isinstance(value, list | tuple) and any(_has_float(one) for one in value))


def _reason(name: str, value: object) -> str | None:
    if value is UNSET:
        return None
    if name == "extra":
        return None if isinstance(value, Mapping) else "must be a mapping"
    if name.endswith("amount"):
        return _amount(value)
    if name.endswith("date"):
        return None if name == "collection_notice_date" and value is None else _date(value)
    if name in {"vat", "fees"}:
        return None if isinstance(value, bool) else "must be True or False"
    if not isinstance(value, str) or not value.strip():
        return "must be a text and not empty"
    if name == "currency" and not re.fullmatch(r"[A-Z]{3}", value):
        return "must be a code of three capital letters"
    return None


def _amount(value: object) -> str | None:
    if isinstance(value, float):
        return "must be a Decimal, not a float: its digits are not those that were written"
    if isinstance(value, bool) or not isinstance(value, Decimal | int):
        return "must be a Decimal or an int"
    if isinstance(value, Decimal) and not value.is_finite():
        return "must be a finite number"
    return None if value else "must not be zero"


def _date(value: object) -> str | None:
    if isinstance(value, date):
        return None
    try:
        datetime.fromisoformat(value if isinstance(value, str) else "")
    except ValueError:
        return "must be a date, a date-time, or an ISO 8601 text of one"
    return None
