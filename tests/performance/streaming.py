"""A long list from memory, walked in a process of its own: `python -m tests.performance.streaming WAY`.

It prints, as JSON: the rows seen, by how much the process grew between a tenth of the way and the end, in MB, and how often the
garbage collector went through all objects meanwhile.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
from itertools import islice
from urllib.parse import parse_qs, urlsplit

from amili_async import AmiliClient, Environment, StaticToken
from amili_async.sandbox import Sandbox
from amili_async.structs import encode
from amili_async.testing import FakeTransport, Reply
from benchmarks.sync_memory import high_water

PAGES, SIZE = 120, 500
HEADERS = {"content-type": "application/json"}


def server(pages):
    """Return a handler that serves the same rows on every page, and another token."""
    with_truth = Sandbox(cases=SIZE, organizations=1)
    rows = encode(list(islice(with_truth.truth("collection.cases.list", with_truth.organizations[0]), SIZE)))

    def handler(request):
        number = int(parse_qs(urlsplit(request.url).query).get("PageToken", ["0"])[0])
        token = f'"{number + 1}"' if number + 1 < pages else "null"
        return Reply(200, HEADERS, b'{"data":' + rows + f',"cursorSummary":{{"nextPageToken":{token}}}}}'.encode())

    return handler


def client(pages):
    """Return a client of that server."""
    return AmiliClient(
        StaticToken("t"), environment=Environment.local("http://127.0.0.1:1"), transport=FakeTransport(server(pages))
    )


async def walk(pager, way):
    """Yield how many rows have been seen, from time to time."""
    seen, kept = 0, []
    if way == "items":
        async for _ in pager:
            seen += 1
            if not seen % SIZE:
                yield seen
    elif way == "prefetch":
        async with pager.prefetch(2) as pages:
            async for page in pages:
                seen += len(page)
                yield seen
    else:
        async for page in pager.pages():
            seen += len(page)
            if way == "hoarding":
                kept.append(page)
            yield seen


async def main(way):
    """Walk the list."""
    early, full, rows = 0.0, 0, 0

    def note(phase, info):
        nonlocal full
        full += phase == "stop" and info["generation"] == 2

    async with client(PAGES) as amili:
        async for rows in walk(amili.collection.cases.list("o"), way):
            if not early and rows * 10 >= PAGES * SIZE:
                early = high_water()
                gc.collect()
                gc.callbacks.append(note)
        gc.callbacks.remove(note)
    sys.stdout.write(json.dumps({"rows": rows, "growth": high_water() - early, "full": full}))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
