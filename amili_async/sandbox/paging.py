"""Page tokens, and which part of a list a request asks for."""

from __future__ import annotations

import base64
import hashlib
import struct
import time
from bisect import bisect_left
from operator import neg
from typing import TYPE_CHECKING, NamedTuple

from amili_async.sandbox.exchange import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["PageTokens", "Part", "page_number", "page_size", "part"]

_FORM = struct.Struct(">8sqdI")
_MAC = 8


class PageTokens:
    """Makes and reads page tokens: sealed, expiring, each another text, bound to what they were made for.

    A token holds the number of the row that the page begins with, not an offset: rows that are inserted meanwhile shift nothing.

    Args:
        key: secret of the sandbox.
        lifetime: seconds that a token is valid.
    """

    def __init__(self, key: bytes, lifetime: float) -> None:
        self._key = key
        self._lifetime = lifetime
        self._made = 0

    def make(self, bound: bytes, row: int) -> str:
        """Return a token for the page that begins with a row. `bound` is what it is good for: see `digest`."""
        self._made = (self._made + 1) & 0xFFFF_FFFF
        plain = _FORM.pack(bound, row, time.time() + self._lifetime, self._made)
        mac = self._hash(plain, _MAC)
        sealed = bytes(a ^ b for a, b in zip(plain, self._hash(mac, _FORM.size), strict=True))
        return base64.urlsafe_b64encode(mac + sealed).decode().rstrip("=")

    def read(self, bound: bytes, token: str) -> int:
        """Return the row that a token's page begins with.

        Raises:
            Problem: 400; it is no token, belongs to another list or other filters, or has expired.
        """
        try:
            data = base64.b64decode(token + "=" * (-len(token) % 4), b"-_", validate=True)
        except ValueError:
            data = b""
        if len(data) != _MAC + _FORM.size:
            raise Problem(400, "invalid_page_token", "This is not a page token.")
        mac, sealed = data[:_MAC], data[_MAC:]
        plain = bytes(a ^ b for a, b in zip(sealed, self._hash(mac, _FORM.size), strict=True))
        if mac != self._hash(plain, _MAC):
            raise Problem(400, "invalid_page_token", "This is not a page token.")
        made_for, row, expires, _ = _FORM.unpack(plain)
        if made_for != bound:
            raise Problem(400, "invalid_page_token", "The page token belongs to another list or to other filters.")
        if time.time() > expires:
            raise Problem(400, "expired_page_token", "The page token has expired.")
        return int(row)

    def digest(self, *parts: object) -> bytes:
        """Return what a token is bound to, in short."""
        return self._hash(repr(parts).encode(), 8)

    def _hash(self, data: bytes, size: int) -> bytes:
        return hashlib.blake2b(data, digest_size=size, key=self._key).digest()


class Part(NamedTuple):
    """Which rows of a list a page shows."""

    begin: int
    end: int
    total: int
    size: int
    number: int

    @property
    def pages(self) -> int:
        """How many pages of that size the list has."""
        return -(-self.total // self.size)


def part(rows: Sequence[int], size: int, *, start: int | None = None, number: int = 1, descending: bool = False) -> Part:
    """Return the part of a list that begins with a row or is the page of a number.

    Args:
        rows: numbers of the rows, in the order of the list.
        size: how many rows a page has.
        start: number of the first row; None for a page by number.
        number: number of the page, from 1.
        descending: whether the numbers fall.
    """
    if start is None:
        begin = min((number - 1) * size, len(rows))
    else:
        begin = bisect_left(rows, -start, key=neg) if descending else bisect_left(rows, start)
        number = begin // size + 1
    return Part(begin, min(begin + size, len(rows)), len(rows), size, number)


def page_size(query: Mapping[str, str], name: str | None, default: int, maximum: int) -> int:
    """Return how many rows are asked for, at most `maximum`.

    Raises:
        Problem: 400; it is not a number from 1.
    """
    text = query.get(name, "") if name else ""
    return min(_positive(text, name or ""), maximum) if text else default


def page_number(query: Mapping[str, str], name: str) -> int | None:
    """Return which page is asked for by its number, None if none is.

    Raises:
        Problem: 400; it is not a number from 1.
    """
    text = query.get(name, "")
    return _positive(text, name) if text else None


def _positive(text: str, name: str) -> int:
    if not text.isascii() or not text.isdecimal() or len(text) > 9 or int(text) < 1:
        raise Problem(400, "invalid_parameter", f"{name} must be a number from 1.")
    return int(text)
