"""Settings of a job, windows, and what a job needs of the client."""

from __future__ import annotations

import asyncio
import pickle
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import anyio
import msgspec
import pytest

import amili_async.sync
from amili_async import AmiliClient, StaticToken
from amili_async.errors import ConfigError, DecodeError, NotFound, NotSentError, OutcomeUnknownError, RateLimited, ServerError
from amili_async.hooks import Hooks
from amili_async.operation import Operation
from amili_async.sync import Entry, MemorySink, Owed, Redaction, SyncJob, Window
from amili_async.sync.order import Order
from amili_async.sync.pace import Gate, Line, Pace, passing, pause_after
from amili_async.sync.report import Difference, Figures, Report
from amili_async.testing import FakeClock, FakeTransport, json_reply
from tests.sync.kit import ENVIRONMENT, at

CLIENT = AmiliClient(StaticToken("t"), environment=ENVIRONMENT, transport=FakeTransport([]))


def _job(**settings):
    return SyncJob(CLIENT, sink=MemorySink(), **{"organizations": ["o"], **settings})


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"organizations": "o"}, "organizations must be a list of ids"),
        ({"organizations": ["o", " "]}, "organizations must be a list of ids"),
        ({"organizations": [None]}, "organizations must be a list of ids"),
        ({"clients": [True]}, "clients must be a list of ids"),
        ({"organizations": []}, "nothing to read"),
        ({"streams": []}, "nothing to read"),
        ({"streams": ["nothing"]}, "no stream 'nothing'"),
        ({"streams": ["customers"]}, "customers belong to clients of ARM"),
        ({"organizations": [], "clients": [1], "streams": ["cases"]}, "cases belong to organizations"),
        ({"concurrency": 0}, "concurrency must be a whole number"),
        ({"max_rows": 0}, "max_rows must be"),
        ({"memory": 0}, "memory must be"),
        ({"lag": timedelta(-1)}, "lag must be a timedelta"),
        ({"lag": 5}, "lag must be a timedelta"),
        ({"start": "soon"}, "start must be a date"),
        ({"until": "soon"}, "until must be a date"),
        ({"start": "2026-01-02", "until": "2026-01-01"}, "start must be before until"),
        ({"parts": "invoices"}, "parts must be a list"),
        ({"parts": ["wheels"]}, "no part 'wheels', only invoices"),
        ({"parts": ["invoices"], "streams": ["invoices"]}, "no part 'invoices' of these streams"),
        ({"redact": Redaction(("case_id",))}, "caseId tells the rows of cases apart"),
        ({"filters": {"nothing": {}}}, "no stream 'nothing'"),
        ({"filters": {"cases": "OPEN"}}, "filters are given by stream"),
        ({"filters": {"cases": {"color": "red"}}}, "cases have no filter 'color', only Status"),
        ({"filters": {"cases": {"FromCreatedAt": "2026-01-01"}}}, "cases have no filter 'FromCreatedAt'"),
        ({"filters": {"cases": {"PageSize": "1"}}}, "cases have no filter 'PageSize'"),
    ],
)
def test_wrong_settings(settings, text):
    """A wrong setting is said in one sentence, before anything is sent."""
    with pytest.raises(ConfigError, match=text):
        _job(**settings)


def test_right_settings():
    """Streams follow from whose they are; names come in any spelling; what is given twice counts once."""
    order = _job(clients=[7, "7"], parts=["document_lines", "invoices", "invoices"], organizations=["o", "o"])._order
    assert isinstance(order, Order)
    assert [stream.name for stream in order.streams] == [
        *("cases", "batches", "invoices", "settlements"),
        *("customers", "ar_items", "documents", "gl_items"),
    ]
    assert len(order.lists) == 8
    assert order.parts == ("documentLines", "invoices")


def test_windows_travel():
    """Windows and ledger entries pickle, and go through JSON with every digit."""
    window = Window("cases", "o", at("2026-01-01"), at("2026-02-01"), (("Status", "OPEN"),))
    assert pickle.loads(pickle.dumps(window)) == window  # noqa: S301  # our own
    assert msgspec.json.decode(msgspec.json.encode(window), type=Window) == window
    assert window.name.startswith("20260101T000000Z_20260201T000000Z_")
    assert str(window) == f"cases/o/{window.name}"
    assert Window("cases", "o", None, at("2026-02-01")).name == "begin_20260201T000000Z"
    assert Window("batches", "o").name == "all"
    assert Entry(window=window).key == window.key
    assert Owed("OPEN", "NOK", 1, "x") != Owed("OPEN", "NOK", 2, "x")


@pytest.mark.parametrize(
    ("start", "end", "text"),
    [
        (datetime(2026, 1, 1), None, "whole seconds"),  # noqa: DTZ001  # that is the point
        (None, datetime(2026, 1, 1, microsecond=1, tzinfo=UTC), "whole seconds"),
        (at("2026-01-01"), None, "needs an end"),
        (at("2026-01-01"), at("2026-01-01"), "must end after"),
    ],
)
def test_windows_that_are_none(start, end, text):
    """A span that is none is refused."""
    with pytest.raises(ConfigError, match=text):
        Window("cases", "o", start, end)


def test_windows_touch():
    """Windows touch where their requests, widened, can bring the same row."""

    def window(start, end, stream="s", organization="o"):
        return Window(stream, organization, start and at(f"2026-01-{start:02}"), end and at(f"2026-01-{end:02}"))

    day = timedelta(days=1)
    one = window(5, 6)
    assert one.touches(window(6, 7))
    assert one.touches(window(4, 5))
    assert one.touches(window(None, 5))
    assert one.touches(window(None, None))
    assert window(None, None).touches(one)
    assert not one.touches(window(7, 8))
    assert one.touches(window(7, 8), day)
    assert one.touches(window(2, 3), day)
    assert not one.touches(window(1, 2), day)
    assert not one.touches(window(5, 6, "t"))
    assert not one.touches(window(5, 6, "s", "p"))


def test_reports():
    """A report is complete if nothing failed, is left, or was interrupted; it goes through JSON."""
    figures = Figures(stream="cases")
    report = Report(streams={"cases": figures})
    assert report.complete
    figures.add(Entry(window=Window("cases", "o"), state="done", rows=3, read=4, drift=1, cut_off=True, verified=False))
    figures.retries = 2
    assert (report.rows, report.windows, report.read, report.drift, report.cut_off) == (3, 1, 4, 1, 1)
    assert (report.verified, report.unverified, report.unverifiable, report.retries) == (0, 1, 0, 2)
    figures.left = 1
    assert not report.complete
    assert msgspec.json.decode(msgspec.json.encode(report), type=Report) == report
    assert Difference("cases", "o", 5, 3).missing == 2


def test_names():
    """Every public name is there, and importing them loads neither pyarrow nor a driver of a database."""
    for name in amili_async.sync.__all__:
        assert getattr(amili_async.sync, name) is not None
    assert dir(amili_async.sync) == sorted(set(amili_async.sync.__all__))
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        _ = amili_async.sync.nonsense
    code = (
        "import sys, amili_async.sync as sync; [getattr(sync, name) for name in sync.__all__]; "
        "print(*{'pyarrow', 'asyncpg', 'duckdb', 'rich', 'cyclopts'} & set(sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "\n"  # noqa: S603  # our own


def test_the_pace():
    """It halves once for a burst of refusals, down to one, and grows by one after each quiet interval, up to where it was."""
    clock = FakeClock()
    pace = Pace(8, clock)
    assert [pace.answered(status) for status in (200, 429, 429, 503, 200, None)] == [False, True, False, False, False, False]
    assert pace.limit == 4
    clock.advance(2)
    assert pace.answered(503)
    for _ in range(3):
        clock.advance(2)
        pace.answered(429)
    assert pace.limit == 1
    limits = []
    for _ in range(9):
        clock.advance(3)
        first = pace.answered(200)  # not quiet for long enough
        clock.advance(3)
        limits.append((first, pace.answered(200), pace.limit))
    assert limits == [(False, True, limit) for limit in range(2, 9)] + [(False, False, 8)] * 2


@pytest.mark.asyncio
async def test_the_gate():
    """It lets in what there is room for, in turn, and at least one, however large."""
    gate, seen = Gate(10), []

    async def through(size):
        await gate.enter(size)
        seen.append(size)

    async with anyio.create_task_group() as group:
        for size in (6, 40, 3, 5):
            group.start_soon(through, size)
        await anyio.wait_all_tasks_blocked()
        assert seen == [6, 3]
        gate.leave(6)
        await anyio.wait_all_tasks_blocked()
        assert seen == [6, 3, 5]
        gate.leave(3)
        gate.leave(5)
        await anyio.wait_all_tasks_blocked()
        assert seen == [6, 3, 5, 40]
        gate.leave(40)
    assert gate.used == 0


@pytest.mark.asyncio
async def test_the_line():
    """One at a time, the lowest rank first, and of the same rank who came first; who gives up holds up nobody."""
    line, seen = Line(), []

    async def through(rank, name):
        await line.enter(rank)
        seen.append(name)

    async with anyio.create_task_group() as group:
        for rank, name in ((7, "first"), (3, "c"), (2, "b1"), (2, "b2"), (1, "a")):
            group.start_soon(through, rank, name)
            await anyio.wait_all_tasks_blocked()
        with anyio.move_on_after(0):
            await line.enter(0)
        for _ in range(5):
            line.leave()
            await anyio.wait_all_tasks_blocked()
    assert seen == ["first", "a", "b1", "b2", "c"]


@pytest.mark.asyncio
async def test_a_turn_in_the_line_that_comes_too_late_goes_to_the_next():
    """Somebody who is cancelled when their turn has just come passes it on."""
    line = Line()
    await line.enter(0)
    late, after = (asyncio.create_task(line.enter(rank)) for rank in (1, 2))
    await asyncio.sleep(0)
    line.leave()
    late.cancel()
    await asyncio.wait_for(after, 5)
    assert late.cancelled()


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (NotSentError("x"), True),
        (OutcomeUnknownError("x"), True),
        (ServerError("x", status=500), True),
        (ServerError("x", status=501), False),
        (RateLimited("x", status=429, retry_after=90), True),
        (RateLimited("x", status=429, retry_after=5_000), False),
        (NotFound("x", status=404), False),
        (DecodeError("x", damaged=True), True),
        (DecodeError("x"), False),
        (ConfigError("x"), False),
    ],
)
def test_what_passes(error, passes):
    """Only what may go well a little later is tried again."""
    assert passing(error) is passes


def test_pauses():
    """Pauses double up to a minute, and are as long as the server asks."""
    error = ServerError("x", status=500)
    assert [pause_after(error, failures) for failures in (1, 2, 3, 20)] == [1, 2, 4, 60]
    assert pause_after(RateLimited("x", status=429, retry_after=90), 1) == 90


@pytest.mark.asyncio
async def test_listening():
    """Other hooks can be told for a while; those of the client stay, whoever leaves first, and failures are their own."""

    class Heard(Hooks):
        def __init__(self):
            self.count = 0

        def on_request(self, event):
            self.count += 1
            raise RuntimeError("hook")

    own, one, two = Heard(), Heard(), Heard()
    page = json_reply({"data": [], "summary": {}})
    async with AmiliClient(
        StaticToken("t"), environment=ENVIRONMENT, transport=FakeTransport(lambda _: page), hooks=own, clock=FakeClock()
    ) as amili:
        first, second = amili.listening(one), amili.listening(two)
        await amili.collection.batches.list("o")
        first.__enter__()
        await amili.pager("collection.batches.list", "o")
        second.__enter__()
        await amili.pager("collection.batches.list", "o", query={"State": "X"})
        first.__exit__(None, None, None)
        await amili.collection.batches.list("o")
        await amili.collection.invoices.list("o", limit=0)
        second.__exit__(None, None, None)
        await amili.collection.batches.list("o")
        assert (own.count, one.count, two.count) == (5, 2, 2)
        assert amili.clock.time() > 0


def test_pagers_by_name():
    """A list can be had by its name; what is none is refused."""
    assert repr(CLIENT.pager("collection.cases.list", "o", page_size=1)) == "Pager(collection.cases.list)"
    with pytest.raises(ConfigError, match="is no list that comes in pages"):
        CLIENT.pager("collection.cases.pause", "o", "c")
    with pytest.raises(ConfigError, match="there is no operation 'x'"):
        CLIENT.pager("x")
    assert isinstance(CLIENT.pager("collection.cases.list", "o").operation, Operation)
