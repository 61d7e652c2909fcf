"""LIMIT: the least that any client has to do: a blocking socket into a buffer that is used again, the same decode, consumer."""

from __future__ import annotations

import socket
from decimal import Decimal
from typing import Any

import msgspec
from isal import isal_zlib

from amili_async.collection.models import Case
from amili_async.pages import envelope_of, peek_token
from benchmarks.candidate import Target, Watch, candidate
from benchmarks.models import floating

__all__: list[str] = []


class Wire:
    """One blocking keep-alive connection."""

    def __init__(self, target: Target, *, gzip: bool = False) -> None:
        self._socket = socket.create_connection(("127.0.0.1", target.port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = bytearray(8 * 2**20)
        self._view = memoryview(self._buffer)
        self._accept = "Accept-Encoding: gzip\r\n" if gzip else ""

    def get(self, path: str) -> memoryview:
        """Fetch a body into the buffer."""
        self._socket.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{self._accept}\r\n".encode())
        got, end = 0, -1
        while end < 0:
            got += self._socket.recv_into(self._view[got:])
            end = self._buffer.find(b"\r\n\r\n", 0, got)
        head = bytes(self._buffer[:end])
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        start = end + 4
        while got < start + length:
            got += self._socket.recv_into(self._view[got : start + length])
        return self._view[start : start + length]


def walk(target: Target, kind: Any, pages: int, wire: Wire, *, gzip: bool = False) -> int:
    """Read so many pages, decode them, and touch every row."""
    decoder = msgspec.json.Decoder(envelope_of(kind, "data", "cursor+skip"), float_hook=Decimal)
    path, token, rows = f"{target.path}/orgs/o/cases", "", 0
    for _ in range(pages):
        body: Any = wire.get(f"{path}?PageSize={target.size}{f'&PageToken={token}' if token else ''}")
        page = decoder.decode(isal_zlib.decompress(body, 31) if gzip else body)
        for row in page.items:
            rows += len(row) > 0 if kind is msgspec.Raw else row.case_id is not None
        token = page.cursor_summary.next_page_token
    return rows


def _limit(target: Target, watch: Watch, kind: Any, *, gzip: bool = False) -> int:
    wire = Wire(target, gzip=gzip)
    walk(target, kind, min(4, target.pages), wire, gzip=gzip)
    with watch:
        return walk(target, kind, target.pages, wire, gzip=gzip)


@candidate
def limit(target: Target, watch: Watch) -> int:
    """Run with the package's own model."""
    return _limit(target, watch, Case)


@candidate
def limit_raw(target: Target, watch: Watch) -> int:
    """Run without decoding the rows; they are parts of the buffer."""
    return _limit(target, watch, msgspec.Raw)


@candidate
def limit_float(target: Target, watch: Watch) -> int:
    """Run with the full model, amounts as floats."""
    return _limit(target, watch, floating())


@candidate
def limit_gzip(target: Target, watch: Watch) -> int:
    """Run on compressed answers."""
    return _limit(target, watch, Case, gzip=True)


@candidate
def wire_chain(target: Target, watch: Watch) -> int:
    """Fetch page after page and decode nothing but the token: the time that the wire alone takes."""
    wire = Wire(target)
    path, token, tokens = f"{target.path}/orgs/o/cases", "", set[str]()
    with watch:
        for _ in range(target.pages):
            body = wire.get(f"{path}?PageSize={target.size}{f'&PageToken={token}' if token else ''}")
            token = peek_token(bytes(body[-4096:])) or ""
            tokens.add(token)
    return len(tokens) * target.size
