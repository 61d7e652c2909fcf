"""A compaction that is killed between any two steps loses no row, doubles none and leaves nothing over."""

from __future__ import annotations

import shutil
from datetime import timedelta

import pytest
from msgspec.structs import replace

from amili_async.sync import NdjsonSink
from amili_async.sync.ledger import digest
from amili_async.sync.probe import Probe
from amili_async.sync.tables import part_table, table_of
from amili_async.sync.windows import Window
from tests.sync.conformance import CASES, MARCH, ORG, SOURCE, all_same, case, commit
from tests.sync.crashing import PARTS, killer
from tests.sync.kit import NOW, Clock, Server, client, job_of
from tests.sync.places import TARGETS

DAYS = [
    Window("cases", ORG, start, start + timedelta(days=1)) for start in (MARCH.start + timedelta(days=day) for day in range(1, 4))
]
WHOLE = replace(DAYS[0], end=DAYS[-1].end)
ROWS = [case(number) for number in range(6)]


async def check(target, sink, windows):
    """Compare rows, keys and fingerprints with what was committed; the windows have to be these."""
    entries = await sink.peek()
    assert [(entry.window, entry.state) for entry in entries] == [(window, "done") for window in windows]
    assert all_same(ROWS, [one.row for one in await target.held(table_of(CASES))])
    assert len(await target.held(part_table(CASES, *PARTS))) == 2 * len(ROWS)
    keys = [key for entry in entries for key in await sink.keys(entry)]
    assert keys == [Probe(CASES).look(row).key for row in ROWS]
    assert b"".join([await sink.digests(entry.window) for entry in entries]) == b"".join(map(digest, keys))


@pytest.mark.slow
@pytest.mark.asyncio
@pytest.mark.parametrize("kind", ["ndjson", "parquet"])
async def test_killed_between_two_steps(kind, memory_folder):
    """Whatever the step: each row is there once, under one window, and the compaction can be done again."""
    target, saved = TARGETS[kind](kind, memory_folder / "target"), memory_folder / "saved"
    sink = target.sink()
    await sink.open(SOURCE, [CASES], PARTS)
    for place, window in enumerate(DAYS):
        await commit(sink, window, ROWS[place * 2 : place * 2 + 2], PARTS)
    await sink.close()
    shutil.copytree(target.folder, saved)
    seen = set()
    with killer(target, "compact") as killed:
        steps = killed.steps()
        for number in steps:
            shutil.rmtree(target.folder)
            shutil.copytree(saved, target.folder)
            assert killed.order(number) == ("killed" if number < steps[-1] else "done")
            sink = target.sink()
            left = [entry.window for entry in await sink.open(SOURCE, [CASES], PARTS)]
            seen.add(len(left))
            await check(target, sink, DAYS if len(left) == len(DAYS) else [WHOLE])
            assert await sink.compact() == (0 if left == [WHOLE] else 4)
            await check(target, sink, [WHOLE])
            await sink.close()
            assert target.debris() == [], number
    assert steps[-1] > 20
    assert len(steps) > 10
    assert seen == {1, 3}


@pytest.mark.asyncio
async def test_what_was_put_together_is_not_read_again(tmp_path):
    """Windows of many runs become one; the next run asks for nothing of it; a refresh does, as long as rows may come."""
    server, clock, sink = Server(), Clock(NOW - timedelta(days=9)), NdjsonSink(tmp_path)
    server.add("cases", "o", *(NOW - timedelta(days=day, hours=2) for day in range(3, 13)), closedAt="2026-01-01")
    async with client(server, clock=clock) as amili:
        job = job_of(amili, sink, until=NOW - timedelta(days=2))
        for _ in range(8):
            clock.pass_by(timedelta(days=1))
            await job.run()
        before = await sink.peek()
        await sink.open(None, (), ())
        assert await sink.compact() == 4
        await sink.close()
        assert (len(before), len(await sink.peek())) == (8, 2)  # what lies before the first run has no start, and stays
        assert await job.plan() == []
        assert (await job.run()).rows == 0
        assert (await job.refresh()).rows == 10
        clock.pass_by(timedelta(days=1))
        assert (await job.refresh()).rows == 0
