"""The rows of a window on their way into its spools: cleaned, told apart by their keys, counted, split into parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from amili_async.sync.amounts import Amounts
from amili_async.sync.keys import IN_MEMORY, KeySet
from amili_async.sync.ledger import Entry, digest
from amili_async.sync.lines import as_lines
from amili_async.sync.parts import Splitter
from amili_async.sync.probe import Look, probe_of
from amili_async.sync.rows import Rows, look_at

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from msgspec import Raw

    from amili_async.sync.redact import Redaction
    from amili_async.sync.sinks.base import Work

__all__ = ["Reading"]


class Reading:
    """One reading of a window, page by page. Methods block, `take` of light rows but for a moment; one thread at a time.

    Args:
        work: the window, with spools for its rows and for the parts asked for.
        parts: names of parts, on the wire; those that the stream does not have are passed over.
        redaction: what must not be kept.

    Attributes:
        pages: pages taken.
        bytes: bytes of their rows.
        total: rows that the server says the list has; None if it does not say.
        drift: times that the list contradicted itself.
        cut_off: whether the server's cap on the whole list was reached.
    """

    def __init__(self, work: Work, parts: Sequence[str] = (), redaction: Redaction | None = None) -> None:
        self.work = work
        self.pages = self.bytes = self.drift = 0
        self.total: int | None = None
        self.cut_off = False
        self._open = 0
        self._parts, self._redaction = parts, redaction
        self._keys, self._amounts, self._probe = KeySet(), Amounts(), probe_of(work.stream)
        self._splitter = Splitter(work.stream, parts)

    @property
    def rows(self) -> int:
        """How many different keys have come."""
        return self.work.rows.rows

    @property
    def verified(self) -> bool | None:
        """Tell whether all that the server promised has come; None if it promises nothing."""
        return False if self.cut_off else None if self.total is None else self.total == self.rows

    @property
    def entry(self) -> Entry:
        """What the ledger will say of it."""
        return Entry(
            window=self.work.window,
            state="done",
            rows=self.rows,
            read=self.rows,
            total=self.total,
            verified=self.verified,
            open=self._open,
            read_at=self.work.read_at,
            pages=self.pages,
            bytes=self.bytes,
            drift=self.drift,
            cut_off=self.cut_off,
            owed=tuple(self._amounts),
            unread=self._amounts.unread,
            parts=self.work.stream.parts_of(self._parts),
        )

    def is_light(self, rows: Rows | Iterable[Raw | bytes]) -> bool:
        """Tell whether rows are taken in sooner than another thread could be told to."""
        if not isinstance(rows, Rows) or self._redaction is not None or self._splitter.tables:
            return False
        return len(self._keys) + len(rows) <= IN_MEMORY

    def take(self, rows: Rows | Iterable[Raw | bytes]) -> None:
        """Take rows in. Of those with the same key the first is kept. They stay in memory until the work is flushed.

        Raises:
            DecodeError: a row cannot be looked through for what must not be kept.
            OSError: there is no room for them.
        """
        if isinstance(rows, Rows) and self._redaction is not None:
            rows = rows.lines[:-1].split(b"\n")
        if not isinstance(rows, Rows):
            found: Sequence[Raw | bytes] = tuple(rows)
            if self._redaction is not None:
                found = [self._redaction.apply(bytes(row)) for row in found]
            rows = look_at(found, self._probe)
        marks = [digest(look.key) for look in rows]
        new = [place for place, mark in enumerate(marks) if self._keys.add(mark)]
        looks: Sequence[Look] = rows
        lines = rows.lines
        if len(new) < len(rows):
            every = lines.split(b"\n")
            lines = as_lines(every[place] for place in new)
            looks, marks = [rows[place] for place in new], [marks[place] for place in new]
        if looks:
            self.work.digests += b"".join(marks)
            self._open += sum([look.open for look in looks])  # faster than a generator
            if self.work.stream.amount is not None:
                self._amounts.include([look.priced for look in looks])
            self.work.rows.append(lines, len(looks))
            self._split(looks, lines)

    def _split(self, looks: Sequence[Look], lines: bytes) -> None:
        splitter = self._splitter
        if not splitter.tables:
            return
        parts: list[list[bytes]] = [[] for _ in splitter.tables]
        for look, row in zip(looks, lines.split(b"\n"), strict=False):  # the text after the last line is none
            for table, found in zip(parts, splitter.split(look.key, row), strict=True):
                table.extend(found)
        for name, found in zip(splitter.tables, parts, strict=True):
            if found:
                self.work.spools[name].append(as_lines(found), len(found))

    def end(self) -> None:
        """Let go of what tells rows apart: no more come."""
        self._keys.close()

    def without(self, flags: bytearray, work: Work) -> tuple[Reading, Entry]:
        """Move into other work what is not flagged, and return that with what the ledger will say of it.

        Args:
            flags: one byte for each row; 1: leave it out.
            work: the same window, with empty spools.
        """
        rest = Reading(work, self._parts)
        place = 0
        try:
            for chunk in self.work.rows.chunks():
                lines = chunk[:-1].split(b"\n")
                rest.take(line for at, line in enumerate(lines, place) if not flags[at])
                rest.work.flush()
                place += len(lines)
        except BaseException:
            rest.close()
            raise
        kept = rest.entry
        return rest, replace(self.entry, rows=kept.rows, open=kept.open, owed=kept.owed, unread=kept.unread)

    def close(self) -> None:
        """Let go of everything."""
        self.end()
        self.work.close()
