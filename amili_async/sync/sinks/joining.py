"""Which neighbouring windows are put together into one. Pure: nothing here touches a file."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from amili_async.sync.amounts import Amounts
from amili_async.sync.ledger import LATE, Entry

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = ["groups", "joined"]

MOST_CLOSED = 1_000_000
"""Rows of a joined window none of which can change any more."""
MOST_OPEN = 100_000
"""Rows of a joined window with some that can: `refresh` reads all of it again."""


def groups(entries: Iterable[Entry], now: datetime) -> Iterator[list[Entry]]:
    """Yield windows that can be put together: of one list and one month of creation, side by side, and not too many rows.

    Those that the next run reads again are left out: it could no longer tell which they were.
    """
    fit = (entry for entry in entries if entry.state == "done" and entry.window.start is not None and not entry.early(now))
    for _, alike in groupby(sorted(fit, key=lambda entry: (*_list(entry), _start(entry))), key=_list):
        run: list[Entry] = []
        for entry in alike:
            if run and not _fits(run, entry):
                yield from [run] * (len(run) > 1)
                run = []
            run.append(entry)
        yield from [run] * (len(run) > 1)


def _list(entry: Entry) -> tuple[Any, ...]:
    window = entry.window
    return window.stream, window.organization, window.filters, entry.parts, _start(entry).strftime("%Y-%m")


def _start(entry: Entry) -> datetime:
    start = entry.window.start
    assert start is not None  # noqa: S101  # `groups` takes no other
    return start.astimezone(UTC)


def _fits(run: Sequence[Entry], entry: Entry) -> bool:
    whole = [*run, entry]
    most = MOST_OPEN if any(one.open for one in whole) else MOST_CLOSED
    return run[-1].window.end == entry.window.start and sum(one.rows for one in whole) <= most


def _read_at(run: Sequence[Entry], end: datetime | None) -> datetime | None:
    """Return when windows side by side count as read: like the first, but not before the end of the last, which was over then.

    Whether they are settled stays as it is, if all are or one is not.
    """
    times = [entry.read_at for entry in run if entry.read_at is not None]
    if len(times) < len(run) or end is None:
        return None
    return max(min(times), end + LATE if all(entry.settled for entry in run) else end)


def joined(run: Sequence[Entry]) -> Entry:
    """Return the entry of the window that windows side by side make; without files."""
    owed = Amounts()
    for entry in run:
        owed.merge(entry.owed)
    window = replace(run[0].window, end=run[-1].window.end)
    verified = {entry.verified for entry in run}
    totals = [entry.total for entry in run]
    return Entry(
        window=window,
        state="done",
        rows=sum(entry.rows for entry in run),
        read=sum(entry.read for entry in run),
        total=None if None in totals else sum(total for total in totals if total is not None),
        verified=False if False in verified else None if None in verified else True,
        open=sum(entry.open for entry in run),
        read_at=_read_at(run, window.end),
        pages=sum(entry.pages for entry in run),
        bytes=sum(entry.bytes for entry in run),
        drift=sum(entry.drift for entry in run),
        cut_off=any(entry.cut_off for entry in run),
        owed=tuple(owed),
        unread=sum(entry.unread for entry in run),
        parts=run[0].parts,
    )
