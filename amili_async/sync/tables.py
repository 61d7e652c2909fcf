"""Tables: what stands in a target for a stream and for the parts of its rows. Nothing here knows a database."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from amili_async.sync.columns import Column, columns_of, element_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from amili_async.sync.streams import Stream

__all__ = [
    "EXTRA",
    "FETCHED_AT",
    "INDEX",
    "ORGANIZATION",
    "WINDOW",
    "Table",
    "folded",
    "part_name",
    "part_table",
    "snake",
    "table_of",
    "tables_of",
]

ORGANIZATION, WINDOW, FETCHED_AT, EXTRA = "_amili_organization", "_amili_window", "_amili_fetched_at", "_extra"
"""Columns that every table has: whose row it is, by which window it came, when that was read, and what fits no column."""
INDEX = "_index"
"""Column and member of a part: its place in the row that it belongs to, from 0."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table: its name, the columns for the members of its rows, and which of them tell its rows apart.

    Attributes:
        name: `cases`, or for parts `cases_invoices`.
        columns: those of the key first, then the others in the order of the model.
        keys: how many of the columns are the key, within an organization. The first is always a text.
    """

    name: str
    columns: tuple[Column, ...]
    keys: int = 1

    @property
    def key(self) -> Column:
        """The column of the key of the stream's row, also in the table of its parts."""
        return self.columns[0]


def snake(name: str) -> str:
    """Return a name of the wire as a name of a column: `documentLines` becomes `document_lines`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def folded(name: str) -> str:
    """Return a name without what differs between the ways to write it, to compare it by: `CaseNumber`, `case_number`."""
    return name.replace("_", "").lower()


@lru_cache(maxsize=64)
def table_of(stream: Stream) -> Table:
    """Return the table of a stream. One of unknown shape has the key for a column, and all else in `_extra`."""
    found = _members(stream)
    return Table(stream.name, _keyed((_key(stream, found),), found))


@lru_cache(maxsize=64)
def part_table(stream: Stream, part: str) -> Table:
    """Return the table of a part of a stream's rows: the key of the row, the place in it, and the part's members."""
    found = _members(stream)
    element = next((element_of(column.shape) for column in found if column.wire == part), None)
    key = (_key(stream, found), Column(INDEX, INDEX, "integer"))
    return Table(part_name(stream, part), _keyed(key, columns_of(element and element.shape)), len(key))


def part_name(stream: Stream, part: str) -> str:
    """Return the name of the table of a part, for which nothing of its shape has to be known."""
    return f"{stream.name}_{snake(part)}"


def tables_of(stream: Stream, parts: Sequence[str]) -> tuple[Table, ...]:
    """Return the table of a stream, then those of the parts that it has among those asked for."""
    return (table_of(stream), *(part_table(stream, part) for part in stream.parts if part in parts))


def _members(stream: Stream) -> tuple[Column, ...]:
    model: Any = stream.operation.response
    return columns_of(model)


def _key(stream: Stream, found: tuple[Column, ...]) -> Column:
    """Return the column of a stream's key; whatever the model says it is a text, so that a made-up key fits."""
    column = next((column for column in found if column.wire == stream.key), None)
    return replace(column, kind="text", shape=None) if column else Column(stream.key, snake(stream.key), "text")


def _keyed(key: tuple[Column, ...], found: tuple[Column, ...]) -> tuple[Column, ...]:
    taken = {column.wire for column in key}
    return key + tuple(column for column in found if column.wire not in taken)
