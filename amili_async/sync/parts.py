"""Parts of rows as rows of their own: the invoices, debtors and claims of a case."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Raw

from amili_async.answers import NOT_JSON
from amili_async.structs import encode
from amili_async.sync.tables import INDEX, part_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from amili_async.sync.streams import Stream

__all__ = ["ESCAPED_NAME", "VALUE", "Splitter"]

VALUE = "_value"
"""Member that holds an element which is no object."""
ESCAPED_NAME = re.compile(rb'\\.(?:[^"\\]|\\.)*"\s*:', re.DOTALL)
"""Found where the name of a member is written with escapes, so that it does not look as it reads; perhaps elsewhere, too."""

_NULL = Raw(b"null")
_elements = msgspec.json.Decoder(tuple[Raw, ...])
_members = msgspec.json.Decoder(dict[str, Raw])


class Splitter:
    """Makes rows of parts of a stream's rows: `{"caseId": "...", "_index": 0, ...members of the part}`.

    Args:
        stream: whose rows they are.
        parts: names of parts, on the wire; those that the stream does not have are passed over.

    Attributes:
        tables: names of the tables that they go into.
    """

    def __init__(self, stream: Stream, parts: Sequence[str]) -> None:
        wires = [part for part in stream.parts if part in parts]
        self.tables = [part_table(stream, part).name for part in wires]
        self._own = (stream.key, INDEX)
        self._key, self._index = encode(stream.key), encode(INDEX)
        names = [f"part{place}" for place in range(len(wires))]
        row = msgspec.defstruct(
            "Row", [(name, Raw, _NULL) for name in names], rename=dict(zip(names, wires, strict=True)), gc=False
        )
        self._decode: Callable[[bytes], Any] = msgspec.json.Decoder(row).decode

    def split(self, key: str, row: bytes) -> Iterator[list[bytes]]:
        """Yield for each table the elements of the row's part, as lines without their ends. One that is null keeps its place."""
        try:
            found = msgspec.structs.astuple(self._decode(row))
        except NOT_JSON:  # the row is no object
            found = ()
        text = encode(key)
        for part in found:
            try:
                elements = _elements.decode(part)
            except NOT_JSON:  # no array: it stays what it is, in the row
                elements = ()
            yield [self._line(text, place, bytes(element)) for place, element in enumerate(elements)]
        yield from ([] for _ in self.tables[len(found) :])

    def _line(self, key: bytes, place: int, element: bytes) -> bytes:
        if element[:1] == b"{" and self._index not in element and not ESCAPED_NAME.search(element):
            tail = element[1:].lstrip()
            if self._key not in element:
                return b"{%b:%b,%b:%d%b%b" % (self._key, key, self._index, place, b"" if tail == b"}" else b",", tail)
            if b"%b:%b" % (self._key, key) in element and element.count(self._key) == element.count(b"{") == 1:
                return b"{%b:%d,%b" % (self._index, place, tail)  # it names its row itself
        return self._slowly(key, place, element)

    def _slowly(self, key: bytes, place: int, element: bytes) -> bytes:
        """Make a row of an element whose members stand in the way, or that is no object."""
        try:
            members = _members.decode(element)
        except NOT_JSON:
            members = {} if element == b"null" else {VALUE: Raw(element)}
        told = [b"%b:%b" % (encode(name), bytes(member)) for name, member in members.items() if name not in self._own]
        return b"{%b}" % b",".join((b"%b:%b" % (self._key, key), b"%b:%d" % (self._index, place), *told))
