"""What is still owed, by case status: exact sums over rows that are otherwise never decoded."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Context, Decimal, DecimalException, Inexact, InvalidOperation
from typing import TYPE_CHECKING

import msgspec
from msgspec import Raw

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["Amounts", "Owed"]

EXACT = Context(prec=60, traps=[Inexact, InvalidOperation])
"""Sixty digits, and an error instead of a rounding."""
BEYOND = 30
"""Powers of ten that no amount comes near; written out they would fill the screen."""
MANY = 200
"""Different statuses and currencies kept apart; the list of statuses is open, the memory is not."""
OTHER = "(other)"

_NAME = re.compile(r"[\w -]{1,40}", re.ASCII)


class _Priced(msgspec.Struct):
    """Whatever has a currency, which is an empty object in places."""

    currency: Raw = Raw(b"null")  # immutable


class _Case(msgspec.Struct, rename="camel"):
    """As much of a case as a sum needs."""

    status: str | None = None
    remaining_amount: Decimal | None = None
    claims: tuple[_Priced, ...] | None = None
    invoices: tuple[_Priced, ...] | None = None


_decoder = msgspec.json.Decoder(_Case)


@dataclass(slots=True)
class Owed:
    """Cases of one status and currency: how many, and what remains of them. `currency` is "" where the rows do not tell."""

    status: str
    currency: str
    cases: int = 0
    remaining: Decimal = Decimal(0)


@dataclass(slots=True)
class Amounts:
    """The sums; `unread` counts the cases that are not in them, because their amount cannot be read or added exactly."""

    unread: int = 0
    _owed: dict[tuple[str, str], Owed] = field(default_factory=dict[tuple[str, str], Owed])

    def __iter__(self) -> Iterator[Owed]:
        """Iterate the sums by status and currency."""
        return iter(owed for _, owed in sorted(self._owed.items()))

    def add(self, rows: Iterable[Raw]) -> None:
        """Add cases as they came on the wire."""
        for row in rows:
            try:
                self._add(_decoder.decode(row))
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, DecimalException):
                self.unread += 1

    def _add(self, case: _Case) -> None:
        amount = case.remaining_amount or Decimal(0)
        if not amount.is_finite() or abs(amount.adjusted()) > BEYOND:
            raise InvalidOperation
        key = (_name(case.status or "(none)"), _currency(case))
        if key not in self._owed and len(self._owed) >= MANY:
            key = (OTHER, "")
        owed = self._owed.get(key) or Owed(*key)
        owed.remaining = EXACT.add(owed.remaining, amount)
        owed.cases += 1
        self._owed[key] = owed


def _currency(case: _Case) -> str:
    """Return the one currency of a case's claims and invoices; a case has none of its own."""
    found = {bytes(part.currency) for part in (*(case.claims or ()), *(case.invoices or ()))}
    names = {msgspec.json.decode(text, type=str) for text in found if text.startswith(b'"')}
    return _name(names.pop()) if len(names) == 1 else "(mixed)" if names else ""


def _name(text: str) -> str:
    """Return a name that came over the wire if it can be shown as it is."""
    return text if text == "(none)" or _NAME.fullmatch(text) else OTHER
