"""What the driver does: it cuts the time to read into windows, and deals them out to partitions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import anyio

from amili_async.sync.gaps import begin_of
from amili_async.sync.pace import Pace
from amili_async.sync.planner import Planner, lone

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from amili_async.client import AmiliClient
    from amili_async.spark.options import Options
    from amili_async.sync.gaps import Span
    from amili_async.sync.windows import Window

__all__ = ["Piece", "Share", "asking", "dealt", "now", "plan"]


@dataclass(frozen=True, slots=True)
class Piece:
    """A window, and whether another one ends where it starts: rows on that bound belong to the other."""

    window: Window
    follows: bool


@dataclass(frozen=True, slots=True)
class Share:
    """What one partition reads, and how many requests a second it may make."""

    pieces: tuple[Piece, ...]
    rate: float | None


def now() -> datetime:
    """Return the present."""
    return datetime.now(UTC)


def plan(options: Options, span: Span, origin: datetime | None) -> list[Share]:
    """Cut a span of all lists into windows, and deal them out. Blocks; it needs a thread without a running event loop.

    Args:
        options: what to read. The `order` of the options has the filters.
        span: what time of it.
        origin: where the time to read begins that the span is a part of: nothing has been read before it.

    Raises:
        AmiliError: a list cannot be asked. A list that is left out would be missed by nobody, so one stops all.
    """
    order = options.order
    found: list[tuple[Window, int | None]] = []
    if begin_of(span[0]) >= span[1]:
        return []

    def add(window: Window, count: int | None) -> None:
        found.append((window, count))

    async def cut(_: AmiliClient, planner: Planner) -> None:
        async with anyio.create_task_group() as group:
            for whole in order.lists:
                group.start_soon(planner.plan, options.kind, whole, span, (), add)

    asking(options, cut)
    pieces = {Piece(window, window.start not in {None, origin}): count for window, count in found}
    shares = dealt(pieces, options.maxpartitions, options.maxrows)
    at_once = min(len(shares), options.concurrency or len(shares))
    return [Share(share, options.rate and options.rate / at_once) for share in shares]


def asking(options: Options, ask: Callable[[AmiliClient, Planner], Awaitable[None]]) -> None:
    """Call something with a client and a planner, in an event loop of its own.

    Raises:
        AmiliError: there is no answer.
    """

    async def run() -> None:
        order = options.order
        async with options.client(options.rate) as amili:
            pace = Pace(order.concurrency, amili.clock)
            await ask(amili, Planner(amili, pace, order.max_rows, order.concurrency))

    try:
        anyio.run(run)
    except BaseExceptionGroup as errors:
        raise lone(errors) from None


def dealt(pieces: dict[Piece, int | None], most: int | None, unknown: int) -> list[tuple[Piece, ...]]:
    """Deal windows out to partitions that get about as many rows each.

    Args:
        pieces: windows, and how many rows each has if that is known.
        most: how many partitions there may be; None: as many as windows.
        unknown: rows that a window is thought to have where that is not known.
    """
    shares: list[list[Piece]] = [[] for _ in range(min(len(pieces), most or len(pieces)))]
    rows = [0] * len(shares)
    for piece in sorted(pieces, key=lambda piece: (-_weight(pieces[piece], unknown), str(piece.window))):
        least = rows.index(min(rows))
        shares[least].append(piece)
        rows[least] += _weight(pieces[piece], unknown)
    return [tuple(sorted(share, key=_place)) for share in shares]


def _weight(count: int | None, unknown: int) -> int:
    return 1 + (unknown if count is None else count)


def _place(piece: Piece) -> tuple[Sequence[str], datetime]:
    return piece.window.key[:2], begin_of(piece.window.start)
