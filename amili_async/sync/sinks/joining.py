"""Which neighbouring windows are put together into one. Pure: nothing here touches a file."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from amili_async.sync.amounts import Amounts
from amili_async.sync.ledger import Entry

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = ["groups", "joined"]

MOST_CLOSED = 1_000_000
"""Rows of a joined window none of which can change any more."""
MOST_OPEN = 100_000
"""Rows of a joined window with some that can: `refresh` reads all of it again."""


def groups(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    """Yield windows that can be put together: of one list and one month of creation, side by side, and not too many rows."""
    done = (entry for entry in entries if entry.state == "done" and entry.window.start is not None)
    for _, alike in groupby(sorted(done, key=lambda entry: (*_list(entry), _start(entry))), key=_list):
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


def joined(run: Sequence[Entry]) -> Entry:
    """Return the entry of the window that windows side by side make; without files."""
    owed = Amounts()
    for entry in run:
        owed.merge(entry.owed)
    verified = {entry.verified for entry in run}
    totals = [entry.total for entry in run]
    return Entry(
        window=replace(run[0].window, end=run[-1].window.end),
        state="done",
        rows=sum(entry.rows for entry in run),
        read=sum(entry.read for entry in run),
        total=None if None in totals else sum(total for total in totals if total is not None),
        verified=False if False in verified else None if None in verified else True,
        open=sum(entry.open for entry in run),
        read_at=min((entry.read_at for entry in run if entry.read_at), default=None),
        pages=sum(entry.pages for entry in run),
        bytes=sum(entry.bytes for entry in run),
        drift=sum(entry.drift for entry in run),
        cut_off=any(entry.cut_off for entry in run),
        owed=tuple(owed),
        unread=sum(entry.unread for entry in run),
        parts=run[0].parts,
    )
