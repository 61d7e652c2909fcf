"""Whether the windows of a list hold all that the server counts: rows without a date are in none of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from amili_async.sync.asking import side_of
from amili_async.sync.gaps import begin_of, gaps
from amili_async.sync.report import Difference

if TYPE_CHECKING:
    from collections.abc import Sequence

    from amili_async.client import AmiliClient
    from amili_async.sync.ledger import Entry
    from amili_async.sync.planner import Planner
    from amili_async.sync.streams import Stream
    from amili_async.sync.windows import Window

__all__ = ["compare"]


async def compare(
    amili: AmiliClient, planner: Planner, stream: Stream, whole: Window, entries: Sequence[Entry]
) -> Difference | None:
    """Compare the rows that the server counts with those of the windows.

    Args:
        amili: client to ask with.
        planner: what asks.
        stream: which list.
        whole: the list as a whole.
        entries: its windows in the ledger.

    Returns:
        The difference; None if there is none, or if it cannot be told: the server does not count, or a window is missing.

    Raises:
        AmiliError: there is no answer.
    """
    spans = [(entry.window.start, entry.window.end) for entry in entries if entry.window.end is not None and entry.present]
    if stream.period is None or not spans or len(spans) < len(entries):
        return None
    start = min((begin for begin, _ in spans), key=begin_of)
    end = max(stop for _, stop in spans)
    if gaps((start, end), spans):
        return None
    lists = [side_of(amili, stream, whole), side_of(amili, stream, whole, start=end)]
    if start is not None:
        lists.append(side_of(amili, stream, whole, end=start))
    total, *sides = [size.rows for size in await planner.sizes(stream, lists)]
    if total is None:
        return None
    held = sum(entry.rows for entry in entries)
    # A side that holds all there is, beside windows that hold something, was not understood as one.
    outside = sum(count for count in sides if count is not None and not (held and count >= total))
    # Rows on the bounds may be counted outside and held all the same, so the windows may hold more; but not more than there is.
    expected = total - outside
    if held < expected:
        return Difference(whole.stream, whole.organization, expected, held)
    return Difference(whole.stream, whole.organization, total, held) if held > total else None
