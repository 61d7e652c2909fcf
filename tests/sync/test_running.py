"""What a run does at the same time: reading, committing and counting, and what is left of it when that fails."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta

import anyio
import pytest

from amili_async.errors import SinkError
from amili_async.sync import MemorySink, NdjsonSink, WindowDone, WindowStarted
from amili_async.testing import json_reply
from tests.sync.kit import Server, at, client, job_of, keys_in

pytestmark = pytest.mark.asyncio

ORGANIZATIONS = ["o", "p", "q", "r"]
SOON = 5
"""Seconds after which something is taken not to happen."""


def _server(**settings):
    server = Server(**settings)
    for organization in ORGANIZATIONS:
        server.add("cases", organization, *(at("2026-01-01") + day * timedelta(days=1) for day in range(5)))
    return server


async def test_the_next_window_is_read_while_one_is_committed():
    """The one worker that there is does not wait for the target."""
    server, second = _server(), asyncio.Event()
    started = []

    def note(event):
        if isinstance(event, WindowStarted):
            started.append(event.window)
            if len(started) == 2:
                second.set()

    class Slow(MemorySink):
        async def commit(self, work, entry):
            await asyncio.wait_for(second.wait(), SOON)
            return await super().commit(work, entry)

    async with client(server) as amili:
        job = job_of(amili, Slow(), organizations=ORGANIZATIONS, concurrency=1, on_event=note)
        assert (await job.run()).complete
    assert keys_in(job.target, "cases") == sorted(key for name in ORGANIZATIONS for key in server.keys("cases", name))


async def test_what_waits_for_a_target_that_fails_is_let_go():
    """Windows that have been read, and will not be committed, leave no file open."""
    server, all_read, works = _server(), asyncio.Event(), []

    class Failing(MemorySink):
        def begin(self, work):
            super().begin(work)
            works.append(work)

        async def commit(self, work, entry):
            if len(works) < len(ORGANIZATIONS):
                await asyncio.wait_for(all_read.wait(), SOON)
            raise SinkError("no room")

    def note(event):
        if isinstance(event, WindowStarted) and event.window.organization == ORGANIZATIONS[-1]:
            asyncio.get_running_loop().call_later(0.05, all_read.set)

    async with client(server) as amili:
        sink = Failing()
        with pytest.raises(SinkError, match="no room"):
            await job_of(amili, sink, organizations=ORGANIZATIONS, concurrency=2, on_event=note).run()
        assert len(works) == len(ORGANIZATIONS)
        assert not any(spool._waiting or spool._file for work in works for spool in work.spools.values())
        assert len(asyncio.all_tasks()) == 1


async def test_what_the_server_counts_is_asked_for_at_once():
    """The last questions of a run take the time of one."""
    both, waiting = asyncio.Event(), []

    def trouble(stream, organization, query):
        return count(0 if "FromCreatedAt" in query else 5) if done else None

    async def count(rows):
        waiting.append(1)
        if len(waiting) == 2:
            both.set()
        await asyncio.wait_for(both.wait(), SOON)
        return json_reply({"data": [], "skipSummary": {"hasNextPage": False, "totalCount": rows}})

    done = []
    server = _server(trouble=trouble)
    async with client(server) as amili:
        report = await job_of(amili, on_event=lambda event: done.append(1) if isinstance(event, WindowDone) else None).run()
    assert (report.complete, report.differences, len(waiting)) == (True, [], 2)


@pytest.mark.parametrize("cancels", [1, 3])
async def test_cancelled_at_any_moment(tmp_path, cancels):
    """Whenever a run is cancelled, that is what comes of it; its target is free at once, and the next run completes it."""
    server, sink = _server(), NdjsonSink(tmp_path)
    async with client(server) as amili:
        for moment in range(60):
            task = asyncio.create_task(job_of(amili, sink, organizations=ORGANIZATIONS).run(restart=True))
            await asyncio.sleep(moment / 1_000)
            for _ in range(cancels):
                task.cancel()
                await asyncio.sleep(0)
            with suppress(asyncio.CancelledError):
                assert (await task).complete  # it was done before
            assert len(asyncio.all_tasks()) == 1
        assert (await job_of(amili, sink, organizations=ORGANIZATIONS).run()).complete
        assert (await job_of(amili, sink, organizations=ORGANIZATIONS).verify()).sound


async def test_a_scope_that_ends_a_run():
    """The end of a scope, in the middle of a run, is the end of the scope: nothing else is raised."""
    async with client(_server()) as amili:
        for turns in range(0, 200, 5):
            with anyio.CancelScope() as scope:
                async with anyio.create_task_group() as group:
                    group.start_soon(job_of(amili, organizations=ORGANIZATIONS).run)
                    for _ in range(turns):
                        await asyncio.sleep(0)
                    scope.cancel()
