"""Places in a list: where a page is, how it is asked for, and how that is kept to go on from later."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import TYPE_CHECKING, Literal, NamedTuple

import msgspec

from amili_async.errors import CursorMismatch

if TYPE_CHECKING:
    from amili_async.operation import Paging

__all__ = ["START", "Cursor", "Position", "digest", "parameters"]


class Position(NamedTuple):
    """Where a page is: at the start, behind a token, at a number, or at a number of a kept query."""

    kind: Literal["start", "token", "number", "query"]
    token: str = ""
    number: int = 0


START = Position("start")


def parameters(paging: Paging, at: Position, page_param: str) -> list[tuple[str, str]]:
    """Return what to add to the query for the page at a position; `page_param` stands in where none is documented."""
    if at.kind == "token":
        return [(paging.token_param or "", at.token)]
    if at.kind == "number":
        return [(paging.page_param or page_param, str(at.number))]
    if at.kind == "query":
        return [(paging.query_param or "", at.token), (paging.page_param or page_param, str(at.number))]
    return []


def digest(*parts: object) -> str:
    """Return a short fingerprint of what a list is: its operation, ids and filters."""
    return hashlib.blake2b(json.dumps(parts).encode(), digest_size=8).hexdigest()


class Cursor(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A place in a list, to go on from later or elsewhere. `str()` gives a short text, `Cursor.parse` reads it back.

    Holds the position, how far the walk had come, and a digest of operation and filters: it fits no other list.
    """

    kind: Literal["start", "token", "number", "query"]
    token: str
    number: int
    pages: int
    rows: int
    skip: int
    base: int
    digest: str

    def __str__(self) -> str:
        """Write the cursor as text, safe in URLs and file names."""
        return "ac1." + base64.urlsafe_b64encode(msgspec.msgpack.encode(self)).decode().rstrip("=")

    @property
    def position(self) -> Position:
        """Where the page is."""
        return Position(self.kind, self.token, self.number)

    @classmethod
    def parse(cls, text: str | Cursor) -> Cursor:
        """Read a cursor back.

        Raises:
            CursorMismatch: the text is no cursor.
        """
        if isinstance(text, Cursor):
            return text
        version, _, payload = str(text).partition(".")
        try:
            if version == "ac1":
                packed = base64.b64decode(payload + "=" * (-len(payload) % 4), b"-_", validate=True)
                return msgspec.msgpack.decode(packed, type=cls)
        except (ValueError, msgspec.DecodeError):
            pass
        hint = " (`page.resume` is None after the last page: that walk was complete)" if text == "None" else ""
        raise CursorMismatch(f"this is not a cursor of this package{hint}; start the list without `resume`")
