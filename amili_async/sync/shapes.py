"""Columns as Arrow has them: the types of a table, and arrays given the names and types that they shall have."""

from __future__ import annotations

from bisect import bisect_right
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeAlias

import pyarrow as pa
from pyarrow import compute

from amili_async.structs import encode
from amili_async.sync.columns import columns_of, element_of
from amili_async.sync.rowkeys import LONGEST
from amili_async.sync.tables import EXTRA, FETCHED_AT, ORGANIZATION, WINDOW
from amili_async.sync.values import DECIMALS, DIGITS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from amili_async.sync.columns import Column
    from amili_async.sync.tables import Table
    from amili_async.sync.values import Path

__all__ = ["MARK", "MOMENT", "Extras", "Odd", "Place", "Shaper", "are_keys", "extras_of", "is_open", "schema_of", "wire_schema"]

Extras: TypeAlias = list[bytes | None]
"""What goes into the extra of each row."""
Place: TypeAlias = tuple[int, tuple[str | int, ...]]
"""A row, and the names and numbers that lead to a place in it."""
MARK = "\0{}"
"""Text that stands where `{}` stood; should it come by itself, there are more of it than there should be."""

pc: Any = compute  # its functions are made at run time
MOMENT = pa.timestamp("us", tz="UTC")
_TYPES: dict[str, pa.DataType] = {
    "text": pa.string(),
    "decimal": pa.decimal128(DIGITS, DECIMALS),
    "timestamp": MOMENT,
    "date": pa.date32(),
    "integer": pa.int64(),
    "boolean": pa.bool_(),
}


class Odd(Exception):  # no error: "not this way"
    """What was read is not what was said."""


@lru_cache(maxsize=64)
def schema_of(table: Table) -> pa.Schema:
    """Return the schema of a table: the columns of its rows among those that tell where they come from.

    Amounts are `decimal128(38, 10)`, moments microseconds in UTC, parts structs and lists. What has no known shape is a text: its
    JSON.
    """
    fields = [(column.name, _type(column)) for column in table.columns]
    context = [(EXTRA, pa.string()), (WINDOW, pa.string()), (FETCHED_AT, MOMENT)]
    return pa.schema([(ORGANIZATION, pa.string()), *fields, *context])


def _type(column: Column) -> pa.DataType:
    if column.kind != "json":
        return _TYPES[column.kind]
    if element := element_of(column.shape):
        return pa.list_(_type(element))
    known = columns_of(column.shape)
    return pa.struct([(part.name, _type(part)) for part in known]) if known else pa.string()


def wire_schema(table: Table, numbers: frozenset[Path]) -> pa.Schema:
    """Return the schema by which `pyarrow.json` is to read rows: names as on the wire, and the types that values have there.

    Args:
        table: what stands where.
        numbers: texts that come as numbers.
    """
    return pa.schema([_wire_field(column, (), numbers) for column in table.columns])


def _wire_field(column: Column, path: Path, numbers: frozenset[Path]) -> pa.Field:
    """Return a column as `pyarrow.json` is to read it: under its name on the wire, and with the type that it has there."""
    here = (*path, column.wire)
    if column.kind != "json":
        kind = pa.int64() if here in numbers else pa.string() if column.kind == "date" else _TYPES[column.kind]
        return pa.field(column.wire, kind)
    if element := element_of(column.shape):
        return pa.field(column.wire, pa.list_(_wire_field(element, here, numbers).type))
    known = columns_of(column.shape)
    fields = [_wire_field(part, here, numbers) for part in known]
    return pa.field(column.wire, pa.struct(fields) if known else pa.string())


def is_open(column: Column) -> bool:
    """Tell whether there is something in a column of which no shape is known."""
    if column.kind != "json":
        return False
    element = element_of(column.shape)
    known = (element,) if element else columns_of(column.shape)
    return not known or any(is_open(part) for part in known)


class Shaper:
    """Gives arrays the names and types of the schema; what has them is not copied.

    Args:
        marked: texts that can be marks; those become null.
        trusted: numbers in texts are plain.
    """

    def __init__(self, marked: frozenset[Path], *, trusted: bool) -> None:
        self._marked, self._trusted = marked, trusted

    def shape(self, array: pa.Array, kind: pa.DataType, path: Path) -> tuple[pa.Array, list[Place]]:
        """Return the array as it shall be, and where in it a mark stood."""
        if pa.types.is_struct(kind):
            return self._struct(array, kind, path)
        if pa.types.is_list(kind):
            return self._list(array, kind, path)
        if path in self._marked and pa.types.is_string(array.type):
            marks = pc.equal(array, MARK)
            found = pc.indices_nonzero(marks).to_pylist()
            return (pc.if_else(marks, None, array) if found else array), [(place, ()) for place in found]
        if array.type == kind:
            return array, []
        if pa.types.is_integer(array.type) and not self._trusted and pc.any(pc.equal(array, 0)).as_py():
            raise Odd  # it may have been `-0`, which is another text
        return array.cast(kind), []

    def _struct(self, array: pa.Array, kind: pa.DataType, path: Path) -> tuple[pa.Array, list[Place]]:
        parts, places = [], list[Place]()
        for number in range(kind.num_fields):
            name = array.type.field(number).name
            part, marks = self.shape(array.field(number), kind.field(number).type, (*path, name))
            parts.append(part)
            places += [(place, (name, *steps)) for place, steps in marks]
        return pa.Array.from_buffers(kind, len(array), array.buffers()[:1], children=parts), places

    def _list(self, array: pa.Array, kind: pa.DataType, path: Path) -> tuple[pa.Array, list[Place]]:
        values, marks = self.shape(array.values, kind.value_type, (*path, "[]"))
        whole = pa.Array.from_buffers(kind, len(array), array.buffers()[:2], children=[values])
        if not marks:
            return whole, []
        starts = array.offsets.to_pylist()
        rows = [bisect_right(starts, place) - 1 for place, _ in marks]
        return whole, [(row, (place - starts[row], *steps)) for row, (place, steps) in zip(rows, marks, strict=True)]


def extras_of(rows: int, places: Iterable[Place]) -> Extras:
    """Return the extras of rows in which there is nothing but `{}` in some places."""
    trees: dict[int, dict[str, Any]] = {}
    for row, steps in places:
        node: Any = trees.setdefault(row, {})
        step: Any
        for step, after in pairwise((*steps, None)):
            below: Any = [] if isinstance(after, int) else {}
            if isinstance(node, list):
                node += [None] * (step - len(node) + 1)
                node[step] = below if node[step] is None else node[step]
                node = node[step]
            else:
                node = node.setdefault(step, below)
    return Extras(encode(trees[row]) if row in trees else None for row in range(rows))


def are_keys(keys: pa.Array) -> bool:
    """Tell whether all are keys that rows can have, by the rule of `usable_key`."""
    if keys.null_count:
        return False
    lengths = pc.min_max(pc.binary_length(keys)).as_py()
    return lengths["min"] > 0 and lengths["max"] <= LONGEST and not pc.any(pc.match_substring(keys, "\0")).as_py()
