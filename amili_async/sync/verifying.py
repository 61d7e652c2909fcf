"""Whether the target still holds what its ledger tells of."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from anyio.to_thread import run_sync
from msgspec.structs import replace

from amili_async.errors import SinkError
from amili_async.sync.keys import IN_MEMORY, KeySet, marks
from amili_async.sync.ledger import DIGEST, digest
from amili_async.sync.report import Verification

if TYPE_CHECKING:
    from collections.abc import Sequence

    from amili_async.sync.books import Books
    from amili_async.sync.ledger import Entry

__all__ = ["verify"]


async def verify(books: Books, before: Sequence[Entry]) -> Verification:
    """Compare the keys that the target holds with the fingerprints in the ledger, window by window.

    Windows in which something is missing, foreign or there twice become `stale`; those whose files are gone, or not as they were
    left, have become `planned` as soon as the target was opened. Tables of parts are not compared: they come with their rows.

    Args:
        books: the ledger, open.
        before: windows in the target, as the ledger told before it was opened.

    Raises:
        SinkError: the target cannot be read.
    """
    found = Verification()
    for stream, organization in sorted({entry.key[:2] for entry in before}):
        seen = KeySet()
        try:
            for entry in books.of(stream, organization):
                if entry.present:
                    held = await books.keys(entry)
                    expected = await books.digests(entry)
                    try:
                        sound = await run_sync(partial(_compare, held, expected, seen, found))
                    except OSError as error:
                        raise SinkError(f"the keys cannot be compared ({error.strerror}); make room and run again") from error
                    if not sound:
                        found.damaged += (entry.window,)
                        await books.put([_stale(entry)])
        finally:
            seen.close()
    for entry in before:
        now = books.entry(entry.window)
        if now is None or not now.present:
            found.windows += 1
            found.rows += entry.rows
            found.missing += entry.rows
            found.damaged += (entry.window,)
    return found


def _stale(entry: Entry) -> Entry:
    return replace(entry, state="stale", verified=False, failure="the target does not hold the rows that the ledger tells of")


def _compare(held: Sequence[str], expected: bytes, seen: KeySet, found: Verification) -> bool:
    """Compare the keys of a window, and tell whether all is well. Of many some at a time."""
    missing = foreign = doubled = 0
    rounds = max(len(held), len(expected) // DIGEST) // IN_MEMORY + 1
    for part in range(rounds):
        there = [mark for mark in map(digest, held) if mark[-1] % rounds == part]
        own, told = set(there), {mark for mark in marks(expected) if mark[-1] % rounds == part}
        doubled += len(there) - len(own) + sum(not seen.add(mark) for mark in own)
        missing += len(told - own)
        foreign += len(own - told)
        found.rows += len(told)
    found.windows += 1
    found.missing += missing
    found.foreign += foreign
    found.doubled += doubled
    return not (missing or foreign or doubled)
