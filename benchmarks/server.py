"""The server of the benchmarks: a bare asyncio Protocol that sends pages encoded beforehand, in a process of its own.

It understands just enough HTTP for the candidates: one request at a time on each connection, no bodies worth reading. What it
cost is asked for at `/stats`, so that the harness can tell whether it held anybody up.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
import zlib
from functools import cache, lru_cache
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

from benchmarks.data import case_pages, customer_pages

__all__ = ["main"]

TOKEN = b'{"access_token":"benchmark","token_type":"Bearer","expires_in":3600}'
CASES, CUSTOMERS = "/cases", "/customers"


class State:
    """What the server counts."""

    def __init__(self) -> None:
        self.requests = 0
        self.tokens = 0

    def answer(self) -> bytes:
        """Return the figures as JSON."""
        return json.dumps({"server_cpu": time.process_time(), "requests": self.requests, "tokens": self.tokens}).encode()


STATE = State()


@lru_cache(maxsize=256)
def cases(pages: int, size: int, number: int, *, squeezed: bool) -> bytes:
    """Return a page of the list of cases, from 0, as a whole HTTP answer."""
    different = case_pages(size)
    more = number + 1 < pages
    token = f'"{number + 1}"' if more else "null"
    rows = different[number % len(different)]
    rest = (
        f'],"skipSummary":{{"status":"OK","totalCount":{pages * size},"currentPage":{number + 1},"pageSize":{size},'
        f'"totalPages":{pages},"hasNextPage":{str(more).lower()},"hasPreviousPage":{str(number > 0).lower()}}},'
        f'"cursorSummary":{{"status":"OK","nextPageToken":{token}}}}}'
    )
    if not squeezed:
        return answer(b'{"data":[' + rows + rest.encode())
    begin, compressor = begun(size)[number % len(different)]
    end = compressor.copy()
    return answer(begin + end.compress(rest.encode()) + end.flush(), "Content-Encoding: gzip\r\n")


@cache
def begun(size: int) -> tuple[tuple[bytes, Any], ...]:
    """Return all different pages of cases compressed up to their ends, each with the compressor that goes on from there."""
    found: list[tuple[bytes, Any]] = []
    for rows in case_pages(size):
        compressor = zlib.compressobj(6, wbits=31)
        found.append((compressor.compress(b'{"data":[' + rows), compressor))
    return tuple(found)


@lru_cache(maxsize=256)
def customers(base: str, pages: int, size: int, number: int) -> bytes:
    """Return a page of the list of customers, from 0, as a whole HTTP answer."""
    different = customer_pages(size)
    link = f"{base}?query=AAAAAAAAAAAAAAAAAAAAAA&pageno="
    summary = {
        "pageNo": number + 1,
        "currentPageSize": size,
        "pageSizeLimit": size,
        "totalPages": pages,
        "totalCount": pages * size,
        "maximumCount": 10**9,
        "nextPage": f"{link}{number + 2}" if number + 1 < pages else None,
        "lastPage": f"{link}{pages}",
        "queryId": "AAAAAAAAAAAAAAAAAAAAAA",
    }
    rows = different[number % len(different)]
    return answer(b'{"summary":' + json.dumps(summary).encode() + b',"customers":[' + rows + b"]}")


def answer(body: bytes, headers: str = "") -> bytes:
    """Put the head of an HTTP answer before a body."""
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


class Connection(asyncio.Protocol):
    """One connection. The first segment of a path says how its list behaves: `/p<pages>-s<size>-l<milliseconds>-z<0|1>/...`."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = cast("asyncio.Transport", transport)
        self.transport.set_write_buffer_limits(high=16 * 2**20)

    def data_received(self, data: bytes) -> None:
        """Answer each request that is complete."""
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            head = self._received[:end]
            length = _length(head)
            if len(self._received) < end + 4 + length:
                return
            self._received = self._received[end + 4 + length :]
            self._serve(head)

    def _serve(self, head: bytes) -> None:
        target = head.split(b" ", 2)[1].decode()
        url = urlsplit(target)
        if url.path == "/stats":
            self.transport.write(answer(STATE.answer()))
            return
        STATE.requests += 1
        if url.path.endswith("/token"):
            STATE.tokens += 1
            self.transport.write(answer(TOKEN))
            return
        _, traits, *_ = url.path.split("/")
        settings = {part[0]: int(part[1:]) for part in traits.split("-")}
        query = dict(parse_qsl(url.query))
        if url.path.endswith(CUSTOMERS):
            host = head.lower().split(b"host: ", 1)[1].split(b"\r\n", 1)[0].decode()
            number = int(query.get("pageno", "1")) - 1
            page = customers(f"http://{host}{url.path}", settings["p"], settings["s"], number)
        else:
            squeezed = bool(settings["z"]) and b"gzip" in head.lower()
            page = cases(settings["p"], settings["s"], int(query.get("PageToken", "0")), squeezed=squeezed)
        if settings["l"]:
            asyncio.get_running_loop().call_later(settings["l"] / 1000, self._send, page)
        else:
            self._send(page)

    def _send(self, page: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(page)


def _length(head: bytes) -> int:
    lower = head.lower()
    at = lower.find(b"content-length:")
    return 0 if at < 0 else int(lower[at + 15 :].split(b"\r\n", 1)[0])


async def _run() -> None:
    server = await asyncio.get_running_loop().create_server(Connection, "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)  # until the harness goes, however it goes


def main() -> None:
    """Serve until stdin ends; the port is printed first."""
    gc.disable()
    asyncio.run(_run())


if __name__ == "__main__":
    main()
