"""What is SQLite's own: exact texts, a file that others use or spoil, a full disk, columns of a later version."""

from __future__ import annotations

import asyncio
import errno
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from threading import Event

import pytest
import pytest_asyncio

from amili_async.errors import SinkError
from amili_async.sync.ledger import Entry
from amili_async.sync.sinks import sqlitefile as module
from amili_async.sync.sinks.locks import LockFile
from amili_async.sync.sinks.sqlite import SqliteSink
from amili_async.sync.tables import table_of
from tests.sync.conformance import APRIL, CASES, MARCH, SOURCE, all_same, case, commit
from tests.sync.places import Sqlite as Target
from tests.sync.places import texts

pytestmark = pytest.mark.asyncio


@pytest.fixture
def target(tmp_path, monkeypatch):
    """Return a place for a database; waiting for others is short."""
    monkeypatch.setattr(module, "PATIENCE", 0.05)
    return Target("sqlite", tmp_path)


@pytest_asyncio.fixture
async def sink(target):
    """Open a sink."""
    sink = target.sink()
    await sink.open(SOURCE, [CASES], ())
    yield sink
    await sink.close()


async def refused(attempt, *, usable=True, words=()):
    """Await a refusal, and return its text."""
    with pytest.raises(SinkError) as caught:
        await attempt
    assert caught.value.usable is usable
    text = str(caught.value)
    assert "\n" not in text
    assert "Kari" not in text
    for word in words:
        assert word in text
    return text


async def test_amounts_are_texts(target, sink):
    """No amount becomes a float on its way through a column's affinity: the digits are those of the wire."""
    amounts = ["1.10", "100", "1e2", "0.10000000000000000000000000000001", "12345678901234567890.12"]
    await commit(sink, MARCH, [case(number, remainingAmount=amount) for number, amount in enumerate(amounts)])
    rows = target.query("SELECT remaining_amount AS amount, typeof(remaining_amount) AS type FROM cases ORDER BY case_id")
    assert rows == [{"amount": amount, "type": "text"} for amount in amounts]
    [row] = target.query("SELECT json_extract(claims, '$[0].type') AS type, date(registered_at) AS day FROM cases LIMIT 1")
    assert row == {"type": "PRINCIPAL", "day": "2026-03-01"}


async def test_a_row_moves_with_its_latest_window(target, sink):
    """A row that two windows have stands once, in the one that was committed last."""
    await commit(sink, MARCH, [case(1), case(2)])
    await commit(sink, APRIL, [case(2, status='"CLOSED"'), case(3)])
    assert all_same([case(1)], await texts(target, MARCH))
    assert all_same([case(2, status='"CLOSED"'), case(3)], await texts(target, APRIL))


async def test_bytes_that_are_no_text(target, sink):
    """Where only SQLite notices them, the window is read again with care: the columns are mended, the row is kept as it came."""
    rows = [case(1, status='"OPE\\xN"').replace(b"\\x", b"\xff"), case(2, claims='["\\x"]').replace(b"\\x", b"\xff"), case(3)]
    await commit(sink, MARCH, rows)
    held = {one.columns["caseId"][4:8]: one for one in await target.held(table_of(CASES))}
    assert held["0001"].columns["status"] == "OPE\N{REPLACEMENT CHARACTER}N"
    assert held["0002"].columns["claims"] == ["\N{REPLACEMENT CHARACTER}"]
    assert [held[f"000{number}"].extra["_row"] for number in (1, 2)] == [
        row.decode(errors="backslashreplace") for row in rows[:2]
    ]
    assert held["0003"].extra is None


async def test_readers_do_not_stop_a_run(target, sink):
    """While somebody has a query open, windows are committed, and the ledger can be read."""
    await commit(sink, MARCH, [case(1)])
    with closing(sqlite3.connect(target.path, isolation_level=None)) as db:
        db.execute("BEGIN")
        assert db.execute("SELECT count(*) FROM cases").fetchone() == (1,)
        await commit(sink, APRIL, [case(2)])
        assert len(await target.sink().peek()) == 2
        assert db.execute("SELECT count(*) FROM cases").fetchone() == (1,)


async def test_another_program_has_it_locked(target, sink):
    """After a little waiting one sentence says so; nothing is half written, and later all is well."""
    with closing(sqlite3.connect(target.path, isolation_level=None)) as db:
        db.execute("BEGIN IMMEDIATE")
        await refused(commit(sink, MARCH, [case(1)]), words=["locked by another program"])
        await refused(sink.put([Entry(window=MARCH)]), words=["locked by another program"])
    assert await texts(target) == []
    await commit(sink, MARCH, [case(1)])
    assert all_same([case(1)], await texts(target))


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE cases (id INTEGER PRIMARY KEY, title TEXT)",
        "CREATE TABLE Cases (Case_Id TEXT)",
        "CREATE VIEW cases AS SELECT 1 AS case_id",
        "CREATE TABLE cases (_amili_organization TEXT, case_id TEXT, _extra TEXT, _amili_window TEXT, _amili_fetched_at REAL)",
    ],
)
async def test_somebody_elses_table(target, statement):
    """A table of that name which is not ours is refused, and the database stays as it is, to the byte."""
    with closing(sqlite3.connect(target.path)) as db:
        db.execute(statement)
        db.commit()
    before = target.path.read_bytes()
    await refused(target.sink().open(SOURCE, [CASES], ()), usable=False, words=["cases", "not of this program"])
    assert target.path.read_bytes() == before
    assert target.debris() == []


async def test_a_database_with_other_tables(target):
    """What else is in it stays, and is not asked about."""
    with closing(sqlite3.connect(target.path)) as db:
        db.execute("CREATE TABLE mine (x)")
        db.execute("INSERT INTO mine VALUES (1)")
        db.commit()
    assert await target.sink().peek() == []
    sink = target.sink()
    await sink.open(SOURCE, [CASES], ())
    await commit(sink, MARCH, [case(1)])
    await sink.close()
    assert target.query("SELECT x FROM mine") == [{"x": 1}]


async def test_columns_of_a_later_version(target, sink):
    """A column that the package did not know before is added; what it has is there from the next reading on."""
    await commit(sink, MARCH, [case(1)])
    await sink.close()
    target.query("ALTER TABLE cases DROP COLUMN remaining_principal")
    target.query("ALTER TABLE cases ADD COLUMN mine TEXT")
    again = target.sink()
    await again.open(SOURCE, [CASES], ())
    assert target.query("SELECT remaining_principal, mine FROM cases") == [{"remaining_principal": None, "mine": None}]
    await commit(again, MARCH, [case(1)])
    await again.close()
    assert all_same([case(1)], await texts(target))


async def test_a_file_that_is_moved_away(target, sink):
    """Nothing is written into a file that has lost its name; back at its place, it can be used."""
    await commit(sink, MARCH, [case(1)])
    elsewhere = target.folder / "elsewhere.db"
    target.path.rename(elsewhere)
    await refused(commit(sink, APRIL, [case(2)]), words=["moved or deleted"])
    target.path.touch()
    await refused(commit(sink, APRIL, [case(2)]), words=["moved or deleted"])
    elsewhere.rename(target.path)
    await commit(sink, APRIL, [case(2)])
    assert len(await texts(target)) == 2


async def test_a_full_disk(target, sink):
    """One sentence says so; what was there is there, nothing else; with room the same run goes on."""
    await commit(sink, MARCH, [case(1)])
    pages = sink._file.db.execute("PRAGMA page_count").fetchone()[0]
    sink._file.db.execute(f"PRAGMA max_page_count = {pages + 2}")
    many = [case(number) for number in range(100, 400)]
    await refused(commit(sink, APRIL, many), words=["no space is left", "make room"])
    assert all_same([case(1)], await texts(target))
    assert [entry.window for entry in await sink.peek()] == [MARCH]
    sink._file.db.execute("PRAGMA max_page_count = 1000000")
    await commit(sink, APRIL, many)
    assert len(await texts(target)) == 301


@pytest.mark.parametrize(
    ("code", "words", "usable"),
    [
        (errno.ENOSPC, "no space is left", True),
        (errno.EROFS, "Read-only file system", True),
        (errno.ENOTDIR, "Not a directory", False),
    ],
)
async def test_what_the_operating_system_refuses(target, monkeypatch, code, words, usable):
    """It is told in its words, and nothing stays behind."""

    def refuse(*args):
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refuse)
        await refused(target.sink().open(SOURCE, [CASES], ()), usable=usable, words=[words])
    assert target.debris() == []


async def test_no_right_to_write(target, sink):
    """A database that can only be read is told of."""
    sink._file.db.execute("PRAGMA query_only = ON")
    await refused(commit(sink, MARCH, [case(1)]), words=["cannot be written to"])


@pytest.mark.parametrize("place", ["file/amili.db", "folder"])
async def test_places_that_are_none(tmp_path, place):
    """A folder is no file, and a file no folder."""
    (tmp_path / "file").write_text("x")
    (tmp_path / "folder").mkdir()
    await refused(SqliteSink(tmp_path / place).open(SOURCE, [CASES], ()), usable=False)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "folder"]


async def test_a_folder_that_is_missing_is_made(tmp_path):
    """A path can be new, relative, or look like SQLite's word for memory."""
    before = Path.cwd()
    os.chdir(tmp_path)
    try:
        for name in ("a/b/amili.db", ":memory:", "amili?mode=ro.db"):
            sink = SqliteSink(name)
            await sink.open(SOURCE, [CASES], ())
            entry = await commit(sink, MARCH, [case(1)])
            await sink.close()
            assert await SqliteSink(Path(name)).peek() == [entry]
            assert (tmp_path / name).is_file()
    finally:
        os.chdir(before)


async def test_a_damaged_file(target, sink):
    """It is told of as what it is."""
    await commit(sink, MARCH, [case(number) for number in range(200)])
    await sink.close()
    body = bytearray(target.path.read_bytes())
    body[100:] = os.urandom(len(body) - 100)
    target.path.write_bytes(body)
    await refused(target.sink().open(SOURCE, [CASES], ()), usable=False, words=["damaged"])
    await refused(target.sink().peek(), usable=False, words=["damaged"])


async def test_a_ledger_that_cannot_be_read(target, sink):
    """An entry that somebody has changed, or that a later version wrote, is told of."""
    await commit(sink, MARCH, [case(1)])
    await sink.close()
    target.query("UPDATE _amili_ledger SET entry = '{}'")
    await refused(target.sink().peek(), usable=False, words=["ledger"])
    await refused(target.sink().open(SOURCE, [CASES], ()), usable=False, words=["ledger"])


async def test_what_was_removed_leaves_no_trace(target, sink):
    """Not in the file, nor beside it, neither of removed rows nor of replaced ones, while a run goes on."""
    secret = "SecretNameOfSomebody"
    entry = await commit(sink, MARCH, [case(number, description=f'"{secret}"') for number in range(50)])
    assert secret.encode() in b"".join(path.read_bytes() for path in target.folder.iterdir())
    await sink.remove([entry])
    assert secret.encode() not in b"".join(path.read_bytes() for path in target.folder.iterdir())
    await commit(sink, MARCH, [case(1, description=f'"{secret}"')])
    await commit(sink, MARCH, [case(1, description='"x"')])
    await sink.close()
    assert secret.encode() not in target.path.read_bytes()


async def test_errors_tell_nothing_of_rows(target, sink):
    """What a user's own trigger says is not passed on: it could be about a person."""
    target.query("CREATE TRIGGER t BEFORE INSERT ON cases BEGIN SELECT RAISE(ABORT, 'Kari'); END")
    await refused(commit(sink, MARCH, [case(1)]), words=["SQLITE_CONSTRAINT_TRIGGER"])
    target.query("DROP TRIGGER t")
    target.query("DROP TABLE cases")
    await refused(commit(sink, MARCH, [case(1)]), words=["SQLITE_ERROR"])


async def test_not_open(target):
    """A sink that was not opened says so."""
    for attempt in (target.sink().put([]), target.sink().keys(Entry(window=MARCH)), target.sink().digests(MARCH)):
        await refused(attempt, words=["is not open"])


async def test_parts_of_an_earlier_run_are_not_left_behind(target):
    """Also windows that are removed, or of streams that this run does not have, leave nothing in any table."""
    first = target.sink()
    await first.open(SOURCE, [CASES], CASES.parts)
    entry = await commit(first, MARCH, [case(1)], CASES.parts)
    await first.close()
    second = target.sink()
    await second.open(SOURCE, [], ())
    await second.remove([entry])
    await second.close()
    for table in (*target.query("SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'cases%'"),):
        assert target.query(f'SELECT * FROM "{table["name"]}"') == []  # noqa: S608


async def test_the_layout(target, sink):
    """Tables are described by their columns, and found by organization and window without a scan."""
    [plan] = target.query("EXPLAIN QUERY PLAN DELETE FROM cases WHERE _amili_organization = 'o' AND _amili_window = 'w'")
    assert "cases_amili_window" in plan["detail"]
    names = [row["name"] for row in target.query("PRAGMA table_info(cases)")]
    assert names[:2] == ["_amili_organization", "case_id"]
    assert names[-3:] == ["_extra", "_amili_window", "_amili_fetched_at"]
    assert names[1:-3] == [column.name for column in table_of(CASES).columns]


async def test_the_lock_file(tmp_path):
    """Who gets the lock of a file that its last owner has just removed, takes the new one; a link is not followed."""
    path = tmp_path / "x-lock"
    first, second = LockFile(path), LockFile(path)
    first.take()
    first.take()
    with pytest.raises(BlockingIOError):
        second.take()
    handle = os.open(path, os.O_RDWR)
    first.release()
    second._path = path
    second.take()
    assert path.exists()
    os.close(handle)
    second.release()
    second.release()
    assert not path.exists()
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match=r"symbolic|loop"):
        first.take()
    assert not (tmp_path / "elsewhere").exists()


async def test_the_lock_is_taken_at_its_place(tmp_path, monkeypatch):
    """A file that lost its name between opening and locking is given up for the one that has it."""
    path = tmp_path / "x-lock"
    real, opened = os.open, []

    def open_and_lose(name, *args):
        handle = real(name, *args)
        opened.append(handle)
        if len(opened) == 1:
            Path(name).unlink()
        elif len(opened) == 2:
            Path(name).unlink()
            os.close(real(name, os.O_CREAT | os.O_RDWR))
        return handle

    monkeypatch.setattr(os, "open", open_and_lose)
    lock = LockFile(path)
    lock.take()
    assert len(opened) == 3
    assert os.path.samestat(os.fstat(opened[-1]), path.stat())
    lock.release()


async def test_a_call_that_was_cancelled_ends_before_the_next(sink):
    """What a cancelled task has begun goes on in its thread; nothing else is done to the file meanwhile."""
    begun, go_on, done = Event(), Event(), []

    def slowly():
        begun.set()
        go_on.wait(10)
        done.append("first")

    first = asyncio.create_task(sink._file.run(slowly))
    await asyncio.to_thread(begun.wait, 10)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    second = asyncio.create_task(sink._file.run(done.append, "second"))
    await asyncio.to_thread(second.done)  # gives a thread of its own time to begin
    go_on.set()
    await second
    assert done == ["first", "second"]
