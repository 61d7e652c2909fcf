"""Planning against servers that count, do not count, and do not understand."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest

from amili_async.sync import Entry, MemorySink, Window
from amili_async.sync.events import WindowPlanned, WindowStarted
from amili_async.sync.planner import PIECES
from amili_async.testing import Reply, json_reply
from tests.sync.kit import NOW, Clock, Server, at, client, failing, job_of, keys_in, spans_in

pytestmark = pytest.mark.asyncio

SECOND, DAY = timedelta(seconds=1), timedelta(days=1)


def _spans(windows):
    return [(window.start.isoformat()[:16] if window.start else "", window.end.isoformat()[:16]) for window in windows]


def _partition(windows, start, end):
    """Check that windows follow each other without gaps."""
    assert windows[0].start == start
    assert windows[-1].end == end
    assert all(before.end == after.start for before, after in pairwise(windows))


async def test_few_rows_are_one_window():
    """A list of few rows is one window from the beginning to the last whole hour, asked for once."""
    server = Server()
    server.add("cases", "o", at("2024-01-01"), at("2025-01-01"))
    async with client(server) as amili:
        plan = await job_of(amili).plan()
    assert _spans(plan) == [("", "2026-03-15T12:00")]
    assert [query for _, _, query in server.asked] == [{"ToCreatedAt": "2026-03-15T12:00:00.001Z", "PageSize": "1"}]


async def test_many_rows_are_cut():
    """A list of many rows is cut until no window has more than asked for; what is small is put together."""
    server = Server()
    server.add("cases", "o", *(at("2024-01-01") + number * DAY / 3 for number in range(1_000)))
    async with client(server) as amili:
        plan = await job_of(amili, max_rows=100).plan()
    _partition(plan, None, at("2026-03-15T12:00"))
    moments = [moment for moment, _ in server.rows["cases", "o"]]
    counts = [sum((w.start is None or w.start <= moment) and moment < w.end for moment in moments) for w in plan]
    assert sum(counts) == 1_000
    assert max(counts) <= 100
    assert len(plan) < 20
    assert len(server.asked) < 60


async def test_the_largest_windows_come_first():
    """The one worker that there is begins with what takes the longest, of all that is known."""
    server, sink, events = Server(), MemorySink(), []
    server.add("cases", "o", *(at("2024-01-01") + number * number * timedelta(minutes=5) for number in range(400)))
    server.trouble = lambda stream, organization, query: None if query.get("PageSize") == "1" else Reply(400, {}, b"")
    async with client(server) as amili:
        assert (await job_of(amili, sink, max_rows=60, concurrency=1).run()).rows == 0
        server.trouble = None
        await job_of(amili, sink, max_rows=60, concurrency=1, on_event=events.append).run()
    counts = {event.window: event.total for event in events if isinstance(event, WindowPlanned)}
    begun = [counts[event.window] for event in events if isinstance(event, WindowStarted)]
    assert len(begun) > 5
    assert begun == sorted(begun, reverse=True)


@pytest.mark.parametrize(("count", "widest"), [(500, SECOND), (50, SECOND)])
async def test_a_burst_is_cut_down_to_its_second(count, widest):
    """Rows that came all at once are in a window of one second, however many they are; all other times stay whole."""
    server = Server()
    server.add("cases", "o", *[at("2025-06-01T10:20:30.5")] * count)
    server.add("cases", "o", at("2024-01-01"), at("2026-01-01"))
    async with client(server) as amili:
        plan = await job_of(amili, max_rows=20).plan()
    _partition(plan, None, at("2026-03-15T12:00"))
    burst = next(window for window in plan if window.start and window.start <= at("2025-06-01T10:20:30") < window.end)
    assert burst.end - burst.start == widest
    assert len(plan) < 80


async def test_a_burst_on_the_cut_is_no_misunderstanding():
    """Rows that lie exactly on a cut are counted on both sides; that does not keep the list whole."""
    server = Server(bounds="[]")
    server.add("cases", "o", *[at("2000-01-01")] * 300)  # where a list without a begin is cut
    server.add("cases", "o", *(at("2024-01-01") + number * DAY for number in range(100)))
    async with client(server) as amili:
        plan = await job_of(amili, max_rows=50).plan()
    _partition(plan, None, at("2026-03-15T12:00"))
    assert len(plan) > 3


async def test_a_filter_that_is_ignored_leaves_the_list_whole():
    """Where bounds change nothing, cutting would multiply the work."""
    server = Server(ignore=True)
    server.add("cases", "o", *(at("2024-01-01") + number * DAY for number in range(100)))
    server.add("invoices", "o", *(at("2024-01-01") + number * DAY for number in range(100)))
    async with client(server) as amili:
        job = job_of(amili, streams=["cases", "invoices"], max_rows=10)
        assert len(await job.plan()) == 2
        assert len(server.asked) <= 2 * (1 + PIECES + 2 * 2)  # each as a whole, in pieces, and in halves at two places


async def test_bounds_taken_for_dates_leave_days_whole():
    """Where a server takes bounds for dates, no day is cut; every row comes, and once."""
    server = Server(truncate=True, bounds="[]")
    server.add("cases", "o", *(at("2026-01-10") + number * timedelta(minutes=7) for number in range(1_000)))
    async with client(server) as amili:
        job = job_of(amili, max_rows=50)
        plan = await job.plan()
        _partition(plan, None, at("2026-03-15T12:00"))
        assert all(window.end - window.start >= DAY / 2 for window in plan if window.start)
        report = await job.run()
    assert report.complete
    assert keys_in(job.target, "cases") == sorted(server.keys("cases", "o"))


async def test_lists_that_do_not_count_are_cut_into_months():
    """Months are windows; long empty times stay whole and cost few questions."""
    server = Server(size=5)
    server.add("invoices", "o", *(at("2025-02-10") + number * 5 * DAY for number in range(30)))
    async with client(server) as amili:
        job = job_of(amili, streams=["invoices"])
        plan = await job.plan()
    _partition(plan, None, at("2026-03-15T12:00"))
    busy = [window for window in plan if window.start and at("2025-02-01") <= window.start < at("2025-07-01")]
    assert _spans(busy) == [(f"2025-0{month}-01T00:00", f"2025-0{month + 1}-01T00:00") for month in range(2, 7)]
    assert len(plan) < 20
    assert len(server.asked) < 40


async def test_what_fits_on_a_page_is_one_window():
    """A list that does not count, but ends on the page that was asked for, is not cut into months of a few rows."""
    server = Server()
    server.add("invoices", "o", *(at("2025-02-10") + number * 5 * DAY for number in range(30)))
    async with client(server) as amili:
        job = job_of(amili, streams=["invoices"])
        assert _spans(await job.plan()) == [("", "2026-03-15T12:00")]
        assert (await job.run()).rows == 30
    assert keys_in(job.target, "invoices") == sorted(server.keys("invoices", "o"))


async def test_nothing_is_one_window():
    """A list without rows is one window, which one question finds."""
    server = Server()
    async with client(server) as amili:
        plan = await job_of(amili, streams=["cases", "invoices", "settlements"]).plan()
    assert _spans(plan) == [("", "2026-03-15T12:00"), ("", "2026-03-15T12:00"), ("", "2026-03-15T00:00")]
    assert len(server.asked) == 3


async def test_days():
    """Settlements are asked for by dates, a day more on both sides, up to the last day that is over."""
    server = Server(size=20)
    server.add("settlements", "o", *(at("2026-01-05") + number * DAY for number in range(40)))
    async with client(server) as amili:
        job = job_of(amili, streams=["settlements"], start="2026-01-01T15:00", until="2026-02-10T09:00")
        plan = await job.plan()
        assert _spans(plan) == [("2026-01-01T00:00", "2026-02-01T00:00"), ("2026-02-01T00:00", "2026-02-10T00:00")]
        server.asked.clear()
        await job.run()
    read = {(query["fromDate"], query["toDate"]) for _, _, query in server.asked}
    assert read >= {("2025-12-31", "2026-02-02"), ("2026-01-31", "2026-02-11")}
    # The last window reaches a day beyond its end, and what comes with it is not thrown away.
    assert set(keys_in(job.target, "settlements")) >= server.keys("settlements", "o", at("2026-02-10"))


async def test_lists_without_a_period_are_one_window():
    """Batches have no period: one window, which is there or not, and no question."""
    server = Server()
    server.add("batches", "o", None, None)
    async with client(server) as amili:
        job = job_of(amili, streams=["batches"], start="2026-01-01")
        (window,) = await job.plan()
        assert window.whole
        assert window.name == "all"
        assert server.asked == []
        assert (await job.run()).rows == 2
        assert await job.plan() == []


async def test_only_gaps_are_planned():
    """Windows of the ledger stay as they are, whatever is asked for later."""
    server = Server()
    server.add("cases", "o", *(at("2025-01-01") + number * DAY for number in range(300)))
    clock, sink = Clock(), MemorySink()
    async with client(server, clock=clock) as amili:
        await job_of(amili, sink, start="2025-04-01", until="2025-06-01").run()
        assert _spans(await job_of(amili, sink, start="2025-04-10", until="2025-05-01").plan()) == []
        job = job_of(amili, sink, start="2025-03-01")
        assert _spans(await job.plan()) == [("2025-03-01T00:00", "2025-04-01T00:00"), ("2025-06-01T00:00", "2026-03-15T12:00")]
        await job.run()
        clock.pass_by(timedelta(minutes=20))
        assert await job.plan() == []
        clock.pass_by(timedelta(minutes=20))
        assert _spans(await job.plan()) == [("2026-03-15T12:00", "2026-03-15T13:00")]
        assert _spans(await job_of(amili, sink).plan()) == [("", "2025-03-01T00:00"), ("2026-03-15T12:00", "2026-03-15T13:00")]


async def test_until_is_never_the_future():
    """What is asked for beyond the last whole hour is not claimed to be read."""
    server = Server()
    async with client(server) as amili:
        assert _spans(await job_of(amili, until="2030-01-01").plan()) == [("", "2026-03-15T12:00")]
        assert _spans(await job_of(amili, lag=timedelta(hours=30)).plan()) == [("", "2026-03-14T06:00")]
        assert _spans(await job_of(amili, until=NOW - 2.5 * SECOND - DAY).plan()) == [("", "2026-03-14T12:29")]


async def test_questions_are_put_again():
    """A question that fails for a passing reason is put again."""
    server = Server(trouble=failing(503, 9))
    server.add("cases", "o", at("2025-01-01"))
    async with client(server) as amili:
        job = job_of(amili)
        assert len(await job.plan()) == 1
        assert job.report.failures == []


async def test_a_list_that_cannot_be_asked_is_reported():
    """A list without access is reported, and the others are planned."""
    server = Server(trouble=lambda stream, organization, query: failing(404)("", "", "") if organization == "x" else None)
    server.add("cases", "o", at("2025-01-01"))
    async with client(server) as amili:
        job = job_of(amili, organizations=["x", "o"])
        assert [window.organization for window in await job.plan()] == ["o"]
    (failure,) = job.report.failures
    assert (failure.stream, failure.organization, failure.window, failure.status) == ("cases", "x", None, 404)


async def test_a_list_that_cannot_be_planned_is_not_given_up():
    """What is planned of a list is read, also if planning the rest of it fails."""
    server = Server(trouble=lambda stream, organization, query: failing(500)("", "", "") if query["PageSize"] == "1" else None)
    server.add("cases", "o", *(at("2025-01-01") + number * DAY for number in range(20)))
    sink = MemorySink()
    async with client(server) as amili:
        await sink.put([Entry(window=Window("cases", "o", None, at("2025-01-10T12:00")))])
        job = job_of(amili, sink)
        report = await job.run()
        assert (report.rows, report.complete) == (10, False)
        assert [failure.status for failure in report.failures] == [500]


async def test_an_empty_page_is_not_an_empty_list():
    """A list whose first page is empty but has a next one is looked into."""

    def trouble(stream, organization, query):
        if "PageToken" not in query:
            return json_reply({"data": [], "summary": {"nextPageToken": "0"}})
        return None

    server = Server(trouble=trouble)
    server.add("invoices", "o", at("2025-05-05"), at("2025-07-05"))
    async with client(server) as amili:
        job = job_of(amili, streams=["invoices"], start="2025-05-01", until="2025-08-01")
        assert len(await job.plan()) == 3
        await job.run()
    assert len(await spans_in(job.target, "invoices")) == 3
    assert keys_in(job.target, "invoices") == ["o-0", "o-1"]
