"""The candidates of this package: each used as its own documentation says."""

from __future__ import annotations

import asyncio
import gc
import resource
import time
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from amili_async import AmiliClient, ClientCredentials, Environment
from amili_async.pages import Page as PageOf
from amili_async.pagination import Items
from benchmarks.candidate import Target, Watch, candidate
from benchmarks.models import Few, floating

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterable

    from amili_async import Page, Pager

__all__: list[str] = []

ORG = "o"
CLIENT = 2218
SLICES = 40
"""Short tries that the cost of an item is found by."""


@asynccontextmanager
async def connected(target: Target) -> AsyncGenerator[AmiliClient]:
    """Open a client that has its token and its connection."""
    environment = Environment("benchmark", identity=target.base, collection=target.base, arm=target.base)
    async with AmiliClient(ClientCredentials("benchmark", "benchmark"), environment=environment) as amili:
        await cases(amili, target)
        yield amili


def cases(amili: AmiliClient, target: Target, model: Any = None, limit: int | None = None) -> Pager[Any]:
    """Return the list of cases."""
    return amili.collection.cases.list(ORG, page_size=target.size, model=model, limit=limit)


async def count(rows: AsyncIterable[Any]) -> int:
    """Touch every row."""
    seen = 0
    async for row in rows:
        seen += row.case_id is not None
    return seen


async def count_pages(pages: AsyncIterable[Page[Any]], work: int = 0) -> int:
    """Touch every row of every page, and wait a while on each page."""
    seen = 0
    async for page in pages:
        for row in page.items:
            seen += row is not None
        if work:
            await asyncio.sleep(work / 1000)
    return seen


async def _items(target: Target, watch: Watch, model: Any = None) -> int:
    async with connected(target) as amili:
        await count(cases(amili, target, model, limit=4 * target.size))
        with watch:
            return await count(cases(amili, target, model))


@candidate
async def ours(target: Target, watch: Watch) -> int:
    """Iterate every case."""
    return await _items(target, watch)


@candidate
async def ours_float(target: Target, watch: Watch) -> int:
    """Iterate every case as a full model with floats."""
    return await _items(target, watch, floating())


@candidate
async def ours_few(target: Target, watch: Watch) -> int:
    """Iterate a projection of three fields."""
    return await _items(target, watch, Few)


@candidate
async def ours_raw(target: Target, watch: Watch) -> int:
    """Iterate undecoded rows."""
    async with connected(target) as amili:
        await cases(amili, target, limit=4 * target.size).raw().collect()
        with watch:
            seen = 0
            async for row in cases(amili, target).raw():
                seen += len(row) > 0
            return seen


@candidate
async def ours_pages(target: Target, watch: Watch) -> int:
    """Iterate page by page."""
    async with connected(target) as amili:
        await cases(amili, target)
        with watch:
            return await count_pages(cases(amili, target).pages(), target.work)


@candidate
async def ours_ahead(target: Target, watch: Watch) -> int:
    """Iterate page by page, the next one on its way."""
    async with connected(target) as amili:
        with watch:
            async with cases(amili, target).prefetch(1) as pages:
                return await count_pages(pages, target.work)


@candidate
async def ours_numbered(target: Target, watch: Watch) -> int:
    """Iterate numbered pages one after the other."""
    async with connected(target) as amili:
        with watch:
            return await count_pages(amili.arm.customers.list(CLIENT, page_size=target.size).pages())


@candidate
async def ours_window(target: Target, watch: Watch) -> int:
    """Iterate numbered pages, eight on their way."""
    async with connected(target) as amili:
        with watch:
            async with amili.arm.customers.list(CLIENT, page_size=target.size).concurrent(8) as pages:
                return await count_pages(pages)


@candidate
async def ours_chains(target: Target, watch: Watch) -> int:
    """Iterate eight lists at once over one client, each an eighth of the pages."""
    part = Target(port=target.port, pages=target.pages // 8, size=target.size, latency=target.latency)
    async with connected(part) as amili:
        with watch:
            return sum(await asyncio.gather(*(count_pages(cases(amili, part).pages()) for _ in range(8))))


@candidate
async def ours_gzip(target: Target, watch: Watch) -> int:
    """Iterate every case of compressed answers."""
    return await _items(target, watch)


@candidate
async def ours_memory(target: Target, watch: Watch) -> int:
    """Iterate, and tell how much the process grew from a tenth of the way to the end."""
    async with connected(target) as amili:
        with watch:
            seen, early = 0, 0.0
            async for page in cases(amili, target).pages():
                seen += len(page.items)
                if not early and seen * 10 >= target.pages * target.size:
                    early = _resident()
            watch.facts["growth_mb"] = _resident() - early
        return seen


def _resident() -> float:
    """Return the memory that is in use, in MB; the highest so far where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        return pages * resource.getpagesize() / 2**20
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@candidate
async def ours_gc(target: Target, watch: Watch) -> int:
    """Iterate beside a heap of a million objects, and tell what the garbage collector did."""
    beside = [[number] for number in range(1_000_000)]
    pauses: list[float] = []
    full = 0
    begun = 0.0

    def note(phase: str, info: dict[str, int]) -> None:
        nonlocal begun, full
        if phase == "start":
            begun = time.perf_counter()
        else:
            pauses.append(time.perf_counter() - begun)
            full += info["generation"] == 2

    async with connected(target) as amili:
        await count(cases(amili, target, limit=4 * target.size))
        gc.collect()
        page = await cases(amili, target)
        watch.facts["tracked"] = sum(gc.is_tracked(case) for case in page.items) / len(page.items)
        gc.callbacks.append(note)
        with watch:
            seen = await count(cases(amili, target))
        gc.callbacks.remove(note)
    watch.facts |= {"full": full, "pause_ms": 1000 * max(pauses, default=0.0), "beside": len(beside)}
    return seen


@candidate
async def ours_tokens(target: Target, watch: Watch) -> int:
    """Make a thousand first calls at once; the server counts the token requests."""
    environment = Environment("benchmark", identity=target.base, collection=target.base)
    async with AmiliClient(ClientCredentials("benchmark", "benchmark"), environment=environment) as amili:
        with watch:
            return len(await asyncio.gather(*(cases(amili, target) for _ in range(1000))))


@candidate
async def item_iterator(target: Target, watch: Watch) -> int:
    """Tell what an item costs over its page, in nanoseconds: pages from memory, so that nothing else is measured."""
    page = PageOf(items=tuple(range(target.size)))

    class Pages:
        def __init__(self) -> None:
            self.left = target.pages // SLICES

        def __aiter__(self) -> Pages:
            return self

        async def __anext__(self) -> PageOf[int]:
            if not self.left:
                raise StopAsyncIteration
            self.left -= 1
            return page

    async def by_item() -> None:
        async for _ in Items(Pages()):
            pass

    async def by_page() -> None:
        async for found in Pages():
            for _ in found.items:
                pass

    class Least:
        __slots__ = ("_items",)

        def __init__(self) -> None:
            self._items = iter((None,) * (target.pages * target.size // SLICES))

        def __aiter__(self) -> Least:
            return self

        async def __anext__(self) -> None:
            for item in self._items:
                return item
            raise StopAsyncIteration

    async def at_least() -> None:
        async for _ in Least():
            pass

    costs: dict[Any, list[float]] = {by_page: [], by_item: [], at_least: []}
    with watch:
        for _ in range(SLICES):
            for way, found in costs.items():
                started = time.process_time()
                await way()
                found.append(time.process_time() - started)
    rows = target.pages * target.size
    # The least of many short tries, as timeit does it: what a machine that is slow for a while adds is no cost of the iterator.
    for name, way in (("item_ns", by_item), ("least_ns", at_least)):
        watch.facts[name] = (min(costs[way]) - min(costs[by_page])) / rows * SLICES * 1e9
    return rows
