"""How the ledger of an ARM client is laid out: which customer has which documents, what they are about, and when.

Everything has a number within its client, counted from 0, and from each number all others follow: nothing is stored per customer.
Documents are numbered in the order of their dates. What they are about repeats every `PERIOD` documents, so that the sum over any
stretch of them is reckoned, not counted.
"""

from __future__ import annotations

from bisect import bisect_left
from datetime import date
from functools import cached_property, lru_cache
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

from amili_async.sandbox.ids import mix
from amili_async.sandbox.layout import DAY, END, START

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "BUNDLE",
    "PERIOD",
    "Line",
    "Plan",
    "Sums",
    "Terms",
    "entries_before",
    "entry_of",
    "first_document",
    "month_start",
    "owner_of",
]

PERIOD = 1_024
BUNDLE = 5
"""How many documents a bundle holds."""
_EPOCH = date(1970, 1, 1)
_FIRST_DAY, _LAST_DAY = START // DAY, END // DAY
_DUE_AFTER, _PAID_AFTER = 14, 20

_OWNERS = (0, 1, 1, 3, 3, 3, 4, 6, 6, 7)
"""Which of eight customers has which of ten documents: two of them have none, and can be deleted."""
_CUSTOMERS = 8
_FIRST = tuple(bisect_left(_OWNERS, customer) for customer in range(_CUSTOMERS + 1))

_ENTRIES = (3, 5)
"""Entries in the general ledger of a document: an invoice has three, a paid one two more. Every other one is paid."""


def first_document(customer: int) -> int:
    """Return the number of a customer's first document, which is also how many all customers before have."""
    block, place = divmod(customer, _CUSTOMERS)
    return block * len(_OWNERS) + _FIRST[place]


def owner_of(document: int) -> int:
    """Return the customer whose document it is."""
    block, place = divmod(document, len(_OWNERS))
    return block * _CUSTOMERS + _OWNERS[place]


def entries_before(document: int) -> int:
    """Return how many entries all documents before one have, which is also the number of its first."""
    pairs, odd = divmod(document, 2)
    return pairs * sum(_ENTRIES) + odd * _ENTRIES[0]


def entry_of(entry: int) -> tuple[int, int]:
    """Return the document that an entry belongs to, and which of its entries it is."""
    pair, place = divmod(entry, sum(_ENTRIES))
    return (2 * pair, place) if place < _ENTRIES[0] else (2 * pair + 1, place - _ENTRIES[0])


@lru_cache(maxsize=4_096)
def month_start(year: int, month: int) -> int:
    """Return the first day of a month, counted from 1970."""
    return (date(year, month, 1) - _EPOCH).days


class Line(NamedTuple):
    """A line of a document that has amounts, in minor units."""

    article: int
    quantity: int
    price: int
    excl: int
    vat: int


class Terms(NamedTuple):
    """What a document is about, in minor units."""

    lines: tuple[Line, ...]
    excl: int
    vat: int
    incl: int
    paid: int


class Sums(NamedTuple):
    """Sums over documents, in minor units."""

    excl: int = 0
    vat: int = 0
    incl: int = 0
    paid: int = 0

    def __sub__(self, other: Sums) -> Sums:
        """Take other sums away."""
        return Sums(self.excl - other.excl, self.vat - other.vat, self.incl - other.incl, self.paid - other.paid)


class Plan:
    """What one client has, by numbers.

    Attributes:
        key: seed of everything random in it.
        customers: how many customers there are.
        documents: how many documents there are.
    """

    def __init__(self, key: int, customers: int) -> None:
        self.key = key
        self.customers = customers
        self.documents = first_document(customers)

    @cached_property
    def _terms(self) -> tuple[Terms, ...]:
        return tuple(_terms(self.key, place) for place in range(PERIOD))

    @cached_property
    def _until(self) -> tuple[Sums, ...]:
        """The sums over the first documents of a period: none of them, one, and so on."""
        columns = zip(*((it.excl, it.vat, it.incl, it.paid) for it in self._terms), strict=True)
        return tuple(Sums(*sums) for sums in zip(*(accumulate(column, initial=0) for column in columns), strict=True))

    def terms(self, document: int) -> Terms:
        """Return what a document is about."""
        return self._terms[document % PERIOD]

    def day(self, document: int) -> int:
        """Return the day of a document, counted from 1970; later ones are not earlier."""
        return _FIRST_DAY + document * (_LAST_DAY - _FIRST_DAY) // self.documents

    def due(self, document: int) -> int:
        """Return the day by which a document is to be paid."""
        return self.day(document) + _DUE_AFTER

    def paid(self, document: int) -> int:
        """Return the day on which a document is paid, if it is."""
        return self.day(document) + _PAID_AFTER

    def sums(self, begin: int, end: int) -> Sums:
        """Return the sums over a stretch of documents."""
        return self._first(end) - self._first(begin)

    def before(self, day: int, when: Callable[[int], int]) -> int:
        """Return how many documents have a day, such as `self.due`, before another."""
        return bisect_left(range(self.documents), day, key=when)

    def _first(self, documents: int) -> Sums:
        rounds, rest = divmod(documents, PERIOD)
        whole, part = self._until[-1], self._until[rest]
        return Sums(*(rounds * one + other for one, other in zip(whole, part, strict=True)))


def _terms(key: int, place: int) -> Terms:
    """Draw what the documents at a place of the period are about."""
    lines: list[Line] = []
    for number in range(1 + place % 3):
        draw = mix(key ^ (place * 4 + number) << 8 ^ 0xA4)
        quantity, price = 1 + draw % 5, 1_000 + (draw >> 8) % 500_000
        excl = quantity * price
        rate = 15 if draw >> 40 & 7 == 0 else 25
        lines.append(Line(draw >> 44 & 15, quantity, price, excl, (excl * rate + 50) // 100))
    excl, vat = sum(line.excl for line in lines), sum(line.vat for line in lines)
    paid = (0, excl + vat, 0, (excl + vat) // 2)[place % 4]
    return Terms(tuple(lines), excl, vat, excl + vat, paid)
