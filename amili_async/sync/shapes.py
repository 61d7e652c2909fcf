"""Columns as Arrow has them: the types of a table, and arrays given the names and types that they shall have."""

from __future__ import annotations

from bisect import bisect_right
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import pyarrow as pa
from pyarrow import compute

from amili_async.structs import encode
from amili_async.sync.columns import columns_of, element_of
from amili_async.sync.rowkeys import LONGEST
from amili_async.sync.tables import EXTRA, FETCHED_AT, ORGANIZATION, WINDOW
from amili_async.sync.values import DECIMALS, DIGITS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from amili_async.sync.columns import Column
    from amili_async.sync.tables import Table
    from amili_async.sync.values import Path

__all__ = [
    "MARK",
    "MOMENT",
    "Extras",
    "Odd",
    "Place",
    "Seen",
    "Shaper",
    "are_keys",
    "extras_of",
    "is_open",
    "schema_of",
    "wire_schema",
]

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
    """Gives columns that `pyarrow.json` has read the names and types of a table; what has them is not copied.

    What is to be done to each is found out once: to ask Arrow for its types takes longer than some hundred rows do.

    Args:
        wire: the schema by which they are read.
        schema: of the table; its first column, the organization, is not among them.
    """

    def __init__(self, wire: pa.Schema, schema: pa.Schema) -> None:
        self._steps = [(part.name, _step(part, schema.field(place).type, ())) for place, part in enumerate(wire, 1)]

    def shape(self, columns: Iterable[pa.Array], seen: Seen) -> tuple[list[pa.Array], list[Place]]:
        """Return the columns as they shall be, and where in them a mark stood.

        Args:
            columns: as they were read.
            seen: what is known of their values.
        """
        return _each(self._steps, columns, seen)


class Seen(NamedTuple):
    """What is known of values that were read.

    Attributes:
        marked: texts that can be marks; those become null.
        trusted: numbers in place of texts are plain.
    """

    marked: frozenset[Path] = frozenset()
    trusted: bool = False


_Step: TypeAlias = "Callable[[pa.Array, Seen], tuple[pa.Array, list[Place]]] | None"
"""What is to be done to an array; None: nothing."""


def _each(steps: Iterable[tuple[str, _Step]], arrays: Iterable[pa.Array], seen: Seen) -> tuple[list[pa.Array], list[Place]]:
    shaped, places = [], list[Place]()
    for (name, step), given in zip(steps, arrays, strict=True):
        array, marks = step(given, seen) if step else (given, ())
        shaped.append(array)
        places += [(place, (name, *below)) for place, below in marks]
    return shaped, places


def _step(wire: pa.Field, kind: pa.DataType, above: Path) -> _Step:
    """Return what is to be done to a column, or to a part of one."""
    path = (*above, wire.name)
    if pa.types.is_struct(kind):
        steps = [(part.name, _step(part, into.type, path)) for part, into in zip(wire.type, kind, strict=True)]

        def struct(array: pa.Array, seen: Seen) -> tuple[pa.Array, list[Place]]:
            children, places = _each(steps, map(array.field, range(len(steps))), seen)
            return pa.Array.from_buffers(kind, len(array), array.buffers()[:1], children=children), places

        return struct
    if pa.types.is_list(kind):
        element = _step(wire.type.value_field.with_name("[]"), kind.value_type, path)

        def each(array: pa.Array, seen: Seen) -> tuple[pa.Array, list[Place]]:
            values, marks = element(array.values, seen) if element else (array.values, ())
            whole = pa.Array.from_buffers(kind, len(array), array.buffers()[:2], children=[values])
            if not marks:
                return whole, []
            starts = array.offsets.to_pylist()
            rows = [bisect_right(starts, place) - 1 for place, _ in marks]
            return whole, [(row, (place - starts[row], *below)) for row, (place, below) in zip(rows, marks, strict=True)]

        return each
    if wire.type != kind:

        def cast(array: pa.Array, seen: Seen) -> tuple[pa.Array, list[Place]]:
            if pa.types.is_integer(wire.type) and not seen.trusted and pc.any(pc.equal(array, 0)).as_py():
                raise Odd  # it may have been `-0`, which is another text
            return array.cast(kind), []

        return cast

    def text(array: pa.Array, seen: Seen) -> tuple[pa.Array, list[Place]]:
        if path not in seen.marked:
            return array, []
        marks = pc.equal(array, MARK)
        found = pc.indices_nonzero(marks).to_pylist()
        return (pc.if_else(marks, None, array) if found else array), [(place, ()) for place in found]

    return text if pa.types.is_string(kind) else None


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
