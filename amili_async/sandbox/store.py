"""What was written to an organization: the records that the computed data does not have, kept in the order of writing."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from decimal import Decimal

__all__ = ["ADDED", "CaseChange", "Lessened", "Store", "WrittenBatch", "WrittenInvoice", "WrittenSettlement"]

ADDED = 1 << 36
"""Written rows are numbered from here, behind all computed ones, so that a page token means the same before and after a write."""


@dataclass(frozen=True, slots=True)
class WrittenInvoice:
    """An accepted invoice. It opens a case of its own, which has the same number.

    Attributes:
        number: among the invoices, and of its case among the cases.
        batch: number of the batch that brought it.
        type: as handed in.
        invoice_number: as handed in.
        original: amount, with the digits that it was handed in with.
        currency: of the amount.
        invoice_date: in milliseconds since 1970.
        due_date: in milliseconds since 1970.
        source_id: id in the system it comes from.
        description: as handed in.
        debtor: what was told about the debtor.
        registered: in milliseconds since 1970.
    """

    number: int
    batch: int
    type: str
    invoice_number: str
    original: int | Decimal
    currency: str
    invoice_date: int
    due_date: int
    source_id: str | None
    description: str | None
    debtor: dict[str, str]
    registered: int


@dataclass(frozen=True, slots=True)
class WrittenSettlement:
    """What an accepted payment leads to.

    Attributes:
        number: among the settlements.
        invoice: number of the invoice that was paid.
        case: number of its case.
        type: of the payment, as handed in.
        amount: with the digits that it was handed in with.
        currency: of the amount.
        settled: in milliseconds since 1970.
    """

    number: int
    invoice: int
    case: int
    type: str
    amount: int | Decimal
    currency: str
    settled: int


@dataclass(slots=True)
class WrittenBatch:
    """A write and what became of it.

    Attributes:
        number: among the batches.
        operation: name of the operation that made it.
        type: of the batch.
        key: idempotency key that came with it.
        created: in milliseconds since 1970.
        due: when it ends, in seconds of the monotonic clock.
        items: what waits for its turn; empty once the batch has ended.
        outcome: what `succeeded` will hold, if that is known from the start.
        status: QUEUED until it has ended.
        finished: in milliseconds since 1970.
        succeeded: items that were accepted, as they are shown.
        failed: items that were refused, as they are shown.
    """

    number: int
    operation: str
    type: str
    key: str | None
    created: int
    due: float
    items: tuple[dict[str, Any], ...] = ()
    outcome: tuple[dict[str, Any], ...] = ()
    status: str = "QUEUED"
    finished: int | None = None
    succeeded: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    failed: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])


@dataclass(slots=True)
class Lessened:
    """By how much payments and corrections have lessened what remains of an invoice, and when nothing remained."""

    paid: int | Decimal = 0
    credited: int | Decimal = 0
    closed: int | None = None


@dataclass(slots=True)
class CaseChange:
    """State of a case that something was written to; the rest of the case is as it was.

    Attributes:
        status: OPEN or PAUSED, the documented values.
        sub_status: None if it has none.
        eviction: how far its eviction has come; None if none was asked for.
        withdrawn: when it was taken back, in milliseconds since 1970.
        closed: when nothing remained of it, in milliseconds since 1970.
        history: what was done to it, and when.
    """

    status: str
    sub_status: str | None
    eviction: str | None
    withdrawn: int | None = None
    closed: int | None = None
    history: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])


class Store:
    """All that was written to one organization.

    Attributes:
        version: another number after every change; 0 if nothing was ever written.
        invoices: accepted ones; the place of each is its number less `ADDED`, as it is in the other lists.
        settlements: made of accepted payments.
        batches: one per write that has one.
        lessened: by number of the invoice, computed or written.
        cases: those that differ from what was computed or created, by number.
        sources: ids of the source system that accepted invoices have.
        payments: numbers of the settlements of an invoice, by its number.
        keys: digest of the request, and its batch if it has one, by idempotency key.
        size: how many items and requests were written.
    """

    def __init__(self) -> None:
        self.version = 0
        self.invoices: list[WrittenInvoice] = []
        self.settlements: list[WrittenSettlement] = []
        self.batches: list[WrittenBatch] = []
        self.lessened: dict[int, Lessened] = {}
        self.cases: dict[int, CaseChange] = {}
        self.sources: set[str] = set()
        self.payments: dict[int, list[int]] = {}
        self.keys: dict[str, tuple[bytes, WrittenBatch | None]] = {}
        self.size = 0
        self._latest = 0

    def tick(self) -> int:
        """Return the time in milliseconds since 1970; later each time, so that the order of writing is the order of times."""
        self._latest = max(self._latest + 1, time.time_ns() // 1_000_000)
        return self._latest
