"""Cells: the bytes of a row as the values of its columns, each as UTF-8 text, for targets that speak SQL.

No value passes through a Python object that could change it: amounts keep their digits, parts their bytes. What has no column, or
does not fit its own, goes into `_extra`; what no text of a database can hold is mended, and the row kept as it came under `_row`.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Raw

from amili_async.answers import NOT_JSON
from amili_async.pages import mend_surrogates
from amili_async.structs import encode
from amili_async.sync.rowkeys import key_of, usable_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from amili_async.sync.columns import Kind
    from amili_async.sync.tables import Table

__all__ = ["READERS", "ROW", "Cells", "Misfit", "is_text", "mend", "read_timestamp", "stamp"]

ROW = "_row"
"""Member of `_extra` that holds the text of a row which is no object, or which no database text can hold as it came."""

_NULL = Raw(b"null")
_QUOTE = b'"'[0]
_DIGITS = frozenset(b"-0123456789")
_RFC3339 = re.compile(rb'"(\d{4}-\d\d-\d\dT(?:[01]\d|2[0-3]):\d\d:\d\d)(?:\.(\d{1,6}))?Z"')
_FRACTION = re.compile(r"[.,](\d{7,})")
_INTEGER = re.compile(rb"-?\d{1,19}")
_NUMBER = re.compile(rb"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?")
_TEXT_OR_NUMBER = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|(-?\d[\d.eE+-]*)')
_NUL = re.compile(rb"\\\\|\\u0000")
_LEFT, _RIGHT = 131_072, 16_383
"""Digits that PostgreSQL's numbers can have before and after the point."""

_text = msgspec.json.Decoder(str)
_object = msgspec.json.Decoder(dict[str, Raw])


class Misfit(Exception):
    """A value does not fit its column, or not whole; `cell` is what of it does."""

    def __init__(self, cell: bytes | None = None) -> None:
        super().__init__()
        self.cell = cell


class Cells:
    """Reads the rows of a table.

    Args:
        table: what stands where.
        careful: whether to look into every row for what PostgreSQL cannot hold. Without it such a row is given out as it came
            where nothing else is wrong with it, and the database refuses it.
    """

    def __init__(self, table: Table, *, careful: bool = False) -> None:
        self._wires = [column.wire for column in table.columns]
        self._readers = [_key, *(READERS[column.kind] for column in table.columns[1:])]
        self._decoder = _decoder(tuple(self._wires))
        self._careful = careful

    def rows(self, chunk: bytes) -> Iterator[tuple[list[bytes | None], bool]]:
        """Yield the cells of each line, the last being `_extra`, and whether all values fitted their columns.

        The `{}` that stands for a text in places is documented: it goes into `_extra`, and counts as fitting.
        """
        lines: list[bytes] = []
        try:
            rows = [] if self._careful else self._decoder.decode_lines(chunk)
        except NOT_JSON:
            rows = []  # a member that has no column, or worse
        if not rows:
            yield from map(self._slowly, filter(None, chunk.split(b"\n")))
        for place, row in enumerate(rows):
            members = map(bytes, msgspec.structs.astuple(row))
            try:
                cells = [read(member) for read, member in zip(self._readers, members, strict=True)]
            except (*NOT_JSON, Misfit):
                lines = lines or [*filter(None, chunk.split(b"\n"))]
                yield self._slowly(lines[place])
            else:
                cells.append(None)
                yield cells, True

    def _slowly(self, line: bytes) -> tuple[list[bytes | None], bool]:
        """Read a row member by member, and find a place for everything."""
        members = _members(line)
        key = key_of((members or {}).get(self._wires[0], b"null"), line)  # of the row as it came, as everywhere
        mended = mend(line)
        whole = mended == line and members is not None
        if mended != line:
            members = _members(mended)
        members = members or {}
        if self._careful and (beyond := [name for name, member in members.items() if _beyond(member)]):
            whole = False
            for name in beyond:
                del members[name]
        cells: list[bytes | None] = []
        odd: dict[str, bytes] = {}
        for wire, read in zip(self._wires, self._readers, strict=True):
            member = members.pop(wire, b"null")
            try:
                cells.append(read(member))
            except Misfit as misfit:
                cells.append(misfit.cell)
                if member != b"null":
                    odd[wire] = member
        cells[0] = key.encode()
        extra = members | odd
        if not whole:
            extra[ROW] = encode(line.decode(errors="backslashreplace"))
        cells.append(b"{%b}" % b",".join(encode(name) + b":" + member for name, member in extra.items()) if extra else None)
        return cells, whole and all(member == b"{}" for member in odd.values())


@lru_cache(maxsize=64)
def _decoder(wires: tuple[str, ...]) -> msgspec.json.Decoder[Any]:
    """Return what takes rows of these members apart, and refuses those that have others."""
    names = [f"member{place}" for place in range(len(wires))]
    row = msgspec.defstruct(
        "Row",
        [(name, Raw, _NULL) for name in names],
        rename=dict(zip(names, wires, strict=True)),
        forbid_unknown_fields=True,
        gc=False,
    )
    return msgspec.json.Decoder(row)


def _members(line: bytes) -> dict[str, bytes] | None:
    """Return the members of a row, each as it came; None if it is no object."""
    try:
        return {name: bytes(member) for name, member in _object.decode(line).items()}
    except NOT_JSON:
        return None


def mend(line: bytes) -> bytes:
    """Return a row without what no text of a database can hold: NUL, halves of surrogate pairs, bytes that are no UTF-8."""
    if not is_text(line):
        line = line.decode(errors="replace").encode()
    if b"\\u" not in line:
        return line
    return _NUL.sub(lambda found: found[0] if found[0] == b"\\\\" else b"", mend_surrogates(line))


def is_text(chunk: bytes) -> bool:
    """Tell whether bytes are UTF-8."""
    try:
        return chunk.isascii() or bool(chunk.decode())
    except UnicodeDecodeError:
        return False


def _beyond(member: bytes) -> bool:
    """Tell whether there is a number in it that PostgreSQL cannot hold."""
    for found in _TEXT_OR_NUMBER.finditer(member):
        if found[1]:
            _, digits, exponent = Decimal(found[1].decode()).as_tuple()
            if not isinstance(exponent, int) or len(digits) + exponent > _LEFT or -exponent > _RIGHT:
                return True
    return False


def read_timestamp(member: bytes) -> bytes | None:
    """Read a time as `2026-03-01T12:00:00.000000Z`.

    Without a zone it is UTC, a bare date is midnight; digits beyond microseconds are cut off.

    Raises:
        Misfit: it is no time, or digits other than 0 were cut off.
    """
    if member == b"null":
        return None
    common = _RFC3339.fullmatch(member)
    text = common[1].decode() if common else _string(member).strip().upper()
    try:
        moment = datetime.fromisoformat(text)
        if not common:
            moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise Misfit from None
    if common:
        return b"%b.%bZ" % (common[1], (common[2] or b"").ljust(6, b"0"))
    cell = stamp(moment).encode()
    cut = _FRACTION.search(text)
    if cut and cut[1][6:].strip("0"):
        raise Misfit(cell)
    return cell


def stamp(moment: datetime) -> str:
    """Write a time as cells have it: in UTC, with microseconds."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def _date(member: bytes) -> bytes | None:
    if member == b"null":
        return None
    text = _string(member).strip()
    try:
        moment = datetime.fromisoformat(text.upper())
    except ValueError:
        raise Misfit from None
    if moment.replace(tzinfo=None) != datetime.combine(moment, datetime.min.time()):
        raise Misfit(moment.date().isoformat().encode())
    return moment.date().isoformat().encode()


def _string(member: bytes) -> str:
    """Return the text that a member is.

    Raises:
        Misfit: it is none.
    """
    if member[0] != _QUOTE:
        raise Misfit
    return _text.decode(member)


def _words(member: bytes) -> bytes | None:
    if member[0] == _QUOTE:
        if b"\\" not in member:
            return member[1:-1]
        text = _text.decode(member).encode()
        if b"\0" in text:
            raise Misfit
        return text
    if member[0] in _DIGITS:
        return member
    if member == b"null":
        return None
    raise Misfit


def _key(member: bytes) -> bytes | None:
    key = usable_key(member)
    if key is None:
        raise Misfit
    return key


def _decimal(member: bytes) -> bytes | None:
    if member[0] in _DIGITS:
        return member
    if member == b"null":
        return None
    if member[0] == _QUOTE and _NUMBER.fullmatch(member, 1, len(member) - 1):
        return member[1:-1]
    raise Misfit


def _integer(member: bytes) -> bytes | None:
    if member == b"null":
        return None
    if _INTEGER.fullmatch(member) and -(2**63) <= int(member) < 2**63:
        return member
    raise Misfit


def _boolean(member: bytes) -> bytes | None:
    if member not in _BOOLEANS:
        raise Misfit
    return _BOOLEANS[member]


def _json(member: bytes) -> bytes | None:
    return None if member == b"null" else member


_BOOLEANS = {b"null": None, b"true": b"1", b"false": b"0"}
READERS: dict[Kind, Callable[[bytes], bytes | None]] = {
    "text": _words,
    "decimal": _decimal,
    "timestamp": read_timestamp,
    "date": _date,
    "integer": _integer,
    "boolean": _boolean,
    "json": _json,
}
