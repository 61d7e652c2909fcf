"""What the job looks at in a row: its key, whether it can still change, and what remains of it. One decode tells all of it.

A row that is odd is not refused: it gets a key all the same, and what cannot be read of it counts as not said.
"""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Raw

from amili_async.answers import NOT_JSON
from amili_async.sync.amounts import Priced
from amili_async.sync.rowkeys import are_usable, key_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from amili_async.sync.streams import Stream

__all__ = ["Look", "Probe", "probe_of"]

_NULL = Raw(b"null")
_UNSET = frozenset({b"null", b'""'})
_members = msgspec.json.Decoder(dict[str, Raw])


class Look(msgspec.Struct, frozen=True, gc=False):
    """What was seen of a row: its key, whether it can still change, and status, amount and currencies if they can be read."""

    key: str
    open: bool
    priced: Any


class Probe:
    """Looks at the rows of a stream.

    Args:
        stream: whose rows they are.
    """

    def __init__(self, stream: Stream) -> None:
        self._names = (stream.key, stream.closed or "")
        self._closes, self._priced = stream.closed is not None, stream.amount is not None
        fields: list[tuple[str, Any, Any]] = []
        names = {"key": stream.key, "closed": stream.closed or "_"}
        if stream.amount is not None:
            fields += [("status", str | None, None), ("remaining_amount", Decimal | None, None)]
            fields += [(name, tuple[Priced, ...] | None, None) for name in ("claims", "invoices")]
            names["remaining_amount"] = stream.amount
        usual = msgspec.defstruct("Usual", [("key", str), ("closed", str | None, None), *fields], rename=names, gc=False)
        any_row = msgspec.defstruct("Row", [("key", Raw, _NULL), ("closed", Raw, _NULL), *fields], rename=names, gc=False)
        self._decode_lines: Callable[[bytes], list[Any]] = msgspec.json.Decoder(usual).decode_lines
        self._decode: Callable[[bytes], Any] = msgspec.json.Decoder(any_row).decode

    def look_at_all(self, lines: bytes) -> list[Look] | None:
        """Look at rows that stand in lines, in one go; None if one is odd, so that each has to be looked at by itself."""
        try:
            rows = self._decode_lines(lines)
        except NOT_JSON:
            return None
        if not are_usable([row.key for row in rows]):
            return None
        closes, priced = self._closes, self._priced
        return [Look(row.key, closes and not row.closed, row if priced else None) for row in rows]

    def look(self, row: bytes) -> Look:
        """Look at a row."""
        priced: Any = None
        try:
            found = priced = self._decode(row)
            key, closed = bytes(found.key), bytes(found.closed)
        except NOT_JSON:
            key, closed = self._members(row)
        return Look(key_of(key, row), self._closes and closed in _UNSET, priced if self._priced else None)

    def _members(self, row: bytes) -> tuple[bytes, bytes]:
        """Find key and end of a row that is not as documented."""
        try:
            members = _members.decode(row)
        except NOT_JSON:
            members = {}
        key, closed = (bytes(members.get(name, _NULL)) for name in self._names)
        return key, closed


@lru_cache(maxsize=64)
def probe_of(stream: Stream) -> Probe:
    """Return the probe of a stream; to make one takes as long as to look at some hundred rows."""
    return Probe(stream)
