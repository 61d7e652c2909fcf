"""What the sync commands are made of: pictures, bars, closing tables, rates and spans, targets."""

from __future__ import annotations

import asyncio
import io
import json
import re
import signal
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from msgspec import Raw
from rich.console import Console

from amili_async import cli_progress
from amili_async.cli_access import Stop, explain
from amili_async.cli_job import rate_of, span_of
from amili_async.cli_ledger import _covered, ledger_picture, time_line
from amili_async.cli_lists import lines
from amili_async.cli_progress import SyncProgress
from amili_async.cli_report import closing, code_of, conclude, how_to_look, tell_failures
from amili_async.cli_sync import _interrupts, _tick
from amili_async.errors import SinkError
from amili_async.sync import Entry, Figures, Report, Window
from amili_async.sync import events as happening
from amili_async.sync.ledger import Owed
from amili_async.sync.report import Difference, Failure
from amili_async.sync.targets import sink_for


def at(text):
    """Read a moment in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def entry(start, end, state="done", stream="cases", organization="o", **members):
    """Return an entry of a ledger."""
    return Entry(window=Window(stream, organization, start and at(start), end and at(end)), state=state, **members)


def shown(parts, width=250):
    """Return what a terminal shows."""
    out = io.StringIO()
    console = Console(file=out, width=width)
    for part in parts:
        console.print(part)
    return out.getvalue()


def test_time_line():
    """A cell shows the worst state in it; short windows have one cell, lists as a whole have all, and the outside none."""
    start, end = at("2024-01-01"), at("2024-01-11")
    entries = [
        entry(None, "2024-01-02", verified=True),
        entry("2024-01-02", "2024-01-04", verified=False),
        entry("2024-01-04T01:00:00", "2024-01-04T02:00:00", "failed"),
        entry("2024-01-04", "2024-01-05", "done"),
        entry("2024-01-06", "2024-01-07", "committing"),
        entry("2024-01-08", "2024-01-20", "stale"),
        entry("2023-01-01", "2023-02-01", "failed"),
    ]
    cells = time_line(entries, start, end, 10)
    assert cells[1:] == ["unverified", "unverified", "failed", "nothing", "planned", "nothing", "stale", "stale", "stale"]
    assert time_line([entry(None, None, "planned")], start, end, 3) == ["planned"] * 3


def test_picture_begins_with_the_rows():
    """Empty windows of long ago do not push the rest to the right; the legend has what is shown; failures say why."""
    entries = [
        entry(None, "2000-01-01"),
        entry("2000-01-01", "2024-01-01"),
        entry("2024-01-01", "2024-07-01", rows=3, verified=True),
        entry("2024-07-01", "2025-01-01", "failed", failure="it broke"),
        entry(None, None, stream="batches"),
        *(entry(None, f"2000-01-0{day}", "failed", organization="p", failure="too") for day in range(1, 8)),
    ]
    text = shown(ledger_picture(entries))
    assert "2024-01-01" in text.splitlines()[3]
    assert text.splitlines()[3].endswith("2025-01-01")
    assert "! failed" in text
    assert "to be read" not in text.replace("to be read again", "").splitlines()[4]
    assert "cases/o/20240701T000000Z_20250101T000000Z: it broke" in text
    assert "and 3 more; --json shows all" in text
    assert shown(ledger_picture(entries, ascii_only=True)).splitlines()[1].isascii()


@pytest.mark.parametrize("entries", [[entry(None, None, "planned")], [entry(None, "2024-01-01", "planned")]])
def test_picture_without_a_time(entries):
    """Lists without a period, or with nothing but an open beginning, have a picture too."""
    assert shown(ledger_picture(entries)).count("·") >= 60


def test_picture_on_a_narrow_terminal():
    """With 80 columns nothing is folded: ids are cut where their beginning tells them apart."""
    one, two = "71d93257-4054-45ec-aa21-7b310fab3a07", "c2ea7ab4-e130-4662-a9f2-e0747a2213c1"
    entries = [entry("2024-01-01", "2025-01-01", organization=name, stream="settlements", rows=1_234_567) for name in (one, two)]
    entries.append(entry("2025-01-01", "2026-01-01", "failed", organization=two, stream="settlements"))
    text = shown(ledger_picture(entries, width=80), 80)
    assert max(map(len, text.splitlines())) <= 80
    assert "71d93257.." in text
    assert len(text.splitlines()) == 9
    assert one in shown(ledger_picture([*entries, entry(None, None, organization=one[:9] + "other")], width=80), 80)


def test_rates_and_spans():
    """Rates and lengths of time have units; what is none is refused."""
    assert [rate_of(text) for text in (None, "20", "20/s", "1.5/sec", "600/min", "3600/h", "60/m")] == [
        None, 20, 20, 1.5, 10, 1, 1,
    ]  # fmt: skip
    assert [span_of(text) for text in ("30d", "12h", "90min", "2w")] == [
        timedelta(days=30), timedelta(hours=12), timedelta(minutes=90), timedelta(days=14),
    ]  # fmt: skip
    for text in ("", "-1", "0", "20/x", "1e3", "9" * 400):
        with pytest.raises(Stop, match="is not a rate"):
            rate_of(text)
    for text in ("", "d", "3", "-3d", "1.5d"):
        with pytest.raises(Stop, match="is not a length of time"):
            span_of(text)


@pytest.mark.parametrize(
    ("target", "name"),
    [
        ("ndjson:x", "ndjson:x"),
        ("ndjson.gz:x", "ndjson.gz:x"),
        ("ndjson.zst:x", "ndjson.zst:x"),
        ("parquet:x", "parquet:x"),
        ("sqlite:x", "sqlite:x"),
        ("duckdb:x", "duckdb:x"),
        ("postgres://me@host/db?schema=a", "postgres://host/db?schema=a"),
        ("x", "parquet:x"),
        ("C:\\x", "parquet:C:\\x"),
    ],
)
def test_targets(target, name):
    """Each kind of target has its sink; nothing is made of it yet."""
    assert sink_for(target).target == name


def test_folder_without_pyarrow(monkeypatch):
    """Without pyarrow a bare folder gets NDJSON."""
    monkeypatch.setattr("amili_async.sync.targets.find_spec", lambda _: None)
    assert sink_for("x").target == "ndjson:x"


def test_codes_of_targets():
    """A target that can never serve is a matter of usage; all else may go better next time."""
    assert explain(SinkError("full")) == ("full", 3)
    assert explain(SinkError("busy", busy=True)) == ("busy", 3)
    assert explain(SinkError("no folder", usable=False)) == ("no folder", 2)


def test_how_to_look(monkeypatch):
    """Each target has a command; blanks are quoted, and psql gets no schema that it does not know."""
    assert how_to_look("", "ndjson:a b", "cases") == "head -n 1 \"$(find 'a b/cases' -type f | head -n 1)\""
    assert how_to_look("", "ndjson.gz:x", "cases").startswith("gzip -dc ")
    assert how_to_look("", "ndjson.zst:x", "cases").startswith("zstd -dc ")
    assert 'dataset("x/cases")' in how_to_look("", "parquet:x", "cases")
    assert 'connect("x.db", read_only=True)' in how_to_look("", "duckdb:x.db", "cases")
    monkeypatch.setattr("shutil.which", lambda _: "/bin/sqlite3")
    assert how_to_look("", "sqlite:x.db", "cases") == "sqlite3 x.db 'SELECT * FROM cases LIMIT 3'"
    monkeypatch.setattr("shutil.which", lambda _: None)
    assert how_to_look("", "sqlite:x.db", "cases").startswith("python -c 'import sqlite3;")
    given = "postgres://me@/db?host=/run&schema=lake"
    look = how_to_look(given, "postgres:///db?schema=lake", "cases")
    assert look == "psql 'postgres://me@/db?host=/run' -c 'SELECT * FROM \"lake\".cases LIMIT 3'"
    assert how_to_look("postgres://h/db", "postgres://h/db", "cases") == "psql postgres://h/db -c 'SELECT * FROM cases LIMIT 3'"


class _Sink:
    target = "ndjson:x"


def report_of(**settings):
    """Return a report of one stream."""
    figures = {name: settings.pop(name) for name in list(settings) if hasattr(Figures(stream=""), name)}
    return Report(streams={"cases": Figures(stream="cases", **figures)}, **settings)


def failure(status, window=None, reason="no"):
    """Return a failure."""
    return Failure("cases", "o", window, reason, status)


@pytest.mark.parametrize(
    ("report", "code"),
    [
        (report_of(), 0),
        (report_of(left=1), 3),
        (report_of(interrupted=True), 130),
        (report_of(failures=[failure(403), failure(401)]), 4),
        (report_of(failures=[failure(403), failure(500)]), 3),
    ],
)
def test_codes(report, code):
    """Complete is 0, partial 3, refused 4, interrupted 130."""
    assert code_of(report) == code


def test_closing_tables():
    """Amounts keep their digits and have two behind the point at least."""
    owed = (Owed("OPEN", "NOK", 2, Decimal("1234.5")), Owed("PAUSED", "", 1, Decimal("0.125")))
    text = shown(closing(report_of(rows=1, windows=2, verified=1, unverified=1, owed=owed)))
    assert re.search(r"^cases +1 +0 +2 +1 +0 +0 +complete", text, re.MULTILINE)
    assert "1,234.50" in text
    assert "0.125" in text
    assert "not told" in text
    assert "no count" in shown(closing(report_of(windows=1, unverifiable=1)))
    assert "1 unread" in shown(closing(report_of(failures=[failure(403)])))


@pytest.mark.parametrize("ending", [{}, {"left": 120}, {"failures": [failure(403)]}, {"interrupted": True}])
def test_closing_tables_fit_a_narrow_terminal(ending):
    """With 80 columns nothing is folded, however a run of millions of rows has ended."""
    figures = {"rows": 1_234_567, "held_rows": 9_234_567, "windows": 1_204, "drift": 12, "retries": 4_812, **ending}
    for counts in ({"verified": 1_204}, {"unverifiable": 1_204}):
        report = report_of(**figures, **counts)
        report.streams = {"settlements": report.streams["cases"]}
        report.streams["settlements"].stream = "settlements"
        assert [line.rstrip() for line in shown(closing(report), 80).splitlines()] == [
            line.rstrip() for line in shown(closing(report), 200).splitlines()
        ]


def test_notes(capfd):
    """What is no failure and has to be known is told."""
    report = report_of(
        rows=1,
        held_rows=1,
        unverified=1,
        cut_off=1,
        kept=2,
        drift=3,
        unread=4,
        waited=2.0,
        differences=[Difference("cases", "o", 5, 4)],
    )
    assert conclude(report, _Sink(), "ndjson:x", json=False) == 0
    err = capfd.readouterr().err
    for text in (
        "requests waited 2.0 s in all",
        "cases: in 1 window the rows differ from the number that the server gives",
        "cases: the server gives only a part of 1 list",
        "cases: 2 windows kept as read before",
        "cases: 3 pages not as documented",
        "cases/o: the server counts 5 rows, the target holds 4",
        "the amounts of 4 cases could not be added up",
    ):
        assert text in err
    assert conclude(report_of(failures=[failure(500)]), _Sink(), "", json=False) == 3
    assert capfd.readouterr().err.endswith("\nrun again to go on\n")


def test_many_failures(capfd):
    """Ten failures are told one by one, and the same one once."""
    tell_failures([failure(500, reason=f"no {number // 2}") for number in range(40)])
    lines = capfd.readouterr().err.splitlines()
    assert lines[0] == "error: cases/o: no 0"
    assert len(lines) == 11
    assert lines[-1] == "and 10 more; `amili sync status` shows them"


WINDOW = Window("cases", "o")


def told(*events, live=False, json=False):
    """Return the progress after some events."""
    progress = SyncProgress(live=live, json=json)
    for event in events:
        progress.take(event)
    return progress


def test_progress_in_lines(monkeypatch, capfd):
    """Pages of a window that is begun anew do not count twice; what is left is estimated where the server counts."""
    clock = iter(range(0, 10_000, 10))
    monkeypatch.setattr(cli_progress.time, "perf_counter", lambda: float(next(clock)))
    progress = told(
        happening.WindowPlanned(WINDOW, 1_000),
        happening.WindowStarted(WINDOW),
        happening.WindowRead(WINDOW, 1, 100, 5_000_000, 1_000),
        happening.WindowStarted(WINDOW),
        happening.WindowRead(WINDOW, 1, 200, 5_000_000, 1_000),
        happening.WindowRetried(WINDOW, "answered 503", 2.5, anew=False),
        happening.PaceChanged(1),
    )
    progress.tick()
    lines = capfd.readouterr().err.splitlines()
    assert lines[0] == "cases/o/all: answered 503; going on in 2.5 s"
    assert lines[1] == "at most 1 request at a time from now on"
    assert lines[2].startswith("cases: 200 rows, ")
    assert "0 of 1 window, 2.5 s waiting to try again, " in lines[2]
    assert lines[2].endswith(" left")
    progress.take(happening.WindowFailed(WINDOW, "no"))
    progress.take(happening.StreamFailed("cases", "o", "no"))
    progress.tick()
    (line,) = capfd.readouterr().err.splitlines()
    assert "1 failed" in line


def test_progress_waits_between_lines(capfd):
    """Lines come every ten seconds only."""
    told(happening.WindowPlanned(WINDOW, None)).tick()
    assert capfd.readouterr().err == ""


def test_progress_as_json(capfd, monkeypatch):
    """Each event but the pages is a line of JSON, and each stream now and then."""
    monkeypatch.setattr(cli_progress, "EVERY", 0)
    events = (
        happening.WindowPlanned(WINDOW, None),
        happening.WindowStarted(WINDOW),
        happening.WindowRead(WINDOW, 1, 1, 1, None),
        happening.WindowRetried(WINDOW, "r", 1, anew=True),
        happening.WindowKept(WINDOW, 1, 2),
        happening.WindowDone(WINDOW, Entry(window=WINDOW)),
        happening.WindowFailed(WINDOW, "no"),
        happening.StreamFailed("cases", "o", "no"),
        happening.PaceChanged(2),
    )
    told(*events, json=True).tick()
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    names = [type(event).__name__ for event in events if not isinstance(event, happening.WindowRead)]
    assert [line["event"] for line in lines] == [*names, "progress"]
    assert lines[-1]["expected_rows"] is None


def test_progress_in_bars(monkeypatch, capfd):
    """On a terminal there are bars, with trouble behind them; texts stand above."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    other = Window("batches", "o")
    with told(
        happening.WindowPlanned(WINDOW, 10),
        happening.WindowRead(WINDOW, 1, 4, 4, 10),
        happening.WindowPlanned(other, None),
        happening.WindowFailed(other, "no"),
        live=True,
    ) as progress:
        progress.tick()
        progress.take(happening.WindowRetried(WINDOW, "answered 503", 2.5, anew=False))
        progress.take(happening.WindowDone(WINDOW, Entry(window=WINDOW)))
    err = capfd.readouterr().err
    assert "cases/o/all: answered 503; going on in 2.5 s" in err
    assert "4 rows" in err
    assert "0/1 window" in err
    assert "1 failed" in err


@pytest.mark.asyncio
async def test_ticking():
    """The progress is told the time."""
    ticked = asyncio.Event()

    class Progress:
        def tick(self):
            ticked.set()

    task = asyncio.create_task(_tick(Progress()))
    async with asyncio.timeout(30):
        await ticked.wait()
    task.cancel()


@pytest.mark.asyncio
async def test_interrupts_where_there_are_no_signals(monkeypatch):
    """On Windows the loop takes no signal handlers: Ctrl-C does there what it does."""

    def no(*_):
        raise NotImplementedError

    monkeypatch.setattr(asyncio.get_running_loop(), "add_signal_handler", no)
    monkeypatch.setattr(asyncio.get_running_loop(), "remove_signal_handler", no)
    before = signal.getsignal(signal.SIGINT)
    with _interrupts(None):
        pass
    assert signal.getsignal(signal.SIGINT) is before


def test_lines_of_an_export():
    """Rows keep their bytes, digits and blanks included; only line breaks between tokens go; no rows are no lines."""
    assert lines([]) == b""
    assert lines([Raw(b'{"a": 1.10}'), Raw(b"null")]) == b'{"a": 1.10}\nnull\n'
    assert lines([Raw(b'{"a": 1.10,\r\n "b": "\\n"}')]) == b'{"a":1.10,"b":"\\n"}\n'


@pytest.mark.parametrize(
    ("spans", "text"),
    [
        ([], ""),
        ([(None, 1)], "up to 2026-01-01 00:00"),
        ([(1, 2), (2, 4)], "2026-01-01 to 2026-04-01 00:00"),
        ([(None, 1), (3, 4)], "up to 2026-01-01 00:00, then with gaps"),
        ([(None, None)], "as a whole"),
    ],
)
def test_time_that_is_covered(spans, text):
    """What was read begins with the first window and ends at the first gap."""

    def month(number):
        return number and datetime(2026, number, 1, tzinfo=UTC)

    entries = [Entry(window=Window("cases", "o", month(start), month(end)), state="done") for start, end in spans]
    assert _covered(entries) == text
    assert _covered(entries, narrow=True) == text.replace(" 00:00", "").replace(", then with gaps", " ..")
