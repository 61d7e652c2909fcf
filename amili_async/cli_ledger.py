"""The picture of a ledger: its windows on a time line, by state, and the figures beside it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from amili_async.cli_output import plain_table
from amili_async.sync.gaps import begin_of
from amili_async.sync.streams import STREAMS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from rich.console import RenderableType

    from amili_async.sync.ledger import Entry

__all__ = ["ledger_picture", "ledger_table", "time_line"]

WIDTH, NARROWEST = 60, 20
"""Cells of a time line, at most and at least."""
WIDE = 125
"""Columns that names of owners need to be shown in full."""
MOST = 5
"""Failures that are shown."""

_LOOKS: dict[str, tuple[str, str, str]] = {
    "verified": ("█", "#", "green"),
    "done": ("▓", "=", "cyan"),
    "unverified": ("▒", "?", "yellow"),
    "stale": ("░", "~", "blue"),
    "planned": ("·", ".", "dim"),
    "failed": ("!", "x", "red"),
    "nothing": (" ", " ", ""),
}
"""How a state looks: its sign, the sign where there is only ASCII, its colour. From best to worst: a cell shows the worst."""

_MEANINGS = {
    "verified": "read, count confirmed",
    "done": "read, the server gives no count",
    "unverified": "read, count differs",
    "stale": "to be read again",
    "planned": "to be read",
    "failed": "failed",
    "nothing": "blank: not planned yet",
}


def look_of(entry: Entry) -> str:
    """Return how an entry is shown."""
    if entry.state == "done":
        return {True: "verified", None: "done", False: "unverified"}[entry.verified]
    return "planned" if entry.state == "committing" else entry.state


def time_line(entries: Iterable[Entry], start: datetime, end: datetime, width: int = WIDTH) -> list[str]:
    """Return for each cell of a time line the worst state of the windows in it, `nothing` where there is none.

    Args:
        entries: windows of one stream and organization.
        start: moment at the left end; windows from the beginning start here.
        end: moment at the right end.
        width: number of cells.
    """
    order = list(_LOOKS)
    cells = ["nothing"] * width
    length = (end - start) / width
    for entry in entries:
        window, look = entry.window, look_of(entry)
        first = 0 if window.start is None else int((window.start - start) / length)
        last = width if window.end is None else -int((start - window.end) / length)  # rounded up
        for cell in range(max(first, 0), min(max(last, first + 1), width)):
            if cells[cell] == "nothing" or order.index(look) > order.index(cells[cell]):
                cells[cell] = look
    return cells


def ledger_picture(entries: Sequence[Entry], *, width: int = 250, ascii_only: bool = False) -> Iterator[RenderableType]:
    """Yield the picture of a ledger, its legend, the figures, and why windows failed.

    Args:
        entries: all of the ledger.
        width: columns of the terminal.
        ascii_only: whether the terminal knows ASCII only.
    """
    start, end = _span(entries)
    names = _names(entries, width)
    cells = max(NARROWEST, min(WIDTH, width - max(map(len, names.values())) - max(len(entry.key[0]) for entry in entries) - 2))
    picture = Table.grid(padding=(0, 1))
    shown: set[str] = set()
    for (stream, organization), group in _groups(entries):
        line = Text()
        for look in time_line(group, start, end, cells):
            sign, plain, style = _LOOKS[look]
            line.append(plain if ascii_only else sign, style)
            shown.add(look)
        picture.add_row(stream, names[organization], line)
    picture.add_row("", "", Text(f"{start:%Y-%m-%d}{f'{end:%Y-%m-%d}':>{cells - 10}}", "dim"))
    yield picture
    legend = Text()
    for look, meaning in _MEANINGS.items():
        if look in shown:
            sign, plain, style = _LOOKS[look]
            legend.append(plain if ascii_only else sign, style).append(f" {meaning}   ")
    yield legend
    yield ""
    yield ledger_table(entries, names, narrow=width < WIDE)
    failed = [entry for entry in entries if entry.failure and entry.state in {"failed", "stale"}]
    if failed:
        yield ""
    for entry in failed[:MOST]:
        yield Text(f"{entry.window}: {entry.failure}")
    if len(failed) > MOST:
        yield Text(f"and {len(failed) - MOST:,} more; --json shows all")


def _names(entries: Iterable[Entry], width: int) -> dict[str, str]:
    """Return how owners are called: by the begin of their ids where there is little room, if that tells them apart."""
    owners = {entry.window.organization for entry in entries}
    short = {owner: f"{owner[:8]}.." if len(owner) > 10 else owner for owner in owners}
    return short if width < WIDE and len(set(short.values())) == len(owners) else {owner: owner for owner in owners}


def ledger_table(entries: Sequence[Entry], names: Mapping[str, str], *, narrow: bool = False) -> Table:
    """Return the figures of a ledger by stream and owner; where there is little room, with fewer columns."""
    left = () if narrow else (">to read", ">failed")
    table = plain_table("stream", "owner", ">windows", ">rows", ">verified", *left, "read (UTC)")
    for (stream, organization), group in _groups(entries):
        found = list(group)
        done = [entry for entry in found if entry.present]
        counted = any(entry.verified is not None for entry in done) or not done
        waiting = sum(entry.state in {"planned", "committing", "stale"} for entry in found)
        failed = sum(entry.state == "failed" for entry in found)
        whole = len(found) - waiting - failed
        table.add_row(
            stream,
            names[organization],
            f"{whole:,} of {len(found):,}" if narrow and whole < len(found) else f"{len(found):,}",
            f"{sum(entry.rows for entry in done):,}",
            f"{sum(entry.verified is True for entry in done):,}" if counted else "no count",
            *(() if narrow else (f"{waiting:,}", f"{failed:,}")),
            _covered(done, narrow=narrow),
        )
    return table


def _covered(entries: Sequence[Entry], *, narrow: bool = False) -> str:
    """Say which time the windows in a target cover."""
    spans = sorted((begin_of(entry.window.start), entry.window.end) for entry in entries if entry.window.end is not None)
    if not spans:
        return "as a whole" if entries else ""
    (start, end), broken = spans[0], False
    for begin, stop in spans[1:]:
        broken = broken or begin > end
        end = end if broken else max(end, stop)
    since = "up to" if start == begin_of(None) else f"{start:%Y-%m-%d} to"
    if narrow:
        return f"{since} {end:%Y-%m-%d}" + (" .." if broken else "")
    return f"{since} {end:%Y-%m-%d %H:%M}" + (", then with gaps" if broken else "")


def _groups(entries: Iterable[Entry]) -> Iterator[tuple[tuple[str, str], Iterator[Entry]]]:
    streams = list(STREAMS)

    def order(entry: Entry) -> tuple[int, str, str]:
        window = entry.window
        return streams.index(window.stream) if window.stream in STREAMS else len(streams), window.stream, window.organization

    for (_, stream, organization), group in groupby(sorted(entries, key=order), key=order):
        yield (stream, organization), group


def _span(entries: Iterable[Entry]) -> tuple[datetime, datetime]:
    """Return the ends of the time line: those of the windows, without the time before the first rows."""
    spans = [(entry.window.start, entry.window.end, entry.rows) for entry in entries if entry.window.end is not None]
    if not spans:
        now = datetime.now(UTC)
        return now - timedelta(days=1), now
    ends = [end for _, end, _ in spans if end]
    begins = [start for start, _, rows in spans if start and rows] or [start for start, _, _ in spans if start]
    return min(begins, default=max(ends) - timedelta(days=365)), max(ends)
