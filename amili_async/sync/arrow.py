"""Rows as Arrow tables, exact. The fast way is `pyarrow.json` with a schema; the exact one of `extras` stands behind it.

What `pyarrow.json` reads differently from what was said, or would crash on, is looked for beforehand or found afterwards: amounts
beyond the digits of their column, bytes that are no UTF-8, lines that are no object, rows without a key.
"""

from __future__ import annotations

import logging
from collections import Counter
from enum import IntEnum
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.json as pj

from amili_async.structs import encode
from amili_async.sync.extras import RowSorter
from amili_async.sync.lines import as_lines, count_objects
from amili_async.sync.shapes import (
    MARK,
    MOMENT,
    Extras,
    Odd,
    Place,
    Seen,
    Shaper,
    are_keys,
    extras_of,
    is_open,
    schema_of,
    wire_schema,
)
from amili_async.sync.sinks.base import CHUNK
from amili_async.sync.tables import table_of
from amili_async.sync.values import Findings, Mixed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from amili_async.sync.streams import Stream
    from amili_async.sync.tables import Table
    from amili_async.sync.values import Path
    from amili_async.sync.windows import Window

__all__ = ["Converter", "schema_of", "to_table"]

_logger = logging.getLogger("amili_async")
SAMPLE = 2**17
"""Bytes of rows, about, from which it is learnt which way is the fastest."""


def to_table(lines: bytes, stream: Stream, window: Window, read_at: datetime) -> tuple[pa.Table, bool]:
    """Return rows of a stream as a table, and whether there was a value that did not fit its column.

    Args:
        lines: rows as JSON, each with its line break.
        stream: whose rows they are.
        window: where they belong.
        read_at: when they were read.
    """
    converter = Converter(table_of(stream))
    found = [converter.convert(chunk, window, read_at) for chunk in _pieces(lines)]
    return pa.concat_tables([table for table, _ in found]), any(misfit for _, misfit in found)


def _pieces(lines: bytes) -> Iterator[bytes]:
    """Yield lines some megabytes at a time; once, if there are none."""
    begin = 0
    while True:
        end = lines.find(b"\n", begin + CHUNK) + 1 or len(lines)
        yield lines[begin:end]
        if end == len(lines):
            return
        begin = end


class _Way(IntEnum):
    """How rows are read, the fastest way first."""

    AS_THEY_ARE = 0
    MARKED = 1
    """With something else in place of the `{}` that stands for texts."""
    ALL_LIGHTLY = 2
    """Each is looked through for members that have no column."""
    ALL_EXACTLY = 3


class Converter:
    """Makes Arrow tables of the rows of one table. It learns from the rows that it has seen which way is the fastest.

    All methods block, the fast way without holding the interpreter's lock; one thread at a time.

    Args:
        table: what stands where.

    Attributes:
        schema: of the tables that it makes.
        ways: how many chunks were read in which way.
    """

    def __init__(self, table: Table) -> None:
        self.schema = schema_of(table)
        self.ways: Counter[str] = Counter()
        self._table = table
        self._mixed: frozenset[Path] = frozenset()
        self._empties: frozenset[Path] = frozenset()
        self._expect(frozenset())
        self._open = any(is_open(column) for column in table.columns)
        self._way = _Way.ALL_EXACTLY if self._open else _Way.AS_THEY_ARE

    def convert(self, lines: bytes, window: Window, read_at: datetime) -> tuple[pa.Table, bool]:
        """Return rows as a table, in their order, and whether there was a value that did not fit its column.

        Args:
            lines: rows as JSON, each with its line break.
            window: where they belong.
            read_at: when they were read.
        """
        if not lines:
            return self.schema.empty_table(), False
        first = 0 if self.ways or self._open else lines.find(b"\n", SAMPLE) + 1
        if 0 < first < len(lines):  # learn from a few rows: the exact way is slow
            found_first, found_rest = (self.convert(part, window, read_at) for part in (lines[:first], lines[first:]))
            return pa.concat_tables([found_first[0], found_rest[0]]), found_first[1] or found_rest[1]
        way, found = self._way, Findings()
        try:
            if way is _Way.ALL_EXACTLY:
                raise Odd  # noqa: TRY301
            arrays, extras = self._fast(lines, found)
        except (pa.ArrowInvalid, Odd):
            way, found = _Way.ALL_EXACTLY, Findings()
            arrays, extras = self._exact(lines, found)
        self.ways[way.name.lower()] += 1
        rows = len(arrays[0])
        table = [
            pa.repeat(pa.scalar(window.organization), rows),
            *arrays,
            pa.array(extras, pa.string()) if extras else pa.nulls(rows, pa.string()),
            pa.repeat(pa.scalar(window.name), rows),
            pa.repeat(pa.scalar(read_at, MOMENT), rows),
        ]
        return pa.Table.from_arrays(table, schema=self.schema), found.misfit

    def log(self) -> None:
        """Tell the log how rows were read, and begin to count anew."""
        if self.ways:
            _logger.debug("%s: %s", self._table.name, ", ".join(f"{way} {count}" for way, count in sorted(self.ways.items())))
        self.ways.clear()

    def _expect(self, numbers: frozenset[Path]) -> None:
        """Expect some texts to come as numbers: those are read as such, and turned into texts afterwards."""
        self._numbers = numbers
        self._sorter = RowSorter(self._table, numbers)
        self._wire = wire_schema(self._table, numbers)
        self._shaper = Shaper(self._wire, self.schema)

    def _fast(self, lines: bytes, found: Findings) -> tuple[list[pa.Array], Extras | None]:
        """Read rows all at once.

        Raises:
            pa.ArrowInvalid: it does not go this way.
            Odd: likewise.
        """
        if self._way is _Way.ALL_LIGHTLY:
            return self._lightly(lines, found)
        marks = 0
        if self._way is _Way.MARKED and b"{}" in lines:
            before = len(lines)
            for name in {path[-1] for path in self._empties}:
                lines = lines.replace(b"%b:{}" % encode(name), b"%b:%b" % (encode(name), encode(MARK)))
            marks = (len(lines) - before) // (len(encode(MARK)) - len(b"{}"))
        arrays, places = self._read(lines)
        if len(places) != marks:
            raise Odd
        return arrays, extras_of(len(arrays[0]), places) if places else None

    def _lightly(self, lines: bytes, found: Findings) -> tuple[list[pa.Array], Extras]:
        rows, extras = lines.split(b"\n")[:-1], Extras()
        for place, row in enumerate(rows):
            if b"{}" in row:
                rows[place], extra = self._sorter.glance(row, found)
            else:
                extra = self._sorter.unknown(row, found)
            extras.append(extra)
        arrays, _ = self._read(as_lines(rows), passing=True)
        if found.twice:
            raise Odd
        if not found.unknown:
            self._way = _Way.MARKED
        return arrays, extras

    def _exact(self, lines: bytes, found: Findings) -> tuple[list[pa.Array], Extras]:
        """Read rows one by one, and learn which way would have been enough."""
        source = lines.split(b"\n")[:-1]
        while True:
            rows: list[bytes] = []
            extras = Extras()
            enough = _Way.ALL_EXACTLY if self._open else _Way.AS_THEY_ARE
            try:
                for row in source:
                    here = Findings()
                    clean, extra = self._sorter.walk(row, here)
                    rows.append(clean.strip())
                    extras.append(extra)
                    enough = max(enough, _enough(here, self._mixed))
                    found.misfit = found.misfit or here.misfit
                    found.numbers |= here.numbers
                    self._empties |= here.empties
            except Mixed as mixed:
                self._mixed |= {mixed.path}
                self._expect(self._numbers - {mixed.path})
                continue
            self._way = enough
            arrays = self._read_all(rows, extras, source, found)
            numbers = self._numbers | (found.numbers - self._mixed)
            if numbers != self._numbers:
                self._expect(numbers)
            return arrays, extras

    def _read_all(
        self, rows: list[bytes], extras: Extras, source: Sequence[bytes], found: Findings, begin: int = 0
    ) -> list[pa.Array]:
        """Read rows that fit. Should one not do so all the same, it is kept whole in its extra."""
        try:
            return self._read(as_lines(rows), trusted=True)[0]
        except (pa.ArrowInvalid, Odd):
            if len(rows) == 1:
                rows[0], extras[begin] = self._sorter.bare(source[begin], found)
                return self._read(as_lines(rows), trusted=True)[0]
        half = len(rows) // 2
        parts = [
            self._read_all(rows[:half], extras, source, found, begin),
            self._read_all(rows[half:], extras, source, found, begin + half),
        ]
        return [pa.concat_arrays(pair) for pair in zip(*parts, strict=True)]

    def _read(self, lines: bytes, *, trusted: bool = False, passing: bool = False) -> tuple[list[pa.Array], list[Place]]:
        """Read rows, if all begin as objects do: a `null` would crash `pyarrow.json`. Return the columns, and where a mark stood.

        Args:
            lines: the rows.
            trusted: each has a key, and its numbers are plain.
            passing: members without a column are passed by.
        """
        rows = count_objects(lines)
        if rows is None:
            raise Odd
        found = pj.read_json(
            pa.py_buffer(lines),
            read_options=pj.ReadOptions(use_threads=False, block_size=len(lines) + 1),
            parse_options=pj.ParseOptions(explicit_schema=self._wire, unexpected_field_behavior="ignore" if passing else "error"),
        )
        found.validate(full=True)  # amounts have the digits that they may have, texts are UTF-8
        if found.num_rows != rows:
            raise Odd
        (batch,) = found.to_batches()  # all came as one block
        seen = Seen(trusted=True) if trusted else Seen(self._empties) if self._way is _Way.MARKED else Seen()
        arrays, places = self._shaper.shape(batch.columns, seen)
        if not trusted and not are_keys(arrays[0]):
            raise Odd
        return arrays, places


def _enough(found: Findings, mixed: frozenset[Path]) -> _Way:
    """Return the fastest way on which a row could have been read."""
    if found.rewritten or found.numbers & mixed:
        return _Way.ALL_EXACTLY
    if found.unknown:
        return _Way.ALL_LIGHTLY
    return _Way.MARKED if found.empties else _Way.AS_THEY_ARE
