"""What goes into the columns of a row and what into its `_extra`: members that nobody knows, and values that fit no column.

For targets with nested types. Rows are looked through as bytes; what goes into the extra keeps its bytes, its name on the wire
and its place. This is the exact way that stands behind the fast one of `arrow`: it loses nothing, and never fails, whatever a row
is.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec
from msgspec import Raw

from amili_async.answers import NOT_JSON
from amili_async.structs import encode
from amili_async.sync.cells import ROW, is_text, mend
from amili_async.sync.columns import columns_of, element_of
from amili_async.sync.rowkeys import key_of, usable_key
from amili_async.sync.values import Leaf, leaf_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from amili_async.sync.columns import Column
    from amili_async.sync.tables import Table
    from amili_async.sync.values import Findings, Path

__all__ = ["RowSorter"]

_NULL, _EMPTY = b"null", b"{}"
_NONE = re.compile(_NULL)

_object = msgspec.json.Decoder(dict[str, Raw])
_array = msgspec.json.Decoder(list[Raw])


class _Parts:
    """An object of which members are known.

    Attributes:
        common: matches what needs no look.
        type: what it decodes into if it has no other members than those.
    """

    common = _NONE.fullmatch

    def __init__(self, columns: Iterable[Column], path: Path, numbers: frozenset[Path]) -> None:
        self._nodes = {column.wire: _node(column, (*path, column.wire), numbers) for column in columns}
        self._names = {wire: encode(wire) for wire in self._nodes}
        self._leaves = frozenset(wire for wire, node in self._nodes.items() if isinstance(node, Leaf))
        self.type: Any = self.struct(forbid_unknown=True) | None
        self._as_known = msgspec.json.Decoder(self.type).decode

    def struct(self, *, forbid_unknown: bool) -> Any:
        """Return what the object decodes into if its parts have no members but those that are known."""
        names = {f"member{place}": wire for place, wire in enumerate(self._nodes)}
        fields: list[tuple[str, Any, Any]] = [(name, self._nodes[wire].type, None) for name, wire in names.items()]
        return msgspec.defstruct("Parts", fields, rename=names, forbid_unknown_fields=forbid_unknown, gc=False)

    def walk(self, member: bytes, found: Findings, *, light: bool) -> tuple[bytes, bytes | None]:
        """Return the object with what is known and fits, and an object of all else."""
        if light and _EMPTY not in member and _decodes(self._as_known, member):
            return member, None
        members = _members(member)
        if members is None:
            return _set_aside(member, found)
        clean, extra = self.sort(member, members, found, light=light)
        return clean, (_object_of(extra) if extra else None)

    def sort(self, text: bytes, members: dict[str, Raw], found: Findings, *, light: bool) -> tuple[bytes, list[bytes]]:
        """Return the object with what is known and fits, the very same if it is all of it; and what goes into the extra.

        Args:
            text: JSON of the object, without blanks.
            members: what it has.
            found: where to note what was found.
            light: look at names, and for `{}`.
        """
        changes: dict[str, bytes] = {}
        extra: list[bytes] = []
        unknown = False
        for wire in self._suspects(members) if light else members:
            node, raw = self._nodes.get(wire), members[wire]
            if node is None:
                unknown = True
                extra.append(b"%b:%b" % (encode(wire), raw))
            elif not node.common(raw):
                member = bytes(raw)
                clean, rest = node.walk(member, found, light=light)
                if clean is not member:
                    changes[wire] = clean
                if rest is not None:
                    extra.append(b"%b:%b" % (self._names[wire], rest))
        found.unknown = found.unknown or unknown
        twice = (unknown or not light) and _length(members) != len(text) and _says_twice(text)
        found.twice = found.twice or twice
        if not (unknown or changes or twice):
            return text, extra
        known = ((wire, changes.get(wire, raw)) for wire, raw in members.items() if wire in self._nodes)
        return _object_of(b"%b:%b" % (self._names[wire], value) for wire, value in known), extra

    def _suspects(self, members: dict[str, Raw]) -> list[str]:
        """Return what a light look must not pass by: parts, unknown members, and what may be a `{}`."""
        leaves = self._leaves
        return [wire for wire, raw in members.items() if wire not in leaves or (len(raw) == 2 and bytes(raw) == _EMPTY)]


class _Each:
    """An array of one kind of elements; attributes as those of `_Parts`."""

    common = re.compile(rb"null|\[\]").fullmatch

    def __init__(self, node: _Node) -> None:
        self._node = node
        self.type: Any = list[node.type] | None  # type: ignore[name-defined]  # made at run time
        self._as_known = msgspec.json.Decoder(self.type).decode

    def walk(self, member: bytes, found: Findings, *, light: bool) -> tuple[bytes, bytes | None]:
        """Return the array with what fits, and an array of all else: `null` for an element that leaves nothing."""
        if light and _EMPTY not in member and _decodes(self._as_known, member):
            return member, None
        try:
            elements = _array.decode(member)
        except NOT_JSON:
            return _set_aside(member, found)
        kept: list[bytes] = []
        extra: list[bytes] = []
        same = True
        for place, raw in enumerate(elements):
            text = clean = bytes(raw)
            if not self._node.common(text):
                clean, rest = self._node.walk(text, found, light=light)
                if rest is not None:
                    extra += [_NULL] * (place - len(extra))
                    extra.append(rest)
            same = same and clean is text
            kept.append(clean)
        return (member if same else b"[%b]" % b",".join(kept)), (b"[%b]" % b",".join(extra) if extra else None)


_Node: TypeAlias = Leaf | _Parts | _Each


class RowSorter:
    """Looks through the rows of a table, and sorts what is in them into what fits its columns and the extra.

    Args:
        table: what stands where.
        numbers: texts that are left as the numbers that they are on the wire.
    """

    def __init__(self, table: Table, numbers: frozenset[Path] = frozenset()) -> None:
        self._key = table.key.wire
        self._parts = _Parts(table.columns, (), numbers)
        self._wires = frozenset(column.wire for column in table.columns)
        self._as_known = msgspec.json.Decoder(self._parts.struct(forbid_unknown=False)).decode

    def unknown(self, row: bytes, found: Findings) -> bytes | None:
        """Return what a row has that has no column, and leave all else to whoever reads the row next. It must have no `{}`."""
        members = _members(row)
        if members is None:
            return None
        if _decodes(self._as_known, row):  # then what is unknown is not in a part
            extra = [b"%b:%b" % (encode(wire), raw) for wire, raw in members.items() if wire not in self._wires]
            found.twice = found.twice or (_length(members) != len(row) and _says_twice(row))
        else:
            _, extra = self._parts.sort(row, members, found, light=True)
        found.unknown = found.unknown or bool(extra)
        return _object_of(extra) if extra else None

    def glance(self, row: bytes, found: Findings) -> tuple[bytes, bytes | None]:
        """Look through a row for names, and for `{}`; all else is left to whoever reads the row next, the key too.

        Args:
            row: its JSON, without a line break.
            found: where to note what was found.

        Returns:
            The row as JSON, the very same object if nothing was found; and the extra.
        """
        members = _members(row)
        if members is None:
            return row, None
        clean, extra = self._parts.sort(row, members, found, light=True)
        return clean, (_object_of(extra) if extra else None)

    def walk(self, row: bytes, found: Findings) -> tuple[bytes, bytes | None]:
        """Look through a row as closely as can be.

        Args:
            row: its JSON, without a line break.
            found: where to note what was found.

        Returns:
            The row as JSON of which all fits its columns, the very same object if it is all of it; and the extra.

        Raises:
            Mixed: there is something else where a plain number was expected.
        """
        line, members = row, _members(row) if is_text(row) else None
        if members is None:
            line = mend(row)
            members = _members(line)
        if members is None:
            return self.bare(row, found)
        mended = line != row
        if _length(members) != len(line):  # blanks: without them it is easy to see whether something is said twice
            line = msgspec.json.format(line, indent=-1)
            members = _members(line) or members
        found.twice = _length(members) != len(line) and _says_twice(line)
        key = bytes((_members(row) or {}).get(self._key, _NULL))  # of the row as it came, as everywhere
        keyless = usable_key(key) is None
        if keyless:
            found.rewritten = True
            members[self._key] = Raw(encode(key_of(_NULL, row)))
            line = _object_of(b"%b:%b" % (encode(wire), raw) for wire, raw in members.items())
        clean, extra = self._parts.sort(line, members, found, light=False)
        if keyless and key != _NULL:
            extra.append(b"%b:%b" % (encode(self._key), key if is_text(key) else mend(key)))
        if mended or found.twice:
            found.rewritten = found.misfit = True
            extra.append(_whole(row))
        same = clean is line and not (mended or keyless)
        return (row if same else clean), (_object_of(extra) if extra else None)

    def bare(self, row: bytes, found: Findings) -> tuple[bytes, bytes]:
        """Return a row that has nothing but a key made up for it, and all of what came as its extra."""
        found.rewritten = found.misfit = True
        key = b"%b:%b" % (encode(self._key), encode(key_of(_NULL, row)))
        return _object_of([key]), _object_of([_whole(row)])


def _node(column: Column, path: Path, numbers: frozenset[Path]) -> _Node:
    if column.kind != "json":
        return leaf_of(column.kind, path, numeric=path in numbers)
    if element := element_of(column.shape):
        return _Each(_node(element, (*path, "[]"), numbers))
    known = columns_of(column.shape)
    return _Parts(known, path, numbers) if known else leaf_of(None, path, numeric=False)


def _decodes(decode: Callable[[bytes], Any], text: bytes) -> bool:
    try:
        decode(text)
    except NOT_JSON:
        return False
    return True


def _members(text: bytes) -> dict[str, Raw] | None:
    """Return the members of an object; None if it is none."""
    try:
        return _object.decode(text)
    except NOT_JSON:
        return None


def _length(members: dict[str, Raw]) -> int:
    """Return how long an object is that has these members, each once, and no blanks."""
    return 1 + 4 * len(members) + sum(map(len, members)) + sum(map(len, members.values()))


def _says_twice(text: bytes) -> bool:
    """Tell whether an object, or one in it, has two members of one name."""
    found = False

    def look(members: list[tuple[str, Any]]) -> None:
        nonlocal found
        found = found or len(dict(members)) != len(members)

    try:
        json.loads(text, object_pairs_hook=look, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):  # too deep to tell: better keep all of it
        return True
    return found


def _set_aside(member: bytes, found: Findings) -> tuple[bytes, bytes]:
    found.rewritten = found.misfit = True
    return _NULL, member


def _object_of(members: Iterable[bytes]) -> bytes:
    return b"{%b}" % b",".join(members)


def _whole(row: bytes) -> bytes:
    return b"%b:%b" % (encode(ROW), encode(row.decode(errors="backslashreplace")))
