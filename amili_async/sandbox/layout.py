"""How a portfolio is laid out: which case holds which invoices, payments and batches, and when - by arithmetic alone.

Everything has a number within its organization, counted from 0 in the order of time, and from each number all others follow:
nothing is stored per case. The pattern of invoices per case and of payments per invoice repeats every `BLOCK` cases.
"""

from __future__ import annotations

from bisect import bisect_right
from functools import lru_cache
from itertools import accumulate

from amili_async.sandbox.ids import mix
from amili_async.sandbox.store import Store

__all__ = [
    "BLOCK",
    "DAY",
    "END",
    "GROUP",
    "START",
    "Portfolio",
    "case_of",
    "first_invoice",
    "first_settlement",
    "payment_of",
    "payments",
]

DAY = 86_400_000
START = 18_628 * DAY
"""2021-01-01: when the first case may be registered, in milliseconds since 1970."""
END = 20_454 * DAY
"""2026-01-01: by when the last case is registered; inserted ones follow."""
INSERTED_EVERY = 60_000
GROUP = 8
"""How many cases a batch creates."""
PER_CYCLE = 4
"""After so many batches with invoices comes one that has none."""
PAID_AFTER = 30 * DAY

BLOCK = 128
_LONG = 77
_INVOICES = tuple(24 if place == _LONG else (1, 2, 1, 3)[place % 4] for place in range(BLOCK))
_FIRST_INVOICE = tuple(accumulate(_INVOICES, initial=0))
_INVOICES_A_BLOCK = _FIRST_INVOICE[-1]
_PAYMENTS = tuple((0, 1, 0, 2, 0, 0, 1, 0)[place % 8] for place in range(_INVOICES_A_BLOCK))
_FIRST_SETTLEMENT = tuple(accumulate(_PAYMENTS, initial=0))
_SETTLEMENTS_A_BLOCK = _FIRST_SETTLEMENT[-1]


def first_invoice(case: int) -> int:
    """Return the number of a case's first invoice, which is also how many invoices all cases before it have."""
    block, place = divmod(case, BLOCK)
    return block * _INVOICES_A_BLOCK + _FIRST_INVOICE[place]


def case_of(invoice: int) -> int:
    """Return the case of an invoice."""
    block, place = divmod(invoice, _INVOICES_A_BLOCK)
    return block * BLOCK + bisect_right(_FIRST_INVOICE, place) - 1


def payments(invoice: int) -> int:
    """Return how many payments an invoice got: 0, 1 or 2."""
    return _PAYMENTS[invoice % _INVOICES_A_BLOCK]


def first_settlement(invoice: int) -> int:
    """Return the number of an invoice's first settlement, which is also how many all invoices before it have."""
    block, place = divmod(invoice, _INVOICES_A_BLOCK)
    return block * _SETTLEMENTS_A_BLOCK + _FIRST_SETTLEMENT[place]


def payment_of(settlement: int) -> tuple[int, int]:
    """Return the invoice that a settlement belongs to, and which of its payments it settles (0 or 1)."""
    block, place = divmod(settlement, _SETTLEMENTS_A_BLOCK)
    invoice = bisect_right(_FIRST_SETTLEMENT, place) - 1
    return block * _INVOICES_A_BLOCK + invoice, place - _FIRST_SETTLEMENT[invoice]


class Portfolio:
    """What one organization has, by numbers.

    A batch creates up to `GROUP` cases, so cases come in bursts. The cases of the start are spread over the years from `START` to
    `END`, by the same rule whatever is inserted later; inserted ones follow `END` at `INSERTED_EVERY` a batch.

    Attributes:
        index: number of the organization.
        key: seed of everything random in it.
        cases: how many cases there are, without those that were written.
        written: what was written to it.
    """

    def __init__(self, index: int, key: int, cases: int) -> None:
        self.written = Store()
        self.index = index
        self.key = key
        self.cases = cases
        self._planned = cases
        self._planned_groups = -(-cases // GROUP)
        self._step = (END - START) // max(self._planned_groups, 1)
        self._begin = lru_cache(maxsize=1024)(self._reckon_begin)

    @property
    def invoices(self) -> int:
        """How many invoices there are."""
        return first_invoice(self.cases)

    @property
    def settlements(self) -> int:
        """How many settlements there are."""
        return first_settlement(self.invoices)

    @property
    def batches(self) -> int:
        """How many batches there are."""
        groups = self._planned_groups - (self._planned - self.cases) // GROUP
        return groups + groups // PER_CYCLE

    def registered(self, case: int) -> int:
        """Return when a case was registered; later cases are registered later."""
        group, place = self._group(case)
        return self._begin(group) + (place + 1) * self._spacing(group)

    def batch_of(self, case: int) -> int:
        """Return the batch that created a case and its invoices."""
        group = self._group(case)[0]
        return group + group // PER_CYCLE

    def cases_of(self, batch: int) -> range:
        """Return the cases that a batch created; none if it is one of those without invoices."""
        cycle, place = divmod(batch, PER_CYCLE + 1)
        if place == PER_CYCLE:
            return range(0)
        group = cycle * PER_CYCLE + place
        if group < self._planned_groups:
            return range(group * GROUP, min((group + 1) * GROUP, self._planned))
        first = self._planned + (group - self._planned_groups) * GROUP
        return range(first, min(first + GROUP, self.cases))

    def created(self, batch: int) -> int:
        """Return when a batch was created; later batches are created later."""
        cycle, place = divmod(batch, PER_CYCLE + 1)
        if place < PER_CYCLE:
            return self._begin(cycle * PER_CYCLE + place)
        group = cycle * PER_CYCLE + PER_CYCLE - 1
        return self._begin(group) + (GROUP + 1) * self._spacing(group)

    def finished(self, batch: int) -> int:
        """Return when a batch with invoices had created all its cases."""
        return self.registered(self.cases_of(batch)[-1]) + 1

    def settled(self, settlement: int) -> int:
        """Return when a settlement was made: at a midnight, later ones not earlier."""
        return (self.registered(case_of(payment_of(settlement)[0])) + PAID_AFTER) // DAY * DAY

    def _group(self, case: int) -> tuple[int, int]:
        if case < self._planned:
            return divmod(case, GROUP)
        group, place = divmod(case - self._planned, GROUP)
        return self._planned_groups + group, place

    def _reckon_begin(self, group: int) -> int:
        if group < self._planned_groups:
            return START + group * self._step + mix(self.key + group) % max(self._step // 4, 1)
        return END + (group - self._planned_groups) * INSERTED_EVERY

    def _spacing(self, group: int) -> int:
        """Return the milliseconds between the cases of a batch: at most half of the time to the next batch in all."""
        return min(1_733, self._step // 20) if group < self._planned_groups else 1_733
