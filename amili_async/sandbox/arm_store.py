"""What was written to one ARM client: customers, documents, entries, files and batches, kept in the order of writing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from amili_async.sandbox.store import Lessened

if TYPE_CHECKING:
    from decimal import Decimal

    from amili_async.sandbox.dataset import Row

__all__ = ["ArmStore", "WrittenBatch", "WrittenDocument", "WrittenFile"]


@dataclass(frozen=True, slots=True)
class WrittenDocument:
    """A document that was handed in, or made as a credit note.

    Attributes:
        customer: number of the customer.
        shown: the document as it was handed in.
        incl: its total with VAT, with the digits that it was handed in with.
        bundle: number of the bundle that it came in; None if it came alone.
    """

    customer: int
    shown: Row
    incl: int | Decimal
    bundle: int | None


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """A file that was uploaded or made."""

    name: str
    media_type: str
    contents: bytes
    created: str


@dataclass(slots=True)
class WrittenBatch:
    """A batch and how far it has come.

    Attributes:
        operation: name of the operation that handed it in.
        items: what was handed in; let go once all of it was treated.
        begun: when it came, in seconds of the monotonic clock.
        due: when it ends, in seconds of the monotonic clock.
        count: how many items were handed in.
        bundle: number of the bundle that its documents are in; None if it holds none.
        results: outcomes of the items that were treated so far.
    """

    operation: str
    items: list[Any]
    begun: float
    due: float
    count: int
    bundle: int | None
    results: list[Row] = field(default_factory=list["Row"])


@dataclass(slots=True)
class ArmStore:
    """All that was written to one client.

    Attributes:
        version: another number after every change; 0 if nothing was ever written.
        customers: rows of the customers that were created or changed, by number.
        numbers: numbers of the created customers, by customerNo without regard to case.
        created: how many customers were created.
        deleted: numbers of customers that are gone.
        documents: those that were handed in, in order.
        document_numbers: their numbers, by documentNo without regard to case.
        documents_of: their numbers, by number of the customer.
        bundles: numbers of the documents of each batch of documents.
        items: fields of AR items that were changed, by number.
        lessened: by how much payments and credits have lessened what remains of AR items, by number.
        entries: in the general ledger.
        moved: their sums, by month (12 times the year, plus the month from 0) and account.
        log: what happened.
        files: in the order of writing.
        batches: in the order of writing.
        payments: ids of reserved payments.
        size: how many items and requests were written.
    """

    version: int = 0
    customers: dict[int, Row] = field(default_factory=dict[int, "Row"])
    numbers: dict[str, int] = field(default_factory=dict[str, int])
    created: int = 0
    deleted: set[int] = field(default_factory=set[int])
    documents: list[WrittenDocument] = field(default_factory=list[WrittenDocument])
    document_numbers: dict[str, int] = field(default_factory=dict[str, int])
    documents_of: dict[int, list[int]] = field(default_factory=dict[int, list[int]])
    bundles: list[list[int]] = field(default_factory=list[list[int]])
    items: dict[int, Row] = field(default_factory=dict[int, "Row"])
    lessened: dict[int, Lessened] = field(default_factory=dict[int, Lessened])
    entries: list[Row] = field(default_factory=list["Row"])
    moved: dict[tuple[int, int], int | Decimal] = field(default_factory=dict[tuple[int, int], "int | Decimal"])
    log: list[Row] = field(default_factory=list["Row"])
    files: list[WrittenFile] = field(default_factory=list[WrittenFile])
    batches: list[WrittenBatch] = field(default_factory=list[WrittenBatch])
    payments: set[str] = field(default_factory=set[str])
    size: int = 0
