"""The DuckDB target: exact and nested types, keys that are unique without an index, and what the file is refused for."""

from __future__ import annotations

import importlib.util
import logging
import os
import signal
import stat
import subprocess
import sys
import threading
from datetime import timedelta
from decimal import Decimal

import duckdb
import pytest
from anyio import to_thread

from amili_async.errors import SinkError
from amili_async.sync.ledger import Entry, digest
from amili_async.sync.sinks import base, duckdbfile
from amili_async.sync.sinks import duckdb as module
from amili_async.sync.sinks.duckdb import DuckdbSink
from amili_async.sync.streams import STREAMS
from amili_async.sync.tables import part_table
from amili_async.sync.windows import Window
from tests.sync.conformance import APRIL, CASES, MARCH, ORG, OTHER, SOURCE, case, commit, read

pytestmark = pytest.mark.asyncio


@pytest.fixture
def path(tmp_path):
    """Return where the database shall be."""
    return tmp_path / "lake.duckdb"


async def opened(path, parts=()):
    """Open a sink for cases; return it with its ledger."""
    sink = DuckdbSink(path)
    return sink, await sink.open(SOURCE, [CASES], parts)


def query(path, text, *values):
    """Return the rows of a query."""
    with duckdb.connect(str(path)) as db:
        return db.execute(text, list(values)).fetchall()


def key(number):
    """Return the key of a case."""
    return read(case(number))["caseId"]


def started(path, code):
    """Start a program that has the database open as `db`."""
    words = [sys.executable, "-c", f"import duckdb, sys; db = duckdb.connect({str(path)!r}); {code}"]
    return subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: S603  # our own words


def program(path, code):
    """Return what such a program prints."""
    return started(path, code).communicate()[0]


async def test_types(path):
    """Amounts are decimals, moments have a zone, parts are structs and lists that SQL can reach into."""
    sink, _ = await opened(path, ("claims",))
    await commit(sink, MARCH, [case(1), case(2, remainingAmount="0.1")], ("claims",))
    await sink.close()
    types = dict(query(path, "SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = 'cases'"))
    assert types["remaining_amount"] == "DECIMAL(38,10)"
    assert types["registered_at"] == types["_amili_fetched_at"] == "TIMESTAMP WITH TIME ZONE"
    assert types["claims"].startswith('STRUCT("type" VARCHAR, original_amount DECIMAL(38,10),')
    assert types["claims"].endswith("[]")
    assert types["case_account_details"].startswith("STRUCT(bank_account_details STRUCT(")
    assert next(iter(types)) == "_amili_organization"
    found = query(
        path,
        "SELECT sum(remaining_amount), (SELECT sum(claim.original_amount) FROM (SELECT unnest(claims) AS claim FROM cases)), "
        "min(case_account_details.bank_account_details.account_number) FROM cases",
    )
    assert found == [(Decimal("1.2"), Decimal("3.3"), "00012387180")]
    assert query(path, 'SELECT DISTINCT "_index" FROM cases_claims ORDER BY 1') == [(0,), (1,)]


async def test_keys_move_between_windows(path):
    """A row that comes again by another window is there once, as it came last; so are its parts."""
    sink, _ = await opened(path, ("claims",))
    first = await commit(sink, MARCH, [case(1), case(2)], ("claims",))
    second = await commit(sink, APRIL, [case(2, remainingAmount="7"), case(3)], ("claims",))
    await commit(sink, Window("cases", OTHER), [case(2)], ("claims",))
    assert await sink.keys(first) == [key(1)]
    assert sorted(await sink.keys(second)) == [key(2), key(3)]
    await sink.close()
    found = query(path, "SELECT remaining_amount FROM cases WHERE case_id = ? AND _amili_organization = ?", key(2), ORG)
    assert found == [(Decimal(7),)]
    assert query(path, "SELECT count(*), count(DISTINCT (_amili_organization, case_id, _index)) FROM cases_claims") == [(8, 8)]


async def test_keys_that_come_twice(path, monkeypatch):
    """Even a window with a key twice leaves one row of it, the last; in one group of rows and in two."""
    monkeypatch.setattr(module, "GROUP", 4)
    monkeypatch.setattr(base, "CHUNK", len(case(1)))
    sink, _ = await opened(path)
    rows = [case(1), case(2), case(1, remainingAmount="5"), case(3), case(4), case(2, remainingAmount="6")]
    await commit(sink, MARCH, rows)
    await sink.close()
    found = dict(query(path, "SELECT case_id, remaining_amount FROM cases"))
    assert found == {key(1): 5, key(2): 6, key(3): Decimal("3.1"), key(4): Decimal("4.1")}


async def test_groups_count_their_misfits(path, monkeypatch):
    """Each piece of rows with a misfit counts once, whichever group it is in."""
    monkeypatch.setattr(module, "GROUP", 2)
    monkeypatch.setattr(base, "CHUNK", len(case(1)))
    sink, _ = await opened(path)
    entry = await commit(sink, MARCH, [case(number, remainingAmount="[]" if number in {2, 5} else "1") for number in range(8)])
    assert entry.drift == 2
    assert len(await sink.keys(entry)) == 8
    await sink.close()


async def test_file_is_private_and_free_between_windows(path, monkeypatch):
    """Database, log and lock are for their owner only, also while rows are written; between windows others can open the file."""
    sink, _ = await opened(path)
    modes = []
    real = module._take_in
    monkeypatch.setattr(
        module,
        "_take_in",
        lambda *args: (real(*args), modes.extend(stat.S_IMODE(p.stat().st_mode) for p in path.parent.iterdir())),
    )
    await commit(sink, MARCH, [case(1)])
    assert set(modes) == {0o600}
    assert len(modes) == 3
    assert query(path, "SELECT count(*) FROM cases") == [(1,)]
    assert await to_thread.run_sync(program, path, "print(db.execute('SELECT count(*) FROM cases').fetchall())") == "[(1,)]\n"
    await sink.close()
    assert [found.name for found in path.parent.iterdir()] == [path.name]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_another_program_has_it_open(path, monkeypatch):
    """It is waited for; if that takes too long, the error says what to do, and the run can be repeated."""
    sink, _ = await opened(path)
    entry = await commit(sink, MARCH, [case(1)])
    other = started(path, "print('open', flush=True); sys.stdin.read()")
    assert other.stdout.readline() == "open\n"
    monkeypatch.setattr(duckdbfile, "PATIENCE", 0.2)
    for attempt in (sink.peek(), sink.put([Entry(window=APRIL)])):
        with pytest.raises(SinkError, match="is open in another program: close it there, and run again") as error:
            await attempt
        assert error.value.busy
    monkeypatch.setattr(duckdbfile, "PATIENCE", 30)
    threading.Timer(0.3, other.stdin.close).start()
    assert await sink.peek() == [entry]
    other.wait()
    other.stdout.close()
    await sink.close()


async def test_two_runs(path):
    """A second run is told that the first is there."""
    sink, _ = await opened(path)
    with pytest.raises(SinkError, match="being used by another run") as error:
        await opened(path)
    assert error.value.busy
    await sink.close()
    sink, _ = await opened(path)
    await sink.close()


async def test_somebody_elses_table(path):
    """A table of that name with other columns is refused, and left as it is."""
    query(path, "CREATE TABLE cases (case_id INTEGER, name VARCHAR)")
    with pytest.raises(SinkError, match="has a table 'cases' already that is not of this program") as error:
        await opened(path)
    assert not error.value.usable
    assert query(path, "SELECT column_name FROM duckdb_columns() WHERE table_name = 'cases'") == [("case_id",), ("name",)]
    query(path, "DROP TABLE cases; CREATE TABLE cases (_amili_organization VARCHAR, case_id BIGINT, _amili_window VARCHAR)")
    with pytest.raises(SinkError, match="its column 'case_id' is of another type"):
        await opened(path)


async def test_new_columns_are_added(path):
    """Columns that an earlier version of this package did not know are added; rows that are there have nothing in them."""
    sink, _ = await opened(path)
    await commit(sink, MARCH, [case(1)])
    await sink.close()
    query(path, "ALTER TABLE cases DROP COLUMN claims")
    query(path, "ALTER TABLE cases DROP COLUMN remaining_amount")
    sink, _ = await opened(path)
    await commit(sink, APRIL, [case(2)])
    await sink.close()
    found = query(path, "SELECT remaining_amount, len(claims), status FROM cases ORDER BY case_id")
    assert found == [(None, None, "OPEN"), (Decimal("2.1"), 2, "OPEN")]


async def test_no_database(path, tmp_path):
    """A file that is something else, a folder, and a place below a file are refused in one sentence."""
    path.write_bytes(b"something else" * 1000)
    with pytest.raises(SinkError, match="is no database that this DuckDB can read: name another file") as error:
        await opened(path)
    assert not error.value.usable
    assert path.read_bytes() == b"something else" * 1000
    with pytest.raises(SinkError, match="is a folder: name a file"):
        await opened(tmp_path)
    with pytest.raises(SinkError, match=r"cannot be used \(Not a directory|cannot be used \(File exists"):
        await opened(path / "x.duckdb")
    assert [found.name for found in tmp_path.iterdir()] == [path.name]


async def test_other_source(path):
    """Rows of another source are refused; who does not care where they are from is not."""
    sink, _ = await opened(path)
    entry = await commit(sink, MARCH, [case(1)])
    await sink.close()
    with pytest.raises(SinkError, match=f"holds rows of {SOURCE}, not of other"):
        await DuckdbSink(path).open("other", [CASES], ())
    sink = DuckdbSink(path)
    assert await sink.open(None, (), ()) == [entry]
    await sink.remove([entry])
    await sink.close()
    assert query(path, "SELECT count(*) FROM cases") == [(0,)]


async def test_peek(path):
    """There is no ledger where there is no file, and none in a database that no run has used."""
    assert await DuckdbSink(path).peek() == []
    assert not path.exists()
    query(path, "CREATE TABLE mine (x INTEGER)")
    assert await DuckdbSink(path).peek() == []


async def test_many_entries(path):
    """Plans of many windows are written at once, replaced at once, and removed at once."""
    sink, _ = await opened(path)
    days = [MARCH.start + timedelta(days=number) for number in range(400)]
    entries = [Entry(window=Window("cases", ORG, day, day + timedelta(days=1))) for day in days]
    await sink.put(entries)
    await sink.put([Entry(window=entry.window, state="failed", failure="x") for entry in entries[:200]])
    await sink.put([])
    found = await sink.peek()
    assert [entry.state for entry in found] == ["failed"] * 200 + ["planned"] * 200
    await sink.remove(entries[1:])
    await sink.remove([])
    assert [entry.window for entry in await sink.peek()] == [entries[0].window]
    await sink.close()


async def test_fingerprints(path, monkeypatch):
    """They are at hand for some windows, and read again for others."""
    monkeypatch.setattr(module, "_HELD", 1)
    sink, _ = await opened(path)
    await commit(sink, MARCH, [case(1)])
    await commit(sink, APRIL, [case(2)])
    for _ in range(2):
        assert await sink.digests(MARCH) == digest(key(1))
        assert await sink.digests(APRIL) == digest(key(2))
        assert len(sink._digests) == 1
    [march, _] = await sink.peek()
    await sink.remove([march])
    assert await sink.digests(MARCH) == b""
    await sink.close()


async def test_file_that_goes_away(path):
    """A file that is moved while it is being used is told, and none is made in its place."""
    sink, _ = await opened(path)
    await commit(sink, MARCH, [case(1)])
    path.rename(path.with_name("gone"))
    for attempt in (commit(sink, APRIL, [case(2)]), sink.put([Entry(window=APRIL)])):
        with pytest.raises(SinkError, match="was moved or deleted while it was being used: put it back"):
            await attempt
    path.write_bytes(b"")
    with pytest.raises(SinkError, match="was moved or deleted"):
        await sink.keys(Entry(window=MARCH))
    await sink.close()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('IO Error: Could not write file "x": No space left on device', "no space is left for"),
        ("IO Error: Disk quota exceeded", "no space is left for"),
        ('IO Error: Cannot open file "x": Permission denied', "cannot be written to: give yourself the rights"),
        ("Invalid Input Error: database is attached in read-only mode", "cannot be written to"),
        ("Serialization Error: made by a newer version", "is no database that this DuckDB can read"),
        ('IO Error: Failed to download extension "sqlite_scanner" at URL', "is no database that this DuckDB can read"),
        ('IO Error: Extension "/x/sqlite_scanner.duckdb_extension" not found', "is no database that this DuckDB can read"),
        ("Constraint Error: Duplicate key 'Kari Nordmann'", r"cannot be used \(DuckDB says IOException\): mend that"),
    ],
)
async def test_failures(path, monkeypatch, text, told):
    """What DuckDB refuses is told in one sentence without what it says: that can have values in it. Nothing is written."""
    sink, _ = await opened(path)
    await commit(sink, MARCH, [case(1)])

    def fail(*_):
        raise duckdb.IOException(text)

    monkeypatch.setattr(module, "_take_in", fail)
    with pytest.raises(SinkError, match=told) as error:
        await commit(sink, MARCH, [case(2)])
    assert "Kari" not in str(error.value)
    monkeypatch.undo()
    assert [entry.rows for entry in await sink.peek()] == [1]
    assert query(path, "SELECT case_id FROM cases") == [(key(1),)]
    await sink.close()


async def test_real_failure_of_the_disk(path):
    """A database that may not grow fails in one sentence, and is as before afterwards."""
    resource = pytest.importorskip("resource")
    sink, _ = await opened(path)
    await commit(sink, MARCH, [case(1)])
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    rows = [case(number, description=f'"{os.urandom(4000).hex()}"') for number in range(100)]
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
        with pytest.raises(SinkError, match=r"cannot be used|no space"):
            await commit(sink, MARCH, rows)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    await sink.close()
    sink, [entry] = await opened(path)
    assert (entry.rows, await sink.keys(entry)) == (1, [key(1)])
    assert (await commit(sink, MARCH, rows)).rows == 100
    await sink.close()


@pytest.mark.parametrize(("missing", "told"), [("duckdb", "DuckDB needs duckdb"), ("pyarrow", "by way of Arrow, needs pyarrow")])
async def test_missing_packages(path, monkeypatch, missing, told):
    """Both packages of the extra are needed, and the error says why and what to install."""
    monkeypatch.setattr(base, "find_spec", lambda name: None if name == missing else importlib.util.find_spec(name))
    with pytest.raises(SinkError, match=rf"{told}: pip install 'amili-async\[duckdb\]'") as error:
        DuckdbSink(path)
    assert not error.value.usable


async def test_streams_of_unknown_shape(path, caplog):
    """Each stream gets a table, and the log tells how its rows were read."""
    caplog.set_level(logging.DEBUG, "amili_async")
    sink = DuckdbSink(path)
    await sink.open(SOURCE, list(STREAMS.values()), ())
    await commit(sink, Window("batches", ORG), [b'{"batchId":"b","failed":[{"x":1.50},null]}'])
    await sink.close()
    assert "batches: all_exactly 1" in caplog.text
    assert query(path, "SELECT failed FROM batches") == [(['{"x":1.50}', None],)]
    assert repr(sink) == f"DuckdbSink({str(path)!r})"
    assert part_table(CASES, "claims").name == "cases_claims"
