"""Values of rows as JSON that Arrow reads exactly: each kind in the forms that fit its column, and what to do with others."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Context, Decimal, DecimalException, Inexact, InvalidOperation
from typing import TYPE_CHECKING, Any, TypeAlias

from msgspec import Raw

from amili_async.structs import encode
from amili_async.sync.cells import READERS, Misfit

if TYPE_CHECKING:
    from collections.abc import Callable

    from amili_async.sync.columns import Kind

__all__ = ["DECIMALS", "DIGITS", "Findings", "Leaf", "Mixed", "Path", "leaf_of"]

Path: TypeAlias = tuple[str, ...]
"""Where a value stands in a row: names on the wire, `[]` for the elements of an array."""

DIGITS, DECIMALS = 38, 10
"""Digits that an amount can have, and how many of them behind the point."""

_EXACT = Context(prec=DIGITS, traps=[Inexact, InvalidOperation])
_SCALE = Decimal(1).scaleb(-DECIMALS)
_NULL, _EMPTY = b"null", b"{}"
_STAMP = re.compile(rb'"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z|[+-]\d\d:?\d\d)?)?"')
_NUMBER = re.compile(rb'"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?"')
"""A text that is taken for a number; `pyarrow.json` does so too."""
_DAY = re.compile(rb'"\d{4}-\d\d-\d\d"')
_NONE = re.compile(_NULL)
_COMMON: dict[Kind, re.Pattern[bytes]] = {
    "text": re.compile(rb'".*|null'),
    "decimal": re.compile(rb"-?\d{1,28}(?:\.\d{1,10})?|null"),
    "timestamp": re.compile(
        rb'"\d{3}[1-9]-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,6})?Z"|null'
    ),
    "date": re.compile(rb'"\d{3}[1-9]-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])"|null'),
    "integer": re.compile(rb"-?\d{1,18}|null"),
    "boolean": re.compile(rb"true|false|null"),
}


class Mixed(Exception):  # no error: the walker's word for "start again"
    """Something else was found where all were plain numbers before; `path` says where."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path


@dataclass(slots=True)
class Findings:
    """What was found in a row, or in many.

    Attributes:
        unknown: there were members that have no column.
        rewritten: a value had to be written anew to fit its column, or to be left out.
        empties: texts for which `{}` stood.
        misfit: a value did not fit. The `{}` that stands for a text in places is documented, so it is none.
        twice: an object says something twice.
        numbers: texts that were numbers on the wire.
    """

    unknown: bool = False
    rewritten: bool = False
    misfit: bool = False
    twice: bool = False
    empties: set[Path] = field(default_factory=set[Path])
    numbers: set[Path] = field(default_factory=set[Path])


class Leaf:
    """A value without parts.

    Attributes:
        common: matches what fits as it is, in the forms that are usual.
        type: what it decodes into when only names are looked at.

    Args:
        path: of a text that is a member: there `{}` is noted.
    """

    type: Any = Raw

    def __init__(self, common: re.Pattern[bytes], read: Callable[[bytes, Findings], bytes], path: Path = ()) -> None:
        self.common = common.fullmatch
        self._read = read
        self._path = path

    def walk(self, member: bytes, found: Findings, *, light: bool) -> tuple[bytes, bytes | None]:  # noqa: ARG002
        """Return the JSON that fits, the very same object if it is the member; and what goes into the extra."""
        try:
            return self._read(member, found), None
        except Misfit as misfit:
            if member == _EMPTY and self._path:
                found.empties.add(self._path)
            else:
                found.rewritten = True
                found.misfit = found.misfit or member != _EMPTY
            return (_NULL if misfit.cell is None else b'"%b"' % misfit.cell), member


def leaf_of(kind: Kind | None, path: Path, *, numeric: bool) -> Leaf:
    """Return the reader of a value.

    Args:
        kind: of its column; None: its shape is not known, so that it becomes a text, its JSON.
        path: where it stands.
        numeric: whether a text stays the number that it is on the wire.
    """
    if kind is None or kind == "json":
        return Leaf(_NONE, _json)

    def text(member: bytes, found: Findings) -> bytes:
        if numeric and not _is_plain(member):
            raise Mixed(path)
        READERS["text"](member)
        found.numbers.add(path)
        return member if numeric else b'"%b"' % member

    def plain(member: bytes, found: Findings) -> bytes:  # noqa: ARG001  # one signature for all
        READERS[kind](member)
        return member

    if kind == "text":
        return Leaf(_NONE if numeric else _COMMON[kind], text, () if path[-1] == "[]" else path)
    return Leaf(_COMMON[kind], {"decimal": _decimal, "timestamp": _timestamp, "date": _date}.get(kind, plain))


def _is_plain(member: bytes) -> bool:
    """Tell whether a number is one that has its digits from an integer of 64 bits."""
    try:
        return member == b"%d" % int(member) and READERS["integer"](member) is not None
    except (ValueError, Misfit):
        return False


def _decimal(member: bytes, found: Findings) -> bytes:  # noqa: ARG001
    digits = member[1:-1] if _NUMBER.fullmatch(member) else READERS["decimal"](member) or b""
    try:
        exact = _EXACT.quantize(Decimal(digits.decode()), _SCALE)
    except DecimalException:
        raise Misfit from None
    return f"{exact:f}".encode()


def _timestamp(member: bytes, found: Findings) -> bytes:
    return _moment(_STAMP, member, READERS["timestamp"](member), found)


def _date(member: bytes, found: Findings) -> bytes:
    return _moment(_DAY, member, READERS["date"](member), found)


def _moment(form: re.Pattern[bytes], member: bytes, cell: bytes | None, found: Findings) -> bytes:
    """Return a moment as it is if it has a form that can be read fast, else as its cell."""
    if cell is None or form.fullmatch(member):
        return member
    found.rewritten = True
    return b'"%b"' % cell


def _json(member: bytes, found: Findings) -> bytes:
    """Return what has no known shape as a text that is its JSON."""
    found.rewritten = True
    return encode(member.decode())
