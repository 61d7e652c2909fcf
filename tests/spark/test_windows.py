"""Windows in partitions: dealt out evenly, and together they hold each row once, whatever the service takes for bounds."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amili_async.errors import Forbidden, PaginationError
from amili_async.spark import reading
from amili_async.spark.planning import Piece, Share, dealt, plan
from amili_async.spark.reading import batches
from amili_async.sync import Window
from amili_async.sync.asking import asked, margin_of
from amili_async.sync.reading import Reading
from amili_async.sync.sinks.base import Work
from amili_async.sync.streams import STREAMS
from amili_async.testing import Reply
from tests.sync.kit import Server, at

from .kit import answer_by, chain, keys_of, options

DAY, HOUR, MILLISECOND = timedelta(days=1), timedelta(hours=1), timedelta(milliseconds=1)
BASE = at("2026-01-01")


def _pieces(count):
    return chain("cases", [BASE + number * HOUR for number in range(count + 1)])


def test_dealing_out():
    """Each window is in one partition, partitions have about as many rows, and there are no empty ones."""
    pieces = dict(zip(_pieces(6), [900, 10, 400, 500, None, 0], strict=True))
    shares = dealt(pieces, 3, 100)
    assert Counter(piece for share in shares for piece in share) == Counter(list(pieces))
    assert sorted(sum(100 if pieces[piece] is None else pieces[piece] for piece in share) for share in shares) == [500, 510, 900]
    assert all(list(share) == sorted(share, key=lambda piece: piece.window.start) for share in shares)
    assert dealt(pieces, None, 100) == dealt(pieces, 9, 100)
    assert [len(share) for share in dealt(pieces, 9, 100)] == [1] * 6
    assert [len(share) for share in dealt(dict.fromkeys(pieces, 0), 2, 100)] == [3, 3]
    assert dealt({}, 3, 100) == []


def test_plan(monkeypatch):
    """Windows of all organizations, each marked by whether another one ends where it starts; the rate is divided."""
    server, transports = Server(), []
    for organization in ("o", "p"):
        server.add("cases", organization, *(BASE + number * HOUR for number in range(100)))
    answer_by(monkeypatch, server, transports)
    found = options(organizations="o,p", maxrows="30", rate="12", from_="2026-01-01")
    span = (BASE, BASE + 5 * DAY)
    shares = plan(found, span, BASE)
    windows = [piece.window for share in shares for piece in share.pieces]
    assert len(windows) == len(shares) >= 8
    for organization in ("o", "p"):
        mine = sorted((piece for share in shares for piece in share.pieces if piece.window.organization == organization), key=str)
        assert [piece.follows for piece in mine] == [False] + [True] * (len(mine) - 1)
        assert (mine[0].window.start, mine[-1].window.end) == span
    assert {share.rate for share in shares} == {12 / len(shares)}
    assert [rate for _, rate in transports] == [12]
    fewer = plan(options(organizations="o,p", maxrows="30", rate="12", maxpartitions="3"), span, BASE)
    assert (len(fewer), {share.rate for share in fewer}) == (3, {4.0})
    assert {share.rate for share in plan(options(maxrows="30", rate="12", concurrency="2"), span, BASE)} == {6.0}
    assert {share.rate for share in plan(options(maxrows="30"), span, BASE)} == {None}
    later = plan(options(maxrows="1000"), (BASE + DAY, BASE + 5 * DAY), BASE)
    assert [piece.follows for share in later for piece in share.pieces] == [True]  # what was before it is another batch's
    assert plan(options(), (BASE, BASE), BASE) == []


def test_a_list_without_a_period(monkeypatch):
    """A list that cannot be cut is one window, which follows none."""
    server = Server()
    server.add("batches", "o", None, None)
    answer_by(monkeypatch, server)
    (share,) = plan(options(stream="batches"), (None, BASE), None)
    assert share.pieces == (Piece(Window("batches", "o"), follows=False),)
    assert len(keys_of(options(stream="batches"), share.pieces, "batches")) == 2


def test_a_list_that_cannot_be_asked(monkeypatch):
    """One organization without access stops the plan: nobody would miss its rows."""
    server = Server(trouble=lambda stream, organization, query: Reply(403, {}, b"{}") if organization == "p" else None)
    server.add("cases", "o", BASE)
    answer_by(monkeypatch, server)
    with pytest.raises(Forbidden):
        plan(options(organizations="o,p"), (None, BASE + DAY), None)


def _reach(server, piece):
    """Return the keys that a window's own request gives."""
    stream = STREAMS[piece.window.stream]
    query = asked(stream, piece.window.start, piece.window.end, margin_of(stream))
    low, high = (server._moment(query.get(name)) for name in stream.period)
    rows = server.rows[piece.window.stream, "o"]
    return {row[stream.key] for moment, row in rows if server._within(moment, low, high)}


near = st.builds(
    lambda cut, offset: BASE + cut * 6 * HOUR + offset * MILLISECOND,
    st.integers(0, 8),
    st.sampled_from([-2, -1.5, -1, -0.5, 0, 0.5, 1, 1.5, 2, 1_000, 3_600_000]),
)


@pytest.mark.parametrize("stream", ["cases", "invoices", "settlements"])
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    moments=st.lists(near, min_size=1, max_size=25),
    bounds=st.sampled_from(["[)", "[]", "()", "(]"]),
    sense=st.sampled_from(["exact", "exact", "truncate", "ignore"]),
    cuts=st.sets(st.integers(0, 8), min_size=2, max_size=7).map(sorted),
)
def test_rows_on_bounds(stream, moments, bounds, sense, cuts, monkeypatch):
    """Partitions read on their own hold every row that any of their windows gives, once."""
    server = Server(bounds=bounds, truncate=sense == "truncate", ignore=sense == "ignore", size=7)
    step = 4 * 6 * HOUR if STREAMS[stream].daily else 6 * HOUR
    server.add(stream, "o", *(BASE + 4 * (moment - BASE) if STREAMS[stream].daily else moment for moment in moments))
    answer_by(monkeypatch, server)
    pieces = chain(stream, [BASE + cut * step for cut in cuts])
    expected = set().union(*(_reach(server, piece) for piece in pieces))
    if sense == "exact" and not STREAMS[stream].daily:
        inside = [
            row["caseId" if stream == "cases" else "id"]
            for moment, row in server.rows[stream, "o"]
            if pieces[0].window.start <= moment < pieces[-1].window.end
        ]
        assert expected >= set(inside)
    found = options(stream=stream)
    counts = Counter(key for piece in pieces[::-1] for key in keys_of(found, [piece], stream))
    assert counts == dict.fromkeys(expected, 1)
    together = Counter(keys_of(found, pieces, stream))  # in one partition it is the same
    assert together == counts


def test_a_filter_and_rows_that_change(monkeypatch):
    """What belongs to the earlier window is asked without filters, so a row that has changed since is not taken twice."""
    server = Server(bounds="[]")
    server.add("cases", "o", BASE + HOUR, status="OPEN")
    answer_by(monkeypatch, server)
    first, second = (
        Piece(Window("cases", "o", piece.window.start, piece.window.end, (("Status", "OPEN"),)), piece.follows)
        for piece in _pieces(2)
    )
    assert len(keys_of(options(), [first])) == 1
    assert keys_of(options(), [second]) == []
    assert [query for *_, query in server.asked if "Status" not in query] == [
        {"FromCreatedAt": "2026-01-01T00:59:59.999Z", "ToCreatedAt": "2026-01-01T01:00:00.001Z", "PageSize": "500"}
    ]


def test_rows_that_come_late(monkeypatch):
    """A row that comes onto a bound while the later window is read is in the earlier one only, which is read afterwards."""
    server = Server(bounds="[]")
    server.add("cases", "o", BASE + 90 * MILLISECOND * 1000)
    reads = []

    def trouble(stream, organization, query):
        reads.append(query)
        if len(reads) == 2:  # the later window has been read; its edge has not
            server.add("cases", "o", BASE + HOUR)

    server.trouble = trouble
    answer_by(monkeypatch, server)
    first, second = _pieces(2)
    assert "o-1" not in keys_of(options(), [second])
    assert keys_of(options(), [first]).count("o-1") == 1


def test_batches_of_a_table(monkeypatch):
    """Batches have the columns and types of the Parquet target; a redaction takes out what it shall."""
    server = Server(size=500)
    server.add("cases", "o", *([BASE] * 3), remainingAmount=12.34, debtors=[{"email": "x@y"}])
    answer_by(monkeypatch, server)
    (batch,) = batches(options(redact="email"), Share(tuple(_pieces(1)), None))
    from amili_async.sync.arrow import schema_of  # noqa: PLC0415  # pyarrow is an extra
    from amili_async.sync.tables import table_of  # noqa: PLC0415

    assert batch.schema == schema_of(table_of(STREAMS["cases"]))
    assert [str(amount) for amount in batch.column("remaining_amount").to_pylist()] == ["12.3400000000"] * 3
    assert [debtor["email"] for debtors in batch.column("debtors").to_pylist() for debtor in debtors] == [None] * 3


def test_totals_that_lie(monkeypatch, caplog):
    """A window with fewer rows than the service counts is read once more; then the log says so, or the task fails."""
    server = Server(total=lambda count, query: count + 1)
    server.add("cases", "o", BASE)
    answer_by(monkeypatch, server)
    with caplog.at_level(logging.WARNING, "amili_async"):
        assert keys_of(options(), _pieces(1)) == ["o-0"]
    assert "cases/o/20260101T000000Z_20260101T010000Z: the service counts 2 rows, and 1 came" in caplog.text
    assert len(server.asked) == 2
    with pytest.raises(PaginationError, match="the service counts 2 rows, and 1 came"):
        keys_of(options(unverified="fail"), _pieces(1))


def test_totals_of_a_bound_that_lie(monkeypatch, caplog):
    """What does not add up on the bound of a window is said of the bound, and not of the window."""
    server = Server(
        bounds="[]",
        total=lambda count, query: count + ("59:59.999" in query["FromCreatedAt"] and "01:00:00.001" in query["ToCreatedAt"]),
    )
    server.add("cases", "o", BASE + HOUR)
    answer_by(monkeypatch, server)
    said = "the lower bound of cases/o/20260101T010000Z_20260101T020000Z: the service counts 2 rows, and 1 came"
    with caplog.at_level(logging.WARNING, "amili_async"):
        assert keys_of(options(), _pieces(2)[1:]) == []
    assert [message for message in caplog.messages if "the service counts" in message] == [said]
    with pytest.raises(PaginationError, match=f"^{said}$"):
        keys_of(options(unverified="fail"), _pieces(2)[1:])


def test_totals_that_move(monkeypatch, caplog):
    """If the second reading is complete there is nothing to say."""
    lies = iter([7])
    server = Server(total=lambda count, query: next(lies, count))
    server.add("cases", "o", BASE)
    answer_by(monkeypatch, server)
    assert keys_of(options(unverified="fail"), _pieces(1)) == ["o-0"]
    assert "the service counts" not in caplog.text


def test_windows_that_cannot_be_read(monkeypatch):
    """The error of a window, or of what lies on its bound, comes out; nothing hangs."""
    server = Server()
    server.add("cases", "o", BASE, BASE + HOUR)
    answer_by(monkeypatch, server)
    for number in (1, 3):
        asked_before = len(server.asked)
        server.trouble = lambda *_, last=asked_before + number: Reply(403, {}, b"{}") if len(server.asked) >= last else None
        with pytest.raises(Forbidden):
            keys_of(options(), _pieces(2))


def test_stopping_early(monkeypatch):
    """A query that needs no more rows stops the reading that runs ahead."""
    server = Server()
    server.add("cases", "o", *(BASE + HOUR / 2 + number * HOUR for number in range(3)))
    answer_by(monkeypatch, server)
    rows = batches(options(), Share(tuple(_pieces(3)), None))
    assert next(rows).num_rows == 1
    rows.close()
    assert len(server.asked) < 5
    server.asked.clear()
    again = batches(options(), Share(tuple(_pieces(2)), None))
    assert next(again).num_rows == 1
    edge = "2026-01-01T00:59:59.999Z", "2026-01-01T01:00:00.001Z"
    for _ in range(500):
        if edge in [(query["FromCreatedAt"], query["ToCreatedAt"]) for *_, query in server.asked]:
            break
        time.sleep(0.01)
    else:
        pytest.fail("the next window is not read ahead")
    time.sleep(0.1)  # now it is there, or is about to be
    again.close()


@pytest.mark.parametrize("late", ["share", "without"])
def test_ready_while_stopping(late, monkeypatch):
    """A reading that gets ready while it is cancelled, or nearly so, is closed, too."""
    server, transports = Server(bounds="[]"), []
    server.add("cases", "o", BASE, BASE + HOUR, BASE + 1.5 * HOUR)
    answer_by(monkeypatch, server, transports)
    begun, closed = [], []
    init, close = Work.__init__, Work.close
    monkeypatch.setattr(Work, "__init__", lambda self, *args: begun.append(self) or init(self, *args))
    monkeypatch.setattr(Work, "close", lambda self: closed.append(self) or close(self))
    busy, ended = threading.Event(), threading.Event()

    def slow(*args):
        busy.set()
        assert ended.wait(10)
        return function(*args)

    place = reading if late == "share" else Reading
    function = getattr(place, late)
    monkeypatch.setattr(place, late, slow)
    rows = batches(options(), Share(tuple(_pieces(2)), None))
    assert next(rows).num_rows == 2
    assert busy.wait(10)
    (transport, _), *_ = transports
    aclose = transport.aclose

    async def release():  # the client is closed once the reading has been cancelled
        ended.set()
        await aclose()

    monkeypatch.setattr(transport, "aclose", release)
    rows.close()
    assert len(begun) == 4  # two windows, the bound between them, and the second without that
    assert {id(one) for one in begun} == {id(one) for one in closed}
