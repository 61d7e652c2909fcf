"""What is still owed, by case status: exact sums over rows that are otherwise never decoded."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Context, Decimal, DecimalException, Inexact, InvalidOperation, localcontext
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec

from amili_async.sync.ledger import Owed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["Amounts", "Priced"]

EXACT = Context(prec=60, traps=[Inexact, InvalidOperation])
"""Sixty digits, and an error instead of a rounding."""
BEYOND = 30
"""Powers of ten that no amount comes near; written out they would fill the screen."""
MANY = 200
"""Different statuses and currencies kept apart; the list of statuses is open, the memory is not."""
OTHER = "(other)"
ZERO = Decimal(0)

_NAME = re.compile(r"[\w -]{1,40}", re.ASCII)


class Priced(msgspec.Struct, frozen=True, gc=False):
    """Whatever has a currency, which is an empty object in places."""

    currency: Any = None


@dataclass(slots=True)
class Amounts:
    """The sums; `unread` counts the cases that are not in them, because their amount cannot be read or added exactly."""

    unread: int = 0
    _sums: dict[tuple[str, str], tuple[int, Decimal]] = field(default_factory=dict[tuple[str, str], tuple[int, Decimal]])

    def __iter__(self) -> Iterator[Owed]:
        """Iterate the sums by status and currency."""
        return (Owed(*key, *sums) for key, sums in sorted(self._sums.items()))

    def include(self, cases: Iterable[Any]) -> None:
        """Add cases, each by its status, remaining_amount, claims and invoices; None is one that cannot be read."""
        alike: dict[tuple[str | None, str], list[Decimal]] = {}
        for case in cases:
            if case is None:
                self.unread += 1
                continue
            alike.setdefault((case.status, _currency(case)), []).append(case.remaining_amount or ZERO)
        for (status, currency), amounts in alike.items():
            name = _name(status or "(none)")
            usual = [amount for amount in amounts if amount.is_finite() and abs(amount.adjusted()) <= BEYOND]
            self.unread += len(amounts) - len(usual)
            try:
                with localcontext(EXACT):
                    total = sum(usual, ZERO)
            except DecimalException:
                self.merge(Owed(name, currency, 1, amount) for amount in usual)
            else:
                self.merge([Owed(name, currency, len(usual), total)] if usual else [])

    def merge(self, others: Iterable[Owed]) -> None:
        """Add sums to these."""
        for other in others:
            try:
                self._put(other.status, other.currency, other.cases, other.remaining)
            except DecimalException:
                self.unread += other.cases

    def _put(self, status: str, currency: str, cases: int, amount: Decimal) -> None:
        key = (status, currency)
        sums = self._sums.get(key)
        if sums is None:
            if len(self._sums) >= MANY:
                key = (OTHER, "")
            sums = self._sums.get(key, (0, ZERO))
        self._sums[key] = (sums[0] + cases, EXACT.add(sums[1], amount))


def _currency(case: Any) -> str:
    """Return the one currency of a case's claims and invoices; a case has none of its own."""
    found: str | None = None
    for parts in (case.claims, case.invoices):
        for part in parts or ():
            currency = part.currency
            if currency != found and isinstance(currency, str):
                if found is not None:
                    return "(mixed)"
                found = currency
    return "" if found is None else _name(found)


@lru_cache(maxsize=256)
def _name(text: str) -> str:
    """Return a name that came over the wire if it can be shown as it is."""
    return text if text == "(none)" or _NAME.fullmatch(text) else OTHER
