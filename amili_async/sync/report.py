"""What a run has done, and what the target holds after it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from amili_async.sync.ledger import Owed  # noqa: TC001  # msgspec reads the annotations of a report
from amili_async.sync.windows import Window

if TYPE_CHECKING:
    from amili_async.sync.ledger import Entry

__all__ = ["Difference", "Failure", "Figures", "Report", "Verification"]


class Failure(msgspec.Struct, frozen=True):
    """Something that could not be read: a window, or (`window` None) a stream of an organization.

    `status` is the HTTP status of the answer, if there was one.
    """

    stream: str
    organization: str
    window: Window | None
    reason: str
    status: int | None = None


class Difference(msgspec.Struct, frozen=True):
    """The server counts another number of rows than the ledger holds.

    `missing` rows are in no window, because they have no date that the list is filtered by, or came late into a time that was
    read before; a negative number of rows are in the target and not, or no longer, in the list.
    """

    stream: str
    organization: str
    expected: int
    held: int

    @property
    def missing(self) -> int:
        """Rows that are in no window."""
        return self.expected - self.held


@dataclass(slots=True, kw_only=True)
class Figures:
    """Figures of one stream over all organizations; those of the run move while it runs.

    Attributes:
        stream: its name.
        windows: windows that this run has put into the target.
        rows: their rows.
        read: rows that came for them, those included that belong to a neighbour.
        pages: pages of all lists that were read.
        bytes: bytes of the rows that came.
        requests: answers to its list, planning included.
        retries: requests that had to be repeated.
        drift: pages that took the slower way because they were not as documented, and contradictions of the lists.
        verified: windows whose rows came to the number that the server promised.
        unverified: windows whose rows did not.
        unverifiable: windows for which it promised none.
        cut_off: windows whose list was longer than the server gives.
        kept: windows that were read again without coming to the number promised; their earlier reading was kept.
        failed: windows that failed.
        left: windows that wait in the ledger, planned, failed or stale.
        held_windows: windows in the target, of all runs.
        held_rows: rows in the target, of all runs.
    """

    stream: str
    windows: int = 0
    rows: int = 0
    read: int = 0
    pages: int = 0
    bytes: int = 0
    requests: int = 0
    retries: int = 0
    drift: int = 0
    verified: int = 0
    unverified: int = 0
    unverifiable: int = 0
    cut_off: int = 0
    kept: int = 0
    failed: int = 0
    left: int = 0
    held_windows: int = 0
    held_rows: int = 0

    def add(self, entry: Entry) -> None:
        """Add a window that was put into the target."""
        self.windows += 1
        self.rows += entry.rows
        self.read += entry.read
        self.drift += entry.drift
        self.cut_off += entry.cut_off
        self.verified += entry.verified is True
        self.unverified += entry.verified is False
        self.unverifiable += entry.verified is None


@dataclass(slots=True, kw_only=True)
class Report:
    """What a run has done. It moves while the run lasts.

    Attributes:
        streams: figures by stream.
        failures: what could not be read.
        differences: lists of which the server counts another number of rows than the ledger holds.
        owed: what remains, by status and currency, over all of the ledger.
        unread: rows whose amount is not in `owed`, because it cannot be read or added exactly.
        interrupted: whether it was stopped before its end.
        elapsed: seconds.
        waited: seconds between a request that failed and its repetition, added up over all requests.
    """

    streams: dict[str, Figures]
    failures: list[Failure] = field(default_factory=list[Failure])
    differences: list[Difference] = field(default_factory=list[Difference])
    owed: tuple[Owed, ...] = ()
    unread: int = 0
    interrupted: bool = False
    elapsed: float = 0.0
    waited: float = 0.0

    def _sum(self, name: str) -> int:
        return sum(getattr(figures, name) for figures in self.streams.values())

    @property
    def rows(self) -> int:
        """Rows that the run has put into the target."""
        return self._sum("rows")

    @property
    def windows(self) -> int:
        """Windows that the run has put into the target."""
        return self._sum("windows")

    @property
    def read(self) -> int:
        """Rows that came over the wire for them."""
        return self._sum("read")

    @property
    def verified(self) -> int:
        """Windows whose rows came to the number that the server promised."""
        return self._sum("verified")

    @property
    def unverified(self) -> int:
        """Windows whose rows did not."""
        return self._sum("unverified")

    @property
    def unverifiable(self) -> int:
        """Windows for which the server promises no number."""
        return self._sum("unverifiable")

    @property
    def drift(self) -> int:
        """Pages that were not as documented, and contradictions of the lists."""
        return self._sum("drift")

    @property
    def cut_off(self) -> int:
        """Windows whose list was longer than the server gives."""
        return self._sum("cut_off")

    @property
    def retries(self) -> int:
        """Requests that had to be repeated."""
        return self._sum("retries")

    @property
    def left(self) -> int:
        """Windows that wait in the ledger; another run reads them."""
        return self._sum("left")

    @property
    def complete(self) -> bool:
        """Tell whether the target holds all that was asked for, as far as the ledger goes. If not, run again to go on."""
        return not self.interrupted and not self.failures and not self.left


@dataclass(slots=True, kw_only=True)
class Verification:
    """What a comparison of the target with its ledger has found.

    Attributes:
        windows: windows compared.
        rows: rows that the ledger tells of in them.
        missing: rows that the ledger tells of and the target does not hold.
        foreign: rows that the target holds and the ledger does not tell of.
        doubled: rows that are there more than once, in one window or in several.
        damaged: windows in which that was found. They are `stale` now: the next run mends them.
    """

    windows: int = 0
    rows: int = 0
    missing: int = 0
    foreign: int = 0
    doubled: int = 0
    damaged: tuple[Window, ...] = ()

    @property
    def sound(self) -> bool:
        """Tell whether nothing was found."""
        return not self.damaged
