"""The streams: which lists can be synced, how they are cut into windows, and what tells their rows apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from amili_async.arm import operations as arm
from amili_async.collection import operations as collection
from amili_async.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from amili_async.operation import Operation

__all__ = ["ARM_STREAMS", "STREAMS", "Stream", "stream_named", "streams_named"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """A list that can be synced.

    Attributes:
        name: its name, which its table or folder has too.
        operation: the list.
        key: member of a row that tells it apart, on the wire.
        period: query names of the start and the end of a span; None: the list cannot be cut.
        daily: whether the span is one of days, sent as dates.
        counted: whether the answer tells how many rows the list has.
        closed: member that is set once a row changes no more; None: that cannot be seen.
        final: whether rows never change.
        amount: member that is summed up by status; None: there is none.
        parts: members of a row that can get a table of their own.
    """

    name: str
    operation: Operation[Any]
    key: str
    period: tuple[str, str] | None = None
    daily: bool = False
    counted: bool = False
    closed: str | None = None
    final: bool = False
    amount: str | None = None
    parts: tuple[str, ...] = ()

    @property
    def of_arm(self) -> bool:
        """Tell whether it belongs to an ARM client, not to an organization."""
        return self.operation.api == "arm"

    def parts_of(self, wanted: Iterable[str]) -> tuple[str, ...]:
        """Return those of some parts that its rows have, in its own order."""
        chosen = {*wanted}
        return tuple(part for part in self.parts if part in chosen)


STREAMS: dict[str, Stream] = {
    stream.name: stream
    for stream in (
        Stream(
            name="cases",
            operation=collection.CASES_LIST,
            key="caseId",
            period=("FromCreatedAt", "ToCreatedAt"),
            counted=True,
            closed="closedAt",
            amount="remainingAmount",
            parts=("invoices", "debtors", "claims"),
        ),
        Stream(name="batches", operation=collection.BATCHES_LIST, key="batchId", parts=("succeeded",)),
        Stream(name="invoices", operation=collection.INVOICES_LIST, key="id", period=("From", "To"), closed="closureDate"),
        Stream(
            name="settlements",
            operation=collection.SETTLEMENTS_LIST,
            key="id",
            period=("fromDate", "toDate"),
            daily=True,
            final=True,
        ),
        Stream(name="customers", operation=arm.CUSTOMERS_LIST, key="customerNo", counted=True),
        Stream(name="ar_items", operation=arm.AR_ITEMS_LIST, key="arItemId", counted=True),
        Stream(name="documents", operation=arm.DOCUMENTS_LIST, key="documentNo", counted=True, parts=("documentLines",)),
        Stream(name="gl_items", operation=arm.GL_ITEMS_LIST, key="glItemId", counted=True),
    )
}
"""All streams by name: those of organizations first, then those of ARM clients."""

ARM_STREAMS = tuple(name for name, stream in STREAMS.items() if stream.of_arm)


def stream_named(name: str) -> Stream:
    """Return a stream.

    Raises:
        ConfigError: there is none of that name.
    """
    if name not in STREAMS:
        raise ConfigError(f"there is no stream {name!r}, only {', '.join(STREAMS)}")
    return STREAMS[name]


def streams_named(names: Iterable[str]) -> tuple[Stream, ...]:
    """Return streams, each once, in the order given."""
    return tuple(stream_named(name) for name in dict.fromkeys(names))
