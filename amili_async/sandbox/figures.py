"""What rows of the sandbox are written with: times and amounts as the API writes them, and numbers that people use."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache

from amili_async.sandbox.layout import DAY, payments

__all__ = [
    "RATES",
    "amounts",
    "case_number",
    "customer_number",
    "customer_of",
    "invoice_number",
    "midnight",
    "money",
    "source_id",
    "stamp",
]

_EPOCH = date(1970, 1, 1)
_MINUTES = tuple(f"{minute // 60:02d}:{minute % 60:02d}:" for minute in range(24 * 60))
_CENT, _TENTH = Decimal("0.01"), Decimal("0.1")
RATES = {"NOK": 1, "SEK": Decimal("1.0143"), "EUR": Decimal("11.8205"), "DKK": Decimal("1.584")}
"""Kroner that one of a currency is worth."""


@lru_cache(maxsize=4096)
def midnight(day: int) -> str:
    """Write the start of a day, counted from 1970."""
    return f"{_EPOCH + timedelta(days=day)}T00:00:00.000Z"


def stamp(milliseconds: int) -> str:
    """Write a time as the API does, with milliseconds and Z."""
    day, rest = divmod(milliseconds, DAY)
    minute, rest = divmod(rest, 60_000)
    return f"{midnight(day)[:11]}{_MINUTES[minute]}{rest // 1000:02d}.{rest % 1000:03d}Z"


def money(minor: int) -> int | Decimal:
    """Return an amount of minor units as the number to send: no more decimals than it needs, and never a float."""
    if minor % 100 == 0:
        return minor // 100
    return minor * _CENT if minor % 10 else minor // 10 * _TENTH


def case_number(organization: int, case: int) -> int:
    """Return the number that people know a case by."""
    return 5_000_001 + organization * 1_000_000_000 + case


def customer_of(case: int) -> int:
    """Return the customer whose case it is: the fourth case of four belongs to the customer of the second."""
    return case - 2 if case % 4 == 3 else case


def amounts(invoice: int, draw: int) -> tuple[int, int, int, int]:
    """Return what an invoice is about, what of it was credited, and its two payments, in minor units."""
    original = 10_000 + (draw & 0xFFFFF)
    original -= original % (1, 10, 100, 100)[draw >> 20 & 3]
    if draw >> 22 & 63 == 0:
        original *= 1_000
    count = payments(invoice)
    # Of what will be paid only a part is credited, so that each payment has an amount.
    credited = 0 if draw >> 28 & 7 else original * (1 + (draw >> 31 & 7)) // (16 if count else 8)
    if not count:
        return original, credited, 0, 0
    left = original - credited
    total = left if draw >> 34 & 1 else left * (1 + (draw >> 35 & 15)) // 20
    first = total if count == 1 else total // 3
    return original, credited, first, total - first


def invoice_number(invoice: int) -> str:
    """Return the number that the creditor gave an invoice."""
    return f"F-{1_000_000 + invoice}"


def source_id(invoice: int) -> str | None:
    """Return the id of an invoice in the system it comes from; some have none."""
    return None if invoice % 16 == 6 else f"erp-{invoice:07d}"


def customer_number(customer: int) -> str:
    """Return the number of a customer at the creditor."""
    return str(200_000 + customer)
