"""The job against the sandbox and against servers in memory: everything once, whatever the server takes for what."""

from __future__ import annotations

import asyncio
import gc
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import count

import anyio
import pytest

from amili_async import AmiliClient, RetryPolicy
from amili_async.errors import ConfigError, SinkError, Unauthorized
from amili_async.sandbox import Fault, Sandbox
from amili_async.sync import (
    CallableSink,
    Entry,
    MemorySink,
    NdjsonSink,
    PaceChanged,
    Redaction,
    StreamFailed,
    SyncJob,
    WindowDone,
    WindowFailed,
    WindowKept,
    WindowRead,
    WindowRetried,
    WindowStarted,
    pulling,
    running,
)
from amili_async.sync.keys import among
from amili_async.sync.ledger import digest
from amili_async.sync.pace import Gate, Pace
from amili_async.sync.pulling import FIRST_PAGE, Puller
from amili_async.sync.sinks import base
from amili_async.sync.sinks.base import Spool
from amili_async.sync.streams import STREAMS
from amili_async.sync.windows import Window
from amili_async.testing import Reply, json_reply
from tests.sync.kit import NOW, Clock, Server, at, client, failing, job_of, keys_in, spans_in

pytestmark = pytest.mark.asyncio

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
COLLECTION = ("cases", "batches", "invoices", "settlements")


class Endless(Clock):
    """A clock by which a pause of a second or more never ends."""

    async def sleep(self, seconds):
        """Wait, but not for long."""
        await (asyncio.Event().wait() if seconds >= 1 else super().sleep(seconds))


def _days(count, start="2026-01-01"):
    return [at(start) + number * DAY for number in range(count)]


def _of(events, kind):
    return [event for event in events if isinstance(event, kind)]


async def _truth(sandbox, sink, streams=COLLECTION):
    """Check that a target holds what the sandbox serves, each row once."""
    for stream in streams:
        key = STREAMS[stream].key
        owners = sandbox.clients if STREAMS[stream].of_arm else sandbox.organizations
        truth = [row[key] for owner in owners for row in sandbox.truth(STREAMS[stream].operation.name, owner)]
        assert keys_in(sink, stream) == sorted(map(str, truth))


async def test_everything_once():
    """All lists of all organizations are in the target, each row once; sums are exact; a second run asks for nothing."""
    sink = MemorySink()
    async with (
        Sandbox(cases=120, organizations=1) as sandbox,
        AmiliClient(sandbox.credentials, environment=sandbox.environment) as amili,
    ):
        job = SyncJob(amili, organizations=sandbox.organizations, sink=sink, max_rows=40, parts=("invoices", "succeeded"))
        report = await job.run()
        assert report.complete
        assert report.differences == []
        await _truth(sandbox, sink)
        truth = [row for owner in sandbox.organizations for row in sandbox.truth("collection.cases.list", owner)]
        assert sum(owed.remaining for owed in report.owed) == sum(Decimal(str(row["remainingAmount"])) for row in truth)
        assert sum(owed.cases for owed in report.owed) == 120
        parts = [(row["caseId"], place, part["invoiceId"]) for row in truth for place, part in enumerate(row["invoices"])]
        assert sorted((row["caseId"], row["_index"], row["invoiceId"]) for row in sink.rows("cases_invoices")) == sorted(parts)
        assert sink.rows("batches_succeeded")
        cases = report.streams["cases"]
        assert (cases.verified, cases.unverified, cases.unverifiable) == (cases.windows, 0, 0)
        assert (cases.rows, cases.read, cases.held_rows, cases.held_windows, cases.left) == (120, 120, 120, cases.windows, 0)
        assert report.streams["invoices"].unverifiable == report.streams["invoices"].windows
        assert report.elapsed > 0
        served = len(sandbox.log)
        assert (await job.verify()).sound
        again = await job.run()
        assert (again.rows, again.windows, again.complete, len(sandbox.log)) == (0, 0, True, served)
        assert again.owed == report.owed


@pytest.mark.parametrize(
    "settings",
    [{"exclude_lower": True}, {"include_upper": True}, {"page_size_default": 7, "page_size_max": 7}, {"skip_only": True}],
)
async def test_kinds_of_sandboxes(settings):
    """Inclusive and exclusive bounds, small pages and pages by number change nothing."""
    sink = MemorySink()
    async with (
        Sandbox(cases=60, organizations=1, **settings) as sandbox,
        AmiliClient(sandbox.credentials, environment=sandbox.environment) as amili,
    ):
        streams = ["cases", "settlements"]
        await SyncJob(amili, organizations=sandbox.organizations, streams=streams, sink=sink, max_rows=9).run()
        await _truth(sandbox, sink, streams)


async def test_faults():
    """Rate limits, outages, lost tokens, tokens repeated and expired, empty pages, drift all strike: every row is there once."""
    faults = [
        Fault("rate_limit", rate=0.05, retry_after=0),
        Fault("status", rate=0.05, match="collection", retry_after=0),
        Fault("reset_before", rate=0.02, match="collection"),
        Fault("unauthorized", count=2),
        Fault("expired_token", count=3),
        Fault("repeated_token", count=3),
        Fault("empty_page", at=(5, 10, 15)),
        Fault("rows_shift", at=(2, 5, 8)),
        Fault("total_drift", count=3),
        Fault("truncated_json", count=3, match="collection"),
    ]
    sink, events = MemorySink(), []
    async with (
        Sandbox(cases=150, organizations=1, page_size_default=10, page_size_max=10, faults=faults) as sandbox,
        AmiliClient(sandbox.credentials, environment=sandbox.environment, clock=Clock()) as amili,
    ):
        streams = ["cases", "batches"]
        job = SyncJob(amili, organizations=sandbox.organizations, streams=streams, sink=sink, max_rows=50, on_event=events.append)
        for _ in range(5):
            report = await job.run()
            if report.complete:
                break
        assert report.complete
        assert not report.unverified
        await _truth(sandbox, sink, streams)
        assert (await job.verify()).sound
        assert all(sandbox.faults.struck[fault.kind] for fault in faults), sandbox.faults.struck


@pytest.mark.filterwarnings("ignore::amili_async.errors.UnconfirmedOperationWarning")
async def test_arm():
    """Lists of ARM clients are one window each, verified by their count."""
    sink = MemorySink()
    async with (
        Sandbox(cases=5, organizations=1, customers=60) as sandbox,
        AmiliClient(sandbox.credentials, environment=sandbox.environment) as amili,
    ):
        job = SyncJob(amili, clients=sandbox.clients, sink=sink)
        report = await job.run()
        assert report.complete
        await _truth(sandbox, sink, ("customers", "ar_items", "documents", "gl_items"))
        assert report.verified == report.windows == 4
        assert not report.cut_off


async def test_a_list_that_is_cut_off():
    """A list that reaches the server's cap is committed, and said to be cut off; it is not read twice."""
    sink, events = MemorySink(), []
    async with (
        Sandbox(cases=5, organizations=1, customers=60) as sandbox,
        AmiliClient(sandbox.credentials, environment=sandbox.environment) as amili,
    ):
        filters = {"customers": {"maximumcount": 20}}
        job = SyncJob(amili, clients=sandbox.clients, streams=["customers"], sink=sink, filters=filters, on_event=events.append)
        report = await job.run()
        (entry,) = await job.status()
        assert (report.rows, report.cut_off, report.unverified, report.complete) == (20, 1, 1, True)
        assert (entry.cut_off, entry.verified, entry.rows) == (True, False, 20)
        assert len(_of(events, WindowStarted)) == 1


@pytest.mark.parametrize("bounds", ["[)", "[]", "()", "(]"])
async def test_rows_on_bounds(bounds):
    """A row on the bound of two windows is in one of them, whether the server gives it to both or would give it to none."""
    server = Server(bounds=bounds)
    server.add("cases", "o", *(at("2026-01-01") + number * HOUR for number in range(200)))
    server.add("invoices", "o", *(at("2026-01-01") + number * 12 * HOUR for number in range(140)))
    server.add("settlements", "o", *_days(70))
    async with client(server) as amili:
        job = job_of(amili, streams=["cases", "invoices", "settlements"], max_rows=7, concurrency=3)
        report = await job.run()
        for stream in ("cases", "invoices", "settlements"):
            assert keys_in(job.target, stream) == sorted(server.keys(stream, "o"))
        assert report.verified == report.streams["cases"].windows > 30
        assert (await job.verify()).sound


async def test_days_that_overlap():
    """Windows of single days overlap with more than their neighbours; no row is there twice all the same."""
    server, sink, clock = Server(bounds="[]"), MemorySink(), Clock(at("2026-01-03T06:00"))
    async with client(server, clock=clock) as amili:
        for day in range(2, 12):
            server.add("settlements", "o", *[at(f"2026-01-{day:02}")] * 3)
            await job_of(amili, sink, streams=["settlements"]).run()
            clock.pass_by(DAY)
        keys = keys_in(sink, "settlements")
        assert keys == sorted(server.keys("settlements", "o"))
        assert len(await sink.peek()) >= 10


async def test_totals_that_move():
    """A window whose rows do not come to the total is read once more; then it is verified."""
    lies = iter([7, 7])
    server, events = Server(total=lambda count, query: next(lies, count)), []
    server.add("cases", "o", *_days(5))
    async with client(server) as amili:
        report = await job_of(amili, on_event=events.append).run()
    assert (report.verified, report.unverified, report.rows) == (1, 0, 5)
    assert len(_of(events, WindowStarted)) == 2


async def test_totals_that_move_within_a_list():
    """A total that moves from page to page is no contradiction; that the last one is not reached is one."""
    server = Server(size=2, total=lambda count, query: count + 3 - int(query.get("PageToken", "0")) // 2)
    server.add("cases", "o", *_days(6))
    async with client(server) as amili:
        report = await job_of(amili).run()
    assert (report.unverified, report.drift, report.rows) == (1, 1, 6)


async def test_totals_that_lie():
    """A total that is never reached is told: the window is done, and not verified; the report says so."""
    server = Server(total=lambda count, query: count + 1)
    server.add("cases", "o", *_days(5))
    async with client(server) as amili:
        job = job_of(amili)
        report = await job.run()
        (entry,) = await job.status()
        assert (report.verified, report.unverified, report.rows, report.complete) == (0, 1, 5, True)
        assert (entry.state, entry.verified, entry.rows, entry.total) == ("done", False, 5, 6)
        assert (await job.run()).windows == 0
        assert (await job.refresh()).windows == 1


async def test_a_doubtful_reading_replaces_no_good_one():
    """What was verified stays when a later reading does not come to its total."""
    server, events, sink = Server(), [], MemorySink()
    server.add("cases", "o", *_days(5))
    async with client(server) as amili:
        job = job_of(amili, sink, on_event=events.append)
        await job.run()
        server.total = lambda count, query: 5
        server.rows["cases", "o"].pop()
        report = await job.refresh()
        assert (report.windows, report.streams["cases"].kept, report.complete) == (0, 1, True)
        assert len(keys_in(sink, "cases")) == 5
        assert _of(events, WindowKept)[0].read == 4
        server.total = None
        assert (await job.refresh()).rows == 4
    assert len(keys_in(sink, "cases")) == 4


async def test_a_doubtful_reading_that_lacks_nothing_is_taken():
    """A count that stays off does not freeze rows: a reading with all that are held replaces them, and is not verified."""
    server, sink = Server(), MemorySink()
    server.add("cases", "o", *_days(5))
    async with client(server) as amili:
        job = job_of(amili, sink)
        await job.run()
        server.total = lambda count, query: count + 1
        report = await job.refresh()
        assert (report.windows, report.streams["cases"].kept, report.unverified) == (1, 0, 1)
    assert keys_in(sink, "cases") == sorted(server.keys("cases", "o"))


async def test_rows_without_a_date_are_missed():
    """Rows that are in no period are counted, and the difference is told."""
    server = Server()
    server.add("cases", "o", *_days(50, "2026-01-01T08:00"), None, None, None, at("2026-03-15T12:10"))
    async with client(server) as amili:
        job = job_of(amili, max_rows=10)
        (difference,) = (await job.run()).differences
        assert (difference.expected, difference.held, difference.missing) == (53, 50, 3)
        job = job_of(amili, start="2026-01-11", until="2026-01-21")
        (difference,) = (await job.run()).differences
        assert difference.missing == 3
        job = job_of(amili, job.target, start="2026-02-11", until="2026-02-15")
        assert (await job.run()).differences == []  # between the two times rows are missing anyway


@pytest.mark.parametrize("server", [Server(truncate=True), Server(ignore=True), Server(bounds="[]"), Server(bounds="()")])
async def test_no_difference_is_made_up(server):
    """A server that takes bounds in another way gives no cause for alarm."""
    server.add("cases", "o", *_days(50), at("2026-03-15T01:00"), at("2026-03-15T12:00"), at("2026-03-15T12:10"))
    async with client(server) as amili:
        report = await job_of(amili, max_rows=10).run()
    assert report.differences == []


async def test_a_count_that_cannot_be_had():
    """Without an answer to the last questions the run is not complete; where the server does not count it is all the same."""

    def trouble(stream, organization, query):
        return Reply(403, {}, b"") if "FromCreatedAt" in query and "ToCreatedAt" not in query else None

    server = Server(trouble=trouble)
    server.add("cases", "o", *_days(5))
    async with client(server) as amili:
        report = await job_of(amili).run()
        assert [failure.window for failure in report.failures] == [None]
        assert report.rows == 5
        server.trouble = lambda *args: None if trouble(*args) is None else Reply(401, {}, b"")
        with pytest.raises(Unauthorized):
            await job_of(amili).run()
        server.trouble, server.totals = None, False
        report = await job_of(amili).run()
        assert (report.complete, report.unverifiable, report.differences) == (True, report.windows, [])


async def test_rows_that_are_gone_are_told():
    """More rows in the target than the server has are a difference, too."""
    server, sink, clock = Server(), MemorySink(), Clock()
    server.add("cases", "o", *_days(10))
    async with client(server, clock=clock) as amili:
        await job_of(amili, sink).run()
        del server.rows["cases", "o"][2:]
        clock.pass_by(HOUR)
        (difference,) = (await job_of(amili, sink).run()).differences
    assert (difference.expected, difference.held, difference.missing) == (2, 10, -8)


async def test_failed_windows():
    """A window that fails does not stop the others; the ledger says why, and the next run mends it."""
    bad = [True]

    def trouble(stream, organization, query):
        return Reply(500, {}, b"") if bad[0] and query.get("PageSize") != "1" and "2025-12-31" in str(query) else None

    server, events = Server(trouble=trouble), []
    server.add("cases", "o", *_days(60))
    async with client(server) as amili:
        job = job_of(amili, start="2026-01-01", max_rows=20, on_event=events.append)
        report = await job.run()
        assert not report.complete
        (failure,) = report.failures
        assert failure.status == 500
        assert "answered 500" in failure.reason
        assert report.streams["cases"].failed == report.left == 1
        assert len(_of(events, WindowFailed)) == 1
        assert len(_of(events, WindowRetried)) == 5
        assert (await job.verify()).windows == report.windows
        (entry,) = [entry for entry in await job.status() if entry.state == "failed"]
        assert entry.failure == failure.reason
        bad[0] = False
        report = await job.run()
        assert (report.complete, report.windows) == (True, 1)
        assert keys_in(job.target, "cases") == sorted(server.keys("cases", "o"))


async def test_a_window_that_is_there_stays_there_when_it_fails():
    """A window that fails while it is read again keeps its rows, and waits for the next run."""
    server = Server()
    server.add("cases", "o", *_days(5))
    async with client(server) as amili:
        job = job_of(amili)
        await job.run()
        server.trouble = lambda *_: Reply(500, {}, b"")
        report = await job.refresh()
        (entry,) = await job.status()
        assert (report.complete, entry.state, entry.rows, entry.present) == (False, "stale", 5, True)
        server.trouble = None
        assert (await job.run()).rows == 5
        assert (await job.status())[0].state == "done"


async def test_windows_resume_where_they_were():
    """After an outage longer than the client's patience a window goes on at its page; what it has is not read again."""
    calls = []

    def trouble(stream, organization, query):
        calls.append(query.get("PageToken"))
        return Reply(503, {}, b"") if query.get("PageToken") == "30" and calls.count("30") <= 7 else None

    server, events = Server(size=10, trouble=trouble), []
    server.add("cases", "o", *_days(50))
    async with client(server) as amili:
        report = await job_of(amili, on_event=events.append).run()
    assert (report.rows, report.verified, report.complete) == (50, 1, True)
    assert [calls.count(token) for token in ("10", "20", "30", "40")] == [1, 1, 8, 1]
    retried = _of(events, WindowRetried)
    assert [(event.anew, event.pause) for event in retried] == [(False, 1.0)]


@pytest.mark.parametrize("times", [2, 99])
async def test_lists_are_begun_anew(times):
    """A page token that is refused restarts the window; not for ever."""
    left = [times]

    def trouble(stream, organization, query):
        if query.get("PageToken") == "20" and left[0]:
            left[0] -= 1
            return Reply(400, {}, b"")
        return None

    server, events = Server(size=10, trouble=trouble), []
    server.add("cases", "o", *_days(50))
    async with client(server) as amili:
        report = await job_of(amili, on_event=events.append).run()
    if times == 2:
        assert (report.rows, report.verified) == (50, 1)
    else:
        assert "no longer accepts the cursor" in report.failures[0].reason
    assert [event.anew for event in _of(events, WindowRetried)] == [True, True]


async def test_loops_fail():
    """A list that goes round in circles fails, after it was begun anew."""

    def trouble(stream, organization, query):
        if query.get("PageToken") == "10":
            return json_reply(
                {"data": [{"caseId": "x"}], "skipSummary": {"totalCount": 9}, "cursorSummary": {"nextPageToken": "10"}}
            )
        return None

    server = Server(size=10, trouble=trouble)
    server.add("cases", "o", *_days(50))
    async with client(server) as amili:
        report = await job_of(amili).run()
    assert "sent before" in report.failures[0].reason
    assert report.left == 1


@pytest.mark.parametrize("status", [403, 404])
async def test_no_access_to_one(status):
    """An organization without access is left alone after its first refusal; the others are read."""

    def trouble(stream, organization, query):
        return Reply(status, {}, b"") if organization == "x" and query.get("PageSize") != "1" else None

    server, events = Server(trouble=trouble), []
    for organization in ("x", "o"):
        server.add("cases", organization, *_days(60))
    async with client(server) as amili:
        job = job_of(amili, organizations=["x", "o"], max_rows=10, concurrency=1, on_event=events.append)
        report = await job.run()
    assert set(keys_in(job.target, "cases")) == server.keys("cases", "o")
    assert report.streams["cases"].failed == 1
    assert [failure.status for failure in report.failures] == [status]
    assert report.left > 5
    assert [event.organization for event in _of(events, StreamFailed)] == ["x"]


async def test_refused_credentials_end_the_run():
    """Nothing goes well without credentials: the run ends, and lets go of the target."""
    server, sink = Server(trouble=lambda *_: Reply(401, {}, b"")), MemorySink()
    async with client(server) as amili:
        job = job_of(amili, sink, streams=["cases", "batches"])
        with pytest.raises(Unauthorized):
            await job.run()
        assert job.report.interrupted
        with pytest.raises(Unauthorized):
            await job.plan()
        await sink.open("else", [], []) if sink._source is None else None
        server.trouble = None
        server.add("cases", "o", *_days(3))
        assert (await job.run()).complete


async def test_a_missing_setting_ends_the_run():
    """An API whose address is not known is a setting to be made, not a failure of a list."""
    server = Server()
    async with client(server) as amili:
        job = job_of(amili, organizations=(), clients=[1], streams=["customers"])
        amili._session.environment = type(amili.environment)("bare")
        with pytest.raises(ConfigError, match="AMILI_ARM_URL"):
            await job.run()


class BadSink(MemorySink):
    """Fails once at a step; the steps are those of the protocol."""

    def __init__(self, step, error):
        super().__init__()
        self.step, self.error, self.closed = step, error, 0

    def _fail(self, step):
        if step == self.step:
            self.step = None
            raise self.error

    async def open(self, *args):  # noqa: D102  # the protocol
        self._fail("open")
        return await super().open(*args)

    async def put(self, entries):  # noqa: D102  # the protocol
        self._fail("put")
        await super().put(entries)

    def begin(self, work):  # noqa: D102  # the protocol
        self._fail("begin")
        super().begin(work)

    async def digests(self, window):  # noqa: D102  # the protocol
        self._fail("digests")
        return await super().digests(window)

    async def commit(self, work, entry):  # noqa: D102  # the protocol
        self._fail("commit")
        return await super().commit(work, entry)

    async def close(self):  # noqa: D102  # the protocol
        self.closed += 1
        await super().close()


@pytest.mark.parametrize("step", ["open", "put", "begin", "digests", "commit"])
async def test_a_target_that_fails(step):
    """A target that fails ends the run; nothing is left open, and the next run goes on."""
    server, sink = Server(), BadSink(step, SinkError("no room"))
    server.add("cases", "o", *_days(60))
    async with client(server) as amili:
        job = job_of(amili, sink, max_rows=10)
        with pytest.raises(SinkError, match="no room"):
            await job.run()
        assert sink.closed == 1
        assert len(asyncio.all_tasks()) == 1
        assert (await job.run()).complete
    assert keys_in(sink, "cases") == sorted(server.keys("cases", "o"))
    gc.collect()


async def test_no_room_for_a_window():
    """A full disk under a spool or a target is told in one sentence."""
    server = Server()
    server.add("cases", "o", *_days(60))
    async with client(server) as amili:
        with pytest.raises(SinkError, match=r"cannot be written to \(No space left on device\)"):
            await job_of(amili, BadSink("commit", OSError(28, "No space left on device"))).run()

        class Full(MemorySink):
            def begin(self, work):
                super().begin(work)

                def full(lines, rows):
                    raise OSError(28, "No space left on device")

                work.rows.append = full

        with pytest.raises(SinkError, match=r"cannot be kept until it is complete \(No space left on device\)"):
            await job_of(amili, Full()).run()


async def test_errors_of_no_kind_are_not_swallowed():
    """What is neither the server's nor the target's failure comes out as it is."""
    server = Server()
    server.add("cases", "o", *_days(60))
    async with client(server) as amili:
        job = job_of(amili, BadSink("commit", ZeroDivisionError("a bug")), max_rows=10)
        with pytest.raises(ZeroDivisionError, match="a bug"):
            await job.run()
        assert len(asyncio.all_tasks()) == 1


async def test_one_run_at_a_time():
    """A job runs once at a time, and a target is refused while another job has it."""
    server, sink = Server(), MemorySink()
    server.add("cases", "o", *_days(3))
    async with client(server) as amili:
        job = job_of(amili, sink)
        async with anyio.create_task_group() as group:
            group.start_soon(job.run)
            await asyncio.sleep(0)
            for use in (job.run, job.refresh, job.reset, job.verify):
                with pytest.raises(ConfigError, match="this job is running"):
                    await use()
            before = job.report
            await job.plan()
            assert job.report is before
            with pytest.raises(SinkError, match="is being used") as caught:
                await job_of(amili, sink).run()
            assert caught.value.busy
    assert len(keys_in(sink, "cases")) == 3


async def test_stop():
    """A job that is told to stop finishes its windows and begins no more; the next run goes on."""
    server, events = Server(size=5), []
    server.add("cases", "o", *_days(60))

    def watch(event):
        events.append(event)
        if isinstance(event, WindowRead):
            job.stop()

    async with client(server) as amili:
        job = job_of(amili, max_rows=10, concurrency=2, on_event=watch)
        job.stop()  # nothing runs: nothing happens
        report = await job.run()
        assert report.interrupted
        assert not report.complete
        assert {event.window for event in _of(events, WindowStarted)} == {event.window for event in _of(events, WindowDone)}
        assert 1 <= report.windows <= 2
        rest = job_of(amili, job.target, max_rows=10)
        assert (await rest.run()).complete
    assert keys_in(job.target, "cases") == sorted(server.keys("cases", "o"))


async def test_a_list_without_end(monkeypatch):
    """A server that sends the same rows again and again, under new tokens, is given up; other lists are read."""
    monkeypatch.setattr(pulling, "MAX_EMPTY_PAGES", 5)
    server, tokens = Server(size=2), count()
    for organization in "op":
        server.add("batches", organization, *[None] * 5)

    def trouble(_stream, organization, _query):
        same = {"data": [{"batchId": "same"}], "summary": {"nextPageToken": str(next(tokens))}}
        return json_reply(same) if organization == "o" else None

    server.trouble = trouble
    async with client(server) as amili:
        job = job_of(amili, organizations=["o", "p"], streams=["batches"])
        report = await job.run()
    assert [failure.organization for failure in report.failures] == ["o"]
    assert "without a new row" in report.failures[0].reason
    assert keys_in(job.target, "batches") == sorted(server.keys("batches", "p"))


async def test_stop_does_not_wait_for_better_times():
    """Who stops a job whose windows wait until the server is well again gets an end at once; the next run reads them."""
    server, clock, events = Server(), Endless(), []
    server.add("cases", "o", *_days(20))
    down = asyncio.Event()
    server.trouble = lambda *asked: Reply(503, {}, b"") if down.is_set() and asked[2].get("PageSize") != "1" else None

    def watch(event):
        events.append(event)
        if isinstance(event, WindowStarted):
            down.set()
        if isinstance(event, WindowRetried):
            asyncio.get_running_loop().call_soon(job.stop)

    async with client(server, clock=clock, retry=RetryPolicy(attempts=1)) as amili:
        job = job_of(amili, max_rows=10, concurrency=2, on_event=watch)
        report = await job.run()
        assert report.interrupted
        assert len(report.failures) == len(_of(events, WindowFailed)) >= 1
        down.clear()
        server.trouble = None
        assert (await job_of(amili, job.target, max_rows=10).run()).complete
    assert keys_in(job.target, "cases") == sorted(server.keys("cases", "o"))


@pytest.mark.parametrize(("sink", "hint"), [(print, "CallableSink"), ("parquet:lake", "sink_for"), (None, "sink_for")])
async def test_what_is_no_sink_is_refused(sink, hint):
    """What people take for a target is told how to become one."""
    async with client(Server()) as amili:
        with pytest.raises(ConfigError, match=hint):
            SyncJob(amili, organizations=["o"], sink=sink)


async def test_stop_before_it_begins():
    """A job that is stopped while it takes hold of the target reads nothing."""

    class Slow(MemorySink):
        async def open(self, *args):
            job.stop()
            return await super().open(*args)

    server = Server()
    server.add("cases", "o", *_days(3))
    async with client(server) as amili:
        job = job_of(amili, Slow())
        report = await job.run()
    assert (report.interrupted, report.windows, server.asked) == (True, 0, [])


@pytest.mark.parametrize("page", [1, 4, 9])
async def test_cancel(page):
    """A run that is cancelled leaves the ledger as it is, lets go of the target, and leaves no task behind."""
    server, seen = Server(size=5), []
    server.add("cases", "o", *_days(60))
    sink = MemorySink()

    def watch(event):
        seen.append(event)
        if len(_of(seen, WindowRead)) == page:
            task.cancel()

    async with client(server) as amili:
        job = job_of(amili, sink, max_rows=10, on_event=watch)
        task = asyncio.create_task(job.run())
        with pytest.raises(asyncio.CancelledError):
            await task
        assert job.report.interrupted
        assert len(asyncio.all_tasks()) == 1
        assert (await job_of(amili, sink, max_rows=10).run()).complete
    assert keys_in(sink, "cases") == sorted(server.keys("cases", "o"))


async def test_refresh_reads_what_can_have_changed():
    """Windows with open cases, and those read soon after their end, are read again; closed ones and settlements are frozen."""
    server, sink, clock, events = Server(), MemorySink(), Clock(), []
    server.add("cases", "o", *_days(5, "2024-01-01"), closedAt="2025-01-01")
    server.add("cases", "o", *_days(5, "2025-01-01"), closedAt=None)
    server.add("settlements", "o", *_days(5, "2024-01-01"))
    server.add("batches", "o", None)
    streams = ["cases", "settlements", "batches"]
    async with client(server, clock=clock) as amili:

        def job():
            events.clear()
            return job_of(amili, sink, streams=streams, until="2026-03-01", max_rows=5, on_event=events.append)

        await job_of(amili, sink, streams=streams, until="2024-06-01").run()
        await job().run()
        first = {entry.key: entry for entry in await sink.peek()}
        assert {key: entry.open for key, entry in first.items() if entry.open} == {
            key: 5 for key, entry in first.items() if entry.rows == 5 and key[0] == "cases" and "begin" not in key[2]
        }
        report = await job().refresh()
        again = [event.window for event in _of(events, WindowStarted)]
        assert report.complete
        assert {window.stream for window in again} == {"cases", "batches"}
        assert all(first[window.key].open or window.whole for window in again)
        clock.pass_by(3 * DAY)
        await job().refresh(thaw_after=timedelta(days=2))
        thawed = {event.window.key for event in _of(events, WindowStarted)}
        assert thawed == set(first)
        assert (await job().run()).windows == 0


async def test_refresh_reads_late_rows():
    """A window read within a day of its end may get rows late, so it is read again."""
    server, sink = Server(), MemorySink()
    async with client(server) as amili:
        job = job_of(amili, sink, streams=["settlements"])
        await job.run()
        server.add("settlements", "o", at("2026-03-10"))
        assert (await job.run()).rows == 0
        assert (await job.refresh()).rows == 1


async def test_verify_finds_what_was_changed_by_hand():
    """Rows that were deleted, added or doubled in the target are found, and mended by the next run."""
    server, sink = Server(), MemorySink()
    server.add("cases", "o", *_days(40))
    async with client(server) as amili:
        job = job_of(amili, sink, max_rows=10)
        await job.run()
        held = [lines for lines in sink._lines["cases"].values() if len(lines) > 3]
        held[0].pop()
        held[1].append(b'{"caseId":"foreign"}')
        held[2].append(held[2][0])
        held[3].append(held[0][0])
        found = await job.verify()
        assert (found.missing, found.foreign, found.doubled, len(found.damaged)) == (1, 2, 2, 4)
        assert not found.sound
        assert [entry.state for entry in await sink.peek() if entry.window in found.damaged] == ["stale"] * 4
        report = await job.run()
        assert (report.windows, report.complete) == (4, True)
        assert (await job.verify()).sound
    assert keys_in(sink, "cases") == sorted(server.keys("cases", "o"))


async def test_verify_finds_files_that_are_gone(tmp_path):
    """A file that somebody has deleted or cut is noticed as soon as the target is opened, and told all the same."""
    async with (
        Sandbox(cases=60, organizations=1) as sandbox,
        AmiliClient(sandbox.credentials, environment=sandbox.environment) as amili,
    ):
        job = SyncJob(amili, organizations=sandbox.organizations, streams=["cases"], sink=NdjsonSink(tmp_path), max_rows=20)
        report = await job.run()
        assert (await job.verify()).sound
        gone, cut, *_ = sorted(tmp_path.glob("cases/**/*.ndjson"))
        missing = sum(len(path.read_bytes().splitlines()) for path in (gone, cut))
        gone.unlink()
        cut.write_bytes(cut.read_bytes()[:-3])
        found = await job.verify()
        assert (found.missing, len(found.damaged), found.rows) == (missing, 2, report.rows)
        assert (await job.run()).rows == missing
        assert (await job.verify()).sound


async def test_touch():
    """The window of a case that has changed is read again by the next run."""
    server, sink = Server(), MemorySink()
    server.add("cases", "o", *_days(40), status="OPEN")
    server.add("cases", "p", *_days(4))
    async with client(server) as amili:
        job = job_of(amili, sink, organizations=["o", "p"], max_rows=10)
        await job.run()
        assert not await job.touch(case_id="nobody")
        assert not await job.touch(case_id="o-17", organization="p")
        server.rows["cases", "o"][17][1]["status"] = "CLOSED"
        assert await job.touch(case_id="o-17", organization="o")
        assert len([entry for entry in await sink.peek() if entry.state == "stale"]) == 1
        assert (await job.run()).windows == 1
    assert next(row for row in sink.rows("cases") if row["caseId"] == "o-17")["status"] == "CLOSED"


async def test_touch_of_a_case_that_is_just_coming():
    """A case that is touched while its window is read for the first time is read again by the next run."""
    server, sink, touched = Server(), MemorySink(), []
    server.add("cases", "o", *_days(5))
    key = sorted(server.keys("cases", "o"))[2]
    async with client(server) as amili, anyio.create_task_group() as group:

        async def touch():
            touched.append(await job.touch(case_id=key))

        def on_event(event):
            if isinstance(event, WindowStarted) and not touched:
                touched.append(None)
                group.start_soon(touch)

        job = job_of(amili, sink, on_event=on_event)
        await job.run()
        assert touched == [None, False]
        assert (await job.run()).rows == 5
        assert (await job.run()).rows == 0


async def test_touch_finds_whole_fingerprints_only(monkeypatch):
    """What looks like a fingerprint, but begins in the middle of one, is none."""
    mark = digest("o-1")
    assert not among(mark, b"x" + mark + b"y" * 15)
    assert among(mark, b"x" + mark + b"y" * 15 + mark)
    assert not among(mark, b"")


async def test_touch_while_it_is_read():
    """A case that changes while its window is being read is read once more, by the next run."""
    server, sink = Server(size=5), MemorySink()
    server.add("cases", "o", *_days(20))

    async with client(server) as amili:
        job = job_of(amili, sink)
        await job.run()
        server.trouble = None
        read, touched = anyio.Event(), anyio.Event()

        async def wait(request):
            if "PageToken=10" in request.url:
                read.set()
                await touched.wait()
            return server.handler(request)

        amili._session._transport._handler = wait
        async with anyio.create_task_group() as group:
            group.start_soon(job.refresh)
            await read.wait()
            assert await job.touch(case_id="o-3")
            assert await job.touch(case_id="o-4")
            assert [entry.state for entry in await sink.peek()] == ["stale"]
            touched.set()
        assert [entry.state for entry in await sink.peek()] == ["stale"]
        assert not job.report.complete
        assert (await job.run()).windows == 1
        assert [entry.state for entry in await sink.peek()] == ["done"]


async def test_rows_that_move_between_windows():
    """A row that was left to its neighbour and has left that one since is fetched by another run."""
    server, sink, clock = Server(bounds="[]"), MemorySink(), Clock()
    bound = at("2026-02-01")
    server.add("cases", "o", bound, *_days(3, "2026-01-10"), *_days(3, "2026-02-10"))
    async with client(server, clock=clock) as amili:
        await job_of(amili, sink, until=bound).run()  # has the row on the bound
        await job_of(amili, sink).run()  # reads it too, and leaves it there
        before, after = sorted(await sink.peek(), key=lambda entry: entry.window.end)
        assert (before.rows, after.rows, after.read) == (4, 3, 4)
        server.rows["cases", "o"][0] = (bound + 3 * HOUR, server.rows["cases", "o"][0][1])
        report = await job_of(amili, sink, until=bound).refresh()
        assert report.windows == 1
        assert (await job_of(amili, sink).run()).windows == 1
    assert keys_in(sink, "cases") == sorted(server.keys("cases", "o"))


async def test_reset():
    """A reset takes away what belongs to the job, and nothing else."""
    server, sink = Server(), MemorySink()
    for organization in ("o", "p"):
        server.add("cases", organization, *_days(20))
    async with client(server) as amili:
        await job_of(amili, sink, organizations=["o", "p"], max_rows=5).run()
        assert await job_of(amili, sink, start="2026-01-15").reset() > 1
        assert 0 < len([key for key in keys_in(sink, "cases") if key.startswith("o")]) < 20
        assert await job_of(amili, sink).reset() > 1
        assert keys_in(sink, "cases") == sorted(server.keys("cases", "p"))
        assert (await job_of(amili, sink).run()).rows == 20


async def test_restart_reads_all_again():
    """What is there is read again and replaced; after an interrupted restart the next run reads the rest, and no more."""
    async with Sandbox(cases=60) as sandbox, AmiliClient(sandbox.credentials, environment=sandbox.environment) as amili:
        sink = MemorySink()
        job = SyncJob(amili, organizations=sandbox.organizations, sink=sink)
        first = await job.run()
        assert (await job.run()).rows == 0
        assert (await job.run(restart=True)).rows == first.rows

        def stop(event):
            done.append(event)
            if len(_of(done, WindowDone)) == 3:
                job.stop()

        done = []
        job = SyncJob(amili, organizations=sandbox.organizations, sink=sink, concurrency=1, on_event=stop)
        stopped = await job.run(restart=True)
        assert stopped.interrupted
        assert 0 < stopped.rows < first.rows
        assert stopped.windows + stopped.left == first.windows
        rest = await SyncJob(amili, organizations=sandbox.organizations, sink=sink).run()
        assert (rest.rows, rest.windows, rest.left) == (first.rows - stopped.rows, stopped.left, 0)
        await _truth(sandbox, sink)


async def test_parts_asked_for_later():
    """What was read without a part is read again for it, once; a part that has a table cannot be left out any more."""
    server, sink = Server(), MemorySink()
    server.add("cases", "o", *_days(5), invoices=[{"invoiceNumber": "1"}], claims=[])
    async with client(server) as amili:
        await job_of(amili, sink).run()
        job = job_of(amili, sink, parts=["invoices"])
        assert len(await job.plan()) == 1
        assert (await job.run()).rows == 5
        assert len(sink.rows("cases_invoices")) == 5
        assert (await job.run()).rows == 0
        assert (await job_of(amili, sink, parts=["claims", "invoices"]).run()).rows == 5
        for parts in ([], ["invoices"]):
            job = job_of(amili, sink, parts=parts)
            for attempt in (job.run(), job.refresh(), job.plan()):
                with pytest.raises(ConfigError, match=r"has tables of the .*claims.* of cases"):
                    await attempt
        assert len(sink.rows("cases_invoices")) == 5
        assert await job.reset() == 1


async def test_clock_that_was_ahead():
    """What was read before its end, by a clock that ran ahead, is read again until it is over."""
    server, sink = Server(), MemorySink()
    server.add("cases", "o", *_days(5), closedAt="2026-03-01T00:00:00Z")
    async with client(server, clock=Clock(NOW + 5 * DAY)) as amili:
        await job_of(amili, sink).run()
    for days in (1, 2, 6):
        server.add("cases", "o", NOW + days * DAY - 2 * HOUR, closedAt="2026-03-01T00:00:00Z")
        async with client(server, clock=Clock(NOW + days * DAY)) as amili:
            assert (await job_of(amili, sink).plan()) != []
            await job_of(amili, sink).run()
            assert keys_in(sink, "cases") == sorted(server.keys("cases", "o"))
            assert (await job_of(amili, sink).run()).rows == (0 if days == 6 else 5 + days)


async def test_filters_stay():
    """A target keeps to the filters of its first run; they go with every request."""
    server, sink = Server(), MemorySink()
    server.add("cases", "o", *_days(5))
    async with client(server) as amili:
        job = job_of(amili, sink, filters={"cases": {"status": "OPEN", "search_term": None}})
        await job.run()
        assert {query["Status"] for *_, query in server.asked} == {"OPEN"}
        (entry,) = await job.status()
        assert entry.window.filters == (("Status", "OPEN"),)
        assert (await job.run()).windows == 0
        with pytest.raises(ConfigError, match="other filters"):
            await job_of(amili, sink).run()
        with pytest.raises(ConfigError, match="other filters"):
            await job_of(amili, sink).plan()
        assert await job_of(amili, sink).reset() == 1
        assert (await job_of(amili, sink).run()).complete


async def test_sources_are_kept_apart():
    """A target with rows of another origin, or with what is now redacted, is refused."""
    server, sink = Server(), MemorySink()
    server.add("cases", "o", *_days(2), email="a@b.c")
    async with client(server) as amili:
        await job_of(amili, sink, source="the sandbox").run()
        with pytest.raises(SinkError, match="rows of the sandbox, not of http://127"):
            await job_of(amili, sink).run()
        with pytest.raises(SinkError, match="not of the sandbox, without email"):
            await job_of(amili, sink, source="the sandbox", redact=Redaction(("email",))).run()
        job = job_of(amili, redact=Redaction())
        await job.run()
        assert all(row["email"] is None for row in job.target.rows("cases"))


async def test_the_pace_adapts():
    """Fewer requests are made at a time after a 429, and slowly more again."""
    server, events, clock = Server(size=2, trouble=failing(429, 2, retry_after="0")), [], Clock()
    server.add("cases", "o", *_days(60))

    def watch(event):
        events.append(event)
        if isinstance(event, WindowRead):
            clock.advance(3)

    async with client(server, clock=clock) as amili:
        report = await job_of(amili, concurrency=8, max_rows=20, on_event=watch).run()
    limits = [event.limit for event in _of(events, PaceChanged)]
    assert limits[0] == 4
    assert limits[-1] > 4
    assert report.retries == 2
    assert report.streams["cases"].requests > 30


async def test_events_tell_the_story():
    """Events come in order, and one whose handler fails does no harm."""
    server, events = Server(size=10), []
    server.add("cases", "o", *_days(25))

    def watch(event):
        events.append(event)
        raise RuntimeError("handler")

    async with client(server) as amili:
        await job_of(amili, on_event=watch).run()
    names = [type(event).__name__ for event in events]
    assert names == ["WindowPlanned", "WindowStarted", "WindowRead", "WindowRead", "WindowRead", "WindowDone"]
    assert [event.rows for event in _of(events, WindowRead)] == [10, 20, 25]
    assert events[0].total == 25
    assert events[-1].entry.pages == 3
    assert events[-1].entry.bytes == events[-2].bytes > 0


@pytest.mark.parametrize(("length", "memory", "beside"), [(100_000, 2_500_000, True), (1_000, 5_000, False)])
async def test_memory_stays_within_its_bounds(monkeypatch, length, memory, beside):
    """Pages that find room are in memory side by side, others wait for it; one that is larger than all of it comes alone."""
    server, gates, entered = Server(size=10), [], []
    server.add("cases", "o", *_days(70), description="x" * length)

    class Watched(Gate):
        def __init__(self, limit):
            super().__init__(limit)
            gates.append(self)

        async def enter(self, size=1):
            await super().enter(size)
            entered.append((self.used, size))

    monkeypatch.setattr(running, "Gate", Watched)
    async with client(server) as amili:
        report = await job_of(amili, memory=memory, max_rows=20).run()
    assert report.rows == 70
    assert max(used for used, _ in entered) <= max(memory, FIRST_PAGE)
    assert all(used <= memory or used == size for used, size in entered)
    assert any(used > size for used, size in entered) == beside
    assert [gate.used for gate in gates] == [0]


async def test_a_callable():
    """A function gets each window, sync or async; one that fails gets it again."""
    server = Server()
    server.add("cases", "o", *_days(25), invoices=[{"invoiceId": "i"}])
    got, trouble = [], [True]

    def consume(delivery):
        if trouble.pop():
            raise SinkError("not now")
        got.append(
            (delivery.window, delivery.rows(), b"".join(delivery.chunks()), delivery.tables, delivery.rows("cases_invoices"))
        )

    async def consume_later(delivery):
        trouble.append(False)
        consume(delivery)

    async with client(server) as amili:
        sink = CallableSink(consume)
        assert "consume" in sink.target
        job = job_of(amili, sink, parts=["invoices"])
        with pytest.raises(SinkError, match="not now"):
            await job.run()
        trouble[:] = [False]
        assert (await job.run()).complete
        ((window, rows, lines, tables, parts),) = got
        assert (rows, lines.count(b"\n"), tables, parts) == (25, 25, ("cases", "cases_invoices"), 25)
        with pytest.raises(SinkError, match="cannot be verified"):
            await job.verify()
        await job_of(amili, CallableSink(consume_later), parts=["invoices"]).run()
        sink = CallableSink(lambda delivery: consume_later(delivery))  # noqa: PLW0108  # it only looks like no async function
        await job_of(amili, sink, parts=["invoices"]).run()
        assert [found[0] for found in got] == [window] * 3


async def test_rows_keep_their_bytes():
    """What is between the braces stays as it was, but for line breaks; rows without a key get one, and stay apart."""
    rows = b'[{"caseId": "a",\r\n "x": 1.10}, {"caseId": 5}, {"x": 1}, {"x": 2}, {"caseId": "a"}, null, {"x": 1}]'

    def trouble(stream, organization, query):
        return Reply(200, {}, b'{"data": ' + rows + b', "summary": {}}')

    server = Server(trouble=trouble)
    async with client(server) as amili:
        job = job_of(amili)
        report = await job.run()
    assert job.target.lines("cases") == [
        b'{"caseId": "a",   "x": 1.10}',
        b'{"caseId": 5}',
        b'{"x": 1}',
        b'{"x": 2}',
        b"null",
    ]
    assert (report.rows, report.unread) == (5, 1)


async def test_repr_and_status():
    """A job tells its streams and its target; the ledger can be read while it runs."""
    server = Server()
    async with client(server) as amili:
        job = job_of(amili, streams=["cases", "batches"])
        assert repr(job) == "SyncJob(cases, batches -> memory)"
        assert await job.status() == []
        await job.run()
        assert [type(entry) for entry in await job.status()] == [Entry, Entry]
        assert await spans_in(job.target) == [("", "2026-03-15T12:00:00+00:00")]
        assert all(entry.read_at == NOW for entry in await job.status())


async def test_the_pace_holds_for_pages_that_are_read_ahead():
    """Not more requests are under way than the pace allows, those included that nobody waits for yet."""
    server, under_way = Server(size=2), [0, 0]
    server.add("cases", "o", *_days(60))

    async def handler(request):
        under_way[0] += 1
        under_way[1] = max(under_way)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        under_way[0] -= 1
        return server.handler(request)

    async with client(server) as amili:
        gate, read = Pace(2, amili.clock), []
        puller = Puller(amili, gate, Gate(2**20), tell=read.append)
        windows = [Window("cases", "o", at(f"2026-01-{day:02}"), at(f"2026-01-{day + 6:02}")) for day in (1, 7, 13, 19)]
        amili._session._transport._handler = handler

        async def pull(window):
            (await puller.read(window, lambda work: work.spools.update(cases=Spool()))).close()

        async with anyio.create_task_group() as group:
            for window in windows:
                group.start_soon(pull, window)
    assert len(read) > len(windows)
    assert under_way == [0, 2]
    assert gate.gate.used == 0


@pytest.mark.parametrize("parts", [(), ("claims",)], ids=["light", "split"])
async def test_rows_of_a_window_do_not_wait_in_memory(monkeypatch, parts):
    """However long a window is, no more of it is in memory than a spool holds, and a page."""
    server, waiting = Server(size=5), []
    server.add("cases", "o", *_days(60))
    append = Spool.append

    def watched(spool, lines, rows):
        append(spool, lines, rows)
        waiting.append((sum(map(len, spool._waiting)), len(lines)))

    monkeypatch.setattr(Spool, "append", watched)
    monkeypatch.setattr(base, "IN_MEMORY", 200)
    async with client(server) as amili:
        puller = Puller(amili, Pace(2, amili.clock), Gate(2**20), parts=parts, tell=lambda _: None)
        reading = await puller.read(Window("cases", "o"), lambda work: work.spools.update(cases=Spool(), cases_claims=Spool()))
        with closing(reading):
            assert reading.rows == 60
            assert max(most for most, _ in waiting) <= 200 + max(page for _, page in waiting)
            assert reading.work.rows.bytes > 800
            rest, _ = reading.without(bytearray(60), replace(reading.work, spools={"cases": Spool(), "cases_claims": Spool()}))
            with closing(rest):
                assert rest.rows == 60
                assert not rest.work.full


async def test_a_crash_after_a_commit_forgets_nothing(monkeypatch):
    """Windows that have to be read again are known before, or together with, the commit that makes it so."""
    server, sink = Server(bounds="[]"), MemorySink()
    bound = at("2026-02-01")
    server.add("cases", "o", bound, *_days(3, "2026-01-10"), *_days(3, "2026-02-10"))
    async with client(server) as amili:
        await job_of(amili, sink, until=bound).run()
        await job_of(amili, sink).run()
        server.rows["cases", "o"][0] = (bound + 3 * HOUR, server.rows["cases", "o"][0][1])
        job, commit, states = job_of(amili, sink, until=bound), sink.commit, []

        async def look(work, entry):
            await commit(work, entry)
            states.extend(entry.state for entry in await sink.peek())
            raise SinkError("died")

        monkeypatch.setattr(sink, "commit", look)
        with pytest.raises(SinkError, match="died"):
            await job.refresh()
    assert states == ["done", "stale"]
